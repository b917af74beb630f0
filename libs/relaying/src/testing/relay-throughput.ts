/**
 * How fast the relay publishes to one broker, against plain idempotent kafkajs sends of the same messages.
 *
 *   BROKER_URL=kafka://127.0.0.1:port node --import ./libs/messaging/src/testing/run-typescript.mjs \
 *     libs/relaying/src/testing/relay-throughput.ts [events]
 *
 * Method: an SQLite log of that many events (default 60,000) with 900 bytes of data each, for 5,000 customers; a topic of
 * six partitions. `relay`: from `start()` until the last event's checkpoint is committed (opening included), reading
 * and mapping the log and 6,000 messages a transaction. `raw`: the messages ready in memory, a producer that is already
 * connected, one partition and at most 512 KiB in each send, the partitions side by side. Five rounds of each, taking
 * turns; the median counts. CPU time is given because a machine shared with others makes the time that passes noisy.
 */
import { randomUUID } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import kafkajs from 'kafkajs';
import { SqliteEventStore } from '@timeline/event-store';
import { openMessageLog } from '@timeline/messaging';
import type { PublicMessage } from '@timeline/messaging';
import { messageBytes } from '@timeline/messaging';
import { readCommittedFromKafka } from '../../../messaging/src/testing/kafka-audit.js';
import { choosePartition, MAX_SEND_BYTES } from '../../../messaging/src/kafka/kafka-publication.js';
import type { PublicEventMapping } from '../public-events.js';
import { Relay } from '../relay.js';
import { eventOf, until } from './relay-fixtures.js';

const url = process.env['BROKER_URL'];
if (!url) throw new Error('set BROKER_URL');
const count = Number(process.argv[2] ?? 60_000);
const PARTITIONS = 6;
const padding = 'x'.repeat(900);

const dir = await mkdtemp(join(tmpdir(), 'timeline-throughput-'));
const events = await SqliteEventStore.open(join(dir, 'events.db'));
for (let from = 0; from < count; from += 500) {
  const batch = Array.from({ length: Math.min(500, count - from) }, (_, index) => {
    const number = from + index;
    const event = eventOf({ customer: `customer-${number % 5_000}`, kind: 'public', number });
    return { ...event, data: { number, padding } };
  });
  await events.append(`batch-${from}`, batch, { expectedRevision: 'no-stream' });
}
const head = (await events.head())?.position;

const mappingTo = (topic: string): PublicEventMapping => ({
  topic,
  partitions: PARTITIONS,
  schemas: { 'test.happened': { version: 1, schema: {} } },
  // What was appended above.
  map: (event) => ({
    type: 'test.happened',
    version: 1,
    subject: event.stream,
    data: event.data as { number: number },
  }),
});

async function relayOnce(topic: string): Promise<number> {
  const messages = await openMessageLog(url ?? '');
  const relay = new Relay({ events, messages, mappings: [mappingTo(topic)], publicationName: topic });
  const began = performance.now();
  relay.start();
  await until(() => relay.status().position === head);
  const took = performance.now() - began;
  await relay.stop();
  await messages.close();
  return took;
}

async function rawOnce(topic: string, messages: readonly PublicMessage[]): Promise<number> {
  const kafka = new kafkajs.Kafka({
    brokers: [(url ?? '').slice('kafka://'.length)],
    logLevel: kafkajs.logLevel.NOTHING,
  });
  const admin = kafka.admin();
  await admin.connect();
  await admin.createTopics({ topics: [{ topic, numPartitions: PARTITIONS }], waitForLeaders: true });
  await admin.disconnect();
  const createPartitioner = kafkajs.Partitioners.DefaultPartitioner;
  const producer = kafka.producer({ idempotent: true, maxInFlightRequests: 1, createPartitioner });
  await producer.connect();
  const began = performance.now();
  for (let from = 0; from < messages.length; from += 6_000) {
    const byPartition = new Map<number, { sends: PublicMessage[][]; bytes: number }>();
    for (const message of messages.slice(from, from + 6_000)) {
      const partition = choosePartition(topic, message.key, PARTITIONS);
      const to = byPartition.get(partition) ?? { sends: [[]], bytes: 0 };
      byPartition.set(partition, to);
      const bytes = messageBytes(message);
      if (to.bytes + bytes > MAX_SEND_BYTES) {
        to.sends.push([]);
        to.bytes = 0;
      }
      to.sends.at(-1)?.push(message);
      to.bytes += bytes;
    }
    await Promise.all(
      [...byPartition].map(async ([partition, { sends }]) => {
        for (const send of sends) {
          const batch = send.map(({ key, value, headers }) => ({ key, value, headers, partition }));
          await producer.send({ topic, acks: -1, messages: batch });
        }
      }),
    );
  }
  const took = performance.now() - began;
  await producer.disconnect();
  return took;
}

const warm = `throughput-${randomUUID()}`;
await relayOnce(warm);
const messages = await readCommittedFromKafka(url, warm);
const bytes = messages.reduce((sum, message) => sum + messageBytes(message), 0);
const rounds: Record<'raw' | 'relay', { ms: number; cpuMs: number }[]> = { raw: [], relay: [] };
const measure = async (name: 'raw' | 'relay', run: () => Promise<number>): Promise<void> => {
  const before = process.cpuUsage();
  const ms = await run();
  const { user, system } = process.cpuUsage(before);
  rounds[name].push({ ms, cpuMs: (user + system) / 1_000 });
};
for (let round = 0; round < 5; round += 1) {
  await measure('raw', () => rawOnce(`throughput-${randomUUID()}`, messages));
  await measure('relay', () => relayOnce(`throughput-${randomUUID()}`));
}
const median = (numbers: number[]): number => numbers.sort((a, b) => a - b)[2] ?? NaN;
console.log(`${messages.length} messages of ${Math.round(bytes / messages.length)} bytes`);
for (const [name, taken] of Object.entries(rounds)) {
  const seconds = median(taken.map(({ ms }) => ms)) / 1_000;
  const cpu = Math.round(median(taken.map(({ cpuMs }) => cpuMs)));
  const rate = `${Math.round(messages.length / seconds)} messages/s, ${(bytes / 1e6 / seconds).toFixed(1)} MB/s`;
  console.log(
    `${name}: ${rate}, ${cpu} ms of CPU in this process (${taken.map(({ ms }) => Math.round(ms)).join(', ')} ms)`,
  );
}
await events.close();
await rm(dir, { recursive: true, force: true });
