/**
 * One value for each UTC day, kept as years of months of days. Changing one copies the years, the months of one year and
 * the days of one month, never all the days there are, so that the millionth purchase of a customer costs what the first did.
 */
import type { Instant } from '@timeline/kernel';

export type ByDay<T> = Record<string, Record<string, Record<string, T>>>;

export function withDay<T>(all: ByDay<T>, at: Instant, change: (before: T | undefined) => T): ByDay<T> {
  const [year, month, day] = [at.slice(0, 4), at.slice(5, 7), at.slice(8, 10)];
  const months = all[year] ?? {};
  const days = months[month] ?? {};
  return { ...all, [year]: { ...months, [month]: { ...days, [day]: change(days[day]) } } };
}

/** `both`: where both have the day. */
export function mergeDays<T>(a: ByDay<T>, b: ByDay<T>, both: (a: T, b: T) => T): ByDay<T> {
  return mergeBy(a, b, (x, y) => mergeBy(x, y, (m, n) => mergeBy(m, n, both)));
}

export const inOrderOfDays = <T>(all: ByDay<T>): T[] => sorted(all).flatMap(sorted).flatMap(sorted);

/** Keys are digits of one length. */
const sorted = <T>(map: Record<string, T>): T[] =>
  Object.entries(map)
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([, value]) => value);

function mergeBy<T>(a: Record<string, T>, b: Record<string, T>, both: (a: T, b: T) => T): Record<string, T> {
  const merged = { ...a };
  for (const [key, value] of Object.entries(b)) {
    const before = merged[key];
    merged[key] = before === undefined ? value : both(before, value);
  }
  return merged;
}
