/** Which value of merged customers is shown, and what is told of the others. */
import { addDays, type Position } from '@timeline/kernel';
import fc from 'fast-check';
import { NOON } from '../../../kernel/src/testing/playing.js';
import type { Edge } from '../../../merging/src/merging.events.js';
import type { Candidate } from '../candidates.js';
import { emptyPart, type ProfilePart } from './profile-part.js';
import { survivingValues } from './survivorship.js';

const at = (day: number): string => addDays(NOON, day);
// Orders as numbers do, which is all that is looked at.
const position = (place: number): Position => String(place).padStart(4, '0') as Position;

interface Saying {
  value: unknown;
  day?: number;
  place?: number;
  source?: string;
  verified?: true;
}
const said = ({ value, day = 0, place = 1, source = 'web', verified }: Saying): Candidate => ({
  value,
  at: at(day),
  position: position(place),
  source,
  actor: source,
  commandId: 'c',
  ...(verified && { verified: { by: 'ann', method: 'call' } }),
});
/** What each member says of the name. */
const partsOf = (members: Record<string, Saying>): { key: string; part: ProfilePart }[] =>
  Object.entries(members).map(([key, saying]) => ({
    key,
    part: { ...emptyPart(), members: [key], fields: { name: said(saying) } },
  }));
const merge = (more: Partial<Edge> = {}, place = 10): Edge => ({
  with: ['b', 'c'],
  survivor: 'a',
  position: position(place),
  ...more,
});
const shown = (members: Record<string, Saying>, ...merges: Edge[]): unknown =>
  survivingValues(partsOf(members), ({ fields }) => fields, merges).values['name']?.value;

describe('of merged customers', () => {
  it('the latest value is shown, whoever survives, also that there is none any more', () => {
    expect(shown({ a: { value: 'A', day: 1 }, b: { value: 'B', day: 2 } }, merge())).toBe('B');
    expect(shown({ a: { value: 'A', day: 1 }, b: { value: null, day: 2 } }, merge())).toBeNull();
  });

  it('of two that were said for the same instant, the more complete one, then the one told last', () => {
    const full = { value: { full: 'Ann Lee', given: 'Ann' }, place: 1 };
    expect(shown({ a: full, b: { value: { full: 'Ann' }, place: 2 } }, merge())).toEqual(full.value);
    expect(shown({ a: { value: 'A', place: 1 }, b: { value: null, place: 2 } }, merge())).toBe('A');
    expect(shown({ a: { value: 'A', place: 1 }, b: { value: 'B', place: 2 } }, merge())).toBe('B');
  });

  it('the source that the merge ranks first comes before what is later, and any ranked one before the others', () => {
    const members = {
      a: { value: 'A', day: 3, source: 'web' },
      b: { value: 'B', day: 1, source: 'crm' },
      c: { value: 'C', day: 2, source: 'shop' },
    };
    expect(shown(members, merge({ sourceRank: ['crm', 'shop'] }))).toBe('B');
    expect(shown(members, merge({ sourceRank: ['shop'] }))).toBe('C');
    // The latest merge says it.
    expect(shown(members, merge({}, 11), merge({ sourceRank: ['crm'] }))).toBe('A');
  });

  it('a verified value comes before any source', () => {
    const members = { a: { value: 'A', day: 1, verified: true as const }, b: { value: 'B', day: 2, source: 'crm' } };
    expect(shown(members, merge({ sourceRank: ['crm'] }))).toBe('A');
  });

  it('what the caller chose comes before all, where the chosen one has it', () => {
    const choices = [{ field: 'name' as const, from: 'c' }];
    const members = { a: { value: 'A', day: 2, verified: true as const }, c: { value: 'C', day: 1 } };
    expect(shown(members, merge({ choices }))).toBe('C');
    expect(shown({ a: members.a, b: { value: 'B', day: 1 } }, merge({ choices }))).toBe('A');
    // Of an earlier merge too, while no later one says otherwise.
    expect(shown(members, merge({}, 20), merge({ choices }))).toBe('C');
    expect(shown(members, merge({ choices: [{ field: 'name', from: 'a' }] }, 20), merge({ choices }))).toBe('A');
  });

  it('what was said since the merge is about the merged customer: no rank and no choice keeps it out', () => {
    const since = { value: 'new', day: 9, place: 11 };
    const rank = merge({ sourceRank: ['crm'] });
    expect(shown({ a: since, b: { value: 'B', day: 1, source: 'crm' } }, rank)).toBe('new');
    const choices = [{ field: 'name' as const, from: 'b' }];
    expect(shown({ a: since, b: { value: 'B', day: 1 } }, merge({ choices }))).toBe('new');
    // Told since, but about earlier.
    expect(shown({ a: { ...since, day: 0 }, b: { value: 'B', day: 1 } }, merge({ choices }))).toBe('B');
  });

  it('the values that are not shown stay visible, each once it differs, the best first and a handful at most', () => {
    const members: Record<string, Saying> = {
      a: { value: 'A', day: 9 },
      b: { value: 'A', day: 8 },
      c: { value: null, day: 7 },
    };
    const others = Object.fromEntries([1, 2, 3, 4, 5, 6].map((n) => [`d${n}`, { value: `D${n}`, day: n }]));
    const { losing } = survivingValues(partsOf({ ...members, ...others }), ({ fields }) => fields, [merge()]);
    expect(losing['name']).toEqual(
      [6, 5, 4, 3, 2].map((n) => ({ customerId: `d${n}`, value: `D${n}`, at: at(n), source: 'web' })),
    );
    expect(survivingValues(partsOf({ a: { value: 'A' } }), ({ fields }) => fields, []).losing).toEqual({});
  });

  it('the same is shown in whatever order their parts come', () => {
    const saying: fc.Arbitrary<Omit<Saying, 'verified'>> = fc.record({
      value: fc.constantFrom('x', 'y', null),
      day: fc.nat(2),
      source: fc.constantFrom('web', 'crm'),
    });
    const told = fc.array(saying, { minLength: 2, maxLength: 5 }).chain((sayings) => {
      // No two were told at one position.
      const parts = partsOf(
        Object.fromEntries(sayings.map((each, index) => [`m${index}`, { ...each, place: index * 5 }])),
      );
      return fc.shuffledSubarray(parts, { minLength: parts.length }).map((shuffled) => [parts, shuffled] as const);
    });
    const choices = [{ field: 'name' as const, from: 'm1' }];
    fc.assert(
      fc.property(told, fc.boolean(), ([parts, shuffled], isChosen) => {
        const merges = [merge({ sourceRank: ['crm'], ...(isChosen && { choices }) })];
        expect(survivingValues(shuffled, ({ fields }) => fields, merges)).toEqual(
          survivingValues(parts, ({ fields }) => fields, merges),
        );
      }),
    );
  });
});
