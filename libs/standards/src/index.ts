/** Data standards: versioned rules that the values of a field are held to. */
export { isValid, refusalsOf } from './rules/refusals.js';
export type { CheckContext, Refusal, Rule, RuleKind, Standard } from './rules/rule.js';
