/**
 * Days, weeks (ISO 8601, from Monday), months, quarters and years as metrics use them. A day is text, `YYYY-MM-DD`, so
 * there is no time zone in here: which day an instant belongs to is decided before (`dayIn` of the kernel).
 */
import { DAY_MS } from '@timeline/kernel';

export const INTERVALS = ['day', 'week', 'month', 'quarter', 'year', 'total'] as const;
export type Interval = (typeof INTERVALS)[number];

export interface DayRange {
  /** First and last day, both included. */
  from: string;
  to: string;
}

const toMs = (day: string): number => Date.parse(`${day}T00:00:00.000Z`);
const toDay = (ms: number): string => new Date(ms).toISOString().slice(0, 10);

/** The day `count` days later; earlier when negative. */
export const addToDay = (day: string, count: number): string => toDay(toMs(day) + count * DAY_MS);

/** How many days the range has. */
export const daysIn = ({ from, to }: DayRange): number => (toMs(to) - toMs(from)) / DAY_MS + 1;

/** The interval that the day is in, whole; `total` has no bounds of its own and answers `within`. */
function intervalAround(day: string, interval: Interval, within: DayRange): DayRange {
  const month = Number(day.slice(5, 7)) - 1;
  const months = (first: number, count: number): DayRange => {
    const next = new Date(toMs(`${day.slice(0, 4)}-01-01`));
    next.setUTCMonth(first);
    const from = toDay(next.getTime());
    next.setUTCMonth(first + count);
    return { from, to: toDay(next.getTime() - DAY_MS) };
  };
  switch (interval) {
    case 'day':
      return { from: day, to: day };
    case 'week': {
      const sinceMonday = (new Date(toMs(day)).getUTCDay() + 6) % 7;
      return { from: addToDay(day, -sinceMonday), to: addToDay(day, 6 - sinceMonday) };
    }
    case 'month':
      return months(month, 1);
    case 'quarter':
      return months(month - (month % 3), 3);
    case 'year':
      return months(0, 12);
    case 'total':
      return within;
  }
}

/** The intervals of the range in order, the first and the last cut to it. None when `from` is after `to`. */
export function* intervalsOf(range: DayRange, interval: Interval): Generator<DayRange> {
  for (let day = range.from; day <= range.to;) {
    const { to } = intervalAround(day, interval, range);
    yield { from: day, to: to < range.to ? to : range.to };
    day = addToDay(to, 1);
  }
}
