import type { ChildProcess } from 'node:child_process';
import { spawn } from 'node:child_process';
import { copyFileSync, mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import type { Position } from '@timeline/kernel';
import { errorCode } from '@timeline/kernel';
import { openSqlite } from '@timeline/sqlite';
import fc from 'fast-check';
import type { ExpectedRevision, StoredEvent } from '../event-store.port.js';
import { collect, describeEventStoreContract, eventsIn, messagesUntil } from '../testing/event-store.contract.js';
import { newEvent, newEvents, newStream } from '../testing/events.js';
import { LOG_FILE } from './log-file.js';
import { SqliteEventStore } from './sqlite-event-store.js';

const newFolder = (): string => mkdtempSync(join(tmpdir(), 'timeline-events-'));
const failure = (promise: Promise<unknown>): Promise<unknown> =>
  promise.then(
    () => 'no error',
    (error: unknown) => error,
  );

describeEventStoreContract(
  'SQLite',
  async () => {
    const folder = newFolder();
    return {
      open: () => SqliteEventStore.open(join(folder, 'events.db')),
      remove: async () => rmSync(folder, { recursive: true }),
    };
  },
  { refusesKnownIdsAtNewerRevision: true },
);

describe('the SQLite event store', () => {
  let folder: string;
  let path: string;
  let store: SqliteEventStore;
  beforeEach(async () => {
    folder = newFolder();
    path = join(folder, 'events.db');
    store = await SqliteEventStore.open(path);
  });
  afterEach(async () => {
    await store.close();
    rmSync(folder, { recursive: true });
  });

  it('keeps the order of appends that nobody waited for, as it says', async () => {
    expect(store.keepsOrder).toBe(true);
    const appends = Array.from({ length: 200 }, (_, n) => ({ stream: newStream(), event: newEvent(n) }));
    await Promise.all(
      appends.map(({ stream, event }) => store.append(stream, [event], { expectedRevision: 'no-stream' })),
    );
    const stored = await collect(store.readAll());
    expect(stored.map(({ id }) => id)).toEqual(appends.map(({ event }) => event.id));
  });

  describe('its file', () => {
    it('keeps the log and its id', async () => {
      const stream = newStream();
      await store.append(stream, newEvents(3), { expectedRevision: 'no-stream' });
      const before = await collect(store.readAll());
      await store.close();
      const again = await SqliteEventStore.open(path);
      expect(again.logId).toBe(store.logId);
      expect(await collect(again.readAll())).toEqual(before);
      await again.close();
      const other = await SqliteEventStore.open(join(folder, 'other.db'));
      expect(other.logId).not.toBe(store.logId);
      await other.close();
    });

    it('starts empty', async () => {
      expect(await store.head()).toBeUndefined();
      expect(await collect(store.readAll())).toEqual([]);
      const messages = await messagesUntil(store, {}, () => true);
      expect(messages).toEqual([{ kind: 'caught-up', position: undefined }]);
    });

    it('is refused, and left as it is, when it is not an event log or not whole', async () => {
      await store.append('a', newEvents(1000), { expectedRevision: 'no-stream' });
      await store.close();
      const refused = async (change: (bytes: Buffer) => Buffer, code: string): Promise<void> => {
        const spoiled = join(newFolder(), 'events.db');
        copyFileSync(path, spoiled);
        const bytes = change(readFileSync(spoiled));
        writeFileSync(spoiled, bytes);
        const error = await failure(SqliteEventStore.open(spoiled));
        expect(errorCode(error)).toBe(code);
        expect(String(error)).toContain('event store');
        expect(readFileSync(spoiled).equals(bytes)).toBe(true);
        expect(readdirSync(dirname(spoiled))).toEqual(['events.db']);
        rmSync(dirname(spoiled), { recursive: true });
      };
      await refused((bytes) => bytes.subarray(0, bytes.length / 2), 'EVENT_STORE_DAMAGED');
      await refused((bytes) => bytes.fill(0, 4096, 12288), 'EVENT_STORE_DAMAGED');
      await refused(() => Buffer.from('not a database'), 'EVENT_STORE_FOREIGN');
      await refused((bytes) => {
        bytes.writeInt32BE(1, 68);
        return bytes;
      }, 'EVENT_STORE_FOREIGN');
      await refused((bytes) => {
        bytes.writeInt32BE(2, 60);
        return bytes;
      }, 'EVENT_STORE_TOO_NEW');
      expect(readFileSync(path).readInt32BE(68)).toBe(LOG_FILE.applicationId);
    });

    it('may be memory', async () => {
      const memory = await SqliteEventStore.open(':memory:');
      await memory.append('a', newEvents(2), { expectedRevision: 'no-stream' });
      expect(eventsIn(await messagesUntil(memory, {}, ({ kind }) => kind === 'caught-up'))).toHaveLength(2);
      await memory.close();
    });
  });

  it('stamps events with its clock, whatever that says', async () => {
    const times = ['2024-01-02T00:00:00.000Z', '2024-01-01T00:00:00.000Z'];
    const clocked = await SqliteEventStore.open(':memory:', { clock: { now: () => new Date(times.shift() ?? 0) } });
    await clocked.append('a', newEvents(1), { expectedRevision: 'no-stream' });
    await clocked.append('a', newEvents(1), { expectedRevision: 0 });
    const recorded = (await clocked.readStream('a')).map(({ recordedAt }) => recordedAt);
    expect(recorded).toEqual(['2024-01-02T00:00:00.000Z', '2024-01-01T00:00:00.000Z']);
    await clocked.close();
  });

  describe('group commit', () => {
    it('makes appends that wait together durable together', async () => {
      const another = await SqliteEventStore.open(path);
      const appends = Array.from({ length: 50 }, () =>
        store.append(newStream(), newEvents(1), { expectedRevision: 'no-stream' }),
      );
      expect(await collect(another.readAll())).toEqual([]);
      await Promise.race(appends);
      expect(await collect(another.readAll())).toHaveLength(50);
      await Promise.all(appends);
      await another.close();
    });

    it('answers each append by itself: one that is refused disturbs no other', async () => {
      const [taken, free] = [newStream('taken'), newStream('free')];
      await store.append(taken, newEvents(1), { expectedRevision: 'no-stream' });
      const outcomes = await Promise.allSettled([
        store.append(free, newEvents(2), { expectedRevision: 'no-stream' }),
        store.append(taken, newEvents(3), { expectedRevision: 'no-stream' }),
        store.append(free, newEvents(2), { expectedRevision: 0 }),
        store.append(free, newEvents(2), { expectedRevision: 1 }),
        store.append(taken, [], { expectedRevision: 0 }),
        store.append(taken, newEvents(1), { expectedRevision: 0 }),
      ]);
      expect(outcomes.map(({ status }) => status)).toEqual([
        'fulfilled',
        'rejected',
        'rejected',
        'fulfilled',
        'rejected',
        'fulfilled',
      ]);
      expect(await store.readStream(free)).toHaveLength(4);
      expect(await store.readStream(taken)).toHaveLength(2);
    });

    it('tells a refusal that rests on another append of the group only once that one is durable', async () => {
      const another = await SqliteEventStore.open(path);
      const stream = newStream();
      const winner = store.append(stream, newEvents(1), { expectedRevision: 'no-stream' });
      const error = await failure(store.append(stream, newEvents(1), { expectedRevision: 'no-stream' }));
      expect(errorCode(error)).toBe('WRONG_EXPECTED_REVISION');
      expect(await another.readStream(stream)).toHaveLength(1);
      await winner;
      await another.close();
    });

    it('waits for a writer of another process, then goes on', async () => {
      const other = await openSqlite(path, LOG_FILE);
      other.exec('BEGIN IMMEDIATE');
      const appends = Array.from({ length: 10 }, () =>
        store.append(newStream(), newEvents(1), { expectedRevision: 'no-stream' }),
      );
      let turns = 0;
      while (turns < 50) {
        await new Promise((resolve) => setImmediate(resolve));
        turns += 1;
      }
      expect(await collect(store.readAll())).toEqual([]);
      other.exec('COMMIT');
      other.close();
      await Promise.all(appends);
      expect(await collect(store.readAll())).toHaveLength(10);
    });

    it('lets other work of the process go on during a long read', async () => {
      for (let i = 0; i < 5; i++) await store.appendUnsafelyAtAnyRevision('a', newEvents(1_000));
      let isDone = false;
      let turns = 0;
      const count = (): void => {
        turns += 1;
        if (!isDone) setImmediate(count);
      };
      setImmediate(count);
      expect(await collect(store.readAll({ batchSize: 100 }))).toHaveLength(5_000);
      isDone = true;
      expect(turns).toBeGreaterThan(40);
    });

    it('ends a batch early when its events are large', async () => {
      const text = 'x'.repeat(500_000);
      for (let i = 0; i < 30; i++)
        await store.append(newStream(), [newEvent(i, { data: { text } })], { expectedRevision: 'no-stream' });
      await store.appendUnsafelyAtAnyRevision('small', newEvents(100));
      const sizes: number[] = [];
      for await (const batch of store.readAll({ batchSize: 500 })) sizes.push(batch.length);
      expect(sizes.length).toBeGreaterThan(1);
      expect(sizes.reduce((sum, size) => sum + size, 0)).toBe(130);
    });
  });

  it('says that it has caught up each time it reaches the end after having delivered something', async () => {
    const kinds: string[] = [];
    let revision = -1;
    for await (const { kind } of store.subscribe()) {
      kinds.push(kind);
      if (kinds.length === 5) break;
      if (kind === 'caught-up') ({ revision } = await store.appendUnsafelyAtAnyRevision('a', newEvents(1)));
    }
    expect(revision).toBe(1);
    expect(kinds).toEqual(['caught-up', 'events', 'caught-up', 'events', 'caught-up']);
  });

  it('moves the position of a live subscription over events that it does not want', async () => {
    const positions: (Position | undefined)[] = [];
    let head: Position | undefined;
    for await (const message of store.subscribe({ types: ['Wanted'] })) {
      if (message.kind === 'checkpoint') positions.push(message.position);
      if (positions.length === 3) break;
      ({ position: head } = await store.appendUnsafelyAtAnyRevision('a', newEvents(2)));
    }
    expect(positions.at(-1)).toBe(head);
    expect(positions).toEqual([...positions].sort());
  });

  describe('for any appends, however they are interleaved', () => {
    const streams = ['a', 'b', 'c'];
    const command = fc.record({
      stream: fc.constantFrom(...streams),
      /** Few ids, so that appends meet their own again. */
      ids: fc.uniqueArray(fc.integer({ min: 0, max: 7 }), { minLength: 1, maxLength: 3 }),
      expected: fc.oneof(
        fc.constant<'any' | 'current'>('any'),
        fc.constant<'any' | 'current'>('current'),
        fc.integer({ min: -1, max: 5 }),
      ),
    });
    const rounds = fc.array(fc.array(command, { minLength: 1, maxLength: 8 }), { minLength: 1, maxLength: 8 });

    /** The rules as a list per stream; appends of one round come one after the other. */
    class Model {
      readonly log: string[] = [];
      readonly #streams = new Map<string, string[]>(streams.map((stream) => [stream, []]));
      lengthOf = (stream: string): number => this.#streams.get(stream)?.length ?? 0;

      append(stream: string, ids: string[], expected: number | 'any'): number | 'refused' {
        const events = this.#streams.get(stream) ?? [];
        const places = ids.map((id) => events.indexOf(id));
        if (places.every((place) => place === -1)) {
          if (expected !== 'any' && expected !== events.length - 1) return 'refused';
          events.push(...ids);
          this.log.push(...ids.map((id) => `${stream} ${events.indexOf(id)} ${id}`));
          return events.length - 1;
        }
        const start = expected === 'any' ? places[0] : expected + 1;
        const isThere = places.every((place, index) => place >= 0 && place === (start ?? 0) + index);
        return isThere ? (places.at(-1) as number) : 'refused';
      }
    }

    it('holds what a simple list would hold', async () => {
      await fc.assert(
        fc.asyncProperty(rounds, async (commands) => {
          const memory = await SqliteEventStore.open(':memory:');
          const model = new Model();
          const idOf = (n: number): string => `00000000-0000-4000-8000-00000000000${n}`;
          for (const round of commands) {
            const lengths = new Map(streams.map((stream) => [stream, model.lengthOf(stream)]));
            const appends = round.map(({ stream, ids, expected: wanted }) => {
              const expected = wanted === 'current' ? (lengths.get(stream) ?? 0) - 1 : wanted;
              const events = ids.map((n) => newEvent(n, { id: idOf(n) }));
              const expectedRevision: ExpectedRevision = expected === -1 || expected === 'any' ? 'no-stream' : expected;
              const append =
                expected === 'any'
                  ? memory.appendUnsafelyAtAnyRevision(stream, events)
                  : memory.append(stream, events, { expectedRevision });
              const outcome = append.then(
                ({ revision }) => revision,
                (error: unknown) => (errorCode(error) === 'WRONG_EXPECTED_REVISION' ? 'refused' : error),
              );
              return { outcome, modelled: model.append(stream, ids.map(idOf), expected) };
            });
            for (const { outcome, modelled } of appends) expect(await outcome).toBe(modelled);
          }
          const log = await collect(memory.readAll({ batchSize: 3 }));
          expect(log.map(({ stream, revision, id }) => `${stream} ${revision} ${id}`)).toEqual(model.log);
          const backwards = await collect(memory.readAll({ direction: 'backwards' }));
          expect(backwards).toEqual([...log].reverse());
          await memory.close();
        }),
        { numRuns: 60 },
      );
    });
  });

  describe('a process that is killed while it appends', () => {
    const start = (file: string): ChildProcess =>
      spawn(
        process.execPath,
        [
          '--import',
          new URL('../testing/typescript-loader.mjs', import.meta.url).href,
          fileURLToPath(new URL('../testing/appending-child.ts', import.meta.url)),
          file,
        ],
        { stdio: ['ignore', 'pipe', 'inherit'], execArgv: [] } as never,
      );

    /** Kills the process once it has acknowledged so many appends; answers every acknowledgement that came out. */
    async function killAfter(child: ChildProcess, acknowledgements: number): Promise<string[]> {
      const lines: string[] = [];
      for await (const line of createInterface({ input: child.stdout as NonNullable<ChildProcess['stdout']> })) {
        lines.push(line);
        if (lines.length === acknowledgements) child.kill('SIGKILL');
      }
      return lines;
    }

    it('loses nothing that it acknowledged and leaves no part of an append, and others go on', async () => {
      // A fixed seed; the instant within the write is the machine's own.
      const counts = fc.sample(fc.integer({ min: 1, max: 400 }), { numRuns: 3, seed: 20240506 });
      const acknowledged: string[] = [];
      const seen: StoredEvent[] = [];
      const controller = new AbortController();
      const watching = (async () => {
        for await (const message of store.subscribe({ signal: controller.signal })) {
          if (message.kind === 'events') seen.push(...message.events);
        }
      })();
      for (const count of counts) {
        acknowledged.push(...(await killAfter(start(path), count)));
        await store.append(newStream('survivor'), newEvents(1), { expectedRevision: 'no-stream' });
      }
      const log = await collect(store.readAll());
      const found = new Set(log.map(({ stream, revision, position, id }) => `${stream} ${revision} ${position} ${id}`));
      expect(acknowledged.filter((line) => !found.has(line))).toEqual([]);
      expect(acknowledged.length).toBeGreaterThanOrEqual(counts.reduce((sum, count) => sum + count, 0));
      const lengths = new Map<string, number>();
      for (const { stream, revision } of log) {
        expect(revision).toBe(lengths.get(stream) ?? 0);
        lengths.set(stream, revision + 1);
      }
      // Appends hold 1 + (revision + 2) % 3 events, so whole appends end at these lengths only.
      const whole = new Set<number>();
      for (let length = 0; length <= log.length; length += 1 + ((length + 1) % 3)) whole.add(length);
      const torn = [...lengths].filter(([stream, length]) => stream.startsWith('killed') && !whole.has(length));
      expect(torn).toEqual([]);
      // The store that was open all along has seen every event of the others once, in order.
      const head = await store.head();
      while (seen.at(-1)?.id !== head?.eventId) await new Promise((resolve) => setTimeout(resolve, 5));
      expect(seen).toEqual(log);
      controller.abort();
      await watching;
    });
  });
});
