/** What each kind of rule accepts and refuses. */
import { definitionFaults } from './definition-faults.js';
import { isFound, patternFault } from './patterns.js';
import { isValid, refusalsOf } from './refusals.js';
import { RULE_KINDS } from './rule-kinds.js';
import type { Rule, RuleKind } from './rule.js';

const now = '2026-03-01T12:00:00.000Z';
const valuesOf = (field: string): unknown[] =>
  ({ birthDate: ['1949-12-31'], 'address.country': ['CN'], 'traits.low': [3], phone: [] })[field] ?? [];
const context = { now, valuesOf };

type Case = [rule: Rule, good: unknown[], bad: unknown[]];

// prettier-ignore
const CASES: Case[] = [
  [{ kind: 'format', case: 'upper' }, ['ABC 1', 'ÉCOLE', '张伟'], ['Abc', 'ß', 1]],
  [{ kind: 'format', case: 'lower' }, ['abc 1', '张伟'], ['Abc']],
  [{ kind: 'format', case: 'capitalised' }, ['Ann O’Hara', 'Élan Vital', '张伟', 'ANN', '1st'], ['ann', 'Ann example', 'élan']],
  [{ kind: 'min-length', min: 2 }, ['ab', '张伟', '😀😀'], ['a', '😀']],
  [{ kind: 'max-length', max: 2 }, ['ab', '😀😀'], ['abc', 12]],
  [{ kind: 'alphanumeric', allowed: 'letters' }, ['abc', '张伟', 'é', 'e\u0301'], ['a1', 'a b', 'a-b']],
  [{ kind: 'alphanumeric', allowed: 'digits' }, ['0123'], ['12a', '1.5', '-1']],
  [{ kind: 'alphanumeric', allowed: 'letters-and-digits' }, ['a1'], ['a 1', 'a_1']],
  [{ kind: 'special-characters' }, ['a 1', '张 伟'], ['a-1', 'a@b', '😀', 'a\u200bb']],
  [{ kind: 'whitespace' }, ['ab'], ['a b', ' a', 'a\u00a0b', 'a\nb']],
  [{ kind: 'whitespace', where: 'ends' }, ['a b'], [' a', 'a ', 'a\u3000']],
  [{ kind: 'regex', pattern: '^[A-Z]{2}\\d+$' }, ['AB1'], ['A1', 'xAB1', 'AB1\n']],
  [{ kind: 'domain' }, ['example.com', 'münchen.de', '例子.中国', 'a.b.co'], ['nodomain', 'a b.com', 'http://a.com', '-a.com', '1.2']],
  [{ kind: 'email' }, ['a@b.co', 'a.b+c@例子.中国', '用户@example.com', `${'用'.repeat(21)}@example.com`], ['a', 'a@b', '@b.co', 'a b@c.de', 'a@b.co ', 'a..b@c.de', `${'用'.repeat(22)}@example.com`, `${'a'.repeat(60)}@${`${'b'.repeat(63)}.`.repeat(3)}com`]],
  [{ kind: 'email-allowed-domains', domains: ['Example.com'] }, ['a@example.com', 'a@EU.example.com'], ['a@badexample.com', 'a@example.org', 'x']],
  [{ kind: 'email-blocked-domains', domains: ['例子.中国'] }, ['a@b.co', 'a@a例子.中国'], ['a@例子.中国', 'a@x.xn--fsqu00a.xn--fiqs8s']],
  [{ kind: 'url' }, ['https://example.com/a?b#c', 'HTTP://localhost:8080'], ['www.example.org', 'ftp://a.b', 'javascript:alert(1)', 'https://u:p@a.b', 'https:// a.b', 'https://a b.c']],
  [{ kind: 'url-allowed-domains', domains: ['example.com'] }, ['https://www.example.com/'], ['https://example.com.evil.org', 'www.example.com']],
  [{ kind: 'url-blocked-domains', domains: ['spam.com'] }, ['https://example.com'], ['https://spam.com', 'https://a.SPAM.com/x']],
  [{ kind: 'phone-country-code' }, ['+8613800138000', '+49 30 901820'], ['13912345678', '030 901820', '+1', 'x']],
  [{ kind: 'phone-country-code', countries: ['CN', 'HK'] }, ['+86 138 0013 8000', '+852 2345 6789'], ['+49 30 901820']],
  [{ kind: 'min-number', min: -1.5 }, [-1.5, 0, '3', '-1.50'], [-2, '-1.6', 'x', true, '1e3']],
  [{ kind: 'max-number', max: 10 }, [10, '9.99'], [10.01, '11', 'x']],
  [{ kind: 'decimal', places: 2 }, [1, 1.25, '1.25', 100], [1.255, '1.255', 1e-7, 'x']],
  [{ kind: 'start-date', date: '2000-01-01' }, ['2000-01-01', '2026-02-28'], ['1999-12-31', '2026-02-30', '1.1.2001', 5]],
  [{ kind: 'end-date', date: '2000-01-01' }, ['2000-01-01', '0001-01-01'], ['2000-01-02']],
  [{ kind: 'before-duration', atLeast: 'P18Y' }, ['2008-03-01', '1950-01-01'], ['2008-03-02', '2026-03-01', '2030-01-01']],
  [{ kind: 'before-duration', atLeast: 'P0D', atMost: 'P120Y' }, ['2026-03-01', '1906-03-01'], ['2026-03-02', '1906-02-28']],
  [{ kind: 'after-duration', atLeast: 'P7D' }, ['2026-03-08'], ['2026-03-07']],
  [{ kind: 'after-duration', atMost: 'P1M' }, ['2026-04-01', '2020-01-01'], ['2026-04-02']],
  [{ kind: 'start-datetime', at: '2026-01-01T00:00:00.000Z' }, ['2026-01-01T00:00:00Z', '2026-01-01T08:00:00+08:00'], ['2025-12-31T23:59:59.999Z', '2026-01-01', '2026-01-01T07:59:59+08:00', '2026-02-30T00:00:00Z']],
  [{ kind: 'end-datetime', at: '2026-01-01T00:00:00.000Z' }, ['2026-01-01T00:00:00Z'], ['2026-01-01T00:00:00.001Z', '9999-12-31T23:59:59-01:00', '0001-01-01T00:00:00+01:00']],
  [{ kind: 'before-datetime-duration', atLeast: 'PT12H' }, ['2026-03-01T00:00:00Z'], ['2026-03-01T00:00:00.001Z']],
  [{ kind: 'after-datetime-duration', atLeast: 'P1Y', atMost: 'P2Y' }, ['2027-03-01T12:00:00Z', '2028-03-01T12:00:00Z'], ['2027-03-01T11:59:59Z', '2028-03-01T12:00:00.001Z']],
  [{ kind: 'days-of-week', days: ['sunday', 'monday'] }, ['2026-03-01', '2026-03-02', '1969-12-29', '2026-03-02T23:00:00-00:30'], ['2026-03-03', '2026-02-28T23:59:59Z', 'sunday']],
  [{ kind: 'required' }, ['x', 0, false], []],
  [{ kind: 'unique' }, ['x'], []],
  [{ kind: 'one-of', values: ['a', 1, true] }, ['a', 1, true], ['b', '1', false]],
  [{ kind: 'compare', is: 'equal', field: 'birthDate' }, ['1949-12-31'], ['1949-12-30']],
  [{ kind: 'compare', is: 'different', field: 'birthDate' }, ['x'], ['1949-12-31']],
  [{ kind: 'compare', is: 'greater', field: 'traits.low' }, [4, '10'], [3, '2']],
  [{ kind: 'compare', is: 'at-least', field: 'traits.low' }, [3], [2.9]],
  [{ kind: 'compare', is: 'less', field: 'birthDate' }, ['1949-12-30'], ['1949-12-31']],
  [{ kind: 'compare', is: 'at-most', field: 'phone' }, ['whatever: there is no phone'], []],
  [{ kind: 'cn-mobile' }, ['13800138000'], ['23800138000', 13800138000]],
  [{ kind: 'cn-credit-code' }, ['91350100M000100Y43'], ['91350100M000100Y44']],
  [{ kind: 'cn-resident-id', birthDate: true }, ['11010519491231002X'], ['440524188001010014', '110105194912310021']],
  [{ kind: 'cn-resident-id' }, ['440524188001010014'], ['440524188001010015']],
  [{ kind: 'cn-postal-code' }, ['100000'], ['000000']],
];

describe('the kinds of rules', () => {
  it('are all that HubSpot has, and all are tried here', () => {
    const hubspot = Object.values(RULE_KINDS).flatMap((kind) => ('hubspot' in kind ? [kind.hubspot] : []));
    expect(new Set(hubspot).size).toBe(27);
    expect(new Set(CASES.map(([{ kind }]) => kind))).toEqual(new Set(Object.keys(RULE_KINDS)));
  });

  it.each(CASES.map(([rule, good, bad]) => [JSON.stringify(rule), rule, good, bad] as const))(
    '%s',
    (_, rule, good, bad) => {
      for (const value of good) expect([value, refusalsOf(value, [rule], context)]).toEqual([value, []]);
      for (const value of bad) {
        const [refusal] = refusalsOf(value, [rule], context);
        expect([value, refusal]).toEqual([
          value,
          {
            rule: rule.kind,
            index: 0,
            code: rule.kind.toUpperCase().replaceAll('-', '_'),
            message: expect.stringMatching(/./),
          },
        ]);
        // The value may be personal.
        if (typeof value === 'string' && value.length > 3) expect(refusal?.message).not.toContain(value);
      }
    },
  );

  it('refuse a value that is absent by `required` alone', () => {
    const rules = CASES.map(([rule]) => rule);
    for (const absent of [undefined, null, ''])
      expect(refusalsOf(absent, rules, context).map(({ rule }): RuleKind => rule)).toEqual(['required']);
  });

  it('hold only where the other field is as they say', () => {
    const rule: Rule = { kind: 'cn-postal-code', when: { field: 'address.country', in: ['CN'] } };
    expect(isValid('SW1A', [rule], context)).toBe(false);
    expect(isValid('SW1A', [rule], { now, valuesOf: () => ['GB'] })).toBe(true);
    expect(isValid('SW1A', [rule], { now, valuesOf: () => [] })).toBe(true);
    expect(isValid('SW1A', [rule], { now })).toBe(true);
    const withAny: Rule = { kind: 'required', when: { field: 'address.country' } };
    expect(isValid(undefined, [withAny], context)).toBe(false);
    expect(isValid(undefined, [withAny], { now })).toBe(true);
  });

  it('tell all that is wrong with a value, each with the place of its rule', () => {
    const rules: Rule[] = [
      { kind: 'required' },
      { kind: 'max-length', max: 2 },
      { kind: 'alphanumeric', allowed: 'digits' },
    ];
    expect(refusalsOf('abc', rules, context).map(({ index, code }) => [index, code])).toEqual([
      [1, 'MAX_LENGTH'],
      [2, 'ALPHANUMERIC'],
    ]);
  });

  it('count durations by the calendar', () => {
    const month: Rule = { kind: 'before-duration', atLeast: 'P1M' };
    const leap: Rule = { kind: 'before-duration', atLeast: 'P1Y' };
    expect(isValid('2026-02-28', [month], { now: '2026-03-31T00:00:00.000Z' })).toBe(true);
    expect(isValid('2026-03-01', [month], { now: '2026-03-31T00:00:00.000Z' })).toBe(false);
    expect(isValid('2023-02-28', [leap], { now: '2024-02-29T00:00:00.000Z' })).toBe(true);
    const farther: Rule = { kind: 'before-duration', atMost: 'P9999Y' };
    expect(isValid('0001-01-01', [farther], { now })).toBe(true);
  });
});

describe('a pattern', () => {
  // In V8's engine each of these would take longer than the universe has been there.
  it.each(['^(a+)+$', '(a|a)*b', '(.*)*x', '^(([a-z])+.)+[A-Z]([a-z])+$'])('%s cannot hang the process', (pattern) => {
    expect(patternFault(pattern)).toBeUndefined();
    expect(isFound(pattern, `${'a'.repeat(2_000)}!`)).toBe(false);
  });

  it.each(['(', '[a', '(?=a)b', '(a)\\1', 'a{1001}', '(a{900}){900}', '(?:a?){900}(?:b?){900}'])(
    '%s is refused',
    (pattern) => {
      expect(patternFault(pattern)).toMatch(/./);
    },
  );
});

describe('a definition', () => {
  const faultsOf = (field: string, ...rules: Rule[]): string[] =>
    definitionFaults(field, rules).map(({ pointer }) => pointer);

  it('is told every place that is wrong', () => {
    expect(
      faultsOf(
        'note',
        { kind: 'min-number', min: 1 },
        { kind: 'regex', pattern: '(' },
        { kind: 'unique' },
        { kind: 'cn-resident-id' },
        { kind: 'compare', is: 'equal', field: 'nothing' },
        { kind: 'compare', is: 'equal', field: 'note' },
        { kind: 'required', when: { field: 'traits.' } },
        { kind: 'email-allowed-domains', domains: ['a.com', 'no domain'] },
        { kind: 'phone-country-code', countries: ['CN', 'XX'] },
        { kind: 'min-length', min: 5 },
        { kind: 'max-length', max: 4 },
      ),
    ).toEqual([
      '/0/kind',
      '/1/pattern',
      '/2/kind',
      '/3/kind',
      '/4/field',
      '/5/field',
      '/6/when/field',
      '/7/domains/1',
      '/8/countries/1',
      '/9/min',
    ]);
    expect(
      faultsOf(
        'birthDate',
        { kind: 'start-datetime', at: now },
        { kind: 'before-duration' },
        { kind: 'before-duration', atLeast: 'PT5H' },
        { kind: 'start-date', date: '2023-02-29' },
        { kind: 'max-length', max: 3 },
      ),
    ).toEqual(['/0/kind', '/1', '/2/atLeast', '/3/date', '/4/kind']);
    expect(faultsOf('traits.x', { kind: 'min-number', min: 2 }, { kind: 'max-number', max: 1 })).toEqual(['/0/min']);
    expect(
      faultsOf('traits.x', { kind: 'min-number', min: 2, when: { field: 'kind' } }, { kind: 'max-number', max: 1 }),
    ).toEqual([]);
  });
});
