/** How a version of a standard looks from outside. */
import { Field, Flag, Instant, ListOf, Whole } from '@timeline/http';
import { fieldName, rule } from '../commands/rule-types.js';
import type { Rule } from '../rules/rule.js';
import { inForceAt, type PublishedStandard } from '../standards-in-force.js';

/** What never changes of it. */
export class StandardVersion {
  @Field(fieldName)
  field: string;
  @Whole({ min: 1 })
  version: number;
  @ListOf(rule, { max: 50 })
  rules: readonly Rule[];
  @Instant()
  from: string;
  @Instant()
  publishedAt: string;
}

export class StandardView extends StandardVersion {
  /** Now. */
  @Flag()
  inForce: boolean;
}

/** All versions of one field. */
export const standardViews = (versions: readonly PublishedStandard[], now: string): StandardView[] => {
  const inForce = inForceAt(versions, now)?.version;
  return versions.map(({ field, version, rules, from, publishedAt }) => ({
    field,
    version,
    rules,
    from,
    publishedAt,
    inForce: version === inForce,
  }));
};
