/** The customers: a search by name or identity, and what matters of each at a glance. */
import { get } from './api.js';
import { h, icon, replace } from './dom.js';
import { ago, day, plural, words } from './format.js';
import {
  avatar,
  curlExample,
  emptyState,
  heading,
  nameOf,
  pagedList,
  primaryIdentity,
  stagePill,
  totalsOf,
} from './parts.js';
import { CHANNEL_ICONS, identityName } from './sentences.js';

const PAGE = 25;
const TYPING_MS = 250;
/** While there is nobody at all, looks again after this long. */
const EMPTY_MS = 2_000;

export function customersView({ query, setQuery, config, signal }) {
  const results = h('div', { class: 'card table-card' });
  const input = h('input', {
    id: 'customer-search',
    type: 'search',
    placeholder: 'Name, or an identity such as email:ann@example.com',
    autocomplete: 'off',
    spellcheck: 'false',
    value: query.get('q') ?? '',
  });
  let timer;
  let latest = 0;

  async function search() {
    const text = input.value.trim();
    const run = ++latest;
    setQuery({ q: text });
    const rows = h('tbody');
    const list = pagedList({
      load: (cursor) => get('/v1/customers', { ...wantedBy(text), limit: PAGE, cursor }, { signal }),
      add: (items) => items.forEach((profile) => rows.append(row(profile))),
      whole: table(rows),
      empty: () => {
        if (text === '') timer = setTimeout(() => void search(), EMPTY_MS);
        return nobody(text, config.demo);
      },
    });
    if (signal.aborted) return;
    if (results.childElementCount === 0) replace(results, list.element);
    results.setAttribute('aria-busy', 'true');
    await list.start();
    // What was found before stays until this is there; a later search may have been answered before this one.
    if (run !== latest || signal.aborted) return;
    results.removeAttribute('aria-busy');
    replace(results, list.element);
  }

  input.addEventListener('input', () => {
    clearTimeout(timer);
    timer = setTimeout(() => void search(), TYPING_MS);
  });
  const form = h(
    'form',
    {
      class: 'search',
      role: 'search',
      on: {
        submit: (event) => {
          event.preventDefault();
          clearTimeout(timer);
          void search();
        },
      },
    },
    icon('search'),
    h('label', { class: 'visually-hidden', for: 'customer-search' }, 'Search customers'),
    input,
  );
  void search();
  return {
    title: 'Customers',
    element: h(
      'div',
      {},
      heading('Customers', 'Everyone the log knows, under the name they go by now.'),
      form,
      results,
    ),
  };
}

/** An identity where the text looks like one, else the beginnings of a name's words. */
function wantedBy(text) {
  if (/^(email|phone|wechat|weibo|member|external|device):./.test(text)) return { identity: text };
  if (/^\S+@\S+\.\S+$/.test(text)) return { identity: `email:${text}` };
  if (/^\+\d[\d ()-]{6,}$/.test(text)) return { identity: `phone:${text}` };
  return { q: text };
}

const table = (rows) =>
  h(
    'table',
    { class: 'rows' },
    h(
      'thead',
      {},
      h(
        'tr',
        {},
        h('th', { scope: 'col' }, 'Customer'),
        h('th', { scope: 'col' }, 'Identity'),
        h('th', { scope: 'col' }, 'Stage'),
        h('th', { scope: 'col', class: 'right' }, 'Purchases'),
        h('th', { scope: 'col' }, 'Last contact'),
      ),
    ),
    rows,
  );

const identityCell = (identity) =>
  h(
    'div',
    { class: 'breakable' },
    identity.given ?? identity.value,
    h('div', { class: 'faint' }, identityName(identity.kind, identity.system)),
  );

function row(profile) {
  const identity = primaryIdentity(profile);
  const totals = totalsOf(profile.purchases?.byCurrency);
  const contact = profile.lastContact;
  const segment = profile.traits?.segment;
  return h(
    'tr',
    {},
    h(
      'td',
      {},
      h(
        'div',
        { class: 'who' },
        avatar(profile),
        h(
          'div',
          {},
          h('a', { class: 'row-link', href: `#/customers/${encodeURIComponent(profile.customerId)}` }, nameOf(profile)),
          h('div', { class: 'faint' }, [words(profile.kind), profile.region, segment].filter(Boolean).join(' · ')),
        ),
      ),
    ),
    h('td', { 'data-label': 'Identity' }, identity ? identityCell(identity) : '–'),
    h('td', { 'data-label': 'Stage' }, stagePill(profile.stage)),
    h(
      'td',
      { class: 'right tabular', 'data-label': 'Purchases' },
      totals.length === 0
        ? '–'
        : h('div', {}, totals, h('div', { class: 'faint' }, plural(profile.purchases.count ?? 0, 'purchase'))),
    ),
    h(
      'td',
      { 'data-label': 'Last contact' },
      contact
        ? h(
            'div',
            { class: 'contact', title: `${words(contact.channel)}, ${contact.at}` },
            icon(CHANNEL_ICONS[contact.channel] ?? 'dot'),
            h('div', {}, day(contact.at), h('div', { class: 'faint' }, ago(contact.at))),
          )
        : '–',
    ),
  );
}

const nobody = (text, isDemo) =>
  text
    ? emptyState(
        `Nobody found for “${text}”`,
        h('p', {}, 'A name is found by the beginnings of its words, an identity as a whole, such as'),
        h('p', {}, h('code', {}, 'email:ann@example.com'), ' or ', h('code', {}, 'external:crm:4711')),
      )
    : isDemo
      ? emptyState('The demo is being imported', h('p', {}, 'Its customers show here in a moment.'))
      : emptyState(
          'No customers yet',
          h('p', {}, 'Register the first one in a terminal; it shows here by itself.'),
          curlExample('/v1/customers', {
            kind: 'person',
            name: { full: 'Ann Example' },
            identities: [{ kind: 'email', value: 'ann@example.com' }],
          }),
        );
