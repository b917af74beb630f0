/**
 * The timeline: one document per event and customer, in the order in which things happened. Facts of all slices, with
 * what a reader needs; technical facts (claims, erasure) are not shown.
 */
import { customersOf, defined, type Fact, type Recorded } from '@timeline/kernel';
import { customerOwner, type Projection } from '@timeline/projecting';
import type { CustomerEvent } from '../../../customers/src/customers.events.js';
import type { FieldReviewEvent } from '../../../customers/src/freshness.events.js';
import type { FeedbackEvent } from '../../../feedback/src/feedback.events.js';
import type { InteractionEvent } from '../../../interactions/src/interactions.events.js';
import type { LoyaltyEvent } from '../../../loyalty/src/loyalty.events.js';
import type { MergeEvent } from '../../../merging/src/merging.events.js';
import type { PurchaseEvent } from '../../../purchases/src/purchases.events.js';
import type { SegmentEvent } from '../../../segments/src/segments.events.js';
import type { SurveyAnswerEvent } from '../../../surveys/src/surveys.events.js';
import { entryWords } from './entry-words.js';

type Technical = 'CustomerErased' | 'CustomerErasureCarriedOut' | 'CustomerErasureCertified' | 'IdentityClaimLapsed';

export type TimelineFact =
  | Exclude<CustomerEvent, { type: Technical }>
  | FieldReviewEvent
  | InteractionEvent
  | PurchaseEvent
  | FeedbackEvent
  | SurveyAnswerEvent
  | LoyaltyEvent
  | MergeEvent
  | SegmentEvent;

/** Complete by type: a new fact of a slice does not compile until it is named here or among the technical ones. */
const TYPES: Record<TimelineFact['type'], true> = {
  CustomerRegistered: true,
  CustomerUpdated: true,
  CustomerIdentityAdded: true,
  CustomerIdentityRemoved: true,
  CustomerConsentChanged: true,
  CustomerPreferencesChanged: true,
  CustomerLifecycleStageChanged: true,
  CustomerJoinedCompany: true,
  CustomerLeftCompany: true,
  CustomerFieldVerified: true,
  CustomerFieldsRetracted: true,
  CustomerRegistrationWithdrawn: true,
  EnrichmentProposed: true,
  EnrichmentAccepted: true,
  EnrichmentRejected: true,
  FieldReviewDue: true,
  FieldReviewTaskOpened: true,
  FieldReviewEscalated: true,
  InteractionRecorded: true,
  PurchaseRecorded: true,
  PurchaseReturned: true,
  PurchaseCancelled: true,
  FeedbackCaseOpened: true,
  FeedbackClassified: true,
  FeedbackAssigned: true,
  FeedbackResponded: true,
  FeedbackResolved: true,
  FeedbackRated: true,
  FeedbackReopened: true,
  SurveyAnswered: true,
  PointsEarned: true,
  PointsSpent: true,
  CustomersMerged: true,
  CustomersUnmerged: true,
  SegmentEntered: true,
  SegmentLeft: true,
};
// The record's keys are exactly the union's members.
export const TIMELINE_TYPES = Object.keys(TYPES) as TimelineFact['type'][];

export interface TimelineEntry {
  /** The event's id. */
  id: string;
  customerId: string;
  type: TimelineFact['type'];
  /** `occurredAt`. */
  at: string;
  recordedAt: string;
  position: string;
  channel?: string;
  actor: string;
  source?: string;
  correlationId: string;
  /** The command behind it, or what that command names as its cause. */
  causationId: string;
  data: Record<string, unknown>;
  /** Gone with the customer's key. */
  personal?: object;
}

export function entryOf(event: Recorded<TimelineFact>, customerId: string): TimelineEntry {
  const { metadata } = event;
  const channel = metadata.channel ?? ('channel' in event.data ? event.data.channel : undefined);
  return defined({
    id: event.id,
    customerId,
    type: event.type,
    at: metadata.occurredAt,
    recordedAt: event.recordedAt,
    position: event.position,
    channel,
    actor: metadata.actor,
    source: metadata.source,
    correlationId: metadata.correlationId,
    causationId: metadata.causationId,
    // Only machines need the hash.
    data: defined({ ...event.data, payloadHash: undefined }),
    personal: event.personal && shown(event),
  });
}

/** Hashes and claims of identities are for the machinery. */
function shown(event: Recorded<TimelineFact>): object {
  switch (event.type) {
    case 'CustomerRegistered':
      return event.personal
        ? {
            ...event.personal,
            identities: event.personal.identities.map(({ hash: _h, claim: _c, also: _a, ...identity }) => identity),
          }
        : {};
    case 'CustomerFieldVerified':
      return event.personal ? { value: event.personal.value } : {};
    case 'CustomerIdentityAdded':
    case 'CustomerIdentityRemoved': {
      if (!event.personal) return {};
      const { hash: _h, claim: _c, also: _a, ...identity } = event.personal.identity;
      return { identity };
    }
    default:
      return event.personal ?? {};
  }
}

/** As it is kept: with the words that it is found by, and whether its command names another cause than itself. */
export type KeptEntry = TimelineEntry & { words: string[]; isCaused?: true };

export const timelineKey = (customerId: string, eventId: string): string => `${customerId}/${eventId}`;

export const timelineProjection: Projection<KeptEntry, Fact> = {
  name: 'timeline',
  version: 5,
  handles: TIMELINE_TYPES,
  indexes: [
    { name: 'page', key: { customerId: 1, at: 1, position: 1 } },
    // For folds of one customer's past, in the order of the log.
    { name: 'log', key: { customerId: 1, position: 1 } },
  ],
  appendOnly: true,
  keysBeginWithOwner: true,
  keys: (event) =>
    customersOf(event).map((customerId) => ({
      key: timelineKey(customerId, event.id),
      owner: customerOwner(customerId),
    })),
  evolve: (_doc, event, key) => {
    // The runner hands over only the types handled, which are those of TimelineFact.
    const entry = entryOf(event as Recorded<TimelineFact>, key.slice(0, key.indexOf('/')));
    const words = entryWords(event);
    const isCaused = event.metadata.causationId !== event.metadata.commandId;
    return isCaused ? { isCaused, words, ...entry } : { words, ...entry };
  },
};
