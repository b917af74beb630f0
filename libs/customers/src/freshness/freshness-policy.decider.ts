/** The policy of one field, the stream `freshness-{field}`. The same policy again writes nothing. */
import { canonicalJson, DomainError, type Decider } from '@timeline/kernel';
import type { FreshnessPolicy, FreshnessPolicyEvent, ReviewedField } from '../freshness.events.js';

export const policyStream = (field: ReviewedField): string => `freshness-${field}`;

export type PolicyCommand = { type: 'set'; policy: FreshnessPolicy } | { type: 'end'; field: ReviewedField };

export const freshnessPolicyDecider: Decider<FreshnessPolicy | undefined, PolicyCommand, FreshnessPolicyEvent> = {
  initialState: undefined,
  evolve: (_state, event) => (event.type === 'FreshnessPolicySet' ? event.data : undefined),
  decide(command, state) {
    if (command.type === 'set') {
      const isNews = !state || canonicalJson(state) !== canonicalJson(command.policy);
      return isNews ? [{ type: 'FreshnessPolicySet', data: command.policy }] : [];
    }
    if (!state) throw new DomainError('FRESHNESS_POLICY_NOT_FOUND', 'there is no policy for this field');
    return [{ type: 'FreshnessPolicyEnded', data: { field: command.field } }];
  },
  customerOf: () => undefined,
};
