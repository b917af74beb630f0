/** How satisfied customers are, and how long they wait, over time. */
import { get } from './api.js';
import { h } from './dom.js';
import { calendarDay, duration, intervalLabel, number, oneDecimal, words } from './format.js';
import { chart, chartLibrary } from './charts.js';
import { heading, problemBox, segmented, select, skeleton } from './parts.js';

const METRICS = [
  { name: 'nps', title: 'Net promoter score', shape: 'score' },
  { name: 'csat', title: 'Customer satisfaction', shape: 'score' },
  { name: 'ces', title: 'Customer effort', shape: 'score' },
  { name: 'first-response-time', title: 'First response time', shape: 'time' },
  { name: 'resolution-time', title: 'Resolution time', shape: 'time' },
  { name: 'repeat-purchase-rate', title: 'Repeat purchase rate', shape: 'score' },
];

export async function satisfactionView({ query, setQuery, asOf, config, signal }) {
  await chartLibrary();
  const end = (asOf ?? new Date().toISOString()).slice(0, 10);
  const filter = {
    from: query.get('from') ?? (config.from ?? yearsBefore(end, 2)).slice(0, 10),
    to: query.get('to') ?? (config.to ?? end).slice(0, 10),
    interval: query.get('interval') ?? 'quarter',
    by: query.get('by') ?? '',
  };
  const breakdowns = await breakdownsOf(signal);
  const cards = METRICS.map((metric) => ({ metric, element: h('section', { class: 'card chart-card' }) }));
  let showing;
  function show() {
    showing?.abort();
    showing = new AbortController();
    const mine = AbortSignal.any([signal, showing.signal]);
    for (const { metric, element } of cards) {
      const by = breakdowns[metric.name]?.includes(filter.by) ? filter.by : '';
      void fill(element, metric, { ...filter, by, wanted: filter.by, asOf }, mine);
    }
  }
  const change = (more) => {
    Object.assign(filter, more);
    setQuery(filter);
    show();
  };
  const dayInput = (label, name) => {
    const input = h('input', {
      type: 'date',
      value: filter[name],
      required: true,
      min: '1900-01-01',
      max: '2999-12-31',
    });
    input.addEventListener('change', () => input.validity.valid && change({ [name]: input.value }));
    return h('label', { class: 'field' }, h('span', {}, label), input);
  };
  show();
  return {
    title: 'Satisfaction',
    element: h(
      'div',
      {},
      heading(
        'Satisfaction',
        'Every score with the number of answers behind it and its 95 % interval.',
        segmented(
          'Interval',
          [
            ['month', 'Month'],
            ['quarter', 'Quarter'],
          ],
          filter.interval,
          (interval) => change({ interval }),
        ),
        select(
          'Break down',
          [
            ['', 'Not at all'],
            ['channel', 'By channel'],
          ],
          filter.by,
          (by) => change({ by }),
        ),
        dayInput('From', 'from'),
        dayInput('To', 'to'),
      ),
      h(
        'div',
        { class: 'charts' },
        cards.map(({ element }) => element),
      ),
    ),
  };
}

const yearsBefore = (day, years) => `${Number(day.slice(0, 4)) - years}${day.slice(4, 8)}01`;

/** Which metric can be broken down by what. */
async function breakdownsOf(signal) {
  const { items } = await get('/v1/metrics', {}, { signal });
  return Object.fromEntries(items.map(({ name, breakdowns }) => [name, breakdowns]));
}

async function fill(card, metric, { by, wanted, ...filter }, signal) {
  const title = h('h2', {}, metric.title);
  card.setAttribute('aria-busy', 'true');
  if (card.childElementCount === 0) card.replaceChildren(title, skeleton(5));
  try {
    const answer = await get(`/v1/metrics/${metric.name}`, { ...filter, by: by || undefined }, { signal });
    const about = answer.metric ?? answer;
    const points = answer.points ?? answer.items ?? [];
    const unit = about.unit ?? (metric.shape === 'time' ? 'ms' : '');
    title.textContent = about.title ?? metric.title;
    const drawing = {
      ...metric,
      title: title.textContent,
      unit,
      points,
      interval: filter.interval,
      by,
      formula: about.formula,
    };
    card.replaceChildren(
      title,
      by ? h('p', { class: 'faint' }, `By ${by}`) : (headline(drawing) ?? ''),
      ...(wanted !== by ? [h('p', { class: 'faint' }, `Cannot be broken down by ${wanted}.`)] : []),
      ...(points.some((point) => point.n > 0)
        ? [chart(drawing, signal), numbersOf(drawing)]
        : [
            h(
              'div',
              { class: 'empty small' },
              h('p', {}, 'Nothing was counted in this range.'),
              h('p', { class: 'faint' }, 'Choose other days, or another “As of”.'),
            ),
          ]),
    );
  } catch (problem) {
    if (signal.aborted) return;
    card.replaceChildren(title, problemBox(problem));
  } finally {
    card.removeAttribute('aria-busy');
  }
}

export const textOf = (value, unit) => {
  if (value === null || value === undefined) return '–';
  if (unit === 'ms') return duration(value);
  return unit === 'percent' || unit === '%' ? `${oneDecimal(value)} %` : oneDecimal(value);
};

/** The latest interval that has a value. */
function headline({ points, shape, unit, interval }) {
  const point = points.findLast(
    ({ n, value, percentiles }) => n > 0 && (shape === 'time' ? percentiles : value !== null),
  );
  if (!point) return undefined;
  const value = shape === 'time' ? point.percentiles.p50 : point.value;
  const { confidence } = point;
  return h(
    'div',
    { class: 'headline' },
    h('span', { class: 'headline-value tabular' }, textOf(value, unit)),
    h(
      'span',
      { class: 'faint' },
      [
        intervalLabel(point.from, interval),
        shape === 'time' && `median, 90 % within ${textOf(point.percentiles.p90, unit)}`,
        `n = ${number(point.n)}`,
        confidence && `95 %: ${oneDecimal(confidence.low)} to ${oneDecimal(confidence.high)}`,
      ]
        .filter(Boolean)
        .join(' · '),
    ),
  );
}

/** The same as the picture, for those who do not see it, or want to copy it. */
function numbersOf({ title, points, shape, unit, interval, by, formula }) {
  const head = [
    'Interval',
    ...(by ? [words(by)] : []),
    'n',
    ...(shape === 'time' ? ['Median', '90 %'] : ['Value', '95 % interval']),
  ];
  const rows = points.filter((point) => point.n > 0);
  const make = () =>
    h(
      'div',
      { class: 'scroll', tabindex: '0', role: 'region', 'aria-label': `${title}: numbers` },
      h(
        'table',
        { class: 'lines' },
        h(
          'thead',
          {},
          h(
            'tr',
            {},
            head.map((name, index) => h('th', { scope: 'col', class: index > (by ? 1 : 0) && 'right' }, name)),
          ),
        ),
        h(
          'tbody',
          {},
          rows.map((point) =>
            h(
              'tr',
              { title: `${calendarDay(point.from)} to ${calendarDay(point.to)}` },
              h('th', { scope: 'row' }, intervalLabel(point.from, interval)),
              by && h('td', {}, words(point.group ?? '')),
              h('td', { class: 'right tabular' }, number(point.n)),
              ...(shape === 'time' ? [point.percentiles?.p50, point.percentiles?.p90] : [point.value]).map((value) =>
                h('td', { class: 'right tabular' }, textOf(value, unit)),
              ),
              shape !== 'time' &&
                h(
                  'td',
                  { class: 'right tabular' },
                  point.confidence
                    ? `${oneDecimal(point.confidence.low)} to ${oneDecimal(point.confidence.high)}`
                    : '–',
                ),
            ),
          ),
        ),
      ),
    );
  const details = h('details', { class: 'numbers' }, h('summary', {}, formula ? 'Numbers and formula' : 'Numbers'));
  details.addEventListener(
    'toggle',
    () => details.append(...(formula ? [h('p', { class: 'faint formula' }, formula)] : []), make()),
    { once: true },
  );
  return details;
}
