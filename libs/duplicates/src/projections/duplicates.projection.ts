/** The review queue: every pair that was ever suspected, with what became of it. Ids only; what is shown of the customers
 * is read from their own documents, so that a pair with an erased customer is not shown any more. */
import type { Instant, Position } from '@timeline/kernel';
import { customerOwner, type Projection } from '@timeline/projecting';
import type { DuplicateEvent, Pair } from '../duplicates.events.js';

export const DUPLICATE_STATUSES = ['suspected', 'cleared', 'dismissed', 'confirmed'] as const;
export type DuplicateStatus = (typeof DUPLICATE_STATUSES)[number];

export interface DuplicateDocument {
  pairId: string;
  customers: Pair;
  /** The greater id: what the pairs of a customer are found by that `pairId` does not begin with. */
  second: string;
  status: DuplicateStatus;
  probability: number;
  namesakes: number;
  model: string;
  asOf: [Position, Position];
  suspectedAt: Instant;
  /** Position of the suspicion. */
  raised: Position;
  clearedAt?: Instant;
  decidedAt?: Instant;
  decidedBy?: string;
  reason?: string;
  survivor?: string;
  /** Of the pair's stream: what `If-Match` asks for. */
  revision: number;
}

export const duplicatesProjection: Projection<DuplicateDocument, DuplicateEvent, never> = {
  name: 'duplicates',
  version: 2,
  handles: ['DuplicateSuspected', 'DuplicateCleared', 'DuplicateDismissed', 'DuplicateConfirmed'],
  indexes: [
    { name: 'queue', key: { status: 1, probability: -1, _id: 1 } },
    { name: 'second', key: { second: 1 } },
    { name: 'raised', key: { status: 1, raised: 1 } },
  ],

  keys: ({ data: { pairId, customers } }) => [{ key: pairId, owner: customerOwner(customers[0]) }],

  evolve(doc, event) {
    const { occurredAt, actor } = event.metadata;
    switch (event.type) {
      case 'DuplicateSuspected': {
        const { pairId, customers, probability, namesakes, model, asOf } = event.data;
        return {
          pairId,
          customers,
          second: customers[1],
          status: 'suspected',
          probability,
          namesakes,
          model,
          asOf,
          suspectedAt: occurredAt,
          raised: event.position,
          revision: event.revision,
        };
      }
      case 'DuplicateCleared':
        return doc && { ...doc, status: 'cleared', clearedAt: occurredAt, revision: event.revision };
      case 'DuplicateDismissed':
      case 'DuplicateConfirmed': {
        if (!doc) return undefined;
        const { reason } = event.data;
        const survivor = event.type === 'DuplicateConfirmed' ? event.data.survivor : undefined;
        return {
          ...doc,
          status: event.type === 'DuplicateConfirmed' ? 'confirmed' : 'dismissed',
          decidedAt: occurredAt,
          decidedBy: actor,
          ...(reason !== undefined && { reason }),
          ...(survivor !== undefined && { survivor }),
          revision: event.revision,
        };
      }
      default:
        return event satisfies never;
    }
  },
};
