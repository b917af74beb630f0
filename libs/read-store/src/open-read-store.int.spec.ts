import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { errorCode, UnavailableError } from '@timeline/kernel';
import { openReadStore } from './open-read-store.js';

const failure = (promise: Promise<unknown>): Promise<unknown> =>
  promise.then(
    () => 'no error',
    (error: unknown) => error,
  );

describe('opening a read store by its URL', () => {
  it('opens a SQLite file, making its folder', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'timeline-reads-'));
    const store = await openReadStore(`sqlite:${join(folder, 'data', 'reads.db')}`);
    await store.ping();
    await store.close();
    rmSync(folder, { recursive: true });
  });

  it.each(['', 'sqlite:', 'redis://localhost', 'reads.db', 'mongodb://', 'mongodb://user:secret@/x', 'MongoDB:x'])(
    'refuses %j, and does not repeat what may be a password',
    async (url) => {
      const error = await failure(openReadStore(url));
      expect(errorCode(error)).toBe('CONFIG_INVALID');
      expect(String(error)).not.toContain('secret');
    },
  );

  it('opens a MongoDB that is away, and says so when asked', async () => {
    // Port 1 is nobody's.
    const store = await openReadStore('mongodb://127.0.0.1:1/reads?serverSelectionTimeoutMS=100');
    const collection = store.collection('a');
    const asked = [
      store.ping(),
      store.listCollections(),
      store.ensureCollection('a', []),
      store.dropCollection('a'),
      collection.find({}),
      collection.count({}),
      collection.deleteMany({}),
      collection.writeGuarded([{ doc: { _id: 'a' }, guard: 'absent' }]),
      collection.writeGuarded([{ doc: { _id: 'a' }, guard: { path: '_v', equals: 1 } }]),
      (async () => {
        for await (const batch of collection.stream({})) expect(batch).toEqual([]);
      })(),
    ];
    for (const promise of asked.map(failure)) expect(await promise).toBeInstanceOf(UnavailableError);
    await store.close();
  });
});
