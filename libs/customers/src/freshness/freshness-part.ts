/**
 * How fresh the values of a customer are, from the same facts and by the same rules as the profile: who said what when
 * and who made sure, without the values themselves. A part per source customer. Of merged customers the value counts that
 * the profile shows; it is reviewed under the customer who has it, who alone can verify it.
 */
import type { Instant, Position } from '@timeline/kernel';
import { oncePerGroup } from '@timeline/projecting';
import { openMerges, survivorOf, type Grouped } from '../../../merging/src/merging.events.js';
import { SEGMENT_IDS, type SegmentId } from '../../../segments/src/segments.events.js';
import type { Heard } from '../candidates.js';
import type { Identity } from '../customers.events.js';
import { REVIEWED_FIELDS, TIER_TRAIT, type ReviewedField } from '../freshness.events.js';
import { onePrimary } from '../identities/held-identities.js';
import { inOrder, type IdentityOrigin } from '../projections/profile-part.js';
import { survivingValues } from '../projections/survivorship.js';

export const REVIEW_STATES = ['reminder', 'task', 'escalation'] as const;

export interface Review {
  since: Instant;
  state: (typeof REVIEW_STATES)[number];
  dueAt: Instant;
  taskAt: Instant;
  escalateAt: Instant;
}

type ReviewedIdentity = Pick<Identity, 'kind' | 'hash' | 'primary'> & {
  since: Position;
  place: number;
  said: IdentityOrigin;
};

/** Candidates in `fields` hold which members a value has, or `true`, and `null` for none. */
export interface FreshnessPart extends Heard, Grouped {
  identities: ReviewedIdentity[];
  /** The last of each field. */
  reviews: Partial<Record<ReviewedField, Review>>;
  /** Facts about reviews so far. */
  recorded: number;
  /** Since when in which segment, as recorded. Absent: in none. */
  segments?: Partial<Record<SegmentId, Instant>>;
}

export const emptyFreshness: FreshnessPart = {
  fields: {},
  traits: {},
  consents: {},
  losing: {},
  identities: [],
  reviews: {},
  recorded: 0,
};

export interface Freshness {
  /** The customer. */
  subject: string;
  survivor: string;
  recorded: number;
  tier?: string;
  /** Those that were recorded of the customer, since when; all members of a group are in the same ones. */
  segments?: Partial<Record<SegmentId, Instant>>;
  /** Since when each value holds that is not in review. */
  due: Partial<Record<ReviewedField, Instant>>;
  /** The same once more for each segment: what an index can serve. */
  dueIn?: Partial<Record<SegmentId, Freshness['due']>>;
  /** The open reviews. */
  open: Partial<Record<ReviewedField, Review>>;
  /** Of the open reviews: when the first fell due, the furthest state, and when the next step is. */
  oldest?: Instant;
  state?: Review['state'];
  nextAt?: Instant;
}

type Parts = readonly { key: string; part: FreshnessPart }[];

interface HeldValue {
  /** The source customer who has it. */
  key: string;
  since: Instant;
}

const groupOf = oncePerGroup((parts: Parts) => {
  const merges = openMerges(parts);
  const { values: fields } = survivingValues(parts, (part) => part.fields, merges);
  const { values: traits } = survivingValues(parts, (part) => part.traits, merges);
  const held: Partial<Record<ReviewedField, HeldValue>> = {};
  for (const field of REVIEWED_FIELDS) {
    const value = fields[field];
    if (!value || value.value === null) continue;
    const owner = parts.find(({ part }) => part.fields[field]?.position === value.position);
    if (owner) held[field] = { key: owner.key, since: value.at };
  }
  const identities = parts
    .flatMap(({ key, part }) => part.identities.map((identity) => ({ ...identity, key })))
    .sort(inOrder);
  for (const { kind, primary, key, said } of onePrimary(identities)) {
    const field = REVIEWED_FIELDS.find((each) => each === kind);
    if (field && primary) held[field] = { key, since: said.at };
  }
  const tier = traits[TIER_TRAIT]?.value ?? undefined;
  return { held, survivor: survivorOf(parts), tier: tier === undefined ? undefined : String(tier) };
});

export function freshnessOf(key: string, parts: Parts): Freshness | undefined {
  const { held, survivor, tier } = groupOf(parts);
  const part = parts.find((each) => each.key === key)?.part;
  if (!part || survivor === undefined) return undefined;
  const due: Freshness['due'] = {};
  const open: Freshness['open'] = {};
  for (const field of REVIEWED_FIELDS) {
    const value = held[field];
    if (value?.key !== key) continue;
    const review = part.reviews[field];
    if (review?.since === value.since) open[field] = review;
    else due[field] = value.since;
  }
  return {
    subject: key,
    survivor,
    recorded: part.recorded,
    ...(tier !== undefined && { tier }),
    ...(part.segments && { segments: part.segments, dueIn: dueIn(part.segments, due) }),
    due,
    open,
    ...summaryOf(Object.values(open)),
  };
}

const dueIn = (segments: NonNullable<Freshness['segments']>, due: Freshness['due']): NonNullable<Freshness['dueIn']> =>
  Object.fromEntries(SEGMENT_IDS.flatMap((id) => (segments[id] === undefined ? [] : [[id, due]])));

const first = (instants: readonly Instant[]): Instant | undefined => [...instants].sort()[0];

function summaryOf(open: readonly Review[]): Pick<Freshness, 'oldest' | 'state' | 'nextAt'> {
  const oldest = first(open.map(({ dueAt }) => dueAt));
  const nextAt = first(open.flatMap((review) => nextStepAt(review) ?? []));
  const state = REVIEW_STATES.findLast((each) => open.some((review) => review.state === each));
  return {
    ...(oldest !== undefined && { oldest }),
    ...(state !== undefined && { state }),
    ...(nextAt !== undefined && { nextAt }),
  };
}

/** `undefined`: nothing comes after an escalation. */
export const nextStepAt = ({ state, taskAt, escalateAt }: Review): Instant | undefined =>
  state === 'reminder' ? taskAt : state === 'task' ? escalateAt : undefined;
