import fc from 'fast-check';
import { canonicalJson, makePosition } from '@timeline/kernel';
import { recorded } from '../../kernel/src/testing/playing.js';
import { hear, lastOfSource, saidOf, takeBack, together, type Candidate, type Heard } from './candidates.js';
import { isOf, ordered, withoutSayer } from './told.events.js';

const said = (value: string, at: number, more: Partial<Candidate> = {}): Candidate => ({
  value,
  at: `2026-01-${String(at).padStart(2, '0')}T00:00:00.000Z`,
  position: makePosition('0123456789ab', String(at).padStart(4, '0')),
  actor: 'ann',
  commandId: String(at),
  ...more,
});
const holding = (all: readonly Candidate[]): unknown => ordered(all)[0]?.value;

describe('what holds of what was said', () => {
  it('is the latest, by hand or by a system', () => {
    expect(holding([said('hand', 2), said('crm', 1, { source: 'crm' })])).toBe('hand');
    expect(holding([said('hand', 2), said('crm', 3, { source: 'crm' })])).toBe('crm');
  });

  it('is not what a system says later, while a value stands verified', () => {
    const verified = said('seen', 2, { verified: { by: 'ann', method: 'call' } });
    expect(holding([verified, said('crm', 3, { source: 'crm' })])).toBe('seen');
    expect(holding([verified, said('crm', 3, { source: 'crm' }), said('hand', 4)])).toBe('hand');
    expect(holding([verified, said('hand', 1)])).toBe('seen');
  });

  it('falls back when one import, or all of a source, is taken back', () => {
    const all = ordered([
      said('one', 1, { source: 'crm', importId: 'i1' }),
      said('two', 2, { source: 'crm', importId: 'i2' }),
      said('hand', 0),
    ]);
    expect(holding(withoutSayer(all, { importId: 'i2' }))).toBe('one');
    expect(holding(withoutSayer(all, { source: 'crm' }))).toBe('hand');
    expect(lastOfSource(all, 'crm')?.value).toBe('two');
    expect(isOf(said('x', 1, { source: 'crm', verified: { by: 'ann', method: 'letter' } }), { source: 'crm' })).toBe(
      false,
    );
  });

  it('is kept beside the last few that systems said, and always beside what was entered and verified', () => {
    const imports = Array.from({ length: 20 }, (_, at) =>
      said(`v${at}`, at + 3, { source: 'crm', importId: `i${at}` }),
    );
    const verified = said('seen', 2, { verified: { by: 'ann', method: 'call' } });
    const kept = ordered([said('hand', 1), verified, ...imports]).map(({ value }) => value);
    expect(kept).toEqual(['seen', 'hand', 'v19', 'v18', 'v17', 'v16', 'v15', 'v14']);
  });

  it('is the same in whatever order and grouping it was heard, and stays small', () => {
    const candidate = fc
      .record({
        at: fc.integer({ min: 1, max: 28 }),
        source: fc.constantFrom(undefined, 'crm', 'erp'),
        importId: fc.constantFrom('a', 'b', 'c', 'd', 'e'),
        verified: fc.boolean(),
      })
      .map(({ at, source, importId, verified }) =>
        said(`v${at}`, at, {
          ...(source && { source, importId }),
          ...(verified && { verified: { by: 'ann', method: 'call' } }),
        }),
      );
    // Of one position there is one candidate.
    const all = fc.uniqueArray(candidate, { selector: ({ at }) => at, maxLength: 28 });
    fc.assert(
      fc.property(all, fc.integer({ min: 0, max: 28 }), fc.integer(), (list, cut, seed) => {
        const shuffled = list.toSorted(
          (a, b) => ((seed ^ Number(a.commandId)) % 7) - ((seed ^ Number(b.commandId)) % 7),
        );
        const together = ordered([...ordered(shuffled.slice(0, cut)), ...ordered(shuffled.slice(cut))]);
        expect(together).toEqual(ordered(list));
        expect(together.length).toBeLessThanOrEqual(8);
      }),
    );
  });
});

describe('all that was said about a customer', () => {
  const nothing: Heard = { fields: {}, traits: {}, consents: {}, losing: {} };
  const fold = (events: readonly Parameters<typeof hear>[2][], values: readonly object[]): Heard =>
    events.reduce((heard, event, index) => hear(heard, { ...values[index] }, event), nothing);

  const utterance = fc.record({
    source: fc.constantFrom(undefined, 'crm', 'erp'),
    importId: fc.constantFrom('i1', 'i2', 'i3'),
    day: fc.integer({ min: 1, max: 20 }),
    value: fc.constantFrom(
      { name: 'a' },
      { name: 'b', region: null },
      { 'traits.size': 1 },
      { 'traits.constructor': 2, language: 'en' },
    ),
  });
  const history = fc.array(utterance, { maxLength: 15 }).map((list) =>
    list.map(({ source, importId, day, value }, index) => ({
      value,
      source,
      importId,
      event: recorded(
        { type: 'Said', data: {} },
        {
          position: index + 1,
          revision: index,
          occurredAt: `2024-01-${String(day).padStart(2, '0')}T00:00:00.000Z`,
          ...(source && { source, correlationId: importId }),
        },
      ),
    })),
  );
  const foldOf = (list: readonly { event: Parameters<typeof hear>[2]; value: object }[]): Heard =>
    fold(
      list.map(({ event }) => event),
      list.map(({ value }) => value),
    );

  it('is, after an import is taken back, what it would be had the import never been', () => {
    fc.assert(
      fc.property(history, (list) => {
        const heard = foldOf(list);
        const names = ['name', 'region', 'language', 'traits.size', 'traits.constructor'];
        const without = list.filter(({ source, importId }) => !(source !== undefined && importId === 'i2'));
        expect(canonicalJson(takeBack(heard, names, { importId: 'i2' }))).toBe(canonicalJson(foldOf(without)));
        const byHand = list.filter(({ source }) => source !== 'crm');
        expect(canonicalJson(takeBack(heard, names, { source: 'crm' }))).toBe(canonicalJson(foldOf(byHand)));
      }),
    );
  });

  it('adds up', () => {
    fc.assert(
      fc.property(history, fc.nat(15), (list, cut) => {
        const [a, b] = [foldOf(list.slice(0, cut)), foldOf(list.slice(cut))];
        expect(canonicalJson(together(a, b))).toBe(canonicalJson(together(b, a)));
        expect(canonicalJson(together(a, b))).toBe(canonicalJson(foldOf(list)));
      }),
    );
    expect(saidOf(nothing, 'traits.constructor')).toEqual([]);
  });
});
