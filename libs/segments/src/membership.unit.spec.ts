import fc from 'fast-check';
import { addDays, canonicalJson, toInstant, type Instant } from '@timeline/kernel';
import { npsGroupOf } from '../../surveys/src/surveys.events.js';
import {
  active,
  answered,
  bought,
  combine,
  emptyPart,
  gaveBack,
  seen,
  spansOf,
  type SegmentPart,
} from './membership.js';
import { SEGMENT_IDS, type SegmentId } from './segments.events.js';

type Happening =
  | { kind: 'interaction'; at: Instant }
  | { kind: 'purchase'; at: Instant; amount: number }
  | { kind: 'return'; at: Instant; amount: number; purchasedAt: Instant }
  | { kind: 'nps'; at: Instant; score: number };

/** One happening a day at most, so that keeping days instead of instants loses nothing. */
const START = Date.parse('2020-01-01T00:00:00.000Z');
const dayInstant = (day: number): Instant => toInstant(START + day * 86_400_000 + ((day * 7_919) % 86_399) * 1000);
const history: fc.Arbitrary<Happening[]> = fc
  .uniqueArray(
    fc.record({
      day: fc.integer({ min: 0, max: 1500 }),
      kind: fc.constantFrom('interaction', 'purchase', 'return', 'nps'),
      amount: fc.integer({ min: 1, max: 4000 }),
      score: fc.integer({ min: 0, max: 10 }),
      back: fc.integer({ min: 0, max: 400 }),
    }),
    { selector: ({ day }) => day, maxLength: 25 },
  )
  .map((days) =>
    days.map(({ day, kind, amount, score, back }): Happening => {
      const at = dayInstant(day);
      if (kind === 'purchase') return { kind, at, amount };
      if (kind === 'return') return { kind, at, amount, purchasedAt: dayInstant(Math.max(0, day - back)) };
      return kind === 'nps' ? { kind, at, score } : { kind: 'interaction', at };
    }),
  );

function fold(part: SegmentPart, happening: Happening): SegmentPart {
  const now = seen(part, happening.at);
  switch (happening.kind) {
    case 'interaction':
      return active(now, happening.at);
    case 'purchase':
      return bought(active(now, happening.at), 'USD', String(happening.amount), happening.at);
    case 'return':
      return gaveBack(now, 'USD', String(happening.amount), happening.at, happening.purchasedAt);
    case 'nps':
      // Of two histories with an answer at one instant; no two events share a position.
      return answered(now, {
        at: happening.at,
        position: `p${happening.score}`,
        group: npsGroupOf(happening.score),
      });
  }
}

/** The definitions as they are said, evaluated the slow way. */
function isIn(id: SegmentId, all: Happening[], asOf: Instant): boolean {
  const past = all.filter(({ at }) => at <= asOf).sort((a, b) => (a.at < b.at ? -1 : 1));
  const last = past.findLast(({ kind }) => kind === 'interaction' || kind === 'purchase');
  const answer = past.findLast((happening) => happening.kind === 'nps');
  switch (id) {
    case 'new':
      return past[0] !== undefined && asOf < addDays(past[0].at, 30);
    case 'active':
      return last !== undefined && asOf < addDays(last.at, 90);
    case 'at-risk':
      return last !== undefined && asOf >= addDays(last.at, 180);
    case 'vip': {
      let sum = 0;
      for (const happening of past) {
        if (happening.kind === 'purchase' && asOf < addDays(happening.at, 365)) sum += happening.amount;
        if (happening.kind === 'return' && asOf < addDays(happening.purchasedAt, 365)) sum -= happening.amount;
      }
      return sum >= 5000;
    }
    case 'promoter':
      return answer !== undefined && answer.score >= 9;
    case 'detractor':
      return answer !== undefined && answer.score <= 6;
  }
}

/** How many members the objects have that are not those of before. */
function copied(before: unknown, after: unknown): number {
  if (before === after || typeof after !== 'object' || after === null) return 0;
  const known = new Map(Object.entries(before ?? {}));
  const members = Object.entries(after);
  return members.reduce((sum, [name, value]) => sum + copied(known.get(name), value), members.length);
}

describe('segment membership', () => {
  it('is what the definitions say, at any instant', () => {
    // Looked at when days end: within a day, purchases count from its last one on.
    fc.assert(
      fc.property(history, fc.integer({ min: 0, max: 2200 }), (happenings, day) => {
        const asOf = toInstant(START + day * 86_400_000 + 86_399_999);
        const spans = spansOf(happenings.reduce(fold, emptyPart));
        for (const id of SEGMENT_IDS) {
          const stored = spans[id].some(({ from, to }) => from <= asOf && asOf < to);
          expect({ id, is: stored }).toEqual({ id, is: isIn(id, happenings, asOf) });
        }
      }),
      { numRuns: 500 },
    );
  });

  it('does not depend on the order in which events arrive', () => {
    fc.assert(
      fc.property(
        history.chain((all) => fc.tuple(fc.constant(all), fc.shuffledSubarray(all, { minLength: all.length }))),
        ([all, shuffled]) => {
          expect(canonicalJson(shuffled.reduce(fold, emptyPart))).toBe(canonicalJson(all.reduce(fold, emptyPart)));
        },
      ),
      { numRuns: 200 },
    );
  });

  it('costs the same for a customer with many days of purchases and answers: only what changes is copied', () => {
    const after = (days: number): SegmentPart =>
      Array.from({ length: days }, (_, day) => day).reduce(
        (part, day) =>
          answered(bought(part, 'USD', '10', dayInstant(day)), {
            at: dayInstant(day),
            position: String(day),
            group: 'passive',
          }),
        emptyPart,
      );
    const at = dayInstant(3_649);
    const tenYears = after(3_650);
    // Ten years, twelve months and thirty-one days, of the purchase's day and of the one on which it stops to count.
    expect(copied(tenYears, bought(tenYears, 'USD', '10', at))).toBeLessThan(150);
    expect(copied(tenYears, gaveBack(tenYears, 'USD', '10', at, dayInstant(3_640)))).toBeLessThan(150);
    expect(copied(tenYears, answered(tenYears, { at, position: 'p', group: 'promoter' }))).toBeLessThan(75);
  });

  it('adds up: combining parts is associative and commutative, and equals folding all of them into one', () => {
    fc.assert(
      fc.property(history, history, history, (x, y, z) => {
        const [a, b, c] = [x, y, z].map((part) => part.reduce(fold, emptyPart)) as [
          SegmentPart,
          SegmentPart,
          SegmentPart,
        ];
        const text = canonicalJson;
        expect(text(combine(combine(a, b), c))).toBe(text(combine(a, combine(b, c))));
        expect(text(combine(a, b))).toBe(text(combine(b, a)));
        expect(text(combine(a, emptyPart))).toBe(text(a));
        expect(text(combine(a, b))).toBe(text([...x, ...y].reduce(fold, emptyPart)));
      }),
      { numRuns: 200 },
    );
  });
});

it('counts who has spent exactly the amount of a VIP, to the cent', () => {
  const at = dayInstant(0);
  const later = dayInstant(1);
  const spentIn = (amount: string): SegmentPart =>
    bought(bought(emptyPart, 'USD', '4999.90', at), 'USD', amount, later);
  expect(spansOf(spentIn('0.10')).vip).toEqual([{ from: later, to: addDays(at, 365) }]);
  expect(spansOf(spentIn('0.09')).vip).toEqual([]);
});
