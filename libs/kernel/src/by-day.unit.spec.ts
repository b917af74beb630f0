import fc from 'fast-check';
import { daysInOrder, mergeDays, withDay, type ByDay } from './by-day.js';
import { toInstant } from './time.js';

const someDays = fc.array(
  fc.tuple(
    fc
      .date({ min: new Date('1905-01-01'), max: new Date('2035-12-31'), noInvalidDate: true })
      .map((date) => toInstant(date)),
    fc.integer({ min: 1, max: 3 }),
  ),
  { maxLength: 30 },
);
const added = (all: ByDay<number>, [at, more]: [string, number]): ByDay<number> =>
  withDay(all, at, (before = 0) => before + more);
const sum = (a: number, b: number): number => a + b;

describe('values by day', () => {
  it('are those of a plain map, in the order of days', () => {
    fc.assert(
      fc.property(someDays, (days) => {
        const plain = new Map<string, number>();
        for (const [at, more] of days) plain.set(at.slice(0, 10), (plain.get(at.slice(0, 10)) ?? 0) + more);
        expect(daysInOrder(days.reduce(added, {}))).toEqual([...plain].sort(([a], [b]) => (a < b ? -1 : 1)));
      }),
    );
  });

  it('add up when they are merged, and neither is changed by it', () => {
    fc.assert(
      fc.property(someDays, someDays, (a, b) => {
        const [left, right] = [a.reduce(added, {}), b.reduce(added, {})];
        const before = JSON.stringify([left, right]);
        expect(mergeDays(left, right, sum)).toEqual([...a, ...b].reduce(added, {}));
        expect(JSON.stringify([left, right])).toBe(before);
      }),
    );
  });

  it('leave nothing behind of a day that is removed', () => {
    fc.assert(
      fc.property(someDays, (days) => {
        const left = days.reduce((all, [at]) => withDay(all, at, () => undefined), days.reduce(added, {}));
        expect(left).toEqual({});
      }),
    );
  });
});
