/** Instants are ISO 8601 strings in UTC with milliseconds, so that text order is time order. */
export type Instant = string;

export const toInstant = (date: Date | number): Instant => new Date(date).toISOString();

const formatters = new Map<string, Intl.DateTimeFormat>();

/** The calendar day, `YYYY-MM-DD`, of an instant in a time zone (IANA name). */
export function dayIn(zone: string, instant: Instant): string {
  if (zone === 'UTC') return instant.slice(0, 10);
  let formatter = formatters.get(zone);
  if (!formatter) {
    formatter = new Intl.DateTimeFormat('en-CA', { timeZone: zone, year: 'numeric', month: '2-digit', day: '2-digit' });
    formatters.set(zone, formatter);
  }
  return formatter.format(new Date(instant));
}

export const DAY_MS = 86_400_000;
export const addDays = (instant: Instant, days: number): Instant => toInstant(Date.parse(instant) + days * DAY_MS);

/** Tells the time. Given in, so that nothing pure reads a clock and tests set their own. */
export abstract class Clock {
  abstract now(): Date;
}
export const systemClock: Clock = { now: () => new Date() };
