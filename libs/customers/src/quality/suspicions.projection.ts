/** Whom each customer is suspected of being, and since when: a document per customer, there only where anybody is. */
import type { Instant } from '@timeline/kernel';
import { customerOwner, type Projection } from '@timeline/projecting';
import type { DuplicateEvent } from '../../../duplicates/src/duplicates.events.js';

export interface Suspicions {
  /** By customer. Without `to` it stands: a pair that was confirmed is one until it is merged. What was cleared or dismissed has one. */
  others: Record<string, { from: Instant; to?: Instant }>;
}

export const suspicionsProjection: Projection<Suspicions, DuplicateEvent, never> = {
  name: 'suspicions',
  version: 2,
  handles: ['DuplicateSuspected', 'DuplicateCleared', 'DuplicateDismissed', 'DuplicateConfirmed'],
  keysBeginWithOwner: true,
  keys: ({ data: { customers } }) => customers.map((key) => ({ key, owner: customerOwner(key) })),
  evolve(before = { others: {} }, { type, data: { customers }, metadata: { occurredAt } }, key) {
    const other = customers.find((each) => each !== key) ?? key;
    const { from = occurredAt, to } = Object.hasOwn(before.others, other) ? (before.others[other] ?? {}) : {};
    const isOver = type === 'DuplicateCleared' || type === 'DuplicateDismissed';
    const suspicion = isOver ? { from, to: to ?? occurredAt } : { from: to === undefined ? from : occurredAt };
    return { others: { ...before.others, [other]: suspicion } };
  },
};
