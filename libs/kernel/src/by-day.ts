/**
 * One value for each day, kept as years of months of days. Changing one copies the years, the months of one year and the
 * days of one month, never all the days there are, so that the millionth purchase of a customer costs what the first did.
 */
export type ByDay<T> = Record<string, Record<string, Record<string, T>>>;

/** @param day `YYYY-MM-DD`, or an instant for its day in UTC. `change` answers undefined where nothing is left of the day. */
export function withDay<T>(all: ByDay<T>, day: string, change: (before: T | undefined) => T | undefined): ByDay<T> {
  const [year, month, ofMonth] = [day.slice(0, 4), day.slice(5, 7), day.slice(8, 10)];
  const months = all[year] ?? {};
  const days = months[month] ?? {};
  return put(all, year, nonEmpty(put(months, month, nonEmpty(put(days, ofMonth, change(days[ofMonth]))))));
}

/** `both`: where both have the day. */
export function mergeDays<T>(a: ByDay<T>, b: ByDay<T>, both: (a: T, b: T) => T): ByDay<T> {
  return mergeBy(a, b, (x, y) => mergeBy(x, y, (m, n) => mergeBy(m, n, both)));
}

export function daysInOrder<T>(all: ByDay<T>): [day: string, value: T][] {
  const inOrder: [string, T][] = [];
  for (const year of Object.keys(all).sort()) {
    for (const month of MONTHS) {
      const days = all[year]?.[month];
      if (!days) continue;
      for (const day of DAYS) {
        const value = days[day];
        if (value !== undefined) inOrder.push([`${year}-${month}-${day}`, value]);
      }
    }
  }
  return inOrder;
}

// Looked up one by one: a third of the price of sorting what is there.
const numbered = (count: number): string[] => Array.from({ length: count }, (_, n) => String(n + 1).padStart(2, '0'));
const MONTHS = numbered(12);
const DAYS = numbered(31);

function put<T>(map: Record<string, T>, key: string, value: T | undefined): Record<string, T> {
  if (value !== undefined) return { ...map, [key]: value };
  const { [key]: _gone, ...rest } = map;
  return rest;
}

const nonEmpty = <Map extends object>(map: Map): Map | undefined => (Object.keys(map).length > 0 ? map : undefined);

function mergeBy<T>(a: Record<string, T>, b: Record<string, T>, both: (a: T, b: T) => T): Record<string, T> {
  const merged = { ...a };
  for (const [key, value] of Object.entries(b)) {
    const before = merged[key];
    merged[key] = before === undefined ? value : both(before, value);
  }
  return merged;
}
