import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { errorCode } from '@timeline/kernel';
import { openEventStore, SqliteEventStore } from './index.js';
import { newEvents } from './testing/events.js';

describe('opening the event store that a URL names', () => {
  it('opens a file', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'timeline-events-'));
    const now = new Date('2024-05-06T07:08:09.000Z');
    const store = await openEventStore(`sqlite:${join(folder, 'data', 'events.db')}`, { clock: { now: () => now } });
    expect(store).toBeInstanceOf(SqliteEventStore);
    await store.append('a', newEvents(1), { expectedRevision: 'no-stream' });
    expect((await store.head())?.recordedAt).toBe(now.toISOString());
    await store.close();
    rmSync(folder, { recursive: true });
  });

  it('opens memory', async () => {
    const store = await openEventStore('sqlite::memory:');
    expect(await store.head()).toBeUndefined();
    await store.close();
  });

  it.each(['', 'sqlite:', 'events.db', 'postgres://secret@host/db', 'esdb://', 'mongodb://host'])(
    'refuses %j, naming the variable and not its value',
    async (url) => {
      const error = await openEventStore(url).then(
        () => 'no error',
        (thrown: unknown) => thrown,
      );
      expect(errorCode(error)).toBe('CONFIG_INVALID');
      expect(String(error)).toContain('EVENT_STORE_URL');
      expect(String(error)).not.toContain('secret');
    },
  );
});
