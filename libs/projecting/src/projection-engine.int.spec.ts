/** The engine on real embedded stores: catching up, rebuilds, parking, and logs that are not the ones they were. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { openEventStore, type EventStore, type NewEvent } from '@timeline/event-store';
import {
  CUSTOMER_ERASED,
  delay,
  newId,
  systemClock,
  UnavailableError,
  Upcasters,
  type Fact,
  type Position,
  type Recorded,
} from '@timeline/kernel';
import { openReadStore, type GuardedWrite, type ReadStore } from '@timeline/read-store';
import type { FeedNotice } from './feed.js';
import { Parking, type ParkedDocument } from './parking.js';
import { customerOwner, type AnyProjection, type Projection } from './projection.js';
import { ProjectionEngine, type BuildStatus, type ProjectionEngineOptions } from './projection-engine.js';
import { ReadModels } from './read-models.js';
import { cancelRebuild, rebuild, rollBack, type RebuildOptions } from './rebuild.js';
import { awayWhile, bringBack, copyOf, type Outage } from './testing/outages.js';
import { verifyBuild, type VerifyReport } from './verify.js';

interface Sum {
  total: number;
}
type Added = Fact<'Added', { amount: number }>;

let poison = false;
const sums: Projection<Sum, Added> = {
  name: 'sums',
  version: 1,
  handles: ['Added'],
  keys: ({ metadata }) => [{ key: metadata.customerId ?? '', owner: customerOwner(metadata.customerId ?? '') }],
  evolve: (doc, { data }) => {
    if (poison && data.amount === 13) throw Object.assign(new Error('no thirteen'), { code: 'THIRTEEN' });
    return { total: (doc?.total ?? 0) + data.amount };
  },
};

const vault: ProjectionEngineOptions['vault'] = {
  // These tests hold no personal data, so what is stored is what is read.
  open: (stored) => Promise.resolve(stored as unknown as Recorded[]),
};

describe('the projection engine', () => {
  let folder: string;
  let events: EventStore;
  let reads: ReadStore;
  let engine: ProjectionEngine;
  let models: ReadModels;
  let notices: FeedNotice[];

  const make = (
    projections: Projection<Sum, Added>[] = [sums],
    readStore = reads,
    opening = vault,
    log: EventStore = events,
  ): void => {
    notices = [];
    engine = new ProjectionEngine({
      events: log,
      reads: readStore,
      vault: opening,
      projections,
      batchSize: 20,
      // Of a few events, so that what is far behind is filled in several.
      windowBytes: 4_000,
      report: (notice) => notices.push(notice),
    });
    models = new ReadModels({ events, reads: readStore, engine, waitMs: 10_000 });
  };
  const open = async (...options: Parameters<typeof make>): Promise<void> => {
    make(...options);
    await engine.start();
  };
  const engineless = async (): Promise<void> => {
    make();
    await engine.builds.prepare();
  };
  const until = async (condition: () => Promise<boolean> | boolean): Promise<void> => {
    for (const end = Date.now() + 20_000; !(await condition());) {
      if (Date.now() > end) throw new Error('waited in vain');
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
  };

  beforeEach(async () => {
    poison = false;
    folder = await mkdtemp(path.join(tmpdir(), 'timeline-engine-'));
    events = await openEventStore(`sqlite:${path.join(folder, 'events.db')}`);
    reads = await openReadStore(`sqlite:${path.join(folder, 'reads.db')}`);
  });
  afterEach(async () => {
    await engine.stop();
    await reads.close();
    await events.close();
    await rm(folder, { recursive: true });
  });

  const append = async (customerId: string, amount: number, type = 'Added'): Promise<Position> => {
    const event: NewEvent = {
      id: newId(),
      type,
      data: { amount },
      metadata: {
        schemaVersion: 1,
        occurredAt: '2026-01-01T00:00:00.000Z',
        customerId,
        actor: 'test',
        commandId: newId(),
        bodyHash: 'h',
        correlationId: 'c',
        causationId: 'c',
      },
    };
    return (await events.append(`stream-${event.id}`, [event], { expectedRevision: 'no-stream' })).position;
  };
  const total = (customerId: string, position: Position): Promise<number | undefined> =>
    models.read(sums, position, async ({ documents }) => (await documents.get(customerId))?.total);
  const verify = async (projection: AnyProjection = sums): Promise<VerifyReport> => {
    const pointer = await engine.builds.pointer('sums');
    const build = (await engine.builds.list('sums')).find(({ _id }) => _id === pointer?.live);
    if (!build) throw new Error('no live build');
    const discarded = await parking().discarded('sums');
    return verifyBuild(projection, build, {
      events,
      vault,
      upcasters: new Upcasters(),
      builds: engine.builds,
      discarded,
    });
  };
  const parking = (projections = [sums]): Parking =>
    new Parking({
      events,
      reads,
      vault,
      upcasters: new Upcasters(),
      builds: engine.builds,
      projections,
      clock: systemClock,
    });
  const parkedNow = async (): Promise<ParkedDocument[]> => {
    const parked: ParkedDocument[] = [];
    for await (const document of parking().stream()) parked.push(document);
    return parked;
  };
  const rebuilt = async (
    options: Pick<RebuildOptions, 'signal' | 'force' | 'compared' | 'progress'> = {},
    projection = sums,
  ) =>
    rebuild(projection, {
      engine,
      context: engine.context,
      verify: { events, vault, upcasters: new Upcasters(), discarded: await parking().discarded('sums') },
      ...options,
    });

  it('answers a read with at least what the position names', async () => {
    await open();
    for (let n = 1; n <= 30; n += 1) expect(await total('ann', await append('ann', 1))).toBe(n);
  });

  it('answers a read of one read model while another one is still written', async () => {
    const slow: typeof sums = {
      ...sums,
      name: 'slow',
      keys: ({ metadata }) => [{ key: 'slow', owner: customerOwner(metadata.customerId ?? '') }],
    };
    let release = (): void => undefined;
    let released = Promise.resolve();
    const beforeWrite = async (writes: readonly GuardedWrite<{ _id: string }>[]): Promise<void> => {
      if (writes.some(({ doc }) => doc._id === 'slow')) await released;
    };
    await open([sums, slow], awayWhile(reads, { isAway: false, beforeWrite }));
    expect(await total('ann', await append('ann', 1))).toBe(1);
    released = new Promise((resolve) => (release = resolve));
    try {
      const position = await append('ann', 1);
      expect(await total('ann', position)).toBe(2);
      const impatient = new ReadModels({ events, reads, engine, waitMs: 50 });
      await expect(impatient.read(slow, position, () => Promise.resolve())).rejects.toMatchObject({
        code: 'POSITION_NOT_REACHED',
      });
    } finally {
      release();
    }
  });

  it('tells a read that the position is not reached in time', async () => {
    await open();
    const position = await append('ann', 1);
    await total('ann', position);
    await engine.stop();
    const late = await append('ann', 1);
    const impatient = new ReadModels({ events, reads, waitMs: 50 });
    await expect(impatient.read(sums, late, () => Promise.resolve())).rejects.toMatchObject({
      code: 'POSITION_NOT_REACHED',
    });
    await expect(impatient.read(sums, 'ffffffffffff:1', () => Promise.resolve())).rejects.toMatchObject({
      code: 'POSITION_OF_ANOTHER_LOG',
    });
  });

  it('goes on after a restart where it was, and from the beginning when the read store is gone', async () => {
    await open();
    for (let n = 0; n < 50; n += 1) await append(`c${n % 5}`, n);
    await total('c1', await append('c1', 1));
    await engine.stop();
    const last = await append('c1', 1);
    await open();
    const before = await total('c1', last);
    await engine.stop();
    await reads.close();
    await Promise.all(['', '-wal', '-shm'].map((end) => rm(path.join(folder, `reads.db${end}`), { force: true })));
    reads = await openReadStore(`sqlite:${path.join(folder, 'reads.db')}`);
    await open();
    expect(await total('c1', last)).toBe(before);
    expect(await verify()).toMatchObject({ differences: [], documents: 5 });
  });

  it('says that it fills until it has caught up for the first time', async () => {
    for (let n = 0; n < 5; n += 1) await append('ann', 1);
    let go = (): void => undefined;
    const gate = new Promise<void>((resolve) => (go = resolve));
    const beforeWrite = (writes: readonly GuardedWrite<{ _id: string; _p?: Position }>[]): Promise<void> =>
      writes.some(({ doc }) => doc._p !== undefined) ? gate : Promise.resolve();
    await open([sums], awayWhile(reads, { isAway: false, beforeWrite }));
    expect(engine.status()).toMatchObject([{ state: 'filling', live: true, position: undefined }]);
    go();
    await until(() => engine.status().every(({ state }) => state === 'live'));
    // From then on it is live, also while an event is on its way.
    const position = await append('ann', 1);
    expect(engine.status()).toMatchObject([{ state: 'live' }]);
    expect(await total('ann', position)).toBe(6);
  });

  it('waits while the read store is away, says so, and goes on by itself', async () => {
    const outage = { isAway: false };
    await open([sums], awayWhile(reads, outage));
    await total('ann', await append('ann', 1));
    outage.isAway = true;
    const position = await append('ann', 1);
    while (!engine.waiting) await new Promise((resolve) => setTimeout(resolve, 5));
    expect(notices.map(({ level }) => level)).toContain('warn');
    outage.isAway = false;
    expect(await total('ann', position)).toBe(2);
    expect(engine.status()).toMatchObject([{ state: 'live' }]);
  });

  it('never has a checkpoint past what is written: killed at any instant, the rest comes again', async () => {
    const early: string[] = [];
    let written = 0;
    const beforeWrite = async (writes: readonly GuardedWrite<{ _id: string; _p?: Position }>[]): Promise<void> => {
      const folded = writes.flatMap(({ doc }) => doc._p ?? []);
      const builds = (await engine.builds.list('sums')).map(({ _id }) => _id);
      for (const { position } of (await engine.builds.checkpoints(builds)).values())
        early.push(...folded.filter((one) => one <= position));
      written += folded.length;
    };
    await open([sums], awayWhile(reads, { isAway: false, beforeWrite }));
    for (let n = 1; n <= 10; n += 1) expect(await total('ann', await append('ann', 1))).toBe(n);
    expect({ written, early }).toEqual({ written: 10, early: [] });
  });

  it.each([
    ['and nothing new happens', 0],
    ['and events come at once', 1],
  ])('does again what the read store forgot when it comes back as an older copy %s', async (_when, more) => {
    await open();
    for (let n = 0; n < 30; n += 1) await append(`c${n % 3}`, 1);
    await total('c0', await append('c0', 1));
    const copy = await copyOf(reads);
    for (let n = 0; n < 30; n += 1) await append(`c${n % 3}`, 1);
    await total('c0', await append('c1', 1));
    const before = notices.length;
    await bringBack(reads, copy);
    let last: Position | undefined;
    for (let n = 0; n < more; n += 1) last = await append('c2', 1);
    await until(() => notices.slice(before).some(({ code }) => code === 'READ_STORE_WENT_BACK'));
    last ??= await append('c2', 1);
    expect([await total('c0', last), await total('c1', last), await total('c2', last)]).toEqual([21, 21, 21]);
    expect(await verify()).toMatchObject({ differences: [], documents: 3 });
  });

  it.each([
    ['an older', 'before'],
    ['an older', 'after'],
    ['a current', 'before'],
    ['a current', 'after'],
  ] as const)(
    'loses nothing when the read store comes back as %s copy right %s any operation',
    async (age, when) => {
      const outage: Outage = { isAway: false, epoch: 0 };
      // Meanwhile the log, which is to tell what was forgotten, is away now and then.
      let refusals = 0;
      const log: EventStore = new Proxy(events, {
        get(store, name) {
          if (name === 'readAll' && refusals > 0) {
            refusals -= 1;
            throw new UnavailableError('event store', 'away');
          }
          const member: unknown = Reflect.get(store, name, store);
          return typeof member === 'function' ? (member.bind(store) as unknown) : member;
        },
      });
      await open([sums], awayWhile(reads, outage), vault, log);
      let expected = 0;
      let restored = 0;
      const addTo = async (customer: string): Promise<Position> => {
        expected += 1;
        return append(customer, 1);
      };
      const sum = async (last: Position): Promise<number> =>
        ((await total('c0', last)) ?? 0) + ((await total('c1', last)) ?? 0);
      await addTo('c1');
      for (let at = 1; at <= 12; at += 1) {
        await sum(await addTo('c0'));
        const copy = await copyOf(reads);
        if (age === 'an older') {
          await sum(await addTo('c0'));
          await sum(await addTo('c1'));
        }
        let operations = 0;
        outage[when] = async () => {
          operations += 1;
          if (operations !== at) return;
          await bringBack(reads, copy);
          outage.epoch = (outage.epoch ?? 0) + 1;
          refusals = 2;
          restored += 1;
        };
        for (let n = 0; n < 4; n += 1) await addTo(`c${n % 2}`);
        await until(() => operations >= at);
        delete outage[when];
        expect([at, await sum(await addTo('c0'))]).toEqual([at, expected]);
      }
      expect(restored).toBe(12);
      expect(await verify()).toMatchObject({ differences: [], documents: 2 });
    },
    60_000,
  );

  it('moves no checkpoint over what it had not done again when it was stopped', async () => {
    const outage: Outage = { isAway: false, epoch: 0 };
    let stopping: Promise<void> | undefined;
    let stopsWhileReading = false;
    const log: EventStore = new Proxy(events, {
      get(store, name) {
        const member: unknown = Reflect.get(store, name, store);
        if (typeof member !== 'function') return member;
        if (name !== 'readAll' || !stopsWhileReading) return member.bind(store) as unknown;
        return async function* (...args: Parameters<EventStore['readAll']>) {
          for await (const batch of store.readAll(...args)) {
            yield batch;
            stopping ??= engine.stop();
          }
        };
      },
    });
    await open([sums], awayWhile(reads, outage), vault, log);
    await total('c0', await append('c0', 1));
    const copy = await copyOf(reads);
    let last = await append('c1', 1);
    for (let n = 0; n < 99; n += 1) last = await append(`c${n % 5}`, 1);
    await total('c0', last);
    await bringBack(reads, copy);
    outage.epoch = 1;
    stopsWhileReading = true;
    last = await append('c0', 1);
    await until(() => stopping !== undefined);
    await stopping;
    await open();
    const sum = async (customer: string): Promise<number> => (await total(customer, last)) ?? 0;
    expect((await sum('c0')) + (await sum('c1')) + (await sum('c2')) + (await sum('c3')) + (await sum('c4'))).toBe(102);
    expect(await verify()).toMatchObject({ differences: [], documents: 5 });
  });

  it('rebuilds beside the live build while events keep coming, switches, and rolls back', async () => {
    await open();
    for (let n = 0; n < 200; n += 1) await append(`c${n % 7}`, 1);
    const first = (await engine.builds.pointer('sums'))?.live;
    let writing = true;
    const writer = (async () => {
      while (writing) await append('c1', 1);
    })();
    const report = await rebuilt();
    writing = false;
    await writer;
    expect(report.previous).toBe(first);
    expect((await engine.builds.pointer('sums'))?.live).toBe(report.build);
    const position = await append('c1', 1);
    const now = await total('c1', position);
    expect(await verify()).toMatchObject({ differences: [] });

    // The build read before is still fed: going back loses nothing.
    expect(await rollBack(sums, engine, engine.context)).toBe(first);
    await new Promise((resolve) => setTimeout(resolve, 600));
    expect(await total('c1', position)).toBe(now);
    expect(await verify()).toMatchObject({ differences: [] });
  });

  it('tells how far a rebuild is, from its beginning to its end, never less than before', async () => {
    for (let n = 0; n < 200; n += 1) await append(`c${n % 9}`, 1);
    await open();
    const told: number[] = [];
    const offset = (position: Position | undefined): number => Number(position?.split(':')[1] ?? 0);
    await rebuilt({
      progress: ({ from, to, share }) => told.push(offset(from) + (offset(to) - offset(from)) * share),
    });
    expect(told).toEqual([...told].sort((a, b) => a - b));
    // The first batch is applied as it is read; the others are read, then applied in a window.
    expect([told[0], told.some((at) => at % 20 !== 0), told.at(-1)]).toEqual([20, true, 200]);
  });

  it('goes on with a rebuild that was cut off, and drops it when cancelled', async () => {
    await open();
    for (let n = 0; n < 100; n += 1) await append(`c${n % 7}`, 1);
    await expect(rebuilt({ signal: AbortSignal.abort() })).rejects.toMatchObject({ code: 'REBUILD_CANCELLED' });
    const unfinished = (await engine.builds.list('sums')).find(({ state }) => state === 'filling');
    expect(await rebuilt()).toMatchObject({ build: unfinished?._id, resumed: true });

    await expect(rebuilt({ signal: AbortSignal.abort() })).rejects.toMatchObject({ code: 'REBUILD_CANCELLED' });
    expect(await cancelRebuild(sums, engine)).toBe(1);
    expect((await engine.builds.list('sums')).filter(({ state }) => state === 'filling')).toEqual([]);
  });

  it('fills a build for a new version beside the one that is read, then switches', async () => {
    await open();
    const position = await append('ann', 5);
    await total('ann', position);
    await engine.stop();
    const doubled: Projection<Sum, Added> = {
      ...sums,
      version: 2,
      evolve: (doc, { data }) => ({ total: (doc?.total ?? 0) + 2 * data.amount }),
    };
    const before = (await engine.builds.pointer('sums'))?.live;
    await open([doubled]);
    while ((await engine.builds.pointer('sums'))?.live === before)
      await new Promise((resolve) => setTimeout(resolve, 10));
    expect(await total('ann', position)).toBe(10);
  });

  it('is stopped when it no longer hands over what it filled', async () => {
    await open();
    await total('ann', await append('ann', 5));
    await engine.stop();
    let isWriting = false;
    let stopped: Promise<boolean> | undefined;
    const outage: Outage = { isAway: false };
    outage.beforeWrite = async (writes) => {
      if (stopped || !writes.some(({ doc }) => 'state' in doc && doc.state === 'fed')) return;
      isWriting = true;
      stopped = engine.stop().then(() => !isWriting);
      await delay(20);
      isWriting = false;
    };
    await open([{ ...sums, version: 2 }], awayWhile(reads, outage));
    await until(() => stopped !== undefined);
    expect(await stopped).toBe(true);
  });

  describe('of a new version that parks events', () => {
    const doubled: Projection<Sum, Added> = {
      ...sums,
      version: 2,
      evolve: (doc, event, key) => {
        const { total: before } = sums.evolve(doc, event, key) ?? { total: 0 };
        return { total: before + event.data.amount };
      },
    };
    const held = (): BuildStatus | undefined => engine.status().find(({ state }) => state === 'held');
    const live = async (): Promise<string | undefined> => (await engine.builds.pointer('sums'))?.live;
    let first: string | undefined;

    beforeEach(async () => {
      await open();
      await append('ann', 1);
      await append('ann', 13);
      await total('ann', await append('bob', 5));
      await engine.stop();
      first = await live();
      poison = true;
    });

    it('does not switch by itself, says what is to be done, keeps it fed, and switches once nothing is parked', async () => {
      await open([doubled]);
      await until(() => held() !== undefined);
      expect(held()).toMatchObject({ version: 2, live: false, held: { code: 'BUILD_PARKED', parked: 1 } });
      expect(held()?.held?.message).toContain('timeline rebuild sums --force');
      expect(notices).toContainEqual(expect.objectContaining({ level: 'warn', code: 'BUILD_PARKED' }));

      const position = await append('bob', 5);
      expect(await engine.runner(held()?.build ?? '')?.waitFor(position, 10_000)).toBe(true);
      expect(await live()).toBe(first);
      // Looked at again in the meantime: it is news once.
      await append('cai', 13);
      await until(() => held()?.held?.parked === 2);
      expect(notices.filter(({ code }) => code === 'BUILD_PARKED').length).toBe(1);

      await engine.stop();
      await open([doubled]);
      await until(() => held() !== undefined);
      expect(await live()).toBe(first);

      poison = false;
      const build = held()?.build;
      for await (const parked of parking([doubled]).stream('sums')) await parking([doubled]).retry(parked);
      await until(async () => (await live()) === build);
      expect(held()).toBeUndefined();
      expect(await total('ann', await append('ann', 1))).toBe(30);
    });

    it('is switched to by another process when the one that filled it has died', async () => {
      await open([doubled]);
      await until(() => held() !== undefined);
      const build = held()?.build;
      const filler = engine;
      await open([doubled]);
      await until(() => held()?.build === build);
      await filler.stop();
      poison = false;
      for await (const parked of parking([doubled]).stream('sums')) await parking([doubled]).retry(parked);
      await until(async () => (await live()) === build);
    });

    it('is switched to by force, after a report of what that changes', async () => {
      await open([doubled]);
      await until(() => held() !== undefined);
      await expect(rebuilt({}, doubled)).rejects.toMatchObject({ code: 'REBUILD_PARKED' });
      let before: string | undefined;
      const report = await rebuilt({ force: true, compared: () => void live().then((id) => (before = id)) }, doubled);
      expect(before).toBe(first);
      expect(report.comparison).toMatchObject({
        from: { build: first, version: 1 },
        to: { build: report.build, version: 2 },
        documents: { equal: 0, different: 2, onlyInFrom: 0, onlyInTo: 0 },
        differences: [
          { kind: 'document', key: 'ann', in: 'both', members: ['block', 'total'] },
          { kind: 'document', key: 'bob', in: 'both', members: ['total'] },
        ],
      });
      expect(await live()).toBe(report.build);
      await until(() => engine.status().every(({ build, state }) => build === report.build && state === 'live'));
    });

    it('lets go of what was read before when the command line has switched', async () => {
      make([doubled]);
      const report = await rebuilt({ force: true }, doubled);
      expect(report.previous).toBe(first);
      await open([doubled]);
      await until(async () => (await engine.builds.list('sums')).every(({ _id }) => _id === report.build));
      expect(engine.status()).toMatchObject([{ build: report.build, state: 'live' }]);
    });

    it('retries nothing of a build of another version', async () => {
      await open();
      await append('ann', 13);
      await total('ann', await append('bob', 1));
      poison = false;
      const [parked] = await parkedNow();
      expect(parked && (await parking([doubled]).retry(parked))).toBe(false);
      expect((await parkedNow()).length).toBe(1);
    });
  });

  it('parks an event that cannot be applied: later ones of the key wait, others go on; retry folds them in order', async () => {
    await open();
    poison = true;
    await append('ann', 1);
    await append('ann', 13);
    await append('ann', 2);
    const last = await append('bob', 3);
    expect(await total('bob', last)).toBe(3);
    expect(await total('ann', last)).toBe(1);
    expect(await parkedNow()).toMatchObject([{ projection: 'sums', key: 'ann', code: 'THIRTEEN' }]);
    expect(await verify()).toMatchObject({ differences: [], parked: 1 });

    poison = false;
    const [parked] = await parkedNow();
    expect(parked && (await parking().retry(parked))).toBe(true);
    expect(await total('ann', await append('ann', 4))).toBe(20);
    expect(await verify()).toMatchObject({ differences: [], parked: 0 });
  });

  it('discards a parked event on record: the rest is folded and verify agrees', async () => {
    await open();
    poison = true;
    await append('ann', 1);
    await append('ann', 13);
    await total('ann', await append('ann', 2));
    const [parked] = await parkedNow();
    expect(parked && (await parking().discard(parked))).toBe(true);
    expect(await total('ann', await append('ann', 4))).toBe(7);
    expect(await verify()).toMatchObject({ differences: [], parked: 0 });
  });

  it('parks the event that makes a document too heavy, live and in a rebuild, until it is discarded; verify agrees', async () => {
    const padded: Projection<Sum & { text: string }, Added> = {
      ...sums,
      maxWeight: 100,
      evolve: (doc, { data }) => {
        const total = (doc?.total ?? 0) + data.amount;
        return { total, text: 'x'.repeat(total) };
      },
    };
    await open([padded]);
    await append('ann', 1);
    await append('ann', 100);
    const last = await append('ann', 2);
    expect(await total('ann', last)).toBe(1);
    expect(await total('bob', await append('bob', 3))).toBe(3);
    const parkedAs = { projection: 'sums', key: 'ann', code: 'DOCUMENT_TOO_LARGE' };
    expect(await parkedNow()).toMatchObject([parkedAs]);
    expect(notices.filter(({ level }) => level === 'error').map(({ code }) => code)).toEqual(['DOCUMENT_TOO_LARGE']);
    expect(await verify(padded)).toMatchObject({ differences: [], parked: 1 });

    // A new build folds in memory first, in other portions.
    await rebuilt({ force: true }, padded);
    expect(await parkedNow()).toMatchObject([parkedAs, parkedAs]);
    expect(await verify(padded)).toMatchObject({ differences: [], parked: 1 });

    const parked = await parkedNow();
    for (const each of parked) expect(await parking([padded]).retry(each)).toBe(false);
    for (const each of parked) expect(await parking([padded]).discard(each)).toBe(true);
    expect(await total('ann', last)).toBe(3);
    expect(await verify(padded)).toMatchObject({ differences: [], parked: 0 });
    await rebuilt({}, padded);
    expect(await total('ann', last)).toBe(3);
    expect(await verify(padded)).toMatchObject({ differences: [], parked: 0 });
  });

  it('stops, red, when keys throw, and does not move over the event', async () => {
    const broken: Projection<Sum, Added> = {
      ...sums,
      keys: (event) => {
        if (event.data.amount === 9) throw new TypeError('no nine');
        return sums.keys(event);
      },
    };
    await open([broken]);
    const good = await append('ann', 1);
    await total('ann', good);
    await append('ann', 9);
    while (engine.status()[0]?.state !== 'stopped') await new Promise((resolve) => setTimeout(resolve, 5));
    expect(engine.status()).toMatchObject([
      { state: 'stopped', position: good, fault: { code: 'PROJECTION_KEYS_FAILED' } },
    ]);
  });

  it('stops, red, on a log that does not hold what was folded', async () => {
    await open();
    await total('ann', await append('ann', 1));
    await engine.stop();
    await events.close();
    events = await openEventStore(`sqlite:${path.join(folder, 'another.db')}`);
    await open();
    expect(engine.status()).toMatchObject([{ state: 'stopped', fault: { code: 'CHECKPOINT_OF_ANOTHER_LOG' } }]);
    expect(engine.status()[0]?.fault?.message).toContain('timeline rebuild sums');
  });

  it('comes back by the rebuild that it offers, also when the log was restored to an earlier state', async () => {
    await open();
    for (let n = 0; n < 5; n += 1) await append('ann', 1);
    await total('ann', await append('ann', 1));
    const pointer = await engine.builds.pointer('sums');
    await engine.stop();
    // What a restored log looks like to the build: it stands where the log does not reach.
    const checkpoints = reads.collection<{ _id: string; _v: number; position: string; event: object }>(
      'projection-checkpoints',
    );
    const stored = await checkpoints.findOne({ _id: pointer?.live ?? '' });
    if (!stored) throw new Error('no checkpoint');
    const lost = { position: `${events.logId}:9999999999999999`, id: newId() };
    await checkpoints.writeGuarded([
      {
        doc: { ...stored, _v: stored._v + 1, position: lost.position, event: lost },
        guard: { path: '_v', equals: stored._v },
      },
    ]);
    await open();
    expect(engine.status()).toMatchObject([{ state: 'stopped', fault: { code: 'CHECKPOINT_OF_ANOTHER_LOG' } }]);
    const report = await rebuilt();
    await until(() => engine.status().some(({ build, state }) => build === report.build && state === 'live'));
    expect(await total('ann', await append('ann', 1))).toBe(7);
  });

  it('reads a build that was complete when the process died before it was pointed to', async () => {
    await engineless();
    const { _id } = await engine.builds.create(sums, 'product');
    await engine.builds.setState(_id, 'fed');
    await open();
    expect(await total('ann', await append('ann', 1))).toBe(1);

    // The same for a build of a new version.
    await engine.stop();
    const doubled: Projection<Sum, Added> = { ...sums, version: 2 };
    const second = await engine.builds.create(doubled, 'product');
    await engine.builds.setState(second._id, 'fed');
    await open([doubled]);
    await until(async () => (await engine.builds.pointer('sums'))?.live === second._id);
    expect(await total('ann', await append('ann', 1))).toBe(2);
  });

  it('keeps the way back when two rebuilds go on with the same build', async () => {
    await open();
    await total('ann', await append('ann', 1));
    const first = (await engine.builds.pointer('sums'))?.live;
    await expect(rebuilt({ signal: AbortSignal.abort() })).rejects.toMatchObject({ code: 'REBUILD_CANCELLED' });
    const [one, other] = await Promise.all([rebuilt(), rebuilt()]);
    expect(one?.build).toBe(other?.build);
    expect(await rollBack(sums, engine, engine.context)).toBe(first);
  });

  it('never reads a build that is being dropped', async () => {
    await open();
    await total('ann', await append('ann', 1));
    const live = (await engine.builds.pointer('sums'))?.live;
    const going = await engine.builds.create(sums, 'command-line');
    await engine.builds.setState(going._id, 'dropping');
    expect(await engine.builds.setState(going._id, 'fed')).toBe(false);
    await engine.builds.drop(going);
    expect(await engine.builds.setState(going._id, 'fed')).toBe(false);

    // Cancelled by somebody else between its check and the switch.
    const setState = engine.builds.setState.bind(engine.builds);
    engine.builds.setState = async (id, state) => {
      if (state === 'fed') expect(await cancelRebuild(sums, engine)).toBe(1);
      return setState(id, state);
    };
    await expect(rebuilt()).rejects.toMatchObject({ code: 'REBUILD_CANCELLED' });
    expect((await engine.builds.pointer('sums'))?.live).toBe(live);
  });

  it('gives up a build that it fills when another of that version was switched to and it is dropped', async () => {
    await open();
    const position = await append('ann', 5);
    await total('ann', position);
    await engine.stop();
    const doubled: Projection<Sum, Added> = {
      ...sums,
      version: 2,
      evolve: (doc, { data }) => ({ total: (doc?.total ?? 0) + 2 * data.amount }),
    };
    const gate = { opened: (): void => undefined };
    const held = new Promise<void>((resolve) => (gate.opened = resolve));
    let filling = false;
    await open([doubled], reads, {
      open: async (stored) => {
        filling = true;
        await held;
        return vault.open(stored);
      },
    });
    await until(() => filling);
    const own = (await engine.builds.list('sums')).find(({ state }) => state === 'filling');
    const rival = await engine.builds.create(doubled, 'command-line');
    await engine.builds.setState(rival._id, 'fed');
    await engine.builds.point('sums', rival._id);
    if (own) await engine.builds.drop(own);
    gate.opened();
    await until(() => engine.status().some(({ build, state }) => build === rival._id && state === 'live'));
    await until(() => engine.runner(own?._id ?? '') === undefined);
    expect((await engine.builds.pointer('sums'))?.live).toBe(rival._id);
    expect(await total('ann', position)).toBe(10);
  });

  it('leaves one build of a version, however many processes make one at once', async () => {
    const position = await append('ann', 5);
    for (const version of [1, 2]) {
      const engines = Array.from({ length: 3 }, () => {
        make([{ ...sums, version }]);
        return engine;
      });
      await Promise.all(engines.map((each) => each.start()));
      const left = async (): Promise<string[]> =>
        (await engine.builds.list('sums')).filter(({ state }) => state !== 'dropping').map(({ _id }) => _id);
      await until(async () => (await left()).length === 1);
      await until(async () => {
        const [only] = await left();
        return engines.every((each) => each.status().some(({ build, state }) => build === only && state === 'live'));
      });
      expect(await left()).toEqual([(await engine.builds.pointer('sums'))?.live]);
      expect(await total('ann', position)).toBe(5);
      await Promise.all(engines.map((each) => each.stop()));
    }
  });

  it('finishes dropping what a process that died has left half dropped', async () => {
    await open();
    const left = await engine.builds.create(sums, 'command-line');
    await engine.builds.setState(left._id, 'dropping');
    await until(async () => (await engine.builds.list('sums')).every(({ _id }) => _id !== left._id));
    expect((await reads.listCollections(left._id)).length).toBe(0);
  });

  it('does not stop a build because the log is away while it is looked at', async () => {
    // Once for the rebuild, once for the engine.
    let away = 2;
    const flaky: EventStore = new Proxy(events, {
      get: (store, name): unknown => {
        const member: unknown = Reflect.get(store, name, store);
        if (typeof member !== 'function') return member;
        if (name === 'eventAt') {
          return (at: Position) =>
            away-- > 0 ? Promise.reject(new UnavailableError('event store', 'away')) : store.eventAt(at);
        }
        return member.bind(store) as unknown;
      },
    });
    await open([sums], reads, vault, flaky);
    await total('ann', await append('ann', 1));
    const report = await rebuilt();
    await until(() => engine.status().some(({ build }) => build === report.build));
    await until(() => engine.status().every(({ state }) => state === 'live'));
    expect(away).toBeLessThan(1);
  });

  it('tells that an event was parked', async () => {
    await open();
    poison = true;
    await append('ann', 13);
    await total('bob', await append('bob', 1));
    expect(notices).toMatchObject([{ level: 'error', code: 'THIRTEEN', projection: 'sums' }]);
  });

  it('stops only the projection whose event cannot be lifted, and quotes nothing of it', async () => {
    const others: Projection<Sum, Added> = { ...sums, name: 'others', handles: ['Other' as 'Added'] };
    await open([sums, others], reads, {
      open: (stored) =>
        stored.some(({ type }) => type === 'Other')
          ? Promise.reject(new TypeError('cannot lift "Ann Example"'))
          : vault.open(stored),
    });
    await append('ann', 1, 'Other');
    const last = await append('ann', 1);
    expect(await total('ann', last)).toBe(1);
    await until(() => engine.status().some(({ state }) => state === 'stopped'));
    expect(engine.status()).toMatchObject([
      { projection: 'sums', state: 'live' },
      { projection: 'others', state: 'stopped', fault: { code: 'TypeError' } },
    ]);
    expect(JSON.stringify([engine.status(), notices])).not.toContain('Ann');
    expect(await total('ann', await append('ann', 1))).toBe(2);
  });

  it('purges what an erased customer owns and keeps it away', async () => {
    await open();
    await append('ann', 1);
    await append('bob', 1);
    await append('ann', 0, CUSTOMER_ERASED);
    const last = await append('ann', 5);
    expect(await total('ann', last)).toBeUndefined();
    expect(await total('bob', last)).toBe(1);
    expect(await verify()).toMatchObject({ differences: [], documents: 1 });
  });

  it('finds a document that was changed, one that is gone and one too many', async () => {
    await open();
    await append('ann', 1);
    await append('bob', 1);
    await total('bob', await append('bob', 1));
    const pointer = await engine.builds.pointer('sums');
    const { documents } = engine.builds.collections(pointer?.live ?? '');
    const ann = await documents.findOne({ _id: 'ann' });
    if (!ann) throw new Error('no ann');
    await documents.writeGuarded([
      { doc: { ...ann, total: 99 }, guard: { path: '_v', equals: ann._v } },
      { doc: { ...ann, _id: 'eve' }, guard: 'absent' },
    ]);
    await documents.deleteMany({ _id: 'bob' });
    const { differences } = await verify();
    expect([...differences].sort((a, b) => (a.key < b.key ? -1 : 1))).toEqual([
      { kind: 'document', key: 'ann', problem: 'different', members: ['total'] },
      { kind: 'document', key: 'bob', problem: 'missing', members: [] },
      { kind: 'document', key: 'eve', problem: 'unexpected', members: [] },
    ]);
  });
});
