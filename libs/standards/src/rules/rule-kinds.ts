/**
 * The kinds of rules: the 27 that HubSpot's property validations have (named in `hubspot`), and those of our own. Each
 * answers what is wrong with a value that is there; one that is absent is refused by `required` alone.
 */
import { isPlainDate, readInstant, toInstant } from '@timeline/kernel';
import type { CheckContext, RuleKind, RuleOf } from './rule.js';
import { callingCodeOf, domainOf, emailDomainOf, hasCallingCodeOf, isWithin, webHostOf } from './addresses.js';
import { creditCodeFault, mobileFault, postalCodeFault, residentIdFault } from './chinese-identifiers.js';
import { DAYS } from './rule.js';
import { plusDuration } from './days.js';
import { isFound } from './patterns.js';

/** What a rule is about; a value that is none is refused by it. `any`: of whatever type. */
export type RuleMatter = 'text' | 'number' | 'date' | 'instant' | 'date-or-instant' | 'any';

interface KindOf<Kind extends RuleKind> {
  of: RuleMatter;
  hubspot?: string;
  /** `value` is of the rule's matter: a text, a number (of which `text` is how it is written), a day, an instant in UTC. */
  fault: (value: Value, rule: RuleOf<Kind>, context: CheckContext) => string | undefined;
}

interface Value {
  text: string;
  number: number;
  /** As it came. */
  given: unknown;
}

const isWrong = (condition: boolean, message: string): string | undefined => (condition ? message : undefined);
const LETTERS = '\\p{L}\\p{M}';
const CHARACTERS = {
  letters: [new RegExp(`^[${LETTERS}]*$`, 'u'), 'letters'],
  digits: [/^\p{Nd}*$/u, 'digits'],
  'letters-and-digits': [new RegExp(`^[${LETTERS}\\p{Nd}]*$`, 'u'), 'letters and digits'],
} as const;
const lengthOf = (text: string): number => [...text].length;
/** Every word begins with a capital letter, where its script has such. */
const isCapitalised = (text: string): boolean => !/(?<![\p{L}\p{M}\p{N}'’])\p{Ll}/u.test(text);
const listed = (words: readonly unknown[]): string => words.join(', ');

type Distance = { atLeast?: string; atMost?: string };

/** `sign`: 1 after now, -1 before. Of days only the day counts. */
function distanceFault(value: string, { atLeast, atMost }: Distance, sign: 1 | -1, now: string): string | undefined {
  const cut = (instant: string): string => instant.slice(0, value.length);
  const isShort = (limit: string): boolean => (sign === 1 ? value < limit : value > limit);
  const isFar = (limit: string): boolean => (sign === 1 ? value > limit : value < limit);
  const direction = sign === 1 ? 'after' : 'before';
  const what = value.length === 10 ? 'today' : 'now';
  if (atLeast !== undefined && isShort(cut(plusDuration(now, atLeast, sign))))
    return `must be at least ${atLeast} ${direction} ${what}`;
  if (atMost !== undefined && isFar(cut(plusDuration(now, atMost, sign))))
    return `must be at most ${atMost} ${direction} ${what}`;
  return undefined;
}

const SIGNS: Record<RuleOf<'compare'>['is'], [holds: (order: number) => boolean, words: string]> = {
  equal: [(order) => order === 0, 'the same as'],
  different: [(order) => order !== 0, 'different from'],
  less: [(order) => order < 0, 'less (earlier) than'],
  'at-most': [(order) => order <= 0, 'at most (not after)'],
  greater: [(order) => order > 0, 'greater (later) than'],
  'at-least': [(order) => order >= 0, 'at least (not before)'],
};

function orderOf(a: unknown, b: unknown): number {
  const [left, right] = [numberOf(a), numberOf(b)];
  if (left !== undefined && right !== undefined) return left - right;
  const texts = [String(a), String(b)] as const;
  return texts[0] < texts[1] ? -1 : texts[0] > texts[1] ? 1 : 0;
}

// prettier-ignore
export const RULE_KINDS: { [Kind in RuleKind]: KindOf<Kind> } = {
  // Text.
  format: { of: 'text', hubspot: 'FORMAT', fault: ({ text }, rule) => {
    if (rule.case === 'upper') return isWrong(text !== text.toUpperCase(), 'must be written in capital letters');
    if (rule.case === 'lower') return isWrong(text !== text.toLowerCase(), 'must be written in small letters');
    return isWrong(!isCapitalised(text), 'must begin every word with a capital letter');
  } },
  'min-length': { of: 'text', hubspot: 'MIN_LENGTH', fault: ({ text }, { min }) =>
    isWrong(lengthOf(text) < min, `must have at least ${min} characters`) },
  'max-length': { of: 'text', hubspot: 'MAX_LENGTH', fault: ({ text }, { max }) =>
    isWrong(lengthOf(text) > max, `must have at most ${max} characters`) },
  alphanumeric: { of: 'text', hubspot: 'ALPHANUMERIC', fault: ({ text }, { allowed }) =>
    isWrong(!CHARACTERS[allowed][0].test(text), `must consist of ${CHARACTERS[allowed][1]} only`) },
  'special-characters': { of: 'text', hubspot: 'SPECIAL_CHARACTERS', fault: ({ text }) =>
    isWrong(/[^\p{L}\p{M}\p{N}\s]/u.test(text), 'must hold no special characters: letters, digits and blanks only') },
  whitespace: { of: 'text', hubspot: 'WHITESPACE', fault: ({ text }, { where }) => where === 'ends'
    ? isWrong(text !== text.trim(), 'must not begin or end with a blank')
    : isWrong(/\s/.test(text), 'must hold no blanks') },
  regex: { of: 'text', hubspot: 'REGEX', fault: ({ text }, { pattern, message }) =>
    isWrong(!isFound(pattern, text), message ?? `must match ${pattern}`) },
  domain: { of: 'text', hubspot: 'DOMAIN', fault: ({ text }) =>
    isWrong(domainOf(text) === undefined, 'must be a domain, such as example.com') },
  email: { of: 'text', hubspot: 'EMAIL', fault: ({ text }) =>
    isWrong(emailDomainOf(text) === undefined, 'must be an e-mail address, such as name@example.com') },
  'email-allowed-domains': { of: 'text', hubspot: 'EMAIL_ALLOWED_DOMAINS', fault: ({ text }, { domains }) =>
    isWrong(!isWithin(emailDomainOf(text) ?? '', domains), `must be an e-mail address of ${listed(domains)}`) },
  'email-blocked-domains': { of: 'text', hubspot: 'EMAIL_BLOCKED_DOMAINS', fault: ({ text }, { domains }) =>
    isWrong(isWithin(emailDomainOf(text) ?? '', domains), 'is an e-mail address of a domain that is not taken') },
  url: { of: 'text', hubspot: 'URL', fault: ({ text }) =>
    isWrong(webHostOf(text) === undefined, 'must be an address on the web, such as https://example.com') },
  'url-allowed-domains': { of: 'text', hubspot: 'URL_ALLOWED_DOMAINS', fault: ({ text }, { domains }) =>
    isWrong(!isWithin(webHostOf(text) ?? '', domains), `must be an address on the web of ${listed(domains)}`) },
  'url-blocked-domains': { of: 'text', hubspot: 'URL_BLOCKED_DOMAINS', fault: ({ text }, { domains }) =>
    isWrong(isWithin(webHostOf(text) ?? '', domains), 'is an address on the web of a domain that is not taken') },
  'phone-country-code': { of: 'text', hubspot: 'PHONE_NUMBER_WITH_EXPLICIT_COUNTRY_CODE', fault: ({ text }, { countries }) => {
    const code = callingCodeOf(text);
    if (code === undefined) return 'must be a phone number with its country code, such as +8613800138000';
    return isWrong(countries !== undefined && !hasCallingCodeOf(code, countries),
      `must have the country code of ${listed(countries ?? [])}`);
  } },

  // Numbers. A text that is written as one is one: files know nothing but text.
  'min-number': { of: 'number', hubspot: 'MIN_NUMBER', fault: ({ number }, { min }) =>
    isWrong(number < min, `must be at least ${min}`) },
  'max-number': { of: 'number', hubspot: 'MAX_NUMBER', fault: ({ number }, { max }) =>
    isWrong(number > max, `must be at most ${max}`) },
  decimal: { of: 'number', hubspot: 'DECIMAL', fault: ({ text }, { places }) =>
    isWrong(placesOf(text) > places, `must have at most ${places} digits after the point`) },

  // Days, and instants. Durations count from now; days are those of UTC.
  'start-date': { of: 'date', hubspot: 'START_DATE', fault: ({ text }, { date }) =>
    isWrong(text < date, `must not be before ${date}`) },
  'end-date': { of: 'date', hubspot: 'END_DATE', fault: ({ text }, { date }) =>
    isWrong(text > date, `must not be after ${date}`) },
  'before-duration': { of: 'date', hubspot: 'BEFORE_DURATION', fault: ({ text }, rule, { now }) =>
    distanceFault(text, rule, -1, now) },
  'after-duration': { of: 'date', hubspot: 'AFTER_DURATION', fault: ({ text }, rule, { now }) =>
    distanceFault(text, rule, 1, now) },
  'start-datetime': { of: 'instant', hubspot: 'START_DATETIME', fault: ({ text }, { at }) =>
    isWrong(text < at, `must not be before ${at}`) },
  'end-datetime': { of: 'instant', hubspot: 'END_DATETIME', fault: ({ text }, { at }) =>
    isWrong(text > at, `must not be after ${at}`) },
  'before-datetime-duration': { of: 'instant', hubspot: 'BEFORE_DATETIME_DURATION', fault: ({ text }, rule, { now }) =>
    distanceFault(text, rule, -1, now) },
  'after-datetime-duration': { of: 'instant', hubspot: 'AFTER_DATETIME_DURATION', fault: ({ text }, rule, { now }) =>
    distanceFault(text, rule, 1, now) },
  'days-of-week': { of: 'date-or-instant', hubspot: 'DAYS_OF_WEEK', fault: ({ text }, { days }) => {
    // Monday is the first of ours, Sunday of `Date`.
    const day = DAYS[(new Date(text).getUTCDay() + 6) % 7];
    return isWrong(!days.some((each) => each === day), `must be a ${days.join(' or a ')}`);
  } },

  // Of our own.
  required: { of: 'any', fault: () => undefined },
  /** Kept by the identities themselves, which have one owner each; only fields that are identities can have it. */
  unique: { of: 'any', fault: () => undefined },
  'one-of': { of: 'any', fault: ({ given }, { values }) =>
    isWrong(!values.some((each) => each === given), `must be one of ${listed(values)}`) },
  compare: { of: 'any', fault: ({ given }, { is, field }, { valuesOf }) => {
    const [holds, words] = SIGNS[is];
    const [other] = valuesOf?.(field) ?? [];
    return isWrong(other !== undefined && !holds(orderOf(given, other)), `must be ${words} ${field}`);
  } },
  'cn-mobile': { of: 'text', fault: ({ text }) => mobileFault(text) },
  'cn-credit-code': { of: 'text', fault: ({ text }) => creditCodeFault(text) },
  'cn-resident-id': { of: 'text', fault: ({ text }, { birthDate }, { now, valuesOf }) => {
    const [known] = birthDate ? (valuesOf?.('birthDate') ?? []) : [];
    return residentIdFault(text, now, typeof known === 'string' ? known : undefined);
  } },
  'cn-postal-code': { of: 'text', fault: ({ text }) => postalCodeFault(text) },
};

const MUST_BE: Record<Exclude<RuleMatter, 'any'>, string> = {
  text: 'must be text',
  number: 'must be a number',
  date: 'must be a day, such as 2024-02-29',
  instant: 'must be an instant, such as 2024-02-29T13:45:00Z',
  'date-or-instant': 'must be a day or an instant, such as 2024-02-29 or 2024-02-29T13:45:00Z',
};

/** What the rule has against a value that is there. */
export function faultOf<Kind extends RuleKind>(
  rule: RuleOf<Kind>,
  given: unknown,
  context: CheckContext,
): string | undefined {
  const kind: KindOf<Kind> = RULE_KINDS[rule.kind];
  const value = valueAs(kind.of, given);
  if (value) return kind.fault({ given, ...value }, rule, context);
  return kind.of === 'any' ? undefined : MUST_BE[kind.of];
}

function valueAs(of: RuleMatter, given: unknown): Omit<Value, 'given'> | undefined {
  const text = typeof given === 'string' ? given : undefined;
  const as = (read: string | undefined): Omit<Value, 'given'> | undefined =>
    read === undefined ? undefined : { text: read, number: NaN };
  switch (of) {
    case 'any':
      return { text: String(given), number: NaN };
    case 'text':
      return as(text);
    case 'number': {
      const number = numberOf(given);
      return number === undefined ? undefined : { text: String(given), number };
    }
    case 'date':
      return as(text !== undefined && isPlainDate(text) ? text : undefined);
    case 'instant': {
      const at = readInstant(text ?? '');
      return as(Number.isNaN(at) ? undefined : toInstant(at));
    }
    case 'date-or-instant':
      return valueAs('date', given) ?? valueAs('instant', given);
    default:
      return of satisfies never;
  }
}

function numberOf(given: unknown): number | undefined {
  if (typeof given === 'number') return Number.isFinite(given) ? given : undefined;
  return typeof given === 'string' && /^-?\d{1,18}(?:\.\d{1,20})?$/.test(given) ? Number(given) : undefined;
}

/** Digits after the point of a number as it is written, `1e-7` among them. */
function placesOf(text: string): number {
  const [digits = '', exponent = '0'] = text.toLowerCase().split('e');
  return Math.max(0, (digits.split('.')[1] ?? '').length - Number(exponent));
}
