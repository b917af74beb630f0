import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { SqliteEventStore } from '@timeline/event-store';
import { InProcessMessageLog } from '@timeline/messaging';
import { openReadStore, type ReadStore } from '@timeline/read-store';
import { askRelay, RelayDesk } from './relay-desk.js';
import { Relay } from './relay.js';
import { type Happening, held, LARGEST, mapping, numberIn, record, until } from './testing/relay-fixtures.js';

const TOPIC = 'tests';
const HAPPENINGS: Happening[] = [
  { customer: 'b', kind: 'public', number: 0 },
  { customer: 'a', kind: 'broken', number: 1 },
  { customer: 'a', kind: 'public', number: 2 },
];

let folder: string;
let events: SqliteEventStore;
let messages: InProcessMessageLog;
/** As the product and the command line have it: one store, opened by each. */
let reads: ReadStore;
let readsOfOperator: ReadStore;
let running: { stop(): Promise<void> }[];

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'timeline-desk-'));
  events = await SqliteEventStore.open(':memory:');
  messages = new InProcessMessageLog({ maxMessageBytes: LARGEST });
  reads = await openReadStore(`sqlite:${join(folder, 'reads.db')}`);
  readsOfOperator = await openReadStore(`sqlite:${join(folder, 'reads.db')}`);
  running = [];
});
afterEach(async () => {
  await Promise.all(running.map((each) => each.stop()));
  for (const store of [events, reads, readsOfOperator]) await store.close();
  await rm(folder, { recursive: true, force: true });
});

const started = <T extends { start(): void; stop(): Promise<void> }>(each: T): T => {
  running.push(each);
  each.start();
  return each;
};
const relay = (mended: boolean): Relay =>
  started(
    new Relay({
      events,
      messages,
      mappings: [mapping(TOPIC, { mended })],
      publicationName: 'events',
      // Nobody takes over by itself in these tests.
      takeOverAfterMs: 600_000,
      pollMs: 5,
    }),
  );
const deskOf = (of: Relay): RelayDesk => started(new RelayDesk({ reads, relay: of, pollMs: 5 }));
const ask = <W extends 'parked' | 'release'>(of: Relay, wanted: W, waitMs = 20_000) =>
  askRelay(readsOfOperator, of.status().publication, wanted, { waitMs, pollMs: 5 });
const isAtHead = async (of: Relay): Promise<boolean> => of.status().position === (await events.head())?.position;
const leftRequests = () => reads.collection('relay-requests').count({});

it('tells who waits and releases them, and the relay goes on as the one that publishes', async () => {
  await record(events, HAPPENINGS);
  const broken = relay(false);
  await until(() => isAtHead(broken));
  await broken.stop();
  const mended = relay(true);
  deskOf(mended);
  await until(() => isAtHead(mended));

  const waiting = { topic: TOPIC, key: 'a', code: 'TypeError' };
  expect(await ask(mended, 'parked')).toEqual([expect.objectContaining(waiting)]);
  expect(await ask(mended, 'release')).toEqual({ released: 1, stillParked: 0 });
  expect(await ask(mended, 'parked')).toEqual([]);
  await record(events, [{ customer: 'a', kind: 'public', number: 3 }]);
  await until(() => isAtHead(mended));
  expect((await held(messages, TOPIC)).map(numberIn)).toEqual([0, 1, 2, 3]);
  expect(mended.status()).toMatchObject({ state: 'live', lastError: undefined });
  expect(await leftRequests()).toBe(0);
});

it('is not answered by a relay that was fenced off and does not know it yet, but by the one that publishes', async () => {
  await record(events, HAPPENINGS);
  const older = relay(false);
  await until(() => isAtHead(older));
  const newer = relay(true);
  await until(() => newer.status().state === 'live');
  expect(older.status().state).toBe('live');

  expect(await newer.releaseParked()).toEqual({ released: 1, stillParked: 0 });
  deskOf(older);
  const waiting = ask(newer, 'parked');
  await until(() => older.status().state === 'standing-by');
  expect(await leftRequests()).toBe(1);
  deskOf(newer);
  // The older one remembers somebody who waits no longer.
  expect(await waiting).toEqual([]);
  expect((await held(messages, TOPIC)).map(numberIn)).toEqual([0, 1, 2]);
});

it('says so when no relay publishes, and leaves no request behind', async () => {
  const stopped = relay(true);
  await stopped.stop();
  deskOf(stopped);
  for (const wanted of ['parked', 'release'] as const) {
    await expect(ask(stopped, wanted, 50)).rejects.toMatchObject({ code: 'STORE_UNAVAILABLE', service: 'relay' });
  }
  expect(await leftRequests()).toBe(0);
});
