/** Durations, by the calendar of UTC. */

/** Whole numbers only; a time part after `T`. */
export const DURATION =
  '^P(?=\\d|T)(?:\\d{1,4}Y)?(?:\\d{1,5}M)?(?:\\d{1,5}W)?(?:\\d{1,6}D)?(?:T(?=\\d)(?:\\d{1,6}H)?(?:\\d{1,6}M)?(?:\\d{1,6}S)?)?$';
const PARTS = /^P(?:(\d+)Y)?(?:(\d+)M)?(?:(\d+)W)?(?:(\d+)D)?(?:T(?:(\d+)H)?(?:(\d+)M)?(?:(\d+)S)?)?$/;

/**
 * The instant so much later (`sign` 1) or earlier (-1). Years and months first, to the same day of the month or its last;
 * what lies beyond the years 0001 to 9999 is the first or the last instant of them.
 */
export function plusDuration(instant: string, duration: string, sign: 1 | -1): string {
  const [, years = 0, months = 0, weeks = 0, days = 0, hours = 0, minutes = 0, seconds = 0] = (
    PARTS.exec(duration) ?? []
  ).map((part) => Number(part ?? 0));
  const date = new Date(instant);
  const day = date.getUTCDate();
  date.setUTCDate(1);
  date.setUTCMonth(date.getUTCMonth() + sign * (years * 12 + months));
  const lastDay = new Date(Date.UTC(2000, 0, 1));
  lastDay.setUTCFullYear(date.getUTCFullYear(), date.getUTCMonth() + 1, 0);
  date.setUTCDate(Math.min(day, lastDay.getUTCDate()));
  const ms = ((((weeks * 7 + days) * 24 + hours) * 60 + minutes) * 60 + seconds) * 1000;
  const at = date.getTime() + sign * ms;
  return new Date(Math.min(Math.max(at, FIRST), LAST)).toISOString();
}

const FIRST = Date.parse('0001-01-01T00:00:00Z');
const LAST = Date.parse('9999-12-31T23:59:59.999Z');
