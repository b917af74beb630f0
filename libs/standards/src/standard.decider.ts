/** The versions of one field's standard. A version never changes; the latest whose time has come is in force,
 * so that one which is published before the time of the version before it takes that one's place. */
import { canonicalJson, DomainError, type Decider } from '@timeline/kernel';
import { definitionFaults } from './rules/definition-faults.js';
import type { Rule, Standard } from './rules/rule.js';
import type { StandardEvent, StandardFieldEvent } from './standards.events.js';

export const standardStream = (field: string): string => `standard-${field}`;
export const FIELDS_STREAM = 'standards';

export interface PublishStandard {
  field: string;
  rules: readonly Rule[];
  /** Now where absent. */
  from?: string;
}

export const standardDecider: Decider<readonly Standard[], PublishStandard, StandardEvent> = {
  initialState: [],
  evolve: (versions, { data }) => [...versions, data],
  decide({ field, rules, from }, versions, { now }) {
    const last = versions.at(-1);
    const isSame = last && canonicalJson(last.rules) === canonicalJson(rules);
    // Rules that hold only later do not hold already.
    if (isSame && (from === undefined ? last.from <= now : from === last.from)) return [];
    assertRules(field, rules);
    const begins = from ?? now;
    // What was accepted before stays accepted: a standard does not reach back.
    if (begins < now) {
      throw new DomainError('STANDARD_FROM_IN_PAST', 'a standard holds from now or from later on, not from before', {
        pointer: '/from',
      });
    }
    return [{ type: 'StandardPublished', data: { field, version: versions.length + 1, rules, from: begins } }];
  },
  customerOf: () => undefined,
};

export const fieldsDecider: Decider<readonly string[], { field: string }, StandardFieldEvent> = {
  initialState: [],
  evolve: (fields, { data }) => [...fields, data.field],
  decide: ({ field }, fields) => (fields.includes(field) ? [] : [{ type: 'StandardFieldNamed', data: { field } }]),
  customerOf: () => undefined,
};

/** All that is wrong at once. @throws DomainError RULES_WRONG */
export function assertRules(field: string, rules: readonly Rule[]): void {
  const errors = definitionFaults(field, rules).map(({ pointer, message }) => ({
    pointer: `/rules${pointer}`,
    code: 'RULE_WRONG',
    message,
  }));
  const [first] = errors;
  if (!first) return;
  const more = errors.length > 1 ? ` (and ${errors.length - 1} more)` : '';
  throw new DomainError('RULES_WRONG', `${first.pointer} ${first.message}${more}`, { pointer: first.pointer, errors });
}
