/**
 * What is still owed to claims of identities: one that nobody confirmed lapses when its time is up; one that is over on
 * its owner's side is to be released. A document per claim, the owner's own, there only while something is owed.
 */
import { toInstant, type Instant, type Recorded } from '@timeline/kernel';
import { customerOwner, type Projection } from '@timeline/projecting';
import { REACTION_INDEXES, type ReactionDocument } from '@timeline/reacting';
import type { CustomerEvent, IdentityEvent } from '../customers.events.js';
import { claimsOf } from '../identities/held-identities.js';

/** How long the owner's event may take after the claim. */
export const CLAIM_LIFETIME_MS = 60_000;

export interface ClaimDocument extends ReactionDocument {
  customerId: string;
  hash: string;
  /** Why it is to be released; absent while it may yet be confirmed. */
  ended?: 'removed' | 'lapsed';
  /** When the command that claimed says it happened. */
  claimedFor?: Instant;
}

export type ClaimEvent =
  | IdentityEvent
  | Extract<
      CustomerEvent,
      { type: 'CustomerRegistered' | 'CustomerIdentityAdded' | 'CustomerIdentityRemoved' | 'IdentityClaimLapsed' }
    >;

export const identityClaimsProjection: Projection<ClaimDocument, ClaimEvent, never> = {
  name: 'identity-claims',
  version: 1,
  handles: [
    'IdentityClaimed',
    'IdentityReleased',
    'CustomerRegistered',
    'CustomerIdentityAdded',
    'CustomerIdentityRemoved',
    'IdentityClaimLapsed',
  ],
  indexes: REACTION_INDEXES,

  keys(event) {
    const customerId = ownerOf(event);
    return customerId === undefined ? [] : claimsIn(event).map((key) => ({ key, owner: customerOwner(customerId) }));
  },

  evolve(doc, event, key) {
    switch (event.type) {
      case 'IdentityClaimed': {
        const { hash, claimedAt } = event.data;
        const { customerId, occurredAt } = event.personal ?? {};
        if (customerId === undefined) return doc;
        return {
          subject: key,
          customerId,
          hash,
          owed: false,
          dueAt: toInstant(Date.parse(claimedAt) + CLAIM_LIFETIME_MS),
          recorded: 0,
          ...(occurredAt !== undefined && { claimedFor: occurredAt }),
        };
      }
      case 'IdentityReleased':
      case 'CustomerRegistered':
      case 'CustomerIdentityAdded':
        return undefined;
      case 'CustomerIdentityRemoved': {
        const { identity } = event.personal ?? {};
        const { customerId } = event.metadata;
        if (!identity || customerId === undefined) return doc;
        const hash = claimsOf(identity).find(({ claim }) => claim === key)?.hash ?? identity.hash;
        return { subject: key, customerId, hash, owed: true, recorded: 0, ended: 'removed' };
      }
      case 'IdentityClaimLapsed': {
        if (!doc) return undefined;
        const { dueAt: _, ...lapsed } = doc;
        return { ...lapsed, owed: true, recorded: doc.recorded + 1, ended: 'lapsed' };
      }
      default:
        return event satisfies never;
    }
  },
};

/** Identity events tell it in `personal` only, so that it is gone with the owner's keys. */
const ownerOf = (event: Recorded<ClaimEvent>): string | undefined =>
  event.type === 'IdentityClaimed' || event.type === 'IdentityReleased'
    ? event.personal?.customerId
    : event.metadata.customerId;

function claimsIn(event: Recorded<ClaimEvent>): string[] {
  switch (event.type) {
    case 'IdentityClaimed':
      return [event.id];
    case 'IdentityReleased':
    case 'IdentityClaimLapsed':
      return [event.data.claim];
    case 'CustomerRegistered':
      return (event.personal?.identities ?? []).flatMap(claimsOf).map(({ claim }) => claim);
    case 'CustomerIdentityAdded':
    case 'CustomerIdentityRemoved':
      return event.personal ? claimsOf(event.personal.identity).map(({ claim }) => claim) : [];
    default:
      return event satisfies never;
  }
}
