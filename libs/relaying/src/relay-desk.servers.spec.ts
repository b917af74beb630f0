/** A release asked for beside a relay that holds the `transactionalId` on Apache Kafka at `BROKER_URL`. */
import { randomUUID } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { SqliteEventStore } from '@timeline/event-store';
import { openMessageLog } from '@timeline/messaging';
import { openReadStore } from '@timeline/read-store';
import { readCommittedFromKafka } from '../../messaging/src/testing/kafka-audit.js';
import { askRelay, RelayDesk } from './relay-desk.js';
import { Relay } from './relay.js';
import { mapping, numberIn, record, until } from './testing/relay-fixtures.js';

const url = process.env['BROKER_URL'] ?? '';
if (!url) process.stderr.write('Releasing on Kafka was not tested: BROKER_URL is not set (kafka://127.0.0.1:port).\n');

(url ? it : it.skip)(
  'releases what is parked beside the relay that publishes, which is not fenced by it',
  async () => {
    const folder = await mkdtemp(join(tmpdir(), 'timeline-desk-'));
    const topic = `desk-${randomUUID()}`;
    const events = await SqliteEventStore.open(':memory:');
    const reads = await openReadStore(`sqlite:${join(folder, 'reads.db')}`);
    const readsOfOperator = await openReadStore(`sqlite:${join(folder, 'reads.db')}`);
    const messages = await openMessageLog(url);
    const running: { stop(): Promise<void> }[] = [];
    const relay = (mended: boolean): Relay => {
      const mappings = [mapping(topic, { mended })];
      const made = new Relay({ events, messages, mappings, publicationName: topic });
      const desk = new RelayDesk({ reads, relay: made, pollMs: 50 });
      running.push(desk, made);
      made.start();
      desk.start();
      return made;
    };
    const isAtHead = async (of: Relay): Promise<boolean> => of.status().position === (await events.head())?.position;
    try {
      await record(events, [
        { customer: 'b', kind: 'public', number: 0 },
        { customer: 'a', kind: 'broken', number: 1 },
        { customer: 'a', kind: 'public', number: 2 },
      ]);
      const older = relay(false);
      await until(() => isAtHead(older));
      // Takes the id over; the older one is fenced off and does not know it before it writes again.
      const newer = relay(true);
      await until(() => newer.status().state === 'live');
      const ask = <W extends 'parked' | 'release'>(wanted: W) =>
        askRelay(readsOfOperator, newer.status().publication, wanted, { waitMs: 60_000 });
      expect(await ask('parked')).toEqual([expect.objectContaining({ topic, key: 'a', code: 'TypeError' })]);
      expect(await ask('release')).toEqual({ released: 1, stillParked: 0 });
      await record(events, [{ customer: 'a', kind: 'public', number: 3 }]);
      await until(() => isAtHead(newer));
      expect(newer.status()).toMatchObject({ state: 'live', lastError: undefined, parked: 0 });
      const ofA = (await readCommittedFromKafka(url, topic)).filter(({ key }) => key === 'a');
      expect(ofA.map(numberIn)).toEqual([1, 2, 3]);
    } finally {
      await Promise.all(running.map((each) => each.stop()));
      await messages.close();
      for (const store of [events, reads, readsOfOperator]) await store.close();
      await rm(folder, { recursive: true, force: true });
    }
  },
  240_000,
);
