/** `verify` in many passes tells what one look at everything would, and nothing that is only on its way. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import fc from 'fast-check';
import { systemClock, Upcasters, type Fact, type Recorded } from '@timeline/kernel';
import { openReadStore, type ReadStore } from '@timeline/read-store';
import { applyBatch } from './apply-batch.js';
import { Builds, type BuildRecord } from './build.js';
import { contentOf } from './projection.js';
import { discardId, PureFold } from './pure-fold.js';
import { accounts, recorded, step } from './testing/accounts.js';
import { compareKeys } from './key-order.js';
import { verifyBuild, type Difference, type VerifyOptions, type VerifyProgress } from './verify.js';

/** The last two are in another order by UTF-16 units than by bytes, which is the stores'. */
const CUSTOMERS = ['ann', 'bob', 'cai', 'dee', 'eve', 'fay', 'gus', '😀', '～'];

type Plant = { kind: Difference['kind']; key: string; how: 'gone' | 'tombstone' | 'changed' | 'blocked' | 'added' };

const plants: fc.Arbitrary<Plant[]> = fc.array(
  fc.record({
    kind: fc.constantFrom('document', 'derived'),
    key: fc.constantFrom(...CUSTOMERS, 'aaa', 'cab', 'zoe', '😁'),
    how: fc.constantFrom('gone', 'tombstone', 'changed', 'blocked', 'added'),
  }),
  { maxLength: 6 },
);

describe('verify', () => {
  let folder: string;
  let store: ReadStore;
  let builds: Builds;
  let build: BuildRecord;

  beforeAll(async () => {
    folder = await mkdtemp(path.join(tmpdir(), 'timeline-verify-'));
    store = await openReadStore(`sqlite:${path.join(folder, 'reads.db')}`);
    builds = new Builds(store, systemClock);
    await builds.prepare();
  });
  beforeEach(async () => {
    build = await builds.create(accounts, 'product');
  });
  afterAll(async () => {
    await store.close();
    await rm(folder, { recursive: true });
  });

  /** A log in memory, and a build that follows it when told to. */
  function world(discarded: ReadonlySet<string> = new Set()): {
    log: Recorded<Fact>[];
    append(events: readonly Recorded<Fact>[]): Promise<void>;
    options: VerifyOptions;
  } {
    const log: Recorded<Fact>[] = [];
    const target = {
      projection: accounts,
      collections: builds.collections(build._id),
      isDiscarded: (id: string) => Promise.resolve(discarded.has(id)),
    };
    const options: VerifyOptions = {
      events: {
        head: () => {
          const last = log.at(-1);
          return Promise.resolve(last && { position: last.position, eventId: last.id, recordedAt: last.recordedAt });
        },
        readAll: async function* ({ after = '', until = '~', types } = {}) {
          const asked = log.filter(
            ({ position, type }) => position > after && position <= until && (types?.includes(type) ?? true),
          );
          // What these tests record holds no personal data, so what is stored is what is read.
          for (let at = 0; at < asked.length; at += 4) yield asked.slice(at, at + 4) as never;
        },
      },
      vault: { open: (stored) => Promise.resolve(stored as unknown as Recorded[]) },
      upcasters: new Upcasters(),
      builds,
      discarded,
      waitMs: 0,
    };
    const append = async (events: readonly Recorded<Fact>[]): Promise<void> => {
      log.push(...events);
      await applyBatch(target, events);
      const last = events.at(-1);
      if (!last) return;
      const checkpoint = { position: last.position, event: { position: last.position, id: last.id } };
      await builds.saveCheckpoints(new Map([[build._id, checkpoint]]));
    };
    return { log, append, options };
  }

  async function plant({ kind, key, how }: Plant): Promise<void> {
    const { documents, derived } = builds.collections(build._id);
    const collection = (kind === 'document' ? documents : derived) as typeof documents;
    const before = await collection.findOne({ _id: key });
    const write = (doc: object): Promise<unknown> =>
      collection.writeGuarded([
        {
          doc: { _id: key, _v: (before?._v ?? 0) + 1, _p: '', _o: 'all', ...doc },
          guard: before ? { path: '_v', equals: before._v } : 'absent',
        },
      ]);
    if (how === 'gone') await collection.deleteMany({ _id: key });
    else if (how === 'tombstone') await write({ _x: true });
    else if (how === 'blocked') await write({ ...before, _b: { position: 'p', eventId: 'e', code: 'C' } });
    else if (how === 'added') await write({ amounts: [], links: [] });
    else if (before && !before._x) await write({ ...before, _v: before._v + 1, amounts: [99] });
  }

  /** Everything at once, held against everything at once. */
  async function naiveDifferences(fold: PureFold): Promise<string[]> {
    const { documents, derived } = builds.collections(build._id);
    const found: string[] = [];
    const compare = (kind: string, wanted: Map<string, string>, actual: Map<string, string>): void => {
      for (const key of new Set([...wanted.keys(), ...actual.keys()])) {
        const [a, b] = [wanted.get(key), actual.get(key)];
        if (a !== b)
          found.push(`${kind} ${key} ${a === undefined ? 'unexpected' : b === undefined ? 'missing' : 'different'}`);
      }
    };
    const parsed = (text: string): string =>
      JSON.stringify(JSON.parse(text), (_name, value: unknown) => sortedMembers(value));
    const all = (texts: Map<string, string>): Map<string, string> =>
      new Map([...texts].map(([key, text]) => [key, parsed(text)]));
    const ofDocuments = new Map<string, string>();
    for (const { _x, _b, ...doc } of await documents.find({})) {
      if (_x) continue;
      const content = contentOf(doc);
      const shown = Object.keys(content).length > 0 ? content : undefined;
      ofDocuments.set(doc._id, parsed(JSON.stringify({ content: shown, block: _b })));
    }
    const ofDerived = new Map<string, string>();
    for (const doc of await derived.find({}))
      if (!doc._x) ofDerived.set(doc._id, parsed(JSON.stringify(contentOf(doc))));
    compare('document', all(fold.texts()), ofDocuments);
    compare('derived', all(fold.derivedTexts()), ofDerived);
    return found.sort();
  }

  const told = (differences: readonly Difference[]): string[] =>
    differences.map(({ kind, key, problem }) => `${kind} ${key} ${problem}`).sort();

  it('tells in passes of any size what one look at everything tells', async () => {
    const seen = { differences: 0, spread: 0 };
    await fc.assert(
      fc.asyncProperty(
        fc.array(step, { maxLength: 40 }),
        plants,
        fc.array(fc.nat(40), { maxLength: 10 }),
        fc.integer({ min: 1, max: 7 }),
        async (steps, planted, discards, passDocuments) => {
          build = await builds.create(accounts, 'product');
          const events = recorded(steps, CUSTOMERS);
          const discarded = new Set(
            discards.flatMap((at) => CUSTOMERS.map((customer) => discardId(`event-${at}`, customer))),
          );
          const { append, options } = world(discarded);
          await append(events);
          for (const each of planted) await plant(each);

          const fold = new PureFold(accounts, discarded);
          for (const event of events) fold.apply(event);
          const expected = await naiveDifferences(fold);
          const whole = await verifyBuild(accounts, build, options);
          const inPasses = await verifyBuild(accounts, build, { ...options, passDocuments });

          expect(told(whole.differences)).toEqual(expected);
          expect(whole.differing).toBe(expected.length);
          expect(whole.parked).toBe([...fold.documents.values()].filter(({ block }) => block).length);
          const sorted = (differences: Difference[]): Difference[] =>
            differences.sort((a, b) => compareKeys(`${a.kind} ${a.key}`, `${b.kind} ${b.key}`));
          expect({ ...inPasses, differences: sorted(inPasses.differences) }).toEqual({
            ...whole,
            differences: sorted(whole.differences),
          });
          seen.differences += expected.length;
          for (const key of fold.documents.keys()) if (fold.reach(key).size > 1) seen.spread += 1;
          await builds.drop(build);
        },
      ),
      { numRuns: 200 },
    );
    // Otherwise the property held for nothing.
    expect(seen.differences).toBeGreaterThan(100);
    expect(seen.spread).toBeGreaterThan(100);
  });

  it('tells nothing of a build that moves while it is compared, but what differs for good', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(step, { minLength: 10, maxLength: 40 }),
        fc.integer({ min: 1, max: 7 }),
        fc.boolean(),
        async (steps, passDocuments, isPlanted) => {
          build = await builds.create(accounts, 'product');
          const events = recorded(steps, CUSTOMERS);
          const { append, options } = world();
          let moved = 8;
          await append(events.slice(0, moved));
          if (isPlanted)
            for (const kind of ['document', 'derived'] as const) await plant({ kind, key: 'cab', how: 'added' });
          const open: VerifyOptions['vault']['open'] = async (stored) => {
            // What is being read is not at the build's position any more.
            const next = events.slice(moved, (moved += 5));
            if (next.length > 0) await append(next);
            return options.vault.open(stored);
          };
          const { differences, upTo } = await verifyBuild(accounts, build, {
            ...options,
            vault: { open },
            passDocuments,
          });
          expect(told(differences)).toEqual(isPlanted ? ['derived cab unexpected', 'document cab unexpected'] : []);
          expect(upTo).toBe(events[7]?.position);
          await builds.drop(build);
        },
      ),
      { numRuns: 60 },
    );
  });

  it('does not believe that a document became too heavy where it did not', async () => {
    const { append, options } = world();
    await append(recorded([{ type: 'Added', customer: 0, amount: 1 }], CUSTOMERS));
    const { documents } = builds.collections(build._id);
    const before = await documents.findOne({ _id: 'ann' });
    if (!before) throw new Error('nothing was folded');
    const block = { position: before._p, eventId: 'event-0', code: 'DOCUMENT_TOO_LARGE' };
    const doc = { _id: 'ann', _v: before._v + 1, _p: before._p, _o: before._o, _b: block };
    await documents.writeGuarded([{ doc, guard: { path: '_v', equals: before._v } }]);
    expect(told((await verifyBuild(accounts, build, options)).differences)).toEqual(['document ann different']);
  });

  it('holds no more documents than its bound, and says how many passes there will be', async () => {
    const customers = Array.from({ length: 100 }, (_, n) => `c${(n * 37) % 100}`);
    const steps = customers.map((_, customer) => ({ type: 'Added' as const, customer, amount: 1 }));
    const { append, options } = world();
    await append(recorded(steps, customers));
    const progress: VerifyProgress[] = [];
    const held = await mostHeld(async () => {
      const report = await verifyBuild(accounts, build, {
        ...options,
        passDocuments: 20,
        progress: (at) => progress.push(at),
      });
      expect(report).toMatchObject({ documents: 200, differing: 0 });
    });
    // It is cut after a batch of four.
    expect(held).toBeGreaterThan(20);
    expect(held).toBeLessThanOrEqual(24);
    expect(progress[0]).toMatchObject({ pass: 1, passes: 6 });
    const last = progress.at(-1);
    expect(last?.pass).toBe(last?.passes);
    expect(last?.pass).toBeGreaterThanOrEqual(5);
    expect(last?.pass).toBeLessThanOrEqual(7);
  });

  it('holds no more bytes than its bound, one document at least', async () => {
    const customers = Array.from({ length: 40 }, (_, n) => `c${(n * 37) % 40}`);
    const steps = customers.map((_, customer) => ({ type: 'Added' as const, customer, amount: 1 }));
    const { append, options } = world();
    await append(recorded(steps, customers));
    const all = new PureFold(accounts);
    for (const event of recorded(steps, customers)) all.apply(event);
    const each = all.weight / 40;
    for (const [passBytes, most] of [
      [each * 10.5, 10 + 4],
      [1, 1 + 4],
    ] as const) {
      const held = await mostHeld(async () => {
        const report = await verifyBuild(accounts, build, { ...options, passBytes });
        expect(report).toMatchObject({ documents: 80, differing: 0 });
      });
      expect(held).toBeLessThanOrEqual(most);
    }
  });

  it('holds no more bytes than its bound of groups that no pass holds whole', async () => {
    const customers = Array.from({ length: 40 }, (_, n) => `c${10 + n}`);
    const steps = customers.map((_, customer) => ({ type: 'Added' as const, customer, amount: 1 }));
    // Each with one of the other half, so that they never lie in one pass.
    const links = customers.slice(0, 20).map((_, n) => ({ type: 'Linked' as const, customer: n, other: 20 + n }));
    const { append, options } = world();
    await append(recorded([...steps, ...links], customers));
    const all = new PureFold(accounts);
    for (const event of recorded([...steps, ...links], customers)) all.apply(event);
    const passBytes = (all.weight / 40) * 8;
    const held = await mostHeld(async () => {
      const report = await verifyBuild(accounts, build, { ...options, passBytes });
      expect(report).toMatchObject({ documents: 80, differing: 0 });
    });
    // Cut after a batch of four; documents without their links are lighter.
    expect(held).toBeLessThanOrEqual(20);
  });

  it('forgets the weight of what it lets go of', () => {
    const fold = new PureFold(accounts);
    const steps = CUSTOMERS.map((_, customer) => ({ type: 'Added' as const, customer, amount: 1 }));
    for (const event of recorded([...steps, ...steps], CUSTOMERS)) fold.apply(event);
    expect(fold.weight).toBeGreaterThan(0);
    fold.narrow(() => false);
    expect(fold.weight).toBe(0);
  });

  it('counts all that differ and lists the first thousand', async () => {
    const customers = Array.from({ length: 1_200 }, (_, n) => `c${n}`);
    const steps = customers.map((_, customer) => ({ type: 'Added' as const, customer, amount: 1 }));
    const { append, options } = world();
    await append(recorded(steps, customers));
    await builds.collections(build._id).documents.deleteMany({});
    const report = await verifyBuild(accounts, build, { ...options, passDocuments: 100 });
    expect(report.differing).toBe(1_200);
    expect(report.differences.length).toBe(1_000);
  });
});

/** The most documents that any fold held meanwhile. */
async function mostHeld(work: () => Promise<void>): Promise<number> {
  let most = 0;
  const apply = Reflect.get(PureFold.prototype, 'apply');
  PureFold.prototype.apply = function (event): void {
    apply.call(this, event);
    most = Math.max(most, this.documents.size);
  };
  try {
    await work();
  } finally {
    PureFold.prototype.apply = apply;
  }
  return most;
}

const sortedMembers = (value: unknown): unknown =>
  value !== null && typeof value === 'object' && !Array.isArray(value)
    ? Object.fromEntries(Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1)))
    : value;
