/**
 * The rules that a value can be held to, as data: what is published, stored and checked is these. Which kinds there are,
 * and what each refuses, is the table in `rule-kinds.ts`.
 */

/** Holds the rule back unless the other field has one of these values (any, where `in` is absent). */
export interface Condition {
  field: string;
  in?: (string | number | boolean)[];
}

export const DAYS = ['monday', 'tuesday', 'wednesday', 'thursday', 'friday', 'saturday', 'sunday'] as const;
export const CASES = ['upper', 'lower', 'capitalised'] as const;
export const CHARACTERS = ['letters', 'digits', 'letters-and-digits'] as const;
export const COMPARISONS = ['equal', 'different', 'less', 'at-most', 'greater', 'at-least'] as const;

/** ISO 8601 durations, such as `P18Y`; with a time part (`PT12H`) only where an instant is checked. One at least. */
interface Distance {
  atLeast?: string;
  atMost?: string;
}

/** What each kind takes besides `kind` and `when`. */
export interface RuleParameters {
  format: { case: (typeof CASES)[number] };
  'min-length': { min: number };
  'max-length': { max: number };
  alphanumeric: { allowed: (typeof CHARACTERS)[number] };
  'special-characters': object;
  /** `ends`: only before and after the text; default nowhere at all. */
  whitespace: { where?: 'anywhere' | 'ends' };
  /** RE2; found anywhere in the text unless anchored. `message`: what the refusal says instead of the pattern. */
  regex: { pattern: string; message?: string };
  domain: object;
  email: object;
  /** A domain stands for what is below it too. */
  'email-allowed-domains': { domains: string[] };
  'email-blocked-domains': { domains: string[] };
  url: object;
  'url-allowed-domains': { domains: string[] };
  'url-blocked-domains': { domains: string[] };
  /** `countries`: ISO 3166-1 alpha-2. */
  'phone-country-code': { countries?: string[] };
  'min-number': { min: number };
  'max-number': { max: number };
  decimal: { places: number };
  'start-date': { date: string };
  'end-date': { date: string };
  'before-duration': Distance;
  'after-duration': Distance;
  'start-datetime': { at: string };
  'end-datetime': { at: string };
  'before-datetime-duration': Distance;
  'after-datetime-duration': Distance;
  'days-of-week': { days: (typeof DAYS)[number][] };
  required: object;
  unique: object;
  'one-of': { values: (string | number | boolean)[] };
  compare: { is: (typeof COMPARISONS)[number]; field: string };
  'cn-mobile': object;
  'cn-credit-code': object;
  /** `birthDate`: the one in the id must be the customer's, where that is known. */
  'cn-resident-id': { birthDate?: boolean };
  'cn-postal-code': object;
}

export type RuleKind = keyof RuleParameters;
export type RuleOf<Kind extends RuleKind> = { kind: Kind; when?: Condition } & RuleParameters[Kind];
export type Rule = { [Kind in RuleKind]: RuleOf<Kind> }[RuleKind];

/** One field's rules from one moment on. Versions count from 1. */
export interface Standard {
  field: string;
  version: number;
  rules: readonly Rule[];
  /** Instant from which it is in force. */
  from: string;
}

export interface CheckContext {
  /** Instant; durations count from it, days are those of UTC. */
  now: string;
  /** The values of the same customer's other fields; without it, rules about other fields do not apply. */
  valuesOf?: (field: string) => readonly unknown[];
}

/** Why a value is not valid. Never holds the value. */
export interface Refusal {
  rule: RuleKind;
  /** Of the rule in its standard, from 0. */
  index: number;
  /** The rule in capitals, such as `CN_RESIDENT_ID`. */
  code: string;
  /** Goes on after the field's name: "must …". */
  message: string;
}

/** The other fields that a rule looks at. */
export function fieldsOf(rule: Rule): string[] {
  return [
    ...(rule.when ? [rule.when.field] : []),
    ...(rule.kind === 'compare' ? [rule.field] : []),
    ...(rule.kind === 'cn-resident-id' && rule.birthDate ? ['birthDate'] : []),
  ];
}
