/** Numbers, money, dates and durations as text, by `Intl`. The page is in English; of its kinds, the browser's. */

const locale = globalThis.navigator?.languages?.find((language) => /^en\b/i.test(language)) ?? 'en';
let timeZone = 'UTC';

/** The zone that days are told in: the one that metrics use, so that a day is the same day everywhere on the page. */
export function useTimeZone(name) {
  timeZone = name;
  formats.clear();
}
export const zoneName = () => timeZone;

const formats = new Map();
function dateFormat(options) {
  const key = JSON.stringify(options);
  let format = formats.get(key);
  if (!format) formats.set(key, (format = new Intl.DateTimeFormat(locale, { timeZone, ...options })));
  return format;
}

const dateOf = (instant) => {
  const date = new Date(instant);
  return Number.isNaN(date.getTime()) ? undefined : date;
};
const dated = (instant, options) => {
  const date = instant === undefined || instant === null ? undefined : dateOf(instant);
  return date ? dateFormat(options).format(date) : '–';
};

export const day = (instant) => dated(instant, { dateStyle: 'medium' });
export const longDay = (instant) => dated(instant, { weekday: 'long', year: 'numeric', month: 'long', day: 'numeric' });
export const time = (instant) => dated(instant, { hour: '2-digit', minute: '2-digit', hourCycle: 'h23' });
export const dayAndTime = (instant) =>
  dated(instant, {
    year: 'numeric',
    month: 'short',
    day: 'numeric',
    hour: '2-digit',
    minute: '2-digit',
    hourCycle: 'h23',
  });
export const preciseTime = (instant) =>
  dated(instant, {
    year: 'numeric',
    month: 'short',
    day: 'numeric',
    hour: '2-digit',
    minute: '2-digit',
    second: '2-digit',
    fractionalSecondDigits: 3,
    hourCycle: 'h23',
    timeZoneName: 'short',
  });

/** Sorts and groups: `YYYY-MM-DD` in the zone of the page. */
export function dayKey(instant) {
  const date = dateOf(instant);
  if (!date) return '';
  const parts = new Intl.DateTimeFormat('en-CA', { timeZone, year: 'numeric', month: '2-digit', day: '2-digit' });
  return parts.format(date);
}

/** A day without a zone, `YYYY-MM-DD`, as the label of its interval: `Q3 2017`, `Mar 2017`. */
export function intervalLabel(from, interval) {
  const [year, month] = from.split('-');
  if (interval === 'quarter') return `Q${Math.ceil(Number(month) / 3)} ${year}`;
  return new Intl.DateTimeFormat(locale, { timeZone: 'UTC', month: 'short', year: 'numeric' }).format(
    new Date(`${from}T00:00:00Z`),
  );
}

export const calendarDay = (text) =>
  new Intl.DateTimeFormat(locale, { timeZone: 'UTC', dateStyle: 'medium' }).format(new Date(`${text}T00:00:00Z`));

/** `3 days ago`, of the last unit that gives at least one. */
export function ago(instant, now = Date.now()) {
  const date = dateOf(instant);
  if (!date) return '–';
  const seconds = Math.round((date.getTime() - now) / 1000);
  const relative = new Intl.RelativeTimeFormat(locale, { numeric: 'auto' });
  for (const [unit, size] of [
    ['year', 31_557_600],
    ['month', 2_629_800],
    ['day', 86_400],
    ['hour', 3_600],
    ['minute', 60],
  ]) {
    if (Math.abs(seconds) >= size) return relative.format(Math.trunc(seconds / size), unit);
  }
  return relative.format(seconds, 'second');
}

export const number = (value, options = {}) => new Intl.NumberFormat(locale, options).format(value);
export const oneDecimal = (value) => number(value, { maximumFractionDigits: 1 });

/**
 * An exact decimal (text) with at least `least` digits after the point and none of its own lost: `Intl` takes the text
 * itself, never a floating-point number made of it.
 */
export function decimal(text, least = 0) {
  const own = /\.(\d*?)0*$/.exec(String(text))?.[1]?.length ?? 0;
  const digits = Math.min(20, Math.max(least, own));
  return new Intl.NumberFormat(locale, { minimumFractionDigits: least, maximumFractionDigits: digits }).format(
    String(text),
  );
}

function minorDigits(currency) {
  try {
    return new Intl.NumberFormat(locale, { style: 'currency', currency }).resolvedOptions().maximumFractionDigits ?? 2;
  } catch {
    return 2;
  }
}

/** `261.96 USD`, exact: some prices have more digits than the currency. */
export const money = (amount, currency) => `${decimal(amount, minorDigits(currency))} ${currency}`;

/** Rounded to what the currency has, for sums at a glance; the exact one belongs beside it. */
export function roundMoney(amount, currency) {
  const digits = minorDigits(currency);
  return `${number(String(amount), { minimumFractionDigits: digits, maximumFractionDigits: digits })} ${currency}`;
}

const UNITS = [
  ['day', 86_400_000],
  ['hour', 3_600_000],
  ['minute', 60_000],
  ['second', 1000],
];

/** The two largest units: `2 days, 3 hr`; short ones too: `45 sec`. */
export function duration(ms) {
  if (ms === null || ms === undefined || !Number.isFinite(Number(ms))) return '–';
  let rest = Math.round(Number(ms) / 1000) * 1000;
  const parts = [];
  for (const [unit, size] of UNITS) {
    const count = Math.floor(rest / size);
    rest -= count * size;
    if (count > 0) parts.push(number(count, { style: 'unit', unit, unitDisplay: 'short' }));
    else if (parts.length > 0) break;
    if (parts.length === 2) break;
  }
  return parts.join(' ') || number(0, { style: 'unit', unit: 'second', unitDisplay: 'short' });
}

export const plural = (count, one, many = `${one}s`) => `${number(count)} ${Number(count) === 1 ? one : many}`;

/** `at-risk`, `newsletterOpened` → `At risk`, `Newsletter opened` */
export function words(name) {
  const text = String(name ?? '')
    .replaceAll(/([a-z])([A-Z])/g, (_, before, after) => `${before} ${after.toLowerCase()}`)
    .replaceAll(/[-_]+/g, ' ')
    .trim();
  return text.charAt(0).toUpperCase() + text.slice(1);
}
