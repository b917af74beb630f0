/** Intervals cover a range of days without gap or overlap, and begin where calendars say. */
import fc from 'fast-check';
import { addToDay, daysIn, INTERVALS, intervalsOf, type DayRange, type Interval } from './calendar.js';

const intervals = (from: string, to: string, interval: Interval): string[] =>
  [...intervalsOf({ from, to }, interval)].map((range) => `${range.from}..${range.to}`);

describe('Intervals of a range of days', () => {
  it('are ISO weeks from Monday to Sunday, the first and the last cut to the range', () => {
    expect(intervals('2024-12-27', '2025-01-07', 'week')).toEqual([
      '2024-12-27..2024-12-29',
      '2024-12-30..2025-01-05',
      '2025-01-06..2025-01-07',
    ]);
  });

  it('know the lengths of months, leap days included', () => {
    expect(intervals('2024-01-31', '2024-03-01', 'month')).toEqual([
      '2024-01-31..2024-01-31',
      '2024-02-01..2024-02-29',
      '2024-03-01..2024-03-01',
    ]);
  });

  it('are quarters and years of the calendar', () => {
    expect(intervals('2023-11-15', '2024-05-01', 'quarter')).toEqual([
      '2023-11-15..2023-12-31',
      '2024-01-01..2024-03-31',
      '2024-04-01..2024-05-01',
    ]);
    expect(intervals('2023-11-15', '2024-05-01', 'year')).toEqual(['2023-11-15..2023-12-31', '2024-01-01..2024-05-01']);
  });

  it('are one for the total and none when the range is empty', () => {
    expect(intervals('2023-11-15', '2024-05-01', 'total')).toEqual(['2023-11-15..2024-05-01']);
    expect(intervals('2024-05-02', '2024-05-01', 'day')).toEqual([]);
  });

  it('cover every day of any range exactly once, in order', () => {
    const start = fc.integer({ min: -719_000, max: 1_000_000 }).map((days) => addToDay('1970-01-01', days));
    const range = fc
      .tuple(start, fc.integer({ min: 0, max: 900 }))
      .map(([from, days]) => ({ from, to: addToDay(from, days) }));
    fc.assert(
      fc.property(range, fc.constantFrom(...INTERVALS), (whole: DayRange, interval) => {
        const parts = [...intervalsOf(whole, interval)];
        expect([...parts.map(({ from }) => from), addToDay(whole.to, 1)]).toEqual([
          whole.from,
          ...parts.map(({ to }) => addToDay(to, 1)),
        ]);
        expect(parts.reduce((days, part) => days + daysIn(part), 0)).toBe(daysIn(whole));
      }),
      { examples: [[{ from: '0001-11-01', to: '0002-03-01' }, 'month']] },
    );
  });
});
