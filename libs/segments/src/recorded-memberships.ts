/**
 * What was recorded of memberships, against what is known of them now. Pure, and without a clock: the instants at which the
 * two come apart are kept, so that an index finds whose membership is to be recorded when.
 *
 * What began and was over before anybody looked is not recorded, and no history is when a segment is first asked for: at
 * most one entry for each who is in it. An exit is recorded only after an entry, and the other way round.
 */
import type { Instant } from '@timeline/kernel';
import { FOREVER, type RecordedMemberships, type Span } from './membership.js';
import { SEGMENT_IDS, type SegmentEvent, type SegmentId } from './segments.events.js';

export const nothingRecorded: RecordedMemberships = { count: 0, last: {} };

export const withStep = (before: RecordedMemberships, { type, data }: SegmentEvent): RecordedMemberships => ({
  count: before.count + 1,
  last: { ...before.last, [data.segment]: { isMember: type === 'SegmentEntered', at: data.at } },
});

/**
 * Entered because nothing happened for long, left by a fact. The others are entered by a fact and left because time went
 * by, so that of who is not recorded as a member the end says whether it is owed, and here the beginning.
 */
export const isEnteredByClock = (id: SegmentId): boolean => id === 'at-risk';

export interface Owed {
  /** Of those recorded as members: from when on they are none. */
  leaves: Partial<Record<SegmentId, Instant>>;
  /** Of the others: when the last span begins that is entered by the clock; of other segments, when it ends. */
  enters: Partial<Record<SegmentId, Instant>>;
}

type Spans = Partial<Record<SegmentId, { spans: readonly Span[] }>>;

export function owedOf(within: Spans, { last } = nothingRecorded): Owed {
  const owed: Owed = { leaves: {}, enters: {} };
  for (const id of SEGMENT_IDS) {
    const [spans, edge] = [within[id]?.spans ?? [], last[id]];
    if (edge?.isMember) {
      const end = endOf(spans, edge.at);
      if (end !== FOREVER) owed.leaves[id] = end;
      continue;
    }
    const span = spans.at(-1);
    if (span && (!edge || edge.at < span.to)) owed.enters[id] = isEnteredByClock(id) ? span.from : span.to;
  }
  return owed;
}

/** When a membership is over that was recorded as begun at `since`: at once where it was none, by what is known now. */
export function endOf(spans: readonly Span[], since: Instant): Instant {
  const span = spans.find(({ to }) => to > since);
  // All of a day's purchases and answers count from the last one on, which may have come since.
  return span && dayOf(span.from) <= dayOf(since) ? span.to : since;
}

const dayOf = (instant: Instant): string => instant.slice(0, 10);

/** What is to be recorded at `now` of the segments `watched`, in the order in which it came about. */
export function stepsAt(
  within: Spans,
  { last }: RecordedMemberships,
  watched: readonly SegmentId[],
  now: Instant,
): SegmentEvent[] {
  const steps = watched.flatMap((segment): SegmentEvent[] => {
    const [spans, edge] = [within[segment]?.spans ?? [], last[segment]];
    const end = edge?.isMember ? endOf(spans, edge.at) : undefined;
    if (end !== undefined && end > now) return [];
    const since = end ?? edge?.at;
    const span = spans.find(({ from, to }) => from <= now && now < to);
    const own: SegmentEvent[] = end === undefined ? [] : [{ type: 'SegmentLeft', data: { segment, at: end } }];
    if (span) {
      const at = since !== undefined && since > span.from ? since : span.from;
      own.push({ type: 'SegmentEntered', data: { segment, at } });
    }
    return own;
  });
  return steps.sort(({ data: a }, { data: b }) => (a.at < b.at ? -1 : a.at > b.at ? 1 : 0));
}
