/** The difference report between two builds, for any documents in them. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import fc from 'fast-check';
import { systemClock } from '@timeline/kernel';
import { openReadStore, type ReadStore } from '@timeline/read-store';
import { Builds } from './build.js';
import { compareBuilds } from './compare-builds.js';
import { accounts } from './testing/accounts.js';

interface Content {
  a: number;
  b: number;
  isGone: boolean;
  isBlocked: boolean;
}
type Side = Record<string, Content>;

/** Enough for several pages of the store, the last two in another order by UTF-16 units than by bytes. */
const KEYS = [...Array.from({ length: 450 }, (_, n) => `key-${n}`), '😀', '～'];
const bit = fc.integer({ min: 0, max: 1 });
const content: fc.Arbitrary<Content> = fc.record({
  a: bit,
  b: bit,
  isGone: fc.boolean(),
  isBlocked: fc.boolean(),
});
const side: fc.Arbitrary<Side> = fc
  .array(fc.option(content), { minLength: KEYS.length, maxLength: KEYS.length })
  .map((contents) =>
    Object.fromEntries(contents.flatMap((found, at) => (found ? [[KEYS[at] ?? '', found] as const] : []))),
  );

describe('comparing two builds', () => {
  let folder: string;
  let store: ReadStore;
  beforeAll(async () => {
    folder = await mkdtemp(path.join(tmpdir(), 'timeline-compare-'));
    store = await openReadStore(`sqlite:${path.join(folder, 'reads.db')}`);
  });
  afterAll(async () => {
    await store.close();
    await rm(folder, { recursive: true });
  });

  it('counts every document and names the members that differ', async () => {
    const builds = new Builds(store, systemClock);
    await builds.prepare();
    await fc.assert(
      fc.asyncProperty(side, side, fc.integer({ min: 1, max: 1_000 }), async (left, right, limit) => {
        const from = await builds.create(accounts, 'product');
        const to = await builds.create({ ...accounts, version: 2 }, 'product');
        for (const [build, documents] of [
          [from, left],
          [to, right],
        ] as const) {
          const stored = Object.entries(documents).map(([_id, { a, b, isGone, isBlocked }]) => ({
            ...{ _id, _v: 1, a, b },
            ...(isGone && { _x: true as const }),
            ...(isBlocked && { _b: { position: 'p', eventId: 'e', code: 'C' } }),
          }));
          const { documents: parts, derived } = builds.collections(build._id);
          await parts.writeGuarded(
            stored.map((doc) => ({ doc: { ...doc, _p: build._id, _o: 'all' }, guard: 'absent' })),
          );
          await derived.writeGuarded(stored.map((doc) => ({ doc: { ...doc, _c: 1, _m: [] }, guard: 'absent' })));
        }

        const expected = (kind: 'document' | 'derived'): string[] =>
          KEYS.flatMap((key) => {
            const [a, b] = [left, right].map((one) => (one[key] && !one[key].isGone ? one[key] : undefined));
            if (!a && !b) return [];
            if (!a || !b) return [`${kind} ${key} ${a ? 'from' : 'to'} `];
            const members = [
              ...(a.a === b.a ? [] : ['a']),
              ...(a.b === b.b ? [] : ['b']),
              ...(kind === 'derived' || a.isBlocked === b.isBlocked ? [] : ['block']),
            ];
            return members.length > 0 ? [`${kind} ${key} both ${members.join()}`] : [];
          }).sort();
        const all = [...expected('document'), ...expected('derived')];

        const report = await compareBuilds(builds, from, to, Number.MAX_SAFE_INTEGER);
        const told = report.differences.map(
          ({ kind, key, in: held, members }) => `${kind} ${key} ${held} ${members.join()}`,
        );
        expect(told.sort()).toEqual(all.sort());
        const count = (kind: string, held: string): number =>
          all.filter((line) => new RegExp(`^${kind} \\S+ ${held} `).test(line)).length;
        const there = KEYS.filter((key) => [left, right].some((one) => one[key] && !one[key].isGone)).length;
        for (const [kind, counts] of [
          ['document', report.documents],
          ['derived', report.derived],
        ] as const) {
          const [different, onlyInFrom, onlyInTo] = [count(kind, 'both'), count(kind, 'from'), count(kind, 'to')];
          expect(counts).toEqual({ equal: there - different - onlyInFrom - onlyInTo, different, onlyInFrom, onlyInTo });
        }
        expect((await compareBuilds(builds, from, to, limit)).differences).toEqual(report.differences.slice(0, limit));
        await builds.drop(from);
        await builds.drop(to);
      }),
      { numRuns: 15 },
    );
  });
});
