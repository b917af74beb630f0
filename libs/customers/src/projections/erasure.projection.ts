/**
 * The register of erasures: which are still to be carried out or certified, and the certificates. A document per erased
 * customer; it holds no personal data and belongs to
 * a bucket, since it must outlive what the customer owned.
 */
import { toInstant, type CUSTOMER_ERASED, type Instant, type Position } from '@timeline/kernel';
import { bucketOf, type Projection } from '@timeline/projecting';
import { REACTION_INDEXES, type ReactionDocument } from '@timeline/reacting';
import type { CustomerEvent, ErasureCertificate } from '../customers.events.js';

/**
 * So long after a key was destroyed no process has it or is given it any more: one lifetime of the key caches
 * (`KEY_CACHE_LIFETIME_MS`), and beyond it what a replaced MongoDB primary that has not noticed still answers, and what
 * the clocks of two machines are apart.
 */
export const KEYS_GONE_AFTER_MS = 90_000;

export interface ErasureDocument extends ReactionDocument {
  /** Of the `CustomerErased`. */
  position: Position;
  erasedAt: Instant;
  /** Whose erasure took this customer too. */
  erasedWith?: string;
  carriedOutAt?: Instant;
  claimsReleased?: number;
  certifiedAt?: Instant;
  certificate?: ErasureCertificate;
}

export type CarriedOut = ErasureDocument & Required<Pick<ErasureDocument, 'carriedOutAt' | 'claimsReleased'>>;

export const isCarriedOut = (document: ErasureDocument): document is CarriedOut => document.carriedOutAt !== undefined;

export type ErasureEvent = Extract<
  CustomerEvent,
  { type: typeof CUSTOMER_ERASED | 'CustomerErasureCarriedOut' | 'CustomerErasureCertified' }
>;

export const erasureProjection: Projection<ErasureDocument, ErasureEvent, never> = {
  name: 'erasure',
  version: 3,
  handles: ['CustomerErased', 'CustomerErasureCarriedOut', 'CustomerErasureCertified'],
  indexes: REACTION_INDEXES,

  keys({ metadata: { customerId } }) {
    return customerId === undefined ? [] : [{ key: customerId, owner: `bucket:${bucketOf(customerId)}` }];
  },

  evolve(doc, event, key) {
    switch (event.type) {
      case 'CustomerErased': {
        const { erasedWith } = event.data;
        const { position, recordedAt: erasedAt } = event;
        return {
          subject: key,
          owed: true,
          recorded: 0,
          position,
          erasedAt,
          ...(erasedWith !== undefined && { erasedWith }),
        };
      }
      case 'CustomerErasureCarriedOut': {
        if (!doc) return undefined;
        return {
          ...doc,
          owed: false,
          recorded: 1,
          // The certificate: not before the last process has forgotten the keys.
          dueAt: toInstant(Date.parse(event.recordedAt) + KEYS_GONE_AFTER_MS),
          carriedOutAt: event.recordedAt,
          claimsReleased: event.data.claimsReleased,
        };
      }
      case 'CustomerErasureCertified': {
        if (!doc) return undefined;
        const { dueAt: _, ...rest } = doc;
        return { ...rest, owed: false, recorded: 2, certifiedAt: event.recordedAt, certificate: event.data };
      }
      default:
        return event satisfies never;
    }
  },
};
