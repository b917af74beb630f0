/**
 * The event log as it is built: written by a thread of its own, which the sources do not have (a thread loads JavaScript
 * only). What it does beyond the contract: groups, their order, and its end.
 */
import { existsSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import type { EventStore } from '@timeline/event-store';
import { errorCode } from '@timeline/kernel';
import { SqliteEventStore } from '../../libs/event-store/src/sqlite/sqlite-event-store.js';
import { WriterThread } from '../../libs/event-store/src/sqlite/writer-thread.js';
import { collect, describeEventStoreContract } from '../../libs/event-store/src/testing/event-store.contract.js';
import { newEvent, newStream } from '../../libs/event-store/src/testing/events.js';

const writerScript = new URL('../../dist/libs/event-store/src/sqlite/writer-thread.worker.js', import.meta.url);
const openIn = (folder: string, script = writerScript): Promise<SqliteEventStore> =>
  SqliteEventStore.open(path.join(folder, 'events.db'), { writerScript: script });
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
    const { id, type } = newEvent();
    const events = [{ id, type, data: '{}', personal: undefined, metadata: '{}' }];
    const nowhere = new WriterThread(path.join(folder, 'no-such-folder', 'events.db'), writerScript);
    for (let attempt = 0; attempt < 2; attempt += 1) {
      const failed = nowhere.write([{ stream: 'a', events, expected: -1 }]);
      await expect(failed.catch(errorCode)).resolves.toBe('STORE_UNAVAILABLE');
    }
    await nowhere.close();
  });
});
