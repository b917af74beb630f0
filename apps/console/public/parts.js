/** Pieces that several views are made of. */
import { askAgain, cachedProfile, hasKey } from './api.js';
import { announce, h, icon, pill, replace, shellExample } from './dom.js';
import { dayAndTime, money, roundMoney, words } from './format.js';

export const heading = (title, sub, ...more) =>
  h(
    'div',
    { class: 'page-head' },
    h('div', {}, h('h1', { tabindex: '-1' }, title), sub && h('p', { class: 'sub' }, sub)),
    more.length > 0 && h('div', { class: 'page-tools' }, ...more),
  );

export function problemBox(problem, retry) {
  const details = (problem.errors ?? []).filter((error) => error.detail && error.detail !== problem.message);
  return h(
    'div',
    { class: 'problem', role: 'alert' },
    icon('alert'),
    h(
      'div',
      {},
      h('strong', {}, problem.title ?? 'That did not work'),
      h('p', {}, problem.message),
      details.length > 0 &&
        h(
          'ul',
          {},
          details.map((error) => h('li', {}, `${error.pointer ?? ''} ${error.detail}`.trim())),
        ),
      problem.instance && h('p', { class: 'faint' }, problem.instance),
      retry &&
        h(
          'button',
          {
            class: 'button small',
            type: 'button',
            on: {
              click: () => {
                askAgain();
                retry();
              },
            },
          },
          'Try again',
        ),
    ),
  );
}

export const emptyState = (title, ...content) =>
  h('div', { class: 'empty' }, h('div', { class: 'empty-mark' }, icon('inbox')), h('h2', {}, title), ...content);

export const skeleton = (lines = 6) =>
  h(
    'div',
    { class: 'skeleton', role: 'status', 'aria-label': 'Loading' },
    Array.from({ length: lines }, () => h('div', { class: 'skeleton-line' })),
  );

/** How to send a command to this server from a shell. */
export const curlExample = (path, body) =>
  shellExample(
    [
      `curl -X POST ${location.origin}${path} \\`,
      ...(hasKey() ? [`  -H "authorization: Bearer $API_KEY" \\`] : []),
      `  -H 'content-type: application/json' \\`,
      `  -d '${JSON.stringify(body)}'`,
    ].join('\n'),
  );

const initialsOf = (name) => {
  const parts = name.trim().split(/\s+/);
  const chars = parts.length > 1 ? [parts[0], parts.at(-1)].map((part) => [...part][0]) : [...name].slice(0, 1);
  return chars.join('').toUpperCase();
};

export const nameOf = (profile) =>
  profile.name?.full ??
  primaryIdentity(profile)?.given ??
  primaryIdentity(profile)?.value ??
  `Unnamed ${profile.kind === 'company' ? 'company' : 'customer'}`;

export function primaryIdentity(profile) {
  const identities = profile.identities ?? [];
  const order = ['email', 'phone', 'member', 'external', 'wechat', 'weibo', 'device'];
  return [...identities].sort(
    (a, b) => order.indexOf(a.kind) - order.indexOf(b.kind) || Number(b.primary) - Number(a.primary),
  )[0];
}

export function avatar(profile, large = false) {
  const name = nameOf(profile);
  // The same customer has the same colour everywhere.
  const hue =
    [...String(profile.customerId ?? name)].reduce((sum, char) => (sum * 31 + char.codePointAt(0)) % 6, 7) % 6;
  return h(
    'span',
    { class: `avatar hue-${hue}${large ? ' large' : ''}`, 'aria-hidden': 'true' },
    profile.kind === 'company' ? icon('company') : initialsOf(name),
  );
}

const STAGE_TONES = { customer: 'info', loyal: 'good', dormant: 'warn', lost: 'bad' };
export const stagePill = (stage) => (stage ? pill(words(stage), STAGE_TONES[stage]) : pill('–'));

/** Fills the element with the customer's name, once the profile is there; the id until then. */
function named(element, customerId) {
  element.textContent = `${customerId.slice(0, 8)}…`;
  cachedProfile(customerId).then(
    (profile) => (element.textContent = nameOf(profile)),
    (problem) => {
      if (problem.status === 410) element.textContent = 'Erased customer';
    },
  );
  return element;
}

export const customerName = (customerId) => named(h('span'), customerId);
export const customerLink = (customerId) =>
  named(h('a', { href: `#/customers/${encodeURIComponent(customerId)}` }), customerId);

/**
 * A list that comes in pages. Until the first one is there it shows that it is loading; a page that fails can be asked
 * for again.
 * @param load (cursor) → { items, next? }
 * @param add takes the items of a page
 * @param whole the element that `add` fills, shown once there are items
 * @param empty () → what is shown when there are none
 * @returns `element`, `start()` for the first page, `hasMore()`, and `showWhole()` for items that came another way
 */
export function pagedList({ load, add, whole, empty, label = 'Load more' }) {
  let cursor;
  let isStarted = false;
  const content = h('div', {}, skeleton());
  const trouble = h('div');
  const button = h(
    'button',
    { class: 'button more', type: 'button', hidden: true, on: { click: () => void more() } },
    label,
  );
  const showWhole = () => whole.isConnected || replace(content, whole);

  async function more() {
    button.disabled = true;
    button.textContent = 'Loading…';
    trouble.replaceChildren();
    try {
      const page = await load(cursor);
      cursor = page.next;
      button.hidden = cursor === undefined;
      if (page.items.length > 0) replace(content, whole);
      else if (!isStarted) replace(content, empty());
      add(page.items);
      if (isStarted) announce(`${page.items.length} more shown`);
      isStarted = true;
    } catch (problem) {
      if (problem.name === 'AbortError') return;
      button.hidden = true;
      if (!isStarted) content.replaceChildren();
      replace(
        trouble,
        problemBox(problem, () => void more()),
      );
    } finally {
      button.disabled = false;
      button.textContent = label;
    }
  }
  return {
    element: h('div', {}, content, h('div', { class: 'foot' }, trouble, button)),
    start: more,
    hasMore: () => cursor !== undefined,
    showWhole,
  };
}

export const select = (label, options, value, onChange) => {
  const element = h(
    'select',
    { on: { change: () => onChange(element.value) } },
    options.map(([key, text]) => h('option', { value: key, selected: key === value }, text)),
  );
  return h('label', { class: 'field' }, h('span', {}, label), element);
};

/** One of a few, as buttons side by side. */
export function segmented(label, options, value, onChange) {
  const buttons = options.map(([key, text]) =>
    h(
      'button',
      {
        type: 'button',
        'aria-pressed': String(key === value),
        on: {
          click: (event) => {
            for (const button of buttons) button.setAttribute('aria-pressed', String(button === event.currentTarget));
            onChange(key);
          },
        },
      },
      text,
    ),
  );
  return h('div', { class: 'segmented', role: 'group', 'aria-label': label }, buttons);
}

export const instantText = (instant) => h('time', { datetime: instant, title: instant }, dayAndTime(instant));

/** Totals by currency, one a line; the exact amount is told on pointing at it. */
export const totalsOf = (byCurrency) =>
  Object.entries(byCurrency ?? {}).map(([currency, { net, gross }]) =>
    h('div', { title: money(net ?? gross, currency) }, roundMoney(net ?? gross, currency)),
  );

/** `<dl>` of the pairs that have a value. */
export const facts = (pairs) =>
  h(
    'dl',
    { class: 'facts' },
    pairs
      .filter(([, value]) => value !== undefined && value !== null && value !== '' && value !== false)
      .map(([name, value]) => h('div', {}, h('dt', {}, name), h('dd', {}, value))),
  );
