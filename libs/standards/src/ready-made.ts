/**
 * Standards for Chinese customers, ready to be published as they stand (examples in the API's description). The product
 * ships with none in force.
 */
import type { Rule } from './rules/rule.js';

const inChina = { field: 'address.country', in: ['CN'] };

export const READY_MADE: Readonly<Record<string, Rule[]>> = {
  'external.cn-resident-id': [{ kind: 'cn-resident-id', birthDate: true }, { kind: 'unique' }],
  'external.cn-credit-code': [{ kind: 'cn-credit-code' }, { kind: 'unique' }],
  'address.postalCode': [{ kind: 'cn-postal-code', when: inChina }],
  phone: [{ kind: 'cn-mobile', when: inChina }],
};
