/** Is a value valid under these rules? Pure; what the value is of, and where it is kept, is the caller's to know. */
import type { CheckContext, Refusal, Rule } from './rule.js';
import { faultOf } from './rule-kinds.js';

/**
 * What the rules have against the value, all of it; none: it is valid. `undefined` and `null` are a value that is absent,
 * which only `required` refuses. A rule with `when` holds only where the other field is as it says.
 */
export function refusalsOf(value: unknown, rules: readonly Rule[], context: CheckContext): Refusal[] {
  const isAbsent = value === undefined || value === null || value === '';
  return rules.flatMap((rule, index) => {
    if (!applies(rule, context)) return [];
    const message = isAbsent ? (rule.kind === 'required' ? 'is required' : undefined) : faultOf(rule, value, context);
    if (message === undefined) return [];
    return [{ rule: rule.kind, index, code: rule.kind.replaceAll('-', '_').toUpperCase(), message }];
  });
}

export const isValid = (value: unknown, rules: readonly Rule[], context: CheckContext): boolean =>
  refusalsOf(value, rules, context).length === 0;

function applies({ when }: Rule, { valuesOf }: CheckContext): boolean {
  if (!when) return true;
  const values = valuesOf?.(when.field) ?? [];
  return when.in ? values.some((value) => when.in?.some((each) => each === value)) : values.length > 0;
}
