/** Whom an erasure takes: the races that the file's head lists, one by one, and all of them at random. */
import { PureFold } from '@timeline/projecting';
import type { Fact, Recorded } from '@timeline/kernel';
import fc from 'fast-check';
import { recorded } from '../../kernel/src/testing/playing.js';
import { historiesAround, takenWith } from './erasure-reach.js';
import { groupsProjection, type MergesOfCustomer } from './projections/groups.projection.js';

type What = { merge: string; of: string[] } | { undo: string; of: string[] } | { erase: string; with?: string };

const logOf = (...steps: What[]): Recorded<Fact>[] =>
  steps.map((step, index) => {
    const as = { stream: `s${index}`, position: index + 1 };
    if ('erase' in step) {
      const data = { reason: 'asked', ...(step.with !== undefined && { erasedWith: step.with }) };
      return recorded<Fact>({ type: 'CustomerErased', data }, { ...as, customerId: step.erase });
    }
    const [survivor = '', ...others] = step.of;
    const [type, mergeId] = 'merge' in step ? ['CustomersMerged', step.merge] : ['CustomersUnmerged', step.undo];
    return recorded<Fact>({ type, data: { mergeId, survivor, others }, customerIds: step.of } as Fact, {
      ...as,
      customerId: survivor,
    });
  });

async function taken(customerId: string, log: readonly Recorded<Fact>[]): Promise<string[]> {
  const fold = new PureFold(groupsProjection);
  for (const event of log) fold.apply(event);
  const load = (ids: string[]) =>
    Promise.resolve(
      new Map(
        ids.flatMap((id) => {
          const content = fold.documents.get(id)?.content;
          // Made by this projection only.
          return content ? [[id, content as unknown as MergesOfCustomer] as const] : [];
        }),
      ),
    );
  return takenWith(customerId, await historiesAround(customerId, load));
}

const merge = (...of: string[]): What => ({ merge: `${of.join('')}`, of });
const undo = (...of: string[]): What => ({ undo: `${of.join('')}`, of });
const erase = (id: string, because?: string): What => ({ erase: id, ...(because !== undefined && { with: because }) });

describe('the erasure of a customer', () => {
  it('1. takes all of the group, over chains and circles, from the middle and from the end', async () => {
    const chain = [merge('a', 'b'), merge('c', 'b'), merge('d', 'c', 'e')];
    expect(await taken('a', logOf(...chain, erase('a')))).toEqual(['b', 'c', 'd', 'e']);
    expect(await taken('c', logOf(...chain, merge('a', 'd'), erase('c')))).toEqual(['a', 'b', 'd', 'e']);
    expect(await taken('x', logOf(...chain, erase('x')))).toEqual([]);
  });

  it('2. takes nobody who was merged with the erased later, who stays in the rest of that merge', async () => {
    expect(await taken('a', logOf(erase('a'), merge('b', 'a')))).toEqual([]);
    expect(await taken('b', logOf(erase('a'), merge('b', 'a', 'c'), erase('b')))).toEqual(['c']);
    expect(await taken('b', logOf(erase('a'), merge('a', 'b', 'c'), erase('b')))).toEqual([]);
  });

  it('3. takes nobody who parted before, unless another merge still held', async () => {
    expect(await taken('a', logOf(merge('a', 'b'), undo('a', 'b'), erase('a')))).toEqual([]);
    expect(await taken('a', logOf(merge('a', 'b'), merge('b', 'a'), undo('a', 'b'), erase('a')))).toEqual(['b']);
  });

  it('4. takes who parted after it', async () => {
    expect(await taken('a', logOf(merge('a', 'b'), erase('a'), undo('a', 'b')))).toEqual(['b']);
  });

  it('5. takes nobody who was merged, after it, with one of those taken', async () => {
    const log = logOf(merge('a', 'b'), erase('a'), merge('b', 'd'), erase('b', 'a'));
    expect(await taken('a', log)).toEqual(['b']);
    expect(await taken('d', [...log, ...logOf(erase('d')).map((event) => ({ ...event, position: last }))])).toEqual([]);
  });

  it('6. leaves nothing to take to the request of one who was taken', async () => {
    const log = logOf(merge('a', 'b'), erase('a'), merge('b', 'd'), erase('b'));
    expect(await taken('b', log)).toEqual([]);
    expect(await taken('a', log)).toEqual(['b']);
  });

  it('7. of two at once, the first takes all', async () => {
    const log = logOf(merge('a', 'b', 'c'), erase('b'), erase('a'));
    expect(await taken('b', log)).toEqual(['a', 'c']);
    expect(await taken('a', log)).toEqual([]);
  });

  it('8. takes of two groups merged too late its own only', async () => {
    const log = logOf(merge('a', 'b'), merge('d', 'e'), erase('a'), merge('b', 'd'), erase('d'));
    expect(await taken('a', log)).toEqual(['b']);
    expect(await taken('d', log)).toEqual(['e']);
  });

  it('9. takes the same whenever it is asked', async () => {
    const log = logOf(
      merge('a', 'b', 'c'),
      erase('a'),
      erase('b', 'a'),
      undo('a', 'b', 'c'),
      merge('c', 'z'),
      erase('c', 'a'),
    );
    for (let length = 2; length <= log.length; length += 1)
      expect(await taken('a', log.slice(0, length))).toEqual(['b', 'c']);
  });
});

const last = recorded<Fact>({ type: 'x', data: {} }, { position: 999 }).position;

const IDS = ['a', 'b', 'c', 'd', 'e'];
const what = fc.oneof(
  { weight: 4, arbitrary: fc.shuffledSubarray(IDS, { minLength: 2, maxLength: 3 }).map((of) => ({ of })) },
  { weight: 2, arbitrary: fc.nat().map((undone) => ({ undone })) },
  { weight: 1, arbitrary: fc.constantFrom(...IDS).map((id) => ({ id })) },
);

/** The naive truth: groups as sets of people, gone through in order; who is doomed takes part in nothing any more. */
function play(steps: readonly ({ of: string[] } | { undone: number } | { id: string })[]): {
  log: What[];
  dooms: Map<string, string>;
} {
  const log: What[] = [];
  const dooms = new Map<string, string>();
  const open: { name: string; of: string[]; pairs: [string, string][] }[] = [];
  for (const [index, step] of steps.entries()) {
    if ('of' in step) {
      const [survivor = '', ...others] = step.of;
      const pairs = others
        .map((other): [string, string] => [survivor, other])
        .filter((pair) => pair.every((id) => !dooms.has(id)));
      open.push({ name: `m${index}`, of: step.of, pairs });
      log.push({ merge: `m${index}`, of: step.of });
    } else if ('undone' in step) {
      const [merge] = open.splice(step.undone % Math.max(1, open.length), 1);
      // What is frozen says nothing about anybody who is not taken yet, so nothing of the merge has to stay.
      if (merge) log.push({ undo: merge.name, of: merge.of });
    } else {
      log.push({ erase: step.id });
      if (dooms.has(step.id)) continue;
      const group = new Set([step.id]);
      for (let size = 0; size !== group.size;) {
        size = group.size;
        for (const { pairs } of open)
          for (const [x, y] of pairs) {
            if (dooms.has(x) || dooms.has(y)) continue;
            if (group.has(x) || group.has(y)) group.add(x).add(y);
          }
      }
      for (const member of group) dooms.set(member, step.id);
    }
  }
  return { log, dooms };
}

it('is what the log says, in any history', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(what, { maxLength: 14 }), async (steps) => {
      const { log, dooms } = play(steps);
      for (const id of IDS) {
        const expected = [...dooms].flatMap(([member, by]) => (by === id && member !== id ? [member] : [])).sort();
        expect(await taken(id, logOf(...log))).toEqual(expected);
      }
    }),
    { numRuns: 2_000 },
  );
});
