/** The promise of the runner, for any schedule: stored documents equal the pure fold, byte for byte. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import fc from 'fast-check';
import { CUSTOMER_ERASED, type Fact } from '@timeline/kernel';
import {
  openReadStore,
  type GuardedWrite,
  type ReadCollection,
  type ReadStore,
  type StoredDocument,
} from '@timeline/read-store';
import { applyBatch, type BatchTarget } from './apply-batch.js';
import type { BuildCollections } from './build.js';
import { bucketOf, type Projection } from './projection.js';
import { accounts, recorded, step, type Step } from './testing/accounts.js';
import { isTooHeavy, weightOf } from './weight.js';
import { WriteBehind } from './write-behind.js';
import { makeBuild, runSchedule, type Schedule } from './testing/schedules.js';

/** Spans customers: one document per bucket, not purged with a customer. */
const totals: Projection<{ total: number; count: number }, Fact<string, Step>> = {
  name: 'totals',
  version: 1,
  handles: ['Added'],
  keys: ({ metadata }) => {
    const bucket = bucketOf(metadata.customerId ?? '');
    return [{ key: `bucket-${bucket}`, owner: `bucket:${bucket}` }];
  },
  evolve: (doc = { total: 0, count: 0 }, { data }) => ({
    total: doc.total + ('amount' in data ? data.amount : 0),
    count: doc.count + 1,
  }),
};

const schedule: fc.Arbitrary<Schedule> = fc.record({
  batches: fc.array(fc.integer({ min: 1, max: 7 }), { minLength: 1, maxLength: 5 }),
  behind: fc.oneof(fc.constant(0), fc.integer({ min: 1, max: 4 })),
  crashes: fc.array(fc.integer({ min: 0, max: 60 }), { maxLength: 5 }),
  crashAfter: fc.array(fc.boolean(), { minLength: 1, maxLength: 5 }),
  rivals: fc.array(
    fc.record({
      atBatch: fc.integer({ min: 0, max: 6 }),
      back: fc.oneof(fc.constant(0), fc.integer({ min: 0, max: 12 })),
      length: fc.integer({ min: 1, max: 6 }),
      pause: fc.oneof(fc.constant(0), fc.integer({ min: 0, max: 30 })),
    }),
    { maxLength: 3 },
  ),
});

/** The collection as it is for a runner that is held before it writes. */
const writingAfter = <T extends StoredDocument>(
  collection: ReadCollection<T>,
  held: () => Promise<unknown> | undefined,
): ReadCollection<T> =>
  Object.create(collection, {
    findByIds: { value: (ids: readonly string[]) => collection.findByIds(ids) },
    writeGuarded: {
      value: async (writes: readonly GuardedWrite<T>[]) => {
        await held();
        return collection.writeGuarded(writes);
      },
    },
  });

describe('a projection, for any batches, redeliveries, crashes and rivals', () => {
  let folder: string;
  let store: ReadStore;

  beforeAll(async () => {
    folder = await mkdtemp(path.join(tmpdir(), 'timeline-projecting-'));
    store = await openReadStore(`sqlite:${path.join(folder, 'reads.db')}`);
  });
  afterAll(async () => {
    await store.close();
    await rm(folder, { recursive: true });
  });

  it.each([
    ['the documents of customers and what is derived from them', accounts, 800],
    ['the sums that span customers', totals, 400],
  ])('equals the pure fold, byte for byte: %s', async (_name, projection, numRuns) => {
    const build = await makeBuild(store, projection);
    await fc.assert(
      fc.asyncProperty(fc.array(step, { minLength: 1, maxLength: 25 }), schedule, async (steps, plan) => {
        const { stored, expected } = await runSchedule(build, projection, recorded(steps), plan);
        expect(stored).toBe(expected);
      }),
      { numRuns },
    );
  });

  it('equals the pure fold where documents become too heavy, and none is', async () => {
    const limited = { ...accounts, maxWeight: weightOf({ amounts: [1, 2, 3], links: ['ann'] }) };
    const build = await makeBuild(store, limited);
    let met = 0;
    await fc.assert(
      fc.asyncProperty(fc.array(step, { minLength: 20, maxLength: 40 }), schedule, async (steps, plan) => {
        const { stored, expected, contents, tooHeavy } = await runSchedule(build, limited, recorded(steps), plan);
        expect(stored).toBe(expected);
        for (const content of contents) expect(isTooHeavy(limited, content)).toBe(false);
        met += tooHeavy;
      }),
      { numRuns: 300 },
    );
    expect(met).toBeGreaterThan(50);
  });

  it('weighs what has grown in memory since it was last measured', async () => {
    const limited = { ...accounts, maxWeight: weightOf({ amounts: Array<number>(45).fill(1), links: [] }) };
    const build = await makeBuild(store, limited);
    const held = new WriteBehind({
      projection: limited,
      collections: build,
      isDiscarded: () => Promise.resolve(false),
    });
    const events = recorded(Array.from({ length: 50 }, () => ({ type: 'Added', customer: 0, amount: 1 })));
    for (const event of events) await held.fold([event]);
    expect(await held.flush()).toBe('missed');
    expect(await build.documents.count({})).toBe(0);
  });

  it('does not let a runner that was held write what it derived from older parts', async () => {
    const build = await makeBuild(store, accounts);
    const target = { projection: accounts, collections: build, isDiscarded: () => Promise.resolve(false) };
    const events = recorded([
      { type: 'Added', customer: 0, amount: 1 },
      { type: 'Linked', customer: 0, other: 1 },
      { type: 'Unlinked', customer: 0, other: 1 },
    ]);
    await applyBatch(target, recorded([{ type: 'Added', customer: 0, amount: 1 }]));
    let holdOn: () => void = () => undefined;
    const held = new Promise<void>((resolve) => (holdOn = resolve));
    let reachedWrite: () => void = () => undefined;
    const reached = new Promise<void>((resolve) => (reachedWrite = resolve));
    const derived = writingAfter(build.derived, () => {
      reachedWrite();
      return held;
    });

    const slow = applyBatch({ ...target, collections: { ...build, derived } }, events.slice(0, 2));
    await reached;
    // The other runner folds the unlinking too: what it derives equals what is stored, and yet it must count.
    await applyBatch(target, events);
    holdOn();
    await slow;

    const found = await build.derived.findByIds(['ann']);
    expect(found.map((doc) => doc['members'])).toEqual([['ann']]);
  });

  it('writes what undoes itself within a batch, for whoever has applied only the first of it', async () => {
    const build = await makeBuild(store, accounts);
    const target = { projection: accounts, collections: build, isDiscarded: () => Promise.resolve(false) };
    const events = recorded([
      { type: 'Added', customer: 0, amount: 1 },
      { type: 'Cleared', customer: 0 },
      { type: 'Added', customer: 0, amount: 2 },
      { type: 'Cleared', customer: 0 },
    ]);
    await applyBatch(target, events.slice(0, 2));
    // A rival that is one event short comes between the other's load and its write, and dies.
    const rivalled = { ...target, afterLoad: () => void (rival ??= applyBatch(target, events.slice(0, 3))) };
    let rival: Promise<unknown> | undefined;
    const slow = writingAfter(build.documents, () => rival);
    await applyBatch({ ...rivalled, collections: { ...build, documents: slow } }, events);
    expect((await build.documents.findByIds(['ann'])).map(({ _x, _p }) => [_x, _p])).toEqual([
      [true, events[3]?.position],
    ]);
  });

  it('keeps an erased customer away from a runner that loaded what was deleted before, and is late', async () => {
    const build = await makeBuild(store, accounts);
    const target = { projection: accounts, collections: build, isDiscarded: () => Promise.resolve(false) };
    const events = recorded([
      { type: 'Added', customer: 0, amount: 1 },
      { type: 'Cleared', customer: 0 },
      { type: 'Added', customer: 0, amount: 2 },
      { type: CUSTOMER_ERASED, customer: 0 },
    ]);
    await applyBatch(target, events.slice(0, 2));
    let other: Promise<unknown> | undefined;
    const late = writingAfter(build.documents, () => (other ??= applyBatch(target, events.slice(2))));
    await applyBatch({ ...target, collections: { ...build, documents: late } }, events.slice(2, 3));
    expect((await build.documents.findByIds(['ann'])).map(({ _x, _p }) => [_x, _p])).toEqual([
      [true, events[3]?.position],
    ]);
  });

  describe('of a group that its customer leaves', () => {
    const events = recorded([
      { type: 'Added', customer: 0, amount: 1 },
      { type: 'Linked', customer: 0, other: 1 },
      { type: 'Cleared', customer: 0 },
    ]);
    type Writes = Parameters<BuildCollections['derived']['writeGuarded']>[0];
    let build: BuildCollections;
    let target: BatchTarget;
    const bobsMembers = async (): Promise<unknown[]> =>
      (await build.derived.findByIds(['bob'])).map((doc) => doc['members']);
    /** Counts from 1 the writes of something, which go through `write`. */
    const writingThrough = (
      write: (wanted: Writes, count: number) => Promise<string[]>,
    ): BuildCollections['derived'] => {
      let count = 0;
      return Object.create(build.derived, {
        writeGuarded: {
          value: async (wanted: Writes) => (wanted.length === 0 ? [] : write(wanted, (count += 1))),
        },
        findByIds: { value: (ids: readonly string[]) => build.derived.findByIds(ids) },
      }) as BuildCollections['derived'];
    };

    beforeEach(async () => {
      build = await makeBuild(store, accounts);
      target = { projection: accounts, collections: build, isDiscarded: () => Promise.resolve(false) };
      await applyBatch(target, events.slice(0, 2));
    });

    it('comes back to the others when it died after one of them was missed', async () => {
      const derived = writingThrough(async (wanted, count) => {
        // Another runner writes what it derived from older parts; at the second write this one dies.
        const bob = count === 1 ? await build.derived.findOne({ _id: 'bob' }) : undefined;
        if (bob) {
          const doc = { ...bob, _v: bob._v + 1 };
          await build.derived.writeGuarded([{ doc, guard: { path: '_v', equals: bob._v } }]);
        }
        const missed = await build.derived.writeGuarded(wanted);
        if (count === 2) throw new Error('died');
        return missed;
      });
      await expect(applyBatch({ ...target, collections: { ...build, derived } }, events.slice(2))).rejects.toThrow(
        'died',
      );
      await applyBatch(target, events.slice(2));
      expect(await bobsMembers()).toEqual([['bob']]);
    });

    it('derives the others again when the store came back as an older copy after they were written', async () => {
      const older = await build.derived.findByIds(['bob']);
      let writes = 0;
      let epoch = 0;
      const derived = writingThrough(async (wanted, count) => {
        writes = count;
        if (count === 2) {
          await build.derived.deleteMany({ _id: 'bob' });
          await build.derived.writeGuarded(older.map((doc) => ({ doc, guard: 'absent' })));
          epoch += 1;
        }
        return build.derived.writeGuarded(wanted);
      });
      const collections: BuildCollections = {
        ...{ documents: build.documents, derived },
        get epoch() {
          return epoch;
        },
      };
      await applyBatch({ ...target, collections }, events.slice(2));
      expect(writes).toBeGreaterThan(2);
      expect(await bobsMembers()).toEqual([['bob']]);
    });
  });

  describe('derives what is alone from what it holds', () => {
    const events = recorded([
      { type: 'Added', customer: 0, amount: 1 },
      { type: 'Added', customer: 0, amount: 2 },
      { type: 'Added', customer: 0, amount: 3 },
    ]);
    const targetOf = (collections: BuildCollections): BatchTarget => ({
      projection: accounts,
      collections,
      isDiscarded: () => Promise.resolve(false),
    });
    const derivedOf = async (build: BuildCollections, key: string): Promise<unknown> => {
      const doc = await build.derived.findOne({ _id: key });
      return doc && { members: doc['members'], all: doc['all'] };
    };

    const counting = (build: BuildCollections): { documents: BuildCollections['documents']; reads: () => number } => {
      let reads = 0;
      const documents: BuildCollections['documents'] = Object.create(build.documents, {
        findByIds: {
          value: (ids: string[]) => {
            reads += 1;
            return build.documents.findByIds(ids);
          },
        },
        writeGuarded: { value: build.documents.writeGuarded.bind(build.documents) },
      });
      return { documents, reads: () => reads };
    };

    it('without reading its part', async () => {
      const build = await makeBuild(store, accounts);
      const { documents, reads } = counting(build);
      const held = new WriteBehind(targetOf({ ...build, documents }));
      await held.fold(events);
      const before = reads();
      expect(await held.flush()).toBe('written');
      expect(reads()).toBe(before);
      expect(await derivedOf(build, 'ann')).toEqual({ members: ['ann'], all: [1, 2, 3] });
    });

    it('and in a batch that is written at once without reading its part a second time', async () => {
      const build = await makeBuild(store, accounts);
      const { documents, reads } = counting(build);
      await applyBatch(targetOf({ ...build, documents }), events);
      expect(reads()).toBe(1);
      expect(await derivedOf(build, 'ann')).toEqual({ members: ['ann'], all: [1, 2, 3] });
    });

    it('and there not from a part that it could not write, since a rival wrote a newer one and died', async () => {
      const build = await makeBuild(store, accounts);
      const dying = writingAfter(build.derived, () => Promise.reject(new Error('died')));
      let rival: Promise<unknown> | undefined;
      const documents = writingAfter(
        build.documents,
        () => (rival ??= applyBatch(targetOf({ ...build, derived: dying }), events).catch(() => undefined)),
      );
      await applyBatch(targetOf({ ...build, documents }), events.slice(0, 1));
      expect(await derivedOf(build, 'ann')).toEqual({ members: ['ann'], all: [1, 2, 3] });
    });

    it('but not what was in a group before, whose other members are derived anew', async () => {
      const build = await makeBuild(store, accounts);
      const log = recorded([
        { type: 'Added', customer: 0, amount: 1 },
        { type: 'Linked', customer: 0, other: 1 },
        { type: 'Cleared', customer: 0 },
        { type: 'Added', customer: 0, amount: 2 },
      ]);
      await applyBatch(targetOf(build), log.slice(0, 2));
      expect(await derivedOf(build, 'bob')).toEqual({ members: ['ann', 'bob'], all: [1] });
      const held = new WriteBehind(targetOf(build));
      await held.fold(log.slice(2));
      expect(await held.flush()).toBe('written');
      expect(await derivedOf(build, 'ann')).toEqual({ members: ['ann'], all: [2] });
      expect(await derivedOf(build, 'bob')).toEqual({ members: ['bob'], all: [] });
    });

    it('again where another runner derived from the older part meanwhile', async () => {
      const build = await makeBuild(store, accounts);
      await applyBatch(targetOf(build), events.slice(0, 1));
      const documents = writingAfter(build.documents, () => applyBatch(targetOf(build), events.slice(0, 1)));
      const held = new WriteBehind(targetOf({ ...build, documents }));
      await held.fold(events.slice(0, 2));
      expect(await held.flush()).toBe('written');
      expect(await derivedOf(build, 'ann')).toEqual({ members: ['ann'], all: [1, 2] });
    });

    it('and does not write that over what another derived from a newer part', async () => {
      const build = await makeBuild(store, accounts);
      const documents = Object.create(build.documents, {
        findByIds: { value: build.documents.findByIds.bind(build.documents) },
        writeGuarded: {
          value: async (writes: Parameters<typeof build.documents.writeGuarded>[0]) => {
            const missed = await build.documents.writeGuarded(writes);
            await applyBatch(targetOf(build), events);
            return missed;
          },
        },
      });
      const held = new WriteBehind(targetOf({ ...build, documents }));
      await held.fold(events.slice(0, 2));
      expect(await held.flush()).toBe('written');
      expect(await derivedOf(build, 'ann')).toEqual({ members: ['ann'], all: [1, 2, 3] });
    });
  });
});
