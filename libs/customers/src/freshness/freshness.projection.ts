/**
 * How fresh each customer's values are, and which reviews are open: a part per source customer, a document per customer
 * derived from the group's. What is due is an index over instants: a policy is a range of it, so that neither a policy nor
 * a clock that moves touches a document.
 */
import { customerOwner, type Projection } from '@timeline/projecting';
import type { IndexSpec } from '@timeline/read-store';
import {
  isMergeEvent,
  linksOf,
  mergedCustomers,
  withMerge,
  type MergeEvent,
} from '../../../merging/src/merging.events.js';
import { SEGMENT_IDS, type SegmentEvent } from '../../../segments/src/segments.events.js';
import { hear, hearVerified, takeBack } from '../candidates.js';
import type { CustomerEvent, Identity } from '../customers.events.js';
import { REVIEWED_FIELDS, TIER_TRAIT, type FieldReviewEvent, type ReviewedField } from '../freshness.events.js';
import { withIdentity, withoutIdentity } from '../identities/held-identities.js';
import { changedIdentities, originOf, registeredIdentities } from '../projections/profile-part.js';
import { emptyFreshness, freshnessOf, type Freshness, type FreshnessPart, type Review } from './freshness-part.js';

type FreshnessFact =
  | Extract<
      CustomerEvent,
      {
        type:
          | 'CustomerRegistered'
          | 'CustomerUpdated'
          | 'CustomerIdentityAdded'
          | 'CustomerIdentityRemoved'
          | 'CustomerFieldVerified'
          | 'CustomerFieldsRetracted'
          | 'CustomerRegistrationWithdrawn';
      }
    >
  | FieldReviewEvent
  | MergeEvent
  | SegmentEvent;

const isReviewed = (name: string): name is ReviewedField => (REVIEWED_FIELDS as readonly string[]).includes(name);

export const freshnessProjection: Projection<FreshnessPart, FreshnessFact, Freshness> = {
  name: 'freshness',
  version: 3,
  handles: [
    'CustomerRegistered',
    'CustomerUpdated',
    'CustomerIdentityAdded',
    'CustomerIdentityRemoved',
    'CustomerFieldVerified',
    'CustomerFieldsRetracted',
    'CustomerRegistrationWithdrawn',
    'FieldReviewDue',
    'FieldReviewTaskOpened',
    'FieldReviewEscalated',
    'CustomersMerged',
    'CustomersUnmerged',
    'SegmentEntered',
    'SegmentLeft',
  ],
  keysBeginWithOwner: true,

  keys(event) {
    const { customerId } = event.metadata;
    const concerned = isMergeEvent(event) ? mergedCustomers(event) : customerId === undefined ? [] : [customerId];
    return concerned.map((key) => ({ key, owner: customerOwner(key) }));
  },

  evolve(part = emptyFreshness, event, key) {
    switch (event.type) {
      case 'CustomerRegistered': {
        const { identities = [], ...details } = event.personal ?? {};
        return {
          ...part,
          ...hear(part, { ...reviewed(details), ...tierIn(event.data.traits) }, event),
          identities: registeredIdentities(identities.map(known), event),
        };
      }
      case 'CustomerUpdated':
        return {
          ...part,
          ...hear(part, { ...reviewed(event.personal ?? {}), ...tierIn(event.data.traits ?? {}) }, event),
        };
      case 'CustomerIdentityAdded': {
        const identity = event.personal?.identity;
        if (!identity) return part;
        const identities = withIdentity<ReturnType<typeof known>>(part.identities, known(identity));
        return { ...part, identities: changedIdentities(part.identities, identities, event) };
      }
      case 'CustomerIdentityRemoved': {
        const hash = event.personal?.identity.hash;
        return hash === undefined ? part : { ...part, identities: withoutIdentity(part.identities, hash) };
      }
      case 'CustomerFieldVerified': {
        if (!event.personal) return part;
        const { value, hash } = event.personal;
        const { field, by, method } = event.data;
        if (hash !== undefined) {
          const said = { ...originOf(event), verified: { by, method } };
          return {
            ...part,
            identities: part.identities.map((each) => (each.hash === hash ? { ...each, said } : each)),
          };
        }
        const isTier = field === `traits.${TIER_TRAIT}`;
        if (!isTier && !isReviewed(field)) return part;
        return {
          ...part,
          ...hearVerified(part, { field, by, method, value: isTier ? value : outlineOf(value) }, event),
        };
      }
      case 'CustomerFieldsRetracted':
        return { ...part, ...takeBack(part, event.data.fields, event.data) };
      case 'CustomerRegistrationWithdrawn': {
        const { fields, traits, losing, identities } = emptyFreshness;
        // Facts about reviews stay counted, should somebody register it again.
        const isNothing = part.recorded === 0 && !part.edges;
        const { segments: _segments, ...rest } = part;
        return isNothing ? undefined : { ...rest, fields, traits, losing, identities };
      }
      case 'FieldReviewDue': {
        const { field, since, dueAt, taskAt, escalateAt } = event.data;
        return reviewedAnew(part, field, { since, state: 'reminder', dueAt, taskAt, escalateAt });
      }
      case 'FieldReviewTaskOpened':
      case 'FieldReviewEscalated': {
        const review = part.reviews[event.data.field];
        const state = event.type === 'FieldReviewEscalated' ? 'escalation' : 'task';
        return review
          ? reviewedAnew(part, event.data.field, { ...review, state })
          : { ...part, recorded: part.recorded + 1 };
      }
      case 'CustomersMerged':
      case 'CustomersUnmerged':
        return withMerge(part, event, key);
      case 'SegmentEntered':
        return { ...part, segments: { ...part.segments, [event.data.segment]: event.data.at } };
      case 'SegmentLeft': {
        const { segments: { [event.data.segment]: _left, ...segments } = {}, ...rest } = part;
        return Object.keys(segments).length === 0 ? rest : { ...rest, segments };
      }
      default:
        return event satisfies never;
    }
  },

  derivation: {
    indexes: [
      ...REVIEWED_FIELDS.flatMap((field): IndexSpec[] => [
        { name: `due-${field}`, key: { [`due.${field}`]: 1 }, sparse: true },
        { name: `tier-${field}`, key: { tier: 1, [`due.${field}`]: 1 } },
        ...SEGMENT_IDS.map((id) => ({
          name: `${id}-${field}`,
          key: { [`dueIn.${id}.${field}`]: 1 as const },
          sparse: true,
        })),
      ]),
      { name: 'next', key: { nextAt: 1 }, sparse: true },
      { name: 'oldest', key: { oldest: 1 }, sparse: true },
    ],
    links: linksOf,
    derive: freshnessOf,
  },
};

const reviewedAnew = (part: FreshnessPart, field: ReviewedField, review: Review): FreshnessPart => ({
  ...part,
  reviews: { ...part.reviews, [field]: review },
  recorded: part.recorded + 1,
});

const reviewed = (details: object): Record<string, unknown> =>
  Object.fromEntries(
    Object.entries(details).flatMap(([name, value]) =>
      isReviewed(name) && value !== undefined ? [[name, outlineOf(value)]] : [],
    ),
  );

/** That something was said, and in how many members, not what: of merged customers the more complete value may count. */
function outlineOf(value: unknown): unknown {
  if (value === null) return null;
  return typeof value === 'object'
    ? Object.fromEntries(Object.keys(value as object).map((name) => [name, true]))
    : true;
}

const tierIn = (traits: Readonly<Record<string, unknown>>): Record<string, unknown> =>
  Object.hasOwn(traits, TIER_TRAIT) ? { [`traits.${TIER_TRAIT}`]: traits[TIER_TRAIT] } : {};

const known = ({ kind, hash, primary }: Identity): Pick<Identity, 'kind' | 'hash' | 'primary'> => ({
  kind,
  hash,
  primary,
});
