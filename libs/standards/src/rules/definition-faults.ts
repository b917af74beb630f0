/** What is wrong with rules as a definition, beyond their shape: each with a pointer into the list. */
import { isPlainDate } from '@timeline/kernel';
import { domainOf, isPhoneCountry } from './addresses.js';
import { isLookedAt, matterOf, type FieldMatter } from './fields.js';
import { patternFault } from './patterns.js';
import { fieldsOf, type Rule } from './rule.js';
import { RULE_KINDS, type RuleMatter } from './rule-kinds.js';

export interface DefinitionFault {
  /** From the list of rules on: `/0/pattern`. */
  pointer: string;
  message: string;
}

const SUITS: Record<FieldMatter, readonly RuleMatter[]> = {
  text: ['text', 'any'],
  identity: ['text', 'any'],
  date: ['date', 'date-or-instant', 'any'],
  any: ['text', 'number', 'date', 'instant', 'date-or-instant', 'any'],
};

/** @param field one that there is */
export function definitionFaults(field: string, rules: readonly Rule[]): DefinitionFault[] {
  const matter = matterOf(field) ?? 'any';
  return rules.flatMap((rule, index) => {
    const faults: DefinitionFault[] = [];
    const add = (member: string, message: string): void => {
      faults.push({ pointer: `/${index}${member}`, message });
    };
    const { of } = RULE_KINDS[rule.kind];
    if (!SUITS[matter].includes(of)) add('/kind', `does not go with ${field}, which is ${said(matter)}, not ${of}`);
    if (matter !== 'identity' && rule.kind === 'unique') {
      add('/kind', 'goes with identities only, which have one owner each: keep what must be unique as external.SYSTEM');
    }
    if (matter !== 'identity' && rule.kind === 'cn-resident-id') {
      add('/kind', 'goes with identities only: keep it as external.cn-resident-id, where it is sealed and unique');
    }
    if (rule.when && !isLookedAt(rule.when.field)) add('/when/field', 'is no field that a rule can look at');
    if (fieldsOf(rule).includes(field)) {
      add(rule.when?.field === field ? '/when/field' : '/field', 'is the field itself; name another one');
    }
    switch (rule.kind) {
      case 'regex': {
        const fault = patternFault(rule.pattern);
        if (fault !== undefined) add('/pattern', fault);
        break;
      }
      case 'compare':
        if (!isLookedAt(rule.field)) add('/field', 'is no field that a rule can look at');
        break;
      case 'start-date':
      case 'end-date':
        if (!isPlainDate(rule.date)) add('/date', 'must be a day that exists, such as 2024-02-29');
        break;
      case 'before-duration':
      case 'after-duration':
      case 'before-datetime-duration':
      case 'after-datetime-duration':
        if (rule.atLeast === undefined && rule.atMost === undefined) add('', 'must say atLeast or atMost, or both');
        for (const member of ['atLeast', 'atMost'] as const) {
          const isOfDay = of === 'date' && rule[member]?.includes('T');
          if (isOfDay) add(`/${member}`, 'must not have a time part: days are compared');
        }
        break;
      case 'email-allowed-domains':
      case 'email-blocked-domains':
      case 'url-allowed-domains':
      case 'url-blocked-domains':
        rule.domains.forEach((domain, at) => {
          if (domainOf(domain) === undefined) add(`/domains/${at}`, 'must be a domain, such as example.com');
        });
        break;
      case 'phone-country-code':
        rule.countries?.forEach((country, at) => {
          if (!isPhoneCountry(country)) add(`/countries/${at}`, 'must be a country that has phone numbers, such as CN');
        });
        break;
      default:
        break;
    }
    faults.push(...rangeFaults(rules, rule, index));
    return faults;
  });
}

/** A least that is more than a most leaves nothing that is valid. */
function rangeFaults(rules: readonly Rule[], rule: Rule, index: number): DefinitionFault[] {
  const isOver = (other: Rule): boolean =>
    (rule.kind === 'min-length' && other.kind === 'max-length' && rule.min > other.max) ||
    (rule.kind === 'min-number' && other.kind === 'max-number' && rule.min > other.max) ||
    (rule.kind === 'start-date' && other.kind === 'end-date' && rule.date > other.date) ||
    (rule.kind === 'start-datetime' && other.kind === 'end-datetime' && rule.at > other.at);
  // Under conditions both need not hold at once.
  if (rule.when || !rules.some((other) => !other.when && isOver(other))) return [];
  const member = rule.kind === 'start-date' ? 'date' : rule.kind === 'start-datetime' ? 'at' : 'min';
  return [
    { pointer: `/${index}/${member}`, message: 'leaves nothing that is valid: the rule for the most is below it' },
  ];
}

const said = (matter: FieldMatter): string => (matter === 'date' ? 'a day' : 'text');
