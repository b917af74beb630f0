/** The state of the system: in the footer always, in full on a page of its own. */
import { health } from './api.js';
import { h, replace } from './dom.js';
import { duration, number, plural, preciseTime, time, words } from './format.js';
import { follow } from './live.js';
import { emptyState, heading, problemBox } from './parts.js';

const POLL_MS = 10_000;
const TICKER_KEPT = 60;
const TONES = { green: 'good', yellow: 'warn', red: 'bad' };
const LIGHTS = { green: 'All is well', yellow: 'Catching up', red: 'Something is wrong' };
const TAIL = {
  connecting: 'Connecting…',
  live: 'Live',
  paused: 'Paused',
  waiting: 'Reconnecting…',
  refused: 'Not live',
};

const state = { health: undefined, problem: undefined, tail: 'connecting', tailProblem: undefined, events: [] };
/** `onState` when health or the connection changed, `onEvent` with each event of the log. */
const watchers = new Set();
const stateChanged = () => watchers.forEach((watcher) => watcher.onState());

/** Watches for as long as the page is open. */
export function watchSystem(footer) {
  const look = async () => {
    if (document.hidden) return;
    try {
      state.health = await health();
      state.problem = undefined;
    } catch (problem) {
      state.problem = problem;
    }
    stateChanged();
  };
  watchers.add(footerOf(footer));
  stateChanged();
  void look();
  setInterval(() => void look(), POLL_MS);
  document.addEventListener('visibilitychange', () => void look());
  void follow('/v1/events/stream', {
    signal: new AbortController().signal,
    onEvent: ({ data: event }) => {
      state.events = [event, ...state.events].slice(0, TICKER_KEPT);
      if (state.health) state.health = { ...state.health, head: event.position ?? state.health.head };
      watchers.forEach((watcher) => watcher.onEvent(event));
    },
    onState: (name, problem) => {
      state.tail = name;
      state.tailProblem = problem;
      stateChanged();
    },
  });
}

const light = (tone) => h('span', { class: `light${tone ? ` tone-${tone}` : ''}`, 'aria-hidden': 'true' });

function summary() {
  if (state.problem) return { tone: 'bad', text: state.problem.message };
  if (!state.health) return { tone: undefined, text: 'Looking…' };
  const { status, projections = [], waiting } = state.health;
  const behind = projections.filter((projection) => projection.status !== 'green').length;
  const text = LIGHTS[status] ?? words(status);
  if (waiting) return { tone: TONES[status], text: 'Waiting for a store' };
  return { tone: TONES[status], text: behind > 0 ? `${text}: ${plural(behind, 'projection')} behind` : text };
}

/** The end of a position is what moves. */
const shortPosition = (position) => (position.length > 24 ? `…${position.slice(-20)}` : position);

function footerOf(footer) {
  const overall = h('a', { class: 'status-light', href: '#/system' });
  const lag = h('span', { class: 'faint' });
  const head = h('code');
  const ticker = h('span', { class: 'ticker' });
  replace(
    footer,
    h('div', { class: 'status-inner' }, overall, lag, h('span', { class: 'faint' }, 'Head ', head), ticker),
  );
  const showHead = () => {
    head.textContent = state.health?.head ? shortPosition(state.health.head) : '–';
  };
  return {
    onState: () => {
      const { tone, text } = summary();
      const projections = state.health?.projections ?? [];
      const slowest = Math.max(0, ...projections.map((projection) => projection.lagSeconds ?? 0));
      replace(overall, light(tone), text);
      lag.textContent =
        projections.length > 0 ? `${plural(projections.length, 'projection')}, lag ${duration(slowest * 1000)}` : '';
      showHead();
      if (state.events.length === 0) {
        replace(ticker, h('span', { class: 'faint' }, state.tail === 'live' ? 'Waiting for events' : TAIL[state.tail]));
      }
    },
    onEvent: (event) => {
      showHead();
      replace(
        ticker,
        h('span', { class: 'beat', 'aria-hidden': 'true' }),
        h('strong', {}, words(event.type)),
        h('span', { class: 'faint tabular' }, time(event.recordedAt)),
      );
    },
  };
}

export function systemView({ signal }) {
  const overview = h('div');
  const live = h('span', { class: 'live' });
  const rows = h('tbody', {}, state.events.map(eventRow));
  const events = h('table', { class: 'rows', hidden: state.events.length === 0 }, headRow(EVENT_COLUMNS), rows);
  const nothing = emptyState(
    'Waiting for the next event',
    h('p', {}, 'Send a command to the API; its events show here at once.'),
  );
  nothing.hidden = state.events.length > 0;
  const watcher = {
    onState: () => {
      replace(overview, overviewOf());
      live.dataset.state = state.tail;
      live.textContent = TAIL[state.tail];
      live.title = state.tailProblem?.message ?? '';
    },
    onEvent: (event) => {
      rows.prepend(eventRow(event));
      while (rows.childElementCount > TICKER_KEPT) rows.lastElementChild.remove();
      events.hidden = false;
      nothing.hidden = true;
    },
  };
  watcher.onState();
  watchers.add(watcher);
  signal.addEventListener('abort', () => watchers.delete(watcher));
  return {
    title: 'System',
    element: h(
      'div',
      {},
      heading('System', 'What this process does, how far its read models are, and the log as it grows.'),
      overview,
      h(
        'section',
        { class: 'card table-card', 'aria-labelledby': 'ticker' },
        h('div', { class: 'card-head' }, h('h2', { id: 'ticker' }, 'Live events'), live),
        nothing,
        events,
      ),
    ),
  };
}

const EVENT_COLUMNS = ['Recorded', 'Event', 'Stream', 'Customer'];
const PROJECTION_COLUMNS = ['Projection', 'State', 'Lag', 'Position'];
const headRow = (columns) =>
  h(
    'thead',
    {},
    h(
      'tr',
      {},
      columns.map((name) => h('th', { scope: 'col' }, name)),
    ),
  );

function overviewOf() {
  const { tone, text } = summary();
  const { stores = {}, projections = [], relay, roles = [], waiting, head } = state.health ?? {};
  const tile = (label, value, note) =>
    h(
      'section',
      { class: 'card' },
      h('div', { class: 'tile-label' }, label),
      h('div', { class: 'system-value' }, value),
      h('div', { class: 'faint' }, note),
    );
  return [
    state.problem && problemBox(state.problem),
    h(
      'div',
      { class: 'system-tiles' },
      tile('Health', [light(tone), text], roles.length > 0 && `Roles: ${roles.join(', ')}`),
      tile('Head of the log', h('code', { class: 'breakable' }, head ?? '–'), 'position of the last event'),
      tile(
        'Stores',
        h(
          'div',
          { class: 'store-list' },
          Object.entries(stores).map(([name, store]) =>
            h('span', {}, light(TONES[store.status]), words(name), store.error && h('code', {}, store.error)),
          ),
          relay && h('span', {}, light(TONES[relay.status]), `Relay ${words(relay.state).toLowerCase()}`),
        ),
        relay?.parked > 0 && `${number(relay.parked)} parked`,
      ),
    ),
    waiting && problemBox({ title: 'The projections wait', message: `${waiting.code}: ${waiting.message}` }),
    h(
      'section',
      { class: 'card table-card', 'aria-labelledby': 'projections' },
      h('div', { class: 'card-head' }, h('h2', { id: 'projections' }, 'Projections')),
      projections.length === 0
        ? h('p', { class: 'faint padded' }, 'This process runs no projections.')
        : h('table', { class: 'rows' }, headRow(PROJECTION_COLUMNS), h('tbody', {}, projections.map(projectionRow))),
    ),
  ];
}

const projectionRow = (projection) =>
  h(
    'tr',
    {},
    h(
      'td',
      {},
      h('strong', {}, projection.projection),
      h('div', { class: 'faint' }, `version ${projection.version}, ${projection.live ? 'read' : 'not read yet'}`),
    ),
    h(
      'td',
      { 'data-label': 'State' },
      h('span', { class: 'state' }, light(TONES[projection.status]), words(projection.state)),
      projection.fault && h('div', { class: 'faint' }, `${projection.fault.code}: ${projection.fault.message}`),
      projection.held && h('div', { class: 'faint' }, `${projection.held.code}: ${projection.held.message}`),
    ),
    h('td', { 'data-label': 'Lag', class: 'tabular' }, duration((projection.lagSeconds ?? 0) * 1000)),
    h('td', { 'data-label': 'Position' }, h('code', { class: 'breakable' }, projection.position ?? '–')),
  );

function eventRow(event) {
  const customerId = event.metadata?.customerId;
  return h(
    'tr',
    {},
    h(
      'td',
      { class: 'tabular', 'data-label': 'Recorded' },
      h('time', { datetime: event.recordedAt, title: preciseTime(event.recordedAt) }, time(event.recordedAt)),
    ),
    h('td', {}, h('strong', {}, words(event.type))),
    h('td', { 'data-label': 'Stream' }, h('code', { class: 'breakable' }, event.stream)),
    h(
      'td',
      { 'data-label': 'Customer' },
      customerId
        ? h('a', { href: `#/customers/${encodeURIComponent(customerId)}` }, `${customerId.slice(0, 8)}…`)
        : '–',
    ),
  );
}
