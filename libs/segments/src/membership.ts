/**
 * What segments need to know of a customer, and when the customer is in which. Nothing here reads a clock: the answer is
 * spans of time, and who reads evaluates them at an instant.
 *
 * A part is bounded whatever the history: activity is kept as runs, spending and answers are kept per UTC day (all of
 * a day's purchases count from the last one of that day).
 */
import {
  addDays,
  addDecimals,
  daysInOrder,
  mergeDays,
  sumsReach,
  withDay,
  type ByDay,
  type Decimal,
  type Instant,
} from '@timeline/kernel';
import type { Grouped } from '../../merging/src/merging.events.js';
import type { NpsGroup } from '../../surveys/src/surveys.events.js';
import { ACTIVE_DAYS, AT_RISK_DAYS, NEW_DAYS, VIP_AMOUNT, VIP_DAYS } from './built-in-segments.js';
import type { SegmentId } from './segments.events.js';

/** First and last activity of a stretch without a pause of more than `ACTIVE_DAYS`. */
type Run = [first: Instant, last: Instant];

export interface SegmentPart extends Grouped {
  firstSeenAt: Instant | null;
  /** Sorted, apart by more than `ACTIVE_DAYS`. */
  runs: Run[];
  /** By currency and day: how the sum over the last `VIP_DAYS` changes that day, and the last instant it does. */
  spend: Record<string, ByDay<Spending>>;
  /** By day: the latest NPS answer. */
  nps: ByDay<Answer>;
  /** Absent where nothing was. The customer's own: it does not add up. */
  recorded?: RecordedMemberships;
}

export interface RecordedMemberships {
  /** Facts about memberships so far. */
  count: number;
  last: Partial<Record<SegmentId, { isMember: boolean; at: Instant }>>;
}

interface Spending {
  delta: Decimal;
  at: Instant;
}

interface Answer {
  at: Instant;
  position: string;
  group: NpsGroup;
}

export const emptyPart: SegmentPart = { firstSeenAt: null, runs: [], spend: {}, nps: {} };

/** Half-open. `to` is `FOREVER` where no end is known. */
export interface Span {
  from: Instant;
  to: Instant;
}

export const FOREVER: Instant = '9999-12-31T23:59:59.999Z';

const earlier = (a: Instant, b: Instant): Instant => (a < b ? a : b);
const later = (a: Instant, b: Instant): Instant => (a < b ? b : a);

export const seen = (part: SegmentPart, at: Instant): SegmentPart => ({
  ...part,
  firstSeenAt: part.firstSeenAt === null ? at : earlier(part.firstSeenAt, at),
});

export const active = (part: SegmentPart, at: Instant): SegmentPart => ({
  ...part,
  runs: joinRuns([...part.runs, [at, at]]),
});

/** `amount` counts from `from` to `to`. */
export function spent(part: SegmentPart, currency: string, amount: Decimal, from: Instant, to: Instant): SegmentPart {
  if (from >= to) return part;
  const change = (days: ByDay<Spending>, at: Instant, delta: Decimal): ByDay<Spending> =>
    withDay(days, at, (before) => addDelta(before, { delta, at }));
  const since = change(part.spend[currency] ?? {}, from, amount);
  // A sum, so that no spelling of zero gets in.
  const until = change(since, to, addDecimals('0', negated(amount)));
  return { ...part, spend: { ...part.spend, [currency]: until } };
}

const negated = (amount: Decimal): Decimal => (amount.startsWith('-') ? amount.slice(1) : `-${amount}`);

const addDelta = (a: Spending | undefined, b: Spending): Spending =>
  a ? { delta: addDecimals(a.delta, b.delta), at: later(a.at, b.at) } : b;

export const bought = (part: SegmentPart, currency: string, amount: Decimal, at: Instant): SegmentPart =>
  spent(part, currency, amount, at, addDays(at, VIP_DAYS));

/** From the return or cancellation on, for as long as the purchase would count. */
export const gaveBack = (
  part: SegmentPart,
  currency: string,
  amount: Decimal,
  at: Instant,
  purchasedAt: Instant,
): SegmentPart => spent(part, currency, negated(amount), at, addDays(purchasedAt, VIP_DAYS));

export const answered = (part: SegmentPart, answer: Answer): SegmentPart => ({
  ...part,
  nps: withDay(part.nps, answer.at, (before) => latest(before, answer)),
});

const isLater = (a: Answer, b: Answer): boolean => a.at > b.at || (a.at === b.at && a.position > b.position);
const latest = (a: Answer | undefined, b: Answer): Answer => (a && isLater(a, b) ? a : b);

/** Associative and commutative, with `emptyPart` as neutral element. */
export function combine(a: SegmentPart, b: SegmentPart): SegmentPart {
  const spend: SegmentPart['spend'] = { ...a.spend };
  for (const [currency, days] of Object.entries(b.spend))
    spend[currency] = mergeDays(spend[currency] ?? {}, days, addDelta);
  const firsts = [a.firstSeenAt, b.firstSeenAt].filter((at) => at !== null);
  return {
    firstSeenAt: firsts.length > 0 ? firsts.reduce(earlier) : null,
    runs: joinRuns([...a.runs, ...b.runs]),
    spend,
    nps: mergeDays(a.nps, b.nps, latest),
  };
}

function joinRuns(runs: readonly Run[]): Run[] {
  const joined: Run[] = [];
  for (const [first, last] of [...runs].sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0))) {
    const before = joined.at(-1);
    if (before && first <= addDays(before[1], ACTIVE_DAYS)) before[1] = later(before[1], last);
    else joined.push([first, last]);
  }
  return joined;
}

/** When the customer is in each segment, as far as is known; spans are sorted and apart. */
export function spansOf(part: SegmentPart): Record<SegmentId, Span[]> {
  return {
    new: part.firstSeenAt === null ? [] : [{ from: part.firstSeenAt, to: addDays(part.firstSeenAt, NEW_DAYS) }],
    active: part.runs.map(([first, last]) => ({ from: first, to: addDays(last, ACTIVE_DAYS) })),
    'at-risk': part.runs
      .map(([, last], index) => ({ from: addDays(last, AT_RISK_DAYS), to: part.runs[index + 1]?.[0] ?? FOREVER }))
      .filter(({ from, to }) => from < to),
    vip: union(Object.values(part.spend).flatMap(vipSpans)),
    promoter: npsSpans(part, 'promoter'),
    detractor: npsSpans(part, 'detractor'),
  };
}

function vipSpans(days: SegmentPart['spend'][string]): Span[] {
  const spans: Span[] = [];
  let since: Instant | undefined;
  const changes = daysInOrder(days).map(([, change]) => change);
  const isVip = sumsReach(
    changes.map(({ delta }) => delta),
    VIP_AMOUNT,
  );
  for (const [index, { at }] of changes.entries()) {
    if (isVip[index]) since ??= at;
    else if (since !== undefined) {
      spans.push({ from: since, to: at });
      since = undefined;
    }
  }
  return since === undefined ? spans : [...spans, { from: since, to: FOREVER }];
}

function npsSpans(part: SegmentPart, group: NpsGroup): Span[] {
  const answers = daysInOrder(part.nps).map(([, answer]) => answer);
  return union(
    answers.flatMap((answer, index) =>
      answer.group === group ? [{ from: answer.at, to: answers[index + 1]?.at ?? FOREVER }] : [],
    ),
  );
}

/** Sorted, with spans that meet or overlap made one. */
function union(spans: readonly Span[]): Span[] {
  const joined: Span[] = [];
  for (const span of [...spans].sort((a, b) => (a.from < b.from ? -1 : 1))) {
    const before = joined.at(-1);
    if (before && span.from <= before.to) before.to = later(before.to, span.to);
    else joined.push({ ...span });
  }
  return joined;
}
