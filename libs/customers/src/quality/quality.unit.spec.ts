import { DAY_MS, toInstant, type Position } from '@timeline/kernel';
import fc from 'fast-check';
import type { QualityTally } from '../data-quality.events.js';
import type { Profile } from '../projections/profile-document.js';
import { largest } from './measure-quality.command.js';
import { knownValues, qualityBySource, qualityOf, type Check, type KnownValue } from './quality.js';
import { suspicionsProjection } from './suspicions.projection.js';

const day = (days: number): string => toInstant(Date.parse('2026-01-01T00:00:00.000Z') + days * DAY_MS);
const noCheck: Check = () => undefined;
const said = (at: string, source = 'crm', more: object = {}): Profile['provenance'][string] => ({
  at,
  source,
  actor: 'a',
  command: 'c',
  position: 'p' as Position,
  ...more,
});
const { position: _position, ...ofPhone } = said(day(0), 'shop');
/** What the quality looks at; the rest of a profile does not matter. */
const profile = {
  kind: 'person',
  traits: { tier: 'vip' },
  name: { full: 'Ann' },
  birthDate: '1980-01-01',
  address: { city: 'Leipzig' },
  identities: [
    { kind: 'phone', value: '+491512', given: '01512', primary: true, provenance: ofPhone },
    { kind: 'phone', value: '+491513', given: '01513', primary: false, provenance: ofPhone },
  ],
  provenance: {
    name: said(day(0), 'ann', { verified: { by: 'ann', method: 'call' } }),
    birthDate: said(day(0)),
    address: said(day(100)),
  },
} as unknown as Profile;
const values = (at: string, check = noCheck, policies: Parameters<typeof knownValues>[3] = []): KnownValue[] =>
  knownValues(profile, at, check, policies);

describe('the quality of a record', () => {
  it('is the weighted mean of its parts', () => {
    const { score, parts, missing } = qualityOf('person', values(day(400)), 1);
    expect(parts).toEqual({ completeness: 4 / 7, validity: 3.5 / 4, freshness: 0.5, uniqueness: 0.5 });
    expect(missing).toEqual(['language', 'region', 'email']);
    expect(score).toBeCloseTo(35 * (4 / 7) + 25 * (3.5 / 4) + 25 * 0.5 + 15 * 0.5, 10);
    // A company has no birth date.
    expect(qualityOf('company', values(day(400)), 0).parts.completeness).toBe(0.5);
  });

  it('leaves out what has nothing to look at', () => {
    const { score, parts } = qualityOf('person', [], 0);
    expect(parts).toEqual({ completeness: 0, validity: null, freshness: null, uniqueness: 1 });
    expect(score).toBeCloseTo((100 * 15) / 50, 10);
  });

  it('ages: by the policy of the field for the tier and the segments, else in a year', () => {
    const fresh = (at: string, policies?: Parameters<typeof knownValues>[3]): (boolean | undefined)[] =>
      values(at, noCheck, policies).map((value) => value.fresh);
    expect(fresh(day(364.9))).toEqual([undefined, undefined, true, true]);
    expect(fresh(day(365))).toEqual([undefined, undefined, true, false]);
    const policy = { field: 'phone', everyDays: 180, tiers: { vip: 30 } } as const;
    expect(fresh(day(30), [policy])).toEqual([undefined, undefined, true, false]);
    expect(fresh(day(30), [{ ...policy, tiers: {} }])).toEqual([undefined, undefined, true, true]);
    const bySegment = { field: 'phone', tiers: {}, segments: { promoter: 30 } } as const;
    const ofPromoter = knownValues(profile, day(30), noCheck, [bySegment], { promoter: day(20) });
    expect(ofPromoter.map((value) => value.fresh)).toEqual([undefined, undefined, true, false]);
    expect(fresh(day(30), [bySegment])).toEqual([undefined, undefined, true, true]);
  });

  it('asks a standard where there is one, and takes its word before a verification', () => {
    const validity = (check: Check): string[] => values(day(0), check).map((value) => value.validity);
    expect(validity(noCheck)).toEqual(['verified', 'accepted', 'unchecked', 'accepted']);
    expect(validity((field) => (field === 'name' ? false : field === 'address' ? true : undefined))).toEqual([
      'refused',
      'accepted',
      'accepted',
      'accepted',
    ]);
  });

  it('holds an identity to the standard in the text that was given, as the command did', () => {
    const national: Check = (field, value) => (field === 'phone' ? value === '01512' : undefined);
    expect(values(day(0), national).at(-1)).toMatchObject({ field: 'phone', validity: 'accepted' });
  });

  it('is told of each source by its own values', () => {
    const bySource = qualityBySource('person', values(day(400)), 0);
    expect([...bySource.keys()].sort()).toEqual(['ann', 'crm', 'shop']);
    expect(bySource.get('shop')?.parts).toEqual({ completeness: 1 / 7, validity: 1, freshness: 0, uniqueness: 1 });
    expect(bySource.get('ann')?.parts.freshness).toBeNull();
  });

  it('is between 0 and 100, and never better for a missing value, a refusal or a suspect', () => {
    const value = fc.record({
      field: fc.constantFrom('name', 'birthDate', 'address', 'language', 'region', 'email', 'phone'),
      source: fc.constantFrom('a', 'b'),
      since: fc.constant(day(0)),
      validity: fc.constantFrom('verified', 'accepted', 'unchecked', 'refused'),
    }) as fc.Arbitrary<KnownValue>;
    fc.assert(
      fc.property(
        fc.uniqueArray(value, { selector: ({ field }) => field }),
        fc.nat({ max: 5 }),
        fc.constantFrom('person' as const, 'company' as const),
        (known, suspects, kind) => {
          const { score } = qualityOf(kind, known, suspects);
          expect(score).toBeGreaterThanOrEqual(0);
          expect(score).toBeLessThanOrEqual(100);
          expect(qualityOf(kind, known, suspects + 1).score).toBeLessThan(score);
          const refused = known.map((each) => ({ ...each, validity: 'refused' as const }));
          expect(qualityOf(kind, refused, suspects).score).toBeLessThanOrEqual(score);
        },
      ),
    );
  });
});

describe('the sources of a measurement', () => {
  it('are the two hundred that said most, and the others together', () => {
    const tally = (records: number): QualityTally => ({
      records,
      score: 10 * records,
      parts: {
        completeness: { sum: records / 2, records },
        validity: { sum: 0, records: 0 },
        freshness: { sum: 1, records: 1 },
        uniqueness: { sum: records, records },
      },
    });
    const tallies = Array.from({ length: 203 }, (_, n): [string, QualityTally] => [`s${n}`, tally(n + 1)]);
    const largestFirst = [...tallies].reverse().map(([source, each]) => ({ source, tally: each }));
    expect(largest(new Map(tallies.slice(3)))).toEqual(largestFirst.slice(0, 200));
    expect(largest(new Map(tallies))).toEqual([
      ...largestFirst.slice(0, 200),
      {
        source: '(others)',
        tally: { ...tally(1 + 2 + 3), parts: { ...tally(6).parts, freshness: { sum: 3, records: 3 } } },
      },
    ]);
  });
});

describe('a suspicion', () => {
  it('stands from when it was raised until it is cleared or dismissed, also where it was confirmed and nobody merged', () => {
    const fold = (...types: string[]): unknown =>
      types.reduce<ReturnType<typeof suspicionsProjection.evolve>>(
        (doc, type, n) =>
          suspicionsProjection.evolve(
            doc,
            { type, data: { customers: ['a', 'b'] }, metadata: { occurredAt: day(n) } } as never,
            'b',
          ),
        undefined,
      );
    const [suspected, cleared, dismissed, confirmed] = [
      'DuplicateSuspected',
      'DuplicateCleared',
      'DuplicateDismissed',
      'DuplicateConfirmed',
    ];
    expect(fold(suspected)).toEqual({ others: { a: { from: day(0) } } });
    expect(fold(suspected, suspected, confirmed)).toEqual({ others: { a: { from: day(0) } } });
    expect(fold(suspected, dismissed)).toEqual({ others: { a: { from: day(0), to: day(1) } } });
    expect(fold(suspected, cleared, dismissed)).toEqual({ others: { a: { from: day(0), to: day(1) } } });
    expect(fold(suspected, cleared, suspected)).toEqual({ others: { a: { from: day(2) } } });
    expect(fold(suspected, dismissed, suspected)).toEqual({ others: { a: { from: day(2) } } });
  });
});
