/** The freshness policies that hold now, a document per field. They concern no customer, so they follow the log itself. */
import type { Instant } from '@timeline/kernel';
import type { Projection } from '@timeline/projecting';
import type { FreshnessPolicy, FreshnessPolicyEvent } from '../freshness.events.js';

export interface PolicyDocument extends FreshnessPolicy {
  setAt: Instant;
  /** Of the policy's stream: what `If-Match` asks for. */
  revision: number;
}

export const freshnessPoliciesProjection: Projection<PolicyDocument, FreshnessPolicyEvent> = {
  name: 'freshness-policies',
  version: 2,
  handles: ['FreshnessPolicySet', 'FreshnessPolicyEnded'],
  keys: ({ data: { field } }) => [{ key: field, owner: 'all' }],
  evolve: (_before, event) =>
    event.type === 'FreshnessPolicySet'
      ? { ...event.data, setAt: event.metadata.occurredAt, revision: event.revision }
      : undefined,
};
