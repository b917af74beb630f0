/**
 * Which erasures are still to be carried out. A document per erased customer; it holds no personal data and belongs to
 * a bucket, since it must outlive what the customer owned.
 */
import type { CUSTOMER_ERASED, Instant, Position } from '@timeline/kernel';
import { bucketOf, type Projection } from '@timeline/projecting';
import { REACTION_INDEXES, type ReactionDocument } from '@timeline/reacting';
import type { CustomerEvent } from '../customers.events.js';

export interface ErasureDocument extends ReactionDocument {
  /** Of the `CustomerErased`. */
  position: Position;
  erasedAt: Instant;
  carriedOutAt?: Instant;
  claimsReleased?: number;
}

export type ErasureEvent = Extract<CustomerEvent, { type: typeof CUSTOMER_ERASED | 'CustomerErasureCarriedOut' }>;

export const erasureProjection: Projection<ErasureDocument, ErasureEvent, never> = {
  name: 'erasure',
  version: 1,
  handles: ['CustomerErased', 'CustomerErasureCarriedOut'],
  indexes: REACTION_INDEXES,

  keys({ metadata: { customerId } }) {
    return customerId === undefined ? [] : [{ key: customerId, owner: `bucket:${bucketOf(customerId)}` }];
  },

  evolve(doc, event, key) {
    switch (event.type) {
      case 'CustomerErased':
        return { subject: key, owed: true, recorded: 0, position: event.position, erasedAt: event.recordedAt };
      case 'CustomerErasureCarriedOut': {
        if (!doc) return undefined;
        return {
          ...doc,
          owed: false,
          recorded: 1,
          carriedOutAt: event.recordedAt,
          claimsReleased: event.data.claimsReleased,
        };
      }
      default:
        return event satisfies never;
    }
  },
};
