/** One customer: what is known now, and everything that happened, as it happens. */
import { get, health } from './api.js';
import { announce, h, icon, pill, replace } from './dom.js';
import {
  ago,
  calendarDay,
  day,
  dayKey,
  decimal,
  longDay,
  money,
  number,
  plural,
  preciseTime,
  time,
  words,
  zoneName,
} from './format.js';
import { follow } from './live.js';
import {
  avatar,
  curlExample,
  emptyState,
  facts,
  nameOf,
  pagedList,
  problemBox,
  select,
  stagePill,
  totalsOf,
} from './parts.js';
import { CHANNEL_ICONS, FAMILIES, identityName, sentenceOf } from './sentences.js';

const PAGE = 30;
/** Several events of one command come at once; the profile is read again once for all of them. */
const SETTLING_MS = 200;

export async function customerView({ id, query, setQuery, signal }) {
  const path = `/v1/customers/${encodeURIComponent(id)}`;
  // The stream goes on after the very position that the page has seen, so nothing is missed or doubled in between.
  const head = await health(signal).then(
    (state) => state.head ?? undefined,
    () => undefined,
  );
  let profile = await get(path, {}, { signal, position: head });

  const title = h('div', { class: 'customer-head' });
  const cards = h('div', { class: 'side' });
  const showProfile = () => {
    replace(title, headOf(profile));
    replace(cards, cardsOf(profile));
  };
  showProfile();

  let refresh;
  const readAgain = (position) => {
    clearTimeout(refresh);
    refresh = setTimeout(() => {
      get(path, {}, { signal, position }).then(
        (newer) => {
          profile = newer;
          showProfile();
        },
        // Erased meanwhile, or away: the stream says so itself.
        () => undefined,
      );
    }, SETTLING_MS);
  };

  const timeline = timelineCard({ path, query, setQuery, signal, head, onEntry: (entry) => readAgain(entry.position) });
  return {
    title: nameOf(profile),
    element: h(
      'div',
      {},
      h('a', { class: 'back', href: '#/customers' }, icon('chevron'), 'Customers'),
      title,
      h('div', { class: 'columns' }, h('div', { class: 'side' }, cards, tryCard(profile.customerId)), timeline),
    ),
  };
}

function headOf(profile) {
  const seen = profile.firstSeenAt && `known since ${day(profile.firstSeenAt)}`;
  return [
    avatar(profile, true),
    h(
      'div',
      {},
      h('h1', { tabindex: '-1' }, nameOf(profile)),
      h(
        'p',
        { class: 'sub' },
        stagePill(profile.stage),
        ' ',
        [words(profile.kind), profile.region, seen].filter(Boolean).join(' · '),
        profile.members?.length > 1 && ` · ${plural(profile.members.length, 'merged record')}`,
      ),
    ),
  ];
}

function cardsOf(profile) {
  const totals = totalsOf(profile.purchases?.byCurrency);
  const openCases = profile.cases?.open ?? [];
  const contact = profile.lastContact;
  const tile = (label, value, sub, tone) =>
    h(
      'div',
      { class: `tile${tone ? ` tone-${tone}` : ''}` },
      h('div', { class: 'tile-label' }, label),
      h('div', { class: 'tile-value' }, value),
      sub && h('div', { class: 'faint' }, sub),
    );
  return [
    h(
      'section',
      { class: 'card glance', 'aria-label': 'At a glance' },
      h(
        'div',
        { class: 'tiles' },
        tile('Purchases', totals.length === 0 ? '–' : totals, purchasesNote(profile.purchases)),
        tile(
          'Last contact',
          contact ? day(contact.at) : '–',
          contact && `${words(contact.channel)}, ${ago(contact.at)}`,
        ),
        tile(
          'Open cases',
          number(openCases.length),
          openCases.length > 0 ? `since ${day(openCases[0].openedAt)}` : `${number(profile.cases?.total ?? 0)} in all`,
          openCases.length > 0 ? 'bad' : undefined,
        ),
        tile('Points', decimal(profile.points ?? 0), 'as of the last posting'),
      ),
      scores(profile.satisfaction),
    ),
    identitiesCard(profile.identities ?? []),
    consentsCard(profile.consents ?? []),
    detailsCard(profile),
  ];
}

function purchasesNote(purchases) {
  if (!purchases?.count) return undefined;
  const returned = Object.entries(purchases.byCurrency ?? {}).filter(([, sum]) => Number(sum.returned) > 0);
  return [
    plural(purchases.count, 'purchase'),
    ...returned.map(([currency, sum]) => `${money(sum.returned, currency)} returned`),
  ].join(', ');
}

function scores(satisfaction) {
  const latest = Object.entries(satisfaction?.latest ?? {});
  const rating = satisfaction?.rating;
  if (latest.length === 0 && !rating) return undefined;
  const score = (label, value, max, at, tone) =>
    h(
      'div',
      { class: `score${tone ? ` tone-${tone}` : ''}`, title: at },
      h('span', { class: 'score-name' }, label),
      h('span', { class: 'score-value' }, `${value}`, h('small', {}, ` / ${max}`)),
      h('span', { class: 'faint' }, day(at)),
    );
  return h(
    'div',
    { class: 'scores', role: 'group', 'aria-label': 'Latest answers' },
    latest.map(([kind, { score: value, scale, at, group }]) =>
      score(
        group ? `${kind} · ${group}` : kind,
        value,
        scale?.max ?? '–',
        at,
        group
          ? { promoter: 'good', detractor: 'bad' }[group]
          : scale && (value >= scale.favourableFrom ? 'good' : 'warn'),
      ),
    ),
    rating && score('Case rating', rating.score, rating.scaleMax, rating.at, rating.top ? 'good' : 'warn'),
  );
}

const identitiesCard = (identities) =>
  h(
    'section',
    { class: 'card', 'aria-labelledby': 'identities' },
    h('h2', { id: 'identities' }, 'Identities'),
    identities.length === 0
      ? h('p', { class: 'faint' }, 'None on record.')
      : h(
          'ul',
          { class: 'plain' },
          identities.map((identity) =>
            h(
              'li',
              {},
              h('div', { class: 'faint' }, identityName(identity.kind, identity.system)),
              h(
                'div',
                { class: 'breakable' },
                identity.given ?? identity.value,
                ' ',
                identity.primary && pill('primary'),
              ),
            ),
          ),
        ),
  );

const consentsCard = (consents) =>
  consents.length > 0 &&
  h(
    'section',
    { class: 'card', 'aria-labelledby': 'consents' },
    h('h2', { id: 'consents' }, 'Consents'),
    h(
      'ul',
      { class: 'plain' },
      consents.map((consent) =>
        h(
          'li',
          {},
          h(
            'div',
            { class: 'spread' },
            [words(consent.purpose), consent.channel].filter(Boolean).join(', '),
            pill(words(consent.status), consent.status === 'granted' ? 'good' : 'warn'),
          ),
          h('div', { class: 'faint' }, `${day(consent.at)} · text ${consent.textVersion}`),
        ),
      ),
    ),
  );

function detailsCard(profile) {
  const address = profile.address;
  const place = address && [...(address.lines ?? []), address.city, address.state, address.postalCode, address.country];
  return h(
    'section',
    { class: 'card', 'aria-labelledby': 'details' },
    h('h2', { id: 'details' }, 'Details'),
    facts([
      ['Language', profile.language],
      ['Region', profile.region],
      ['Born', profile.birthDate && calendarDay(profile.birthDate)],
      ['Address', place && place.filter(Boolean).join(', ')],
      ['Note', profile.note],
      ...Object.entries(profile.traits ?? {}).map(([name, value]) => [words(name), String(value)]),
      ['Interactions', number(profile.interactions?.total ?? 0)],
      ['Customer id', h('code', { class: 'breakable' }, profile.customerId)],
    ]),
  );
}

function timelineCard({ path, query, setQuery, signal, head, onEntry }) {
  const days = h('div', { class: 'days' });
  const body = h('div');
  const trouble = h('div');
  const state = h('span', { class: 'live', role: 'status' }, 'Connecting…');
  const filter = { family: query.get('show') ?? '', channel: query.get('channel') ?? '' };
  /** What is shown, newest first; the place of a late arrival is found in here. */
  let entries = [];
  let list;
  let showing;

  const parameters = () => ({
    order: 'newest',
    limit: PAGE,
    type: FAMILIES[filter.family]?.types,
    channel: filter.channel || undefined,
  });

  async function show() {
    showing?.abort();
    showing = new AbortController();
    const mine = AbortSignal.any([signal, showing.signal]);
    entries = [];
    days.replaceChildren();
    list = pagedList({
      load: (cursor) =>
        get(`${path}/timeline`, { ...parameters(), cursor }, { signal: mine, position: cursor ? undefined : head }),
      add: (items) => items.forEach((entry) => place(entry, false)),
      whole: days,
      empty: () => nothing(filter),
      label: 'Load earlier entries',
    });
    replace(body, list.element);
    await list.start();
  }

  function place(entry, isLive) {
    if (entries.some((shown) => shown.id === entry.id)) return;
    const index = entries.findIndex((shown) => isNewer(entry, shown));
    // Earlier than all that is shown while there is more to load: it comes with its page.
    if (isLive && index < 0 && list?.hasMore()) return;
    const at = index < 0 ? entries.length : index;
    const element = entryElement(entry, isLive);
    const key = dayKey(entry.at);
    const neighbour = entries[at];
    entries.splice(at, 0, { ...entry, element });
    let section = days.querySelector(`[data-day="${key}"]`);
    if (!section) {
      section = h(
        'section',
        { class: 'day', 'data-day': key },
        h('h3', {}, h('time', { datetime: key }, longDay(entry.at))),
        h('ol', { class: 'entries' }),
      );
      const before = [...days.children].find((other) => other.dataset.day < key);
      days.insertBefore(section, before ?? null);
    }
    const isSameDay = neighbour && dayKey(neighbour.at) === key;
    section.querySelector('ol').insertBefore(element, isSameDay ? neighbour.element : null);
  }

  function onEvent({ event, data: entry }) {
    if (event !== 'entry') return;
    onEntry(entry);
    const types = FAMILIES[filter.family]?.types;
    if ((types && !types.includes(entry.type)) || (filter.channel && filter.channel !== entry.channel)) return;
    place(entry, true);
    list.showWhole();
    announce(`New entry: ${sentenceOf(entry).text}`);
  }

  const STATES = {
    connecting: 'Connecting…',
    live: 'Live',
    paused: 'Paused',
    waiting: 'Reconnecting…',
    refused: 'Not live',
  };
  void show();
  void follow(`${path}/timeline/stream`, {
    after: head,
    signal,
    onEvent,
    onState: (name, problem) => {
      state.dataset.state = name;
      state.textContent = STATES[name];
      state.title = problem?.message ?? 'New entries appear by themselves';
      replace(trouble, name === 'refused' && problemBox(problem));
    },
  });

  const change = (more) => {
    Object.assign(filter, more);
    setQuery({ show: filter.family, channel: filter.channel });
    void show();
  };
  return h(
    'section',
    { class: 'card timeline', 'aria-labelledby': 'timeline' },
    h(
      'div',
      { class: 'timeline-head' },
      h('h2', { id: 'timeline' }, 'Timeline'),
      state,
      h(
        'div',
        { class: 'filters' },
        select(
          'Show',
          [['', 'Everything'], ...Object.entries(FAMILIES).map(([key, { label }]) => [key, label])],
          filter.family,
          (family) => change({ family }),
        ),
        select(
          'Channel',
          [['', 'All channels'], ...Object.keys(CHANNEL_ICONS).map((channel) => [channel, words(channel)])],
          filter.channel,
          (channel) => change({ channel }),
        ),
      ),
    ),
    h('p', { class: 'faint zone' }, `Newest first. Times in ${zoneName()}.`),
    trouble,
    body,
  );
}

const isNewer = (a, b) => (a.at === b.at ? a.position > b.position : a.at > b.at);

const isGenerated = (source) => /(^|[-_])generated([-_]|$)/.test(source ?? '');

function entryElement(entry, isLive) {
  const { text, quote, icon: picture, tone, family } = sentenceOf(entry);
  const { data = {} } = entry;
  const details = h(
    'details',
    { class: 'entry-details' },
    h(
      'summary',
      {},
      h('span', { class: 'visually-hidden' }, `Details of: ${text}`),
      h('span', { 'aria-hidden': 'true' }, 'Details'),
    ),
  );
  // Made when it is opened: most never are.
  details.addEventListener('toggle', () => details.childElementCount === 1 && details.append(detailsOf(entry)), {
    once: true,
  });
  return h(
    'li',
    { class: `entry family-${family}${isLive ? ' arrived' : ''}` },
    h('span', { class: `mark${tone ? ` tone-${tone}` : ''}` }, icon(picture)),
    h(
      'div',
      { class: 'entry-body' },
      h(
        'div',
        { class: 'entry-line' },
        h('p', { class: 'sentence' }, text, ' ', isLive && pill('live', 'live')),
        h('time', { class: 'faint tabular', datetime: entry.at, title: entry.at }, time(entry.at)),
      ),
      quote && h('p', { class: 'quote' }, quote),
      h(
        'div',
        { class: 'meta' },
        entry.channel && h('span', {}, words(entry.channel)),
        data.agent && entry.type !== 'FeedbackAssigned' && h('span', {}, `with ${data.agent}`),
        data.topic && entry.type !== 'FeedbackClassified' && h('span', {}, words(data.topic)),
        data.orderNumber && h('span', {}, `order ${data.orderNumber}`),
        isGenerated(entry.source) &&
          h('span', { class: 'generated', title: 'Not real: made up for the demo' }, 'generated'),
        details,
      ),
    ),
  );
}

function detailsOf(entry) {
  const { data = {}, personal } = entry;
  const lines = Array.isArray(data.lines) ? data.lines : [];
  return h(
    'div',
    { class: 'raw' },
    lines.length > 0 && linesTable(lines, data.currency),
    facts([
      ['Type', entry.type],
      ['Happened', preciseTime(entry.at)],
      ['Recorded', preciseTime(entry.recordedAt)],
      ['Source', entry.source],
      ['Actor', entry.actor],
      ['Position', h('code', { class: 'breakable' }, entry.position)],
      ['Event id', h('code', { class: 'breakable' }, entry.id)],
      ['Correlation', h('code', { class: 'breakable' }, entry.correlationId)],
      ['Caused by', h('code', { class: 'breakable' }, entry.causationId)],
    ]),
    h(
      'pre',
      { tabindex: '0', 'aria-label': 'The event as JSON' },
      JSON.stringify(personal ? { data, personal } : { data }, null, 2),
    ),
  );
}

const linesTable = (lines, currency) =>
  h(
    'table',
    { class: 'lines' },
    h(
      'thead',
      {},
      h(
        'tr',
        {},
        h('th', { scope: 'col' }, 'Item'),
        h('th', { scope: 'col', class: 'right' }, 'Quantity'),
        h('th', { scope: 'col', class: 'right' }, 'Amount'),
      ),
    ),
    h(
      'tbody',
      {},
      lines.map((line) =>
        h(
          'tr',
          {},
          h(
            'td',
            {},
            line.name ?? line.lineId,
            line.category &&
              h('div', { class: 'faint' }, [line.category, line.subCategory].filter(Boolean).join(' › ')),
          ),
          h('td', { class: 'right tabular' }, decimal(line.quantity)),
          h('td', { class: 'right tabular' }, money(line.amount, currency)),
        ),
      ),
    ),
  );

const nothing = (filter) =>
  filter.family || filter.channel
    ? emptyState(
        'Nothing of this kind',
        h('p', {}, 'Choose “Everything” and “All channels” to see the whole timeline.'),
      )
    : emptyState('Nothing has happened yet', h('p', {}, 'Send something: “Try it” has a command that does.'));

const tryCard = (customerId) =>
  h(
    'details',
    { class: 'card try' },
    h('summary', {}, h('h2', {}, 'Try it: add to this timeline')),
    h('p', { class: 'faint' }, 'Run this in a terminal and watch the entry arrive by itself.'),
    curlExample('/v1/interactions', {
      customer: { customerId },
      channel: 'phone',
      direction: 'inbound',
      kind: 'call',
      durationSeconds: 300,
      subject: 'Delivery question',
    }),
  );
