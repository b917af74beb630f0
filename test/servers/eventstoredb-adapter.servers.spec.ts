/**
 * What the event store's adapter does when its server is killed and started again under it, and on a log still short. The server is the
 * stand-in (`../support/eventstoredb-server`); it keeps what it acknowledged, as the real one does.
 */
import { randomUUID } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { EventStore, NewEvent } from '@timeline/event-store';
import { openEventStore } from '@timeline/event-store';
import { UnavailableError } from '@timeline/kernel';
import { newEvent } from '../../libs/event-store/src/testing/events.js';
import type { EventStoreDbServer } from '../support/servers/eventstoredb.mjs';
import { startEventStoreDb } from '../support/servers/eventstoredb.mjs';

/** The same events at the same revision until it is known that they were stored. */
async function appendUntilKnown(store: EventStore, stream: string, event: NewEvent, last: number): Promise<number> {
  for (;;) {
    try {
      const expectedRevision = last === -1 ? 'no-stream' : last;
      return (await store.append(stream, [event], { expectedRevision })).revision;
    } catch (error) {
      if (!(error instanceof UnavailableError)) throw error;
    }
  }
}

describe('an event store with a server of its own', () => {
  let dir: string;
  let server: EventStoreDbServer;
  let store: EventStore;

  beforeEach(async () => {
    dir = await mkdtemp(join(tmpdir(), 'timeline-eventstoredb-'));
    server = await startEventStoreDb({ dir });
    store = await openEventStore(server.url);
  });
  afterEach(async () => {
    await store.close();
    await server.stop();
    await rm(dir, { recursive: true, force: true });
  });

  async function killAndStartAgain(): Promise<void> {
    await server.kill();
    server = await startEventStoreDb({ dir, port: Number(new URL(server.url).port) });
  }

  it('writes each event once, loses none that was acknowledged, and its subscription goes on', async () => {
    const streams = Array.from({ length: 8 }, () => `case-${randomUUID()}`);
    const perStream = 120;
    const { logId } = store;

    const seen: string[] = [];
    const watching = (async () => {
      for await (const message of store.subscribe()) {
        if (message.kind === 'events')
          seen.push(...message.events.map(({ stream, revision }) => `${stream}@${revision}`));
        if (seen.length >= streams.length * perStream) return;
      }
    })();

    let written = 0;
    const write = async (stream: string): Promise<void> => {
      for (let last = -1; last < perStream - 1; written++) {
        last = await appendUntilKnown(store, stream, newEvent(last + 1), last);
      }
    };
    const writing = Promise.all(streams.map(write));
    let kills = 0;
    while (kills < 3) {
      // Killed in the middle of the writing each time, not before or after it.
      const enough = (kills + 1) * 200;
      while (written < enough) await new Promise((resolve) => setTimeout(resolve, 5));
      await killAndStartAgain();
      kills += 1;
    }
    await writing;
    await watching;

    const expected = Array.from({ length: perStream }, (_, n) => n);
    for (const stream of streams) {
      const events = await store.readStream(stream);
      expect(events.map(({ revision }) => revision)).toEqual(expected);
      expect(events.map(({ data }) => data.n)).toEqual(expected);
      expect(seen.filter((one) => one.startsWith(stream))).toEqual(expected.map((n) => `${stream}@${n}`));
    }
    const another = await openEventStore(server.url);
    expect(another.logId).toBe(logId);
    await another.close();
  });

  it('closes after reads that were left early, while the log is so short that the rest of it was here already', async () => {
    for (let round = 0; round < 16; round++) {
      const one = await openEventStore(server.url);
      await one.append(`case-${randomUUID()}`, [newEvent(0)], { expectedRevision: 'no-stream' });
      await one.head();
      await one.append(`case-${randomUUID()}`, [newEvent(0)], { expectedRevision: 'no-stream' });
      await one.close();
    }
  }, 20_000);

  it('says that it is away, not more, while the server is down', async () => {
    const stream = `case-${randomUUID()}`;
    await store.append(stream, [newEvent(0)], { expectedRevision: 'no-stream' });
    await server.kill();
    await expect(store.readStream(stream)).rejects.toBeInstanceOf(UnavailableError);
    await expect(store.head()).rejects.toBeInstanceOf(UnavailableError);
    await expect(store.append(stream, [newEvent(1)], { expectedRevision: 0 })).rejects.toBeInstanceOf(UnavailableError);
    server = await startEventStoreDb({ dir, port: Number(new URL(server.url).port) });
    expect(await store.readStream(stream)).toHaveLength(1);
  });
});
