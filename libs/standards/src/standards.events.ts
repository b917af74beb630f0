/**
 * The facts about standards: `standard-{field}` holds the versions of one, `standards` which fields have any, so that
 * both are read without a search through the log. Nothing here is about a customer.
 */
import type { Fact } from '@timeline/kernel';
import type { Rule } from './rules/rule.js';

/** No rules: the field is held to nothing from then on. `from`: the instant from which it is in force. */
export type StandardEvent = Fact<
  'StandardPublished',
  { field: string; version: number; rules: readonly Rule[]; from: string }
>;

/** A standard for the field is about to be published. */
export type StandardFieldEvent = Fact<'StandardFieldNamed', { field: string }>;
