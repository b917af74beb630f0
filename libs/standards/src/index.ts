/** Data standards: versioned rules that the values of a field are held to. */
import type { Slice } from '@timeline/composing';
import { publishStandard, PublishStandardHandler } from './commands/publish-standard.command.js';
import { CheckValueHandler } from './queries/check-value.query.js';
import { GetStandardHandler } from './queries/get-standard.query.js';
import { ListStandardsHandler } from './queries/list-standards.query.js';
import { StandardsCommandController, StandardsQueryController } from './standards.controller.js';
import { StandardsInForce } from './standards-in-force.js';

export const standardsSlice = {
  name: 'standards',
  commandTypes: [publishStandard],
  commandProviders: [StandardsInForce, PublishStandardHandler],
  commandControllers: [StandardsCommandController],
  queryProviders: [ListStandardsHandler, GetStandardHandler, CheckValueHandler],
  queryControllers: [StandardsQueryController],
} satisfies Slice;

export { domainOf, EMAIL_LIMITS, isEmailLength, mailboxOf } from './rules/addresses.js';
export { isValid, refusalsOf } from './rules/refusals.js';
export { fieldsOf } from './rules/rule.js';
export type { CheckContext, Refusal, Rule, RuleKind, Standard } from './rules/rule.js';
export { externalField } from './rules/fields.js';
export { publishStandard } from './commands/publish-standard.command.js';
export { StandardsInForce, type Standards } from './standards-in-force.js';
