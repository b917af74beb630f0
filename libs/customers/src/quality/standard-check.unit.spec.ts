import type { Rule, Standard, Standards } from '@timeline/standards';
import { standardCheck } from './standard-check.js';

const inForce = (rules: Record<string, Rule[]>): Standards => ({
  now: '2026-03-01T00:00:00.000Z',
  byField: new Map(
    Object.entries(rules).map(([field, each]): [string, Standard] => [
      field,
      { field, version: 1, rules: each, from: '2026-01-01T00:00:00.000Z' },
    ]),
  ),
});

describe('data standards as the check of quality', () => {
  it('say nothing of a field without one', () => {
    expect(
      standardCheck(inForce({ phone: [{ kind: 'max-length', max: 1 }] }))('email', 'ann@example.org'),
    ).toBeUndefined();
  });

  it('accept or refuse a value', () => {
    const check = standardCheck(inForce({ language: [{ kind: 'one-of', values: ['de', 'fr'] }] }));
    expect([check('language', 'de'), check('language', 'en')]).toEqual([true, false]);
  });

  it('accept a name or an address only where they accept each of its parts', () => {
    const check = standardCheck(
      inForce({
        'name.given': [{ kind: 'max-length', max: 3 }],
        'name.family': [{ kind: 'max-length', max: 5 }],
        'address.city': [{ kind: 'one-of', values: ['Ulm'] }],
      }),
    );
    expect(check('name', { full: 'Ann Long', given: 'Ann', family: 'Long' })).toBe(true);
    expect(check('name', { full: 'Anna Long', given: 'Anna', family: 'Long' })).toBe(false);
    expect(check('address', { lines: ['1 High St'], city: 'Ulm' })).toBe(true);
    expect(check('address', { lines: ['1 High St'], city: 'Bonn' })).toBe(false);
  });
});
