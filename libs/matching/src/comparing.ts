/**
 * Two records, field by field: how far each agrees. A level is a word, not a number, so that it can be shown and counted.
 * A field that either record leaves out says nothing.
 */
import type { Features } from './features.js';
import { compareNames, NAME_LEVELS } from './names.js';
import { editDistance, jaroWinkler } from './text.js';

const { min } = Math;

/** The levels of each field, best first. */
export const FIELDS = {
  given: NAME_LEVELS,
  family: NAME_LEVELS,
  birthDate: ['same', 'close', 'part', 'differs'],
  street: ['same', 'close', 'part', 'differs'],
  city: ['same', 'close', 'differs'],
  state: ['same', 'close', 'differs'],
  postcode: ['same', 'close', 'differs'],
  phone: ['same', 'close', 'differs'],
  email: ['same', 'close', 'differs'],
  id: ['same', 'close', 'differs'],
} as const satisfies Record<string, readonly string[]>;

export type Field = keyof typeof FIELDS;
export type Level = 'same' | 'spelled' | 'close' | 'part' | 'differs';
// The record's keys are the union's members.
export const FIELD_NAMES = Object.keys(FIELDS) as Field[];

export type Comparison = { [F in Field]?: (typeof FIELDS)[F][number] };

/** Symmetric. */
export function compareRecords(a: Features, b: Features): Comparison {
  const { given, family } = compareNames(a.name, b.name);
  const comparison: { [F in Field]: Comparison[F] | undefined } = {
    given,
    family,
    birthDate: compareDates(a.birth, b.birth),
    street: compareWords(a.address.street, b.address.street),
    city: comparePlaces(a.address.city, b.address.city),
    state: compareCodes(a.address.state, b.address.state, 1),
    postcode: compareCodes(a.address.postcode, b.address.postcode, 1),
    phone: best(a.phones, b.phones, comparePhones),
    email: best(a.emails, b.emails, compareEmails),
    id: best(a.ids, b.ids, compareIds),
  };
  // Only undefined ones are left out.
  return Object.fromEntries(Object.entries(comparison).filter(([, level]) => level !== undefined)) as Comparison;
}

type Coarse = 'same' | 'close' | 'differs';

function compareDates(a: string | undefined, b: string | undefined): 'part' | Coarse | undefined {
  if (a === undefined || b === undefined) return undefined;
  if (a === b) return 'same';
  if (editDistance(a, b, 1) <= 1 || dayFirst(a) === b) return 'close';
  const isPart = a.slice(0, 4) === b.slice(0, 4) || a.slice(4) === b.slice(4);
  return isPart || editDistance(a, b, 2) <= 2 ? 'part' : 'differs';
}

/** Day and month the other way round. */
const dayFirst = (date: string): string => date.slice(0, 4) + date.slice(6) + date.slice(4, 6);

/** The share of words that have a counterpart, with typing errors; numbers must be the same. */
function compareWords(a: readonly string[] | undefined, b: readonly string[] | undefined): 'part' | Coarse | undefined {
  if (!a || !b) return undefined;
  // Which one is matched against the other decides between equal matches; one order makes it symmetric.
  const [few, many] = a.length < b.length || (a.length === b.length && String(a) < String(b)) ? [a, b] : [b, a];
  const left = many.filter((word) => !few.includes(word));
  const exact = many.length - left.length;
  let alike = 0;
  for (const word of few) {
    const at = many.includes(word) ? -1 : left.findIndex((other) => isAlike(word, other));
    if (at < 0) continue;
    left.splice(at, 1);
    alike += 1;
  }
  if (exact === a.length && exact === b.length) return 'same';
  const share = (exact + alike) / (a.length + b.length - exact - alike);
  return share >= 0.6 ? 'close' : share >= 0.3 ? 'part' : 'differs';
}

const isAlike = (a: string, b: string): boolean =>
  !/\d/.test(a + b) && min(a.length, b.length) >= 3 && (editDistance(a, b, 1) <= 1 || jaroWinkler(a, b) >= 0.9);

function comparePlaces(a: string | undefined, b: string | undefined): Coarse | undefined {
  if (a === undefined || b === undefined) return undefined;
  if (a === b) return 'same';
  return editDistance(a, b, 2) <= min(2, min(a.length, b.length) / 4) || jaroWinkler(a, b) >= 0.9 ? 'close' : 'differs';
}

function compareCodes(a: string | undefined, b: string | undefined, errors: number): Coarse | undefined {
  if (a === undefined || b === undefined) return undefined;
  if (a === b) return 'same';
  return min(a.length, b.length) >= 2 && editDistance(a, b, errors) <= errors ? 'close' : 'differs';
}

/** With country code or without; one wrong digit. */
function comparePhones(a: string, b: string): Coarse {
  if (a === b) return 'same';
  const [short, long] = a.length < b.length ? [a, b] : [b, a];
  if (short.length >= 8 && long.endsWith(short)) return 'same';
  return short.length >= 7 && editDistance(a, b, 1) <= 1 ? 'close' : 'differs';
}

/** One typing error, or the same mailbox name at another provider. */
function compareEmails(a: string, b: string): Coarse {
  if (a === b) return 'same';
  const [x, y] = [a.slice(0, a.lastIndexOf('@')), b.slice(0, b.lastIndexOf('@'))];
  return (x === y && x.length >= 5) || editDistance(a, b, 1) <= 1 ? 'close' : 'differs';
}

/** Numbers of two systems have nothing to do with each other. */
function compareIds(a: string, b: string): Coarse | undefined {
  const [systemA, systemB] = [a.slice(0, a.indexOf(':')), b.slice(0, b.indexOf(':'))];
  if (systemA !== systemB) return undefined;
  if (a === b) return 'same';
  return min(a.length, b.length) - systemA.length > 5 && editDistance(a, b, 1) <= 1 ? 'close' : 'differs';
}

function best(
  a: readonly string[],
  b: readonly string[],
  compare: (a: string, b: string) => Coarse | undefined,
): Coarse | undefined {
  const levels = new Set(a.flatMap((one) => b.map((other) => compare(one, other))));
  return (['same', 'close', 'differs'] as const).find((level) => levels.has(level));
}
