/**
 * How good a record is, from 0 to 100. Pure; of an instant, since values age. Version 1:
 *
 * - **completeness** (weight 35): fields filled / fields expected of a person or a company.
 * - **validity** (25): the mean over the filled fields of 1 where somebody verified the value or a check accepts it, ½ where
 *   nothing ever checked it, 0 where a check refuses it. A data standard is the check where there is one for the field; else
 *   what the product checks itself: identities are normalised, birth dates and languages are real ones.
 * - **freshness** (25): of the contact fields that are filled, those said or verified since so many days: as the freshness
 *   policy of the field says for the customer, 365 where there is none.
 * - **uniqueness** (15): 1 / (1 + other customers suspected of being this one).
 *
 * The score is the weighted mean of the parts; one that has nothing to look at (no field filled) is left out.
 */
import { addDays, type Instant } from '@timeline/kernel';
import type { CustomerKind } from '../customers.events.js';
import { TIER_TRAIT, type FreshnessPolicy } from '../freshness.events.js';
import { daysBy, type Kin } from '../freshness/policy.js';
import type { Profile } from '../projections/profile-document.js';

export const QUALITY_VERSION = 1;
export const WEIGHTS = { completeness: 35, validity: 25, freshness: 25, uniqueness: 15 } as const;
export type QualityPart = keyof typeof WEIGHTS;
export const QUALITY_PARTS = Object.keys(WEIGHTS) as QualityPart[];
/** How long a contact field is fresh where no policy says so. */
export const USUAL_FRESH_DAYS = 365;

export const CONTACT_FIELDS = ['address', 'email', 'phone', 'wechat'] as const;
export type ContactField = (typeof CONTACT_FIELDS)[number];
const OF_BOTH = ['name', 'address', 'language', 'region', 'email', 'phone'] as const;
const EXPECTED: Readonly<Record<CustomerKind, readonly string[]>> = {
  person: [...OF_BOTH, 'birthDate'],
  company: OF_BOTH,
};
const DETAILS = ['name', 'birthDate', 'address', 'language', 'region'] as const;
const IDENTITIES = ['email', 'phone', 'wechat'] as const;
export type QualityField = (typeof DETAILS)[number] | (typeof IDENTITIES)[number];

/** Fields whose values the product itself accepts only after a check. */
const CHECKED: ReadonlySet<string> = new Set<QualityField>(['birthDate', 'language', 'email', 'phone']);

/** Whether a standard accepts the value; `undefined`: there is none for the field. */
export type Check = (field: QualityField, value: unknown) => boolean | undefined;
type Policies = readonly Pick<FreshnessPolicy, 'field' | 'everyDays' | 'tiers' | 'segments'>[];

export interface KnownValue {
  field: QualityField;
  source: string;
  since: Instant;
  validity: 'verified' | 'accepted' | 'unchecked' | 'refused';
  /** Of contact fields. */
  fresh?: boolean;
}

export interface Quality {
  score: number;
  /** From 0 to 1; null where there is nothing to look at. */
  parts: Record<QualityPart, number | null>;
  /** Expected and not filled. */
  missing: string[];
}

/**
 * The values of a record that its quality is made of.
 * @param segments that policies name and the customer is in
 */
export function knownValues(
  profile: Profile,
  at: Instant,
  check: Check,
  policies: Policies,
  segments: Kin['segments'] = {},
): KnownValue[] {
  const primary = (kind: string) => profile.identities.find((each) => each.kind === kind && each.primary);
  const held = [
    ...DETAILS.map((field) => ({ field, value: profile[field] as unknown, said: profile.provenance[field] })),
    // As it was given, which is what a standard accepted.
    ...IDENTITIES.map((field) => ({ field, value: primary(field)?.given, said: primary(field)?.provenance })),
  ];
  const kin: Kin = {
    ...(Object.hasOwn(profile.traits, TIER_TRAIT) && { tier: String(profile.traits[TIER_TRAIT]) }),
    segments,
  };
  return held.flatMap(({ field, value, said }): KnownValue[] => {
    if (value === undefined || !said) return [];
    const fresh = isContact(field) && said.at > addDays(at, -freshDays(field, kin, policies));
    const validity = validityOf(check(field, value), said.verified !== undefined, CHECKED.has(field));
    return [{ field, source: said.source, since: said.at, validity, ...(isContact(field) && { fresh }) }];
  });
}

const isContact = (field: string): field is ContactField => (CONTACT_FIELDS as readonly string[]).includes(field);

function freshDays(field: ContactField, kin: Kin, policies: Policies): number {
  const policy = policies.find((each) => each.field === field);
  return (policy && daysBy(policy, kin)) ?? USUAL_FRESH_DAYS;
}

function validityOf(accepted: boolean | undefined, isVerified: boolean, isChecked: boolean): KnownValue['validity'] {
  if (accepted === false) return 'refused';
  if (isVerified) return 'verified';
  return accepted === true || isChecked ? 'accepted' : 'unchecked';
}

const WORTH: Readonly<Record<KnownValue['validity'], number>> = {
  verified: 1,
  accepted: 1,
  unchecked: 0.5,
  refused: 0,
};
const mean = (figures: readonly number[]): number | null =>
  figures.length === 0 ? null : figures.reduce((sum, figure) => sum + figure, 0) / figures.length;

/** @param suspects other customers suspected of being this one */
export function qualityOf(kind: CustomerKind, values: readonly KnownValue[], suspects: number): Quality {
  const filled = new Set<string>(values.map(({ field }) => field));
  const missing = EXPECTED[kind].filter((field) => !filled.has(field));
  const parts: Quality['parts'] = {
    completeness: (EXPECTED[kind].length - missing.length) / EXPECTED[kind].length,
    validity: mean(values.map(({ validity }) => WORTH[validity])),
    freshness: mean(values.flatMap(({ fresh }) => (fresh === undefined ? [] : [fresh ? 1 : 0]))),
    uniqueness: 1 / (1 + suspects),
  };
  let [sum, weights] = [0, 0];
  for (const part of QUALITY_PARTS) {
    const figure = parts[part];
    if (figure === null) continue;
    sum += WEIGHTS[part] * figure;
    weights += WEIGHTS[part];
  }
  return { score: (100 * sum) / weights, parts, missing };
}

/** The same record by who said what holds: each source with its own values only. */
export function qualityBySource(
  kind: CustomerKind,
  values: readonly KnownValue[],
  suspects: number,
): Map<string, Quality> {
  const sources = new Set(values.map(({ source }) => source));
  const own = (source: string): KnownValue[] => values.filter((value) => value.source === source);
  return new Map([...sources].map((source) => [source, qualityOf(kind, own(source), suspects)]));
}
