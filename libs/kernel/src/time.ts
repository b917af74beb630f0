/** Instants are ISO 8601 strings in UTC with milliseconds, so that text order is time order. */
export type Instant = string;

export const toInstant = (date: Date | number): Instant =>
  (typeof date === 'number' ? new Date(date) : date).toISOString();

const DATE = '(?!0000)\\d{4}-(?:0[1-9]|1[0-2])-(?:0[1-9]|[12]\\d|3[01])';
const TIME = '(?:[01]\\d|2[0-3]):[0-5]\\d:[0-5]\\d';
/** What `isPlainDate` takes, but for days that a month does not have. */
export const PLAIN_DATE_PATTERN = `^${DATE}$`;
// An offset that leads out of the years 0001 to 9999 is refused: beyond them text order is no longer time order.
/** What `readInstant` takes, likewise. */
export const INSTANT_PATTERN = `^(?!0001-01-01.*\\+)(?!9999-12-31.*-\\d\\d:\\d\\d$)${DATE}T${TIME}(?:\\.\\d{1,9})?(?:Z|[+-](?:[01]\\d|2[0-3]):[0-5]\\d)$`;
const dateShape = new RegExp(PLAIN_DATE_PATTERN);
const instantShape = new RegExp(INSTANT_PATTERN);
const DAYS_OF_MONTH = [31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];

/** Whether it is a calendar day, `YYYY-MM-DD`, that exists. */
export const isPlainDate = (text: string): boolean => dateShape.test(text) && isInItsMonth(text);

/** Milliseconds since the epoch of an ISO 8601 instant with `Z` or an offset, or NaN. Finer fractions are cut off. */
export function readInstant(text: string): number {
  if (!instantShape.test(text) || !isInItsMonth(text)) return Number.NaN;
  if (isAsStored(text)) return Date.parse(text);
  const zone = text.endsWith('Z') ? 'Z' : text.slice(-6);
  const fraction = text.slice(19, text.length - zone.length).slice(1, 4);
  return Date.parse(`${text.slice(0, 19)}.${fraction.padEnd(3, '0')}${zone}`);
}

/** Of what `readInstant` takes: whether it is UTC with milliseconds already. */
export const isAsStored = (instant: string): boolean => instant.length === 24 && instant.endsWith('Z');

/** Whether the month has that day. */
function isInItsMonth(date: string): boolean {
  const year = Number(date.slice(0, 4));
  const month = Number(date.slice(5, 7));
  const isLeap = year % 4 === 0 && (year % 100 !== 0 || year % 400 === 0);
  return Number(date.slice(8, 10)) <= (month === 2 && isLeap ? 29 : (DAYS_OF_MONTH[month - 1] ?? 0));
}

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
