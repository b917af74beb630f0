/**
 * The embedded log and read store as they are built: each written by a thread of its own, which the sources do not have (a
 * thread loads JavaScript only). What they do beyond their contracts: order, groups of the log, and the thread's end.
 */
import { existsSync, mkdtempSync, readFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import Libsql from 'libsql';
import type { EventStore } from '@timeline/event-store';
import { errorCode } from '@timeline/kernel';
import { SqliteEventStore } from '../../libs/event-store/src/sqlite/sqlite-event-store.js';
import { collect, describeEventStoreContract } from '../../libs/event-store/src/testing/event-store.contract.js';
import { newEvent, newStream } from '../../libs/event-store/src/testing/events.js';
import { SqliteReadStore } from '../../libs/read-store/src/sqlite/sqlite-read-store.js';
import { readStoreContract, type Doc } from '../../libs/read-store/src/testing/read-store.contract.js';

const writerScript = new URL('../../dist/libs/event-store/src/sqlite/log-writer.worker.js', import.meta.url);
const openIn = (folder: string, script = writerScript): Promise<SqliteEventStore> =>
  SqliteEventStore.open(path.join(folder, 'events.db'), { writerScript: script });
const documentWriter = new URL('../../dist/libs/read-store/src/sqlite/document-writer.worker.js', import.meta.url);
const dyingWriter = new URL('../support/dying-writer.mjs', import.meta.url);
const openReadsIn = (folder: string, script = documentWriter): Promise<SqliteReadStore> =>
  SqliteReadStore.open(path.join(folder, 'reads.db'), { writerScript: script });
const newFolder = (): Promise<string> => mkdtemp(path.join(tmpdir(), 'timeline-thread-'));

describeEventStoreContract(
  'SQLite, written by a thread',
  async () => {
    const folder = await newFolder();
    return { open: () => openIn(folder), remove: () => rm(folder, { recursive: true }) };
  },
  { refusesKnownIdsAtNewerRevision: true },
);

describe('a log that a thread writes', () => {
  let folder: string;
  let store: EventStore;
  beforeEach(async () => {
    folder = await newFolder();
    store = await openIn(folder);
  });
  afterEach(async () => {
    await store.close();
    await rm(folder, { recursive: true });
  });
  const append = async (stream: string, n: number): Promise<string> => {
    const event = newEvent(n);
    await store.append(stream, [event], { expectedRevision: 'no-stream' });
    return event.id;
  };

  it('keeps the order of appends that nobody waited for, over many groups', async () => {
    expect(existsSync(writerScript)).toBe(true);
    const ids = await Promise.all(Array.from({ length: 2_000 }, (_, n) => append(newStream(), n)));
    expect((await collect(store.readAll())).map(({ id }) => id)).toEqual(ids);
  });

  it.each([
    [64, 32],
    [200, 100],
    [10, 10],
    [1, 1],
  ])('of %i callers who each wait for their last append, writes %i at a time', async (callers, size) => {
    const counting = await openIn(folder, new URL('../support/counting-writer.mjs', import.meta.url));
    const sizes: number[] = [];
    const call = async (): Promise<void> => {
      for (let n = 0; n < 30; n += 1) {
        const event = newEvent(n);
        sizes.push((await counting.append(newStream(), [event], { expectedRevision: 'no-stream' })).revision);
      }
    };
    await Promise.all(Array.from({ length: callers }, call));
    await counting.close();
    // The first groups find their size, the last are of those who are not done yet, and a pause makes a smaller one.
    expect(sizes.sort((a, b) => a - b)[sizes.length / 2]).toBe(size);
  });

  it('goes on when it was idle', async () => {
    await append(newStream(), 0);
    await new Promise((resolve) => setTimeout(resolve, 20));
    await append(newStream(), 1);
    expect(await collect(store.readAll())).toHaveLength(2);
  });

  it('refuses in a group only what is in conflict', async () => {
    const [taken, free] = [newStream('taken'), newStream('free')];
    await append(taken, 0);
    const outcomes = await Promise.all(
      [taken, free, free, taken].map((stream) => append(stream, 1).then(() => 'appended', errorCode)),
    );
    expect(outcomes).toEqual([
      'WRONG_EXPECTED_REVISION',
      'appended',
      'WRONG_EXPECTED_REVISION',
      'WRONG_EXPECTED_REVISION',
    ]);
    expect(await collect(store.readAll())).toHaveLength(2);
  });

  it('finishes what was handed over before it is closed, and refuses what comes after', async () => {
    const handedOver = Array.from({ length: 500 }, (_, n) => append(newStream(), n));
    await store.close();
    await Promise.all(handedOver);
    await expect(append(newStream(), 0).catch(errorCode)).resolves.toBe('EVENT_STORE_CLOSED');
    store = await openIn(folder);
    expect(await collect(store.readAll())).toHaveLength(500);
  });

  it('tells whoever waits when its thread has ended, and starts another', async () => {
    const dying = await openIn(folder, dyingWriter);
    for (let attempt = 0; attempt < 2; attempt += 1) {
      const failed = dying.append(newStream(), [newEvent()], { expectedRevision: 'no-stream' });
      await expect(failed.catch(errorCode)).resolves.toBe('STORE_UNAVAILABLE');
    }
    await expect(dying.ping().catch(errorCode)).resolves.toBe('STORE_UNAVAILABLE');
    await dying.close();
  });
});

const readsFolder = mkdtempSync(path.join(tmpdir(), 'timeline-thread-'));
afterAll(() => rm(readsFolder, { recursive: true }));
readStoreContract('SQLite, written by a thread', { open: () => openReadsIn(readsFolder), propertyRuns: 50 });

describe('a read store that a thread writes', () => {
  let folder: string;
  let store: SqliteReadStore;
  beforeEach(async () => {
    folder = await newFolder();
    store = await openReadsIn(folder);
    await store.ensureCollection('a', []);
  });
  afterEach(async () => {
    await store.close();
    await rm(folder, { recursive: true });
  });
  const set = (version: number, more: object = {}): Promise<string[]> =>
    store.collection<Doc>('a').writeGuarded([
      {
        doc: { _id: 'x', _v: version, ...more },
        guard: version === 1 ? 'absent' : { path: '_v', equals: version - 1 },
      },
    ]);

  it('keeps the order of writes that nobody waited for, and finishes them before it is closed', async () => {
    expect(existsSync(documentWriter)).toBe(true);
    const handedOver = Array.from({ length: 200 }, (_, n) => set(n + 1));
    await store.close();
    expect((await Promise.all(handedOver)).flat()).toEqual([]);
    await expect(set(201).catch(errorCode)).resolves.toBe('READ_STORE_CLOSED');
    store = await openReadsIn(folder);
    expect(await store.collection<Doc>('a').find({})).toEqual([{ _id: 'x', _v: 200 }]);
  });

  it('keeps their order also where another holds the file meanwhile', async () => {
    const other = new Libsql(path.join(folder, 'reads.db'));
    other.exec('BEGIN IMMEDIATE');
    const handedOver = Array.from({ length: 50 }, (_, n) => set(n + 1));
    await new Promise((resolve) => setTimeout(resolve, 300));
    other.exec('COMMIT');
    other.close();
    expect((await Promise.all(handedOver)).flat()).toEqual([]);
  });

  it('leaves nothing in its files of what was overwritten, once it was scrubbed', async () => {
    const files = (): string[] =>
      ['', '-wal'].filter((end) => readFileSync(path.join(folder, `reads.db${end}`)).includes('Quirkfeather'));
    await set(1, { note: 'Quirkfeather '.repeat(900) });
    expect(files()).toEqual(['-wal']);
    await set(2);
    expect(await store.scrub()).toBe('overwritten');
    expect(files()).toEqual([]);
  });

  it('tells whoever waits when its thread has ended, and starts another', async () => {
    const dying = await openReadsIn(folder, dyingWriter);
    for (let attempt = 0; attempt < 2; attempt += 1) {
      const failed = dying.collection<Doc>('a').writeGuarded([{ doc: { _id: 'x' }, guard: 'absent' }]);
      await expect(failed.catch(errorCode)).resolves.toBe('STORE_UNAVAILABLE');
    }
    await expect(dying.ping().catch(errorCode)).resolves.toBe('STORE_UNAVAILABLE');
    await dying.close();
  });
});
