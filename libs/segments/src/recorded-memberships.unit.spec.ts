import fc from 'fast-check';
import { addDays, type Instant } from '@timeline/kernel';
import { FOREVER, type RecordedMemberships, type Span } from './membership.js';
import { endOf, isEnteredByClock, nothingRecorded, owedOf, stepsAt, withStep } from './recorded-memberships.js';
import { SEGMENT_IDS, type SegmentEvent, type SegmentId } from './segments.events.js';

const day = (days: number): Instant => addDays('2026-01-01T00:00:00.000Z', days);
type Known = Record<SegmentId, { spans: Span[] }>;

const isIn = (spans: readonly Span[], at: Instant): boolean => spans.some(({ from, to }) => from <= at && at < to);

/** What the index finds: `owesAt` over a document, in words. */
function isFound(id: SegmentId, spans: readonly Span[], recorded: RecordedMemberships, now: Instant): boolean {
  const { leaves, enters } = owedOf({ [id]: { spans } }, recorded);
  const [leave, enter] = [leaves[id], enters[id]];
  const isBehind = enter !== undefined && (isEnteredByClock(id) ? enter <= now : enter > now);
  return (leave !== undefined && leave <= now) || (isBehind && isIn(spans, now));
}

/** The same the slow way: it is another one now, or was at some time since the last that was recorded of a member. */
function owes(id: SegmentId, spans: readonly Span[], { last }: RecordedMemberships, now: Instant): boolean {
  const edge = last[id];
  if (!edge?.isMember) return isIn(spans, now);
  for (let at = edge.at; at <= now; at = addDays(at, 1)) if (!isIn(spans, at)) return true;
  return !isIn(spans, now);
}

/** Any spans of whole days, the last of which may have no end. */
const anySpans: fc.Arbitrary<Span[]> = fc
  .record({
    days: fc.uniqueArray(fc.integer({ min: 0, max: 60 }), { maxLength: 9 }),
    isOpen: fc.boolean(),
  })
  .map(({ days, isOpen }) => {
    const sorted = [...days].sort((a, b) => a - b);
    return sorted.flatMap((from, index): Span[] => {
      const to = sorted[index + 1];
      if (index % 2 === 1) return [];
      return to === undefined ? (isOpen ? [{ from: day(from), to: FOREVER }] : []) : [{ from: day(from), to: day(to) }];
    });
  });

/** A segment that is entered by the clock is left by a fact: of those to come only the last is known, and by nobody in it. */
function asKnown(id: SegmentId, spans: Span[], now: Instant): Span[] {
  if (!isEnteredByClock(id)) return spans;
  const begun = spans.filter(({ from }) => from <= now);
  const next = spans.find(({ from }) => from > now);
  return next && !isIn(begun, now) ? [...begun, next] : begun;
}

const looks = fc.array(
  fc.record({
    // The clock stands still, or goes on by days.
    later: fc.integer({ min: 0, max: 12 }),
    spans: fc.tuple(...SEGMENT_IDS.map(() => anySpans)),
    watched: fc.subarray([...SEGMENT_IDS], { minLength: 3 }),
    // What is known of a customer does not change with every look.
    isNews: fc.boolean(),
  }),
  { minLength: 1, maxLength: 12 },
);

describe('what is to be recorded of memberships', () => {
  it('is found by its instants alone, brings what is recorded up to what is known, and leaves nothing to find', () => {
    fc.assert(
      fc.property(looks, (all) => {
        let now = day(0.5);
        let [first] = all.map(({ spans }) => spans);
        let recorded = nothingRecorded;
        const stream: SegmentEvent[] = [];
        for (const { later, spans, watched, isNews } of all) {
          now = addDays(now, later);
          if (isNews) first = spans;
          const known = Object.fromEntries(
            SEGMENT_IDS.map((id, index) => [id, { spans: asKnown(id, first?.[index] ?? [], now) }]),
          ) as Known;
          const before = recorded;
          expect(SEGMENT_IDS.filter((id) => isFound(id, known[id].spans, before, now))).toEqual(
            SEGMENT_IDS.filter((id) => owes(id, known[id].spans, before, now)),
          );
          const steps = stepsAt(known, recorded, watched, now);
          recorded = steps.reduce(withStep, recorded);
          stream.push(...steps);
          const after = recorded;
          expect(watched.filter((id) => after.last[id]?.isMember)).toEqual(
            watched.filter((id) => isIn(known[id].spans, now)),
          );
          expect(watched.filter((id) => isFound(id, known[id].spans, after, now))).toEqual([]);
          expect(stepsAt(known, recorded, watched, now)).toEqual([]);
          expect(steps.every(({ data }) => watched.includes(data.segment) && data.at <= now)).toBe(true);
          expect(steps.length).toBeLessThanOrEqual(2 * watched.length);
        }
        expect(recorded.count).toBe(stream.length);
        for (const id of SEGMENT_IDS) {
          const own = stream.filter(({ data }) => data.segment === id);
          // By turns, an entry first, and never back in time.
          expect(own.map(({ type }) => type)).toEqual(
            own.map((_, index) => (index % 2 === 0 ? 'SegmentEntered' : 'SegmentLeft')),
          );
          expect(own.map(({ data }) => data.at)).toEqual(own.map(({ data }) => data.at).sort());
        }
      }),
      { numRuns: 500 },
    );
  });

  const at = (...edges: (readonly [from: number, to: number | undefined])[]): Span[] =>
    edges.map(([from, to]) => ({ from: day(from), to: to === undefined ? FOREVER : day(to) }));
  const told = (spans: Span[], before: SegmentEvent[], now: number): [string, Instant][] =>
    stepsAt({ vip: { spans } }, before.reduce(withStep, nothingRecorded), ['vip'], day(now)).map(({ type, data }) => [
      type,
      data.at,
    ]);
  const entered = (days: number): SegmentEvent => ({
    type: 'SegmentEntered',
    data: { segment: 'vip', at: day(days) },
  });
  const left = (days: number): SegmentEvent => ({ type: 'SegmentLeft', data: { segment: 'vip', at: day(days) } });

  it('tells when it was so, not when it was noticed, and no history', () => {
    const spans = at([1, 5], [10, 20]);
    expect(told(spans, [], 7)).toEqual([]);
    expect(told(spans, [], 15)).toEqual([['SegmentEntered', day(10)]]);
    expect(told(spans, [entered(1)], 3)).toEqual([]);
    expect(told(spans, [entered(1)], 15)).toEqual([
      ['SegmentLeft', day(5)],
      ['SegmentEntered', day(10)],
    ]);
    expect(told(spans, [entered(10)], 300)).toEqual([['SegmentLeft', day(20)]]);
  });

  it('goes on from what was recorded where that was changed by what came late', () => {
    // Out by what was known, and now it never ended.
    expect(told(at([10, 30]), [entered(10), left(20)], 25)).toEqual([['SegmentEntered', day(20)]]);
    // Began earlier than it was recorded: no news.
    expect(told(at([5, 30]), [entered(10)], 25)).toEqual([]);
    // Never was.
    expect(told([], [entered(10)], 25)).toEqual([['SegmentLeft', day(10)]]);
    // Began later.
    expect(told(at([15, 30]), [entered(10)], 25)).toEqual([
      ['SegmentLeft', day(10)],
      ['SegmentEntered', day(15)],
    ]);
    // Later on the same day, as another purchase of that day makes it.
    expect(told(at([10.5, 30]), [entered(10)], 25)).toEqual([]);
    expect(endOf(at([10.5, undefined]), day(10))).toBe(FOREVER);
  });
});
