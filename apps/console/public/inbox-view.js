/** The feedback cases that wait for somebody. */
import { get } from './api.js';
import { append, h, pill, replace } from './dom.js';
import { ago, day, number, words } from './format.js';
import {
  curlExample,
  customerLink,
  customerName,
  emptyState,
  facts,
  heading,
  instantText,
  pagedList,
  problemBox,
  select,
  skeleton,
} from './parts.js';

const PAGE = 30;
const SEVERITY_TONES = { critical: 'bad', high: 'bad', normal: 'info', low: undefined };
const SENTIMENT_TONES = { negative: 'bad', neutral: undefined, positive: 'good' };
const KIND_TONES = { complaint: 'bad', praise: 'good' };

export function inboxView({ query, setQuery, signal }) {
  const filter = {
    order: query.get('order') ?? 'severity',
    severity: query.get('severity') ?? '',
    kind: query.get('kind') ?? '',
  };
  const body = h('div');
  const count = h('p', { class: 'sub' }, 'Feedback that is still open.');
  let showing;

  async function show() {
    showing?.abort();
    showing = new AbortController();
    const mine = AbortSignal.any([signal, showing.signal]);
    const rows = h('div', { class: 'cases' });
    let shown = 0;
    const list = pagedList({
      load: (cursor) => get('/v1/feedback', { status: 'open', limit: PAGE, ...filter, cursor }, { signal: mine }),
      add: (items) => {
        shown += items.length;
        items.forEach((item) => rows.append(caseElement(item, signal)));
        count.textContent = `Feedback that is still open: ${number(shown)}${list.hasMore() ? ' and more' : ''}.`;
      },
      whole: rows,
      empty: () => nothing(filter),
    });
    replace(body, list.element);
    await list.start();
  }
  void show();
  const change = (more) => {
    Object.assign(filter, more);
    setQuery(filter);
    void show();
  };
  const options = (names, all) => [['', all], ...names.map((name) => [name, words(name)])];
  return {
    title: 'Inbox',
    element: h(
      'div',
      {},
      h(
        'div',
        { class: 'page-head' },
        h('div', {}, heading('Inbox').firstChild, count),
        h(
          'div',
          { class: 'page-tools' },
          select(
            'Order',
            [
              ['severity', 'Most severe first'],
              ['oldest', 'Longest waiting first'],
              ['newest', 'Newest first'],
            ],
            filter.order,
            (order) => change({ order }),
          ),
          select('Severity', options(['critical', 'high', 'normal', 'low'], 'Any'), filter.severity, (severity) =>
            change({ severity }),
          ),
          select('Kind', options(['complaint', 'suggestion', 'praise', 'question'], 'Any'), filter.kind, (kind) =>
            change({ kind }),
          ),
        ),
      ),
      h('div', { class: 'card table-card' }, body),
    ),
  };
}

function caseElement(item, signal) {
  const details = h('details', { class: 'case' });
  const customer = customerName(item.customerId);
  const about = [
    words(item.channel),
    item.topic && words(item.topic),
    item.agent ? `with ${item.agent}` : 'not assigned',
  ];
  const content = h('div', { class: 'case-details' });
  append(
    details,
    h(
      'summary',
      {},
      h(
        'div',
        { class: 'case-line' },
        h('span', { class: 'case-subject' }, item.subject ?? `${words(item.kind)} without a subject`),
        h(
          'span',
          { class: 'case-pills' },
          item.severity && pill(words(item.severity), SEVERITY_TONES[item.severity]),
          pill(words(item.kind), KIND_TONES[item.kind]),
          item.reopenedTimes > 0 && pill(`reopened ${number(item.reopenedTimes)}×`, 'warn'),
        ),
      ),
      h(
        'div',
        { class: 'case-line faint' },
        h('span', {}, customer, ` · ${about.filter(Boolean).join(' · ')}`),
        h('span', { title: item.openedAt }, `${day(item.openedAt)}, ${ago(item.openedAt)}`),
      ),
    ),
    content,
  );
  details.addEventListener(
    'toggle',
    () => {
      replace(content, skeleton(2));
      get(`/v1/feedback/${encodeURIComponent(item.caseId)}`, {}, { signal }).then(
        (whole) => replace(content, caseDetails(whole)),
        (problem) => replace(content, problemBox(problem)),
      );
    },
    { once: true },
  );
  return details;
}

const caseDetails = (item) => [
  item.body && h('p', { class: 'quote' }, item.body),
  facts([
    ['Customer', customerLink(item.customerId)],
    ['Opened', instantText(item.openedAt)],
    ['First answer', item.firstRespondedAt ? instantText(item.firstRespondedAt) : 'not yet'],
    ['Answers', number(item.responses ?? 0)],
    ['Sentiment', item.sentiment && pill(words(item.sentiment), SENTIMENT_TONES[item.sentiment])],
    ['Urgency', item.urgency && words(item.urgency)],
    ['Team', item.team],
    ['Last change', instantText(item.lastChangedAt)],
    ['Case id', h('code', { class: 'breakable' }, item.caseId)],
  ]),
];

const nothing = (filter) =>
  filter.severity || filter.kind
    ? emptyState('No open case is like this', h('p', {}, 'Choose “Any” to see all open cases.'))
    : emptyState(
        'The inbox is empty',
        h('p', {}, 'No feedback waits for anybody. A new case comes in like this:'),
        curlExample('/v1/feedback', {
          customer: { identity: { kind: 'email', value: 'ann@example.com' } },
          channel: 'email',
          kind: 'complaint',
          subject: 'Delivered late',
        }),
      );
