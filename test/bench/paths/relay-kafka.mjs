// The relay catching up: it was stopped while N events came in, which it reads from the (embedded) log, makes public messages
// of and publishes to Kafka in transactions of up to 6,000 messages and 4 MiB, its checkpoint in each, over 12 partitions
// a topic. From having opened its publication until it says that it is live.
// Raw: an idempotent kafkajs producer that sends the same messages, made beforehand, to topics of its own: each `send` holds
// one partition and at most 512 KiB (kafkajs loses messages otherwise), partitions side by side, 6,000 messages at a time, acks = all.
import kafkajs from 'kafkajs';
import { fillLog, historyOf } from '../support/history.mjs';
import { environmentIn, lib, openProduct } from '../support/product.mjs';
import { interleaved, speedOf } from '../support/rounds.mjs';
import { compared } from '../support/rows.mjs';

export const needs = ['kafka'];
export const scales = {
  quick: { events: 8_000, rounds: 3 },
  normal: { events: 60_000, rounds: 7 },
  full: { events: 200_000, rounds: 7 },
};
const CUSTOMERS = 2_000;
const PARTITIONS = 12;
const SEED = 9;

const now = () => ({ at: performance.now(), cpu: process.cpuUsage() });
const rawTopic = (topic) => `raw.${topic}`;

export async function run({ folder, servers, scale: { events, rounds } }) {
  const { url, version } = servers.kafka;
  const { Relay } = await lib('relaying/src/index.js');
  const { EventTranslator } = await lib('relaying/src/event-translator.js');
  const { DEFAULT_LIMITS } = await lib('relaying/src/pending-batch.js');
  const { openMessageLog, messageBytes } = await lib('messaging/src/index.js');
  const { choosePartition, MAX_SEND_BYTES } = await lib('messaging/src/kafka/kafka-publication.js');
  const { parseBrokerUrl } = await lib('messaging/src/kafka/broker-url.js');
  const { productSlices } = await lib('product/src/index.js');
  const { readConfig } = await lib('composing/src/index.js');
  const { Upcasters } = await lib('kernel/src/index.js');

  const environment = { ...environmentIn(folder), ROLES: 'relay' };
  const product = await openProduct(environment);
  const mappings = productSlices(readConfig(environment)).flatMap((slice) => slice.publicEvents ?? []);
  const topics = [...new Set(mappings.map(({ topic }) => topic))];
  const messages = await openMessageLog(url);
  const { maxMessageBytes } = messages;

  const kafka = new kafkajs.Kafka({ ...parseBrokerUrl(url), logLevel: kafkajs.logLevel.ERROR });
  const admin = kafka.admin();
  await admin.connect();
  // Before anything is timed: partitions that were just made have no leader for a while.
  await admin.createTopics({
    topics: [...topics, ...topics.map(rawTopic)].map((topic) => ({ topic, numPartitions: PARTITIONS })),
    waitForLeaders: true,
  });
  await admin.disconnect();
  const producer = kafka.producer({
    idempotent: true,
    maxInFlightRequests: 1,
    createPartitioner: kafkajs.Partitioners.DefaultPartitioner,
  });
  await producer.connect();

  /** What the last events come to in public. */
  let told = [];
  const append = async (round) => {
    const after = (await product.events.head())?.position;
    await fillLog(product, historyOf({ events, customers: CUSTOMERS, seed: SEED + round }));
    const translator = new EventTranslator({ mappings, upcasters: new Upcasters(), maxMessageBytes }, new Map());
    told = [];
    for await (const batch of product.events.readAll(after === undefined ? {} : { after }))
      for (const event of batch) told.push(...translator.translate(event).messages);
  };

  const figures = await interleaved({
    rounds,
    ours: async (round) => {
      await append(round);
      const opened = { at: Infinity, cpu: undefined };
      const timed = Object.create(messages, {
        maxMessageBytes: { value: maxMessageBytes },
        open: { value: (settings) => messages.open(settings).finally(() => Object.assign(opened, now())) },
      });
      const report = ({ level, message }) => level !== 'info' && console.error(message);
      const relay = new Relay({ events: product.events, messages: timed, mappings, publicationName: 'bench', report });
      relay.start();
      while (relay.status().published < told.length || relay.status().state !== 'live') {
        const { state, lastError } = relay.status();
        if (state === 'stopped') throw new Error(`the relay stopped: ${lastError?.message}`);
        await new Promise((resolve) => setTimeout(resolve, 2));
      }
      const seconds = (performance.now() - opened.at) / 1000;
      const { user, system } = process.cpuUsage(opened.cpu);
      await relay.stop();
      return { value: told.length / seconds, cpuMicros: (user + system) / told.length };
    },
    raw: () => {
      const sent = told.map((message) => ({ ...message, topic: rawTopic(message.topic) }));
      return speedOf(sent.length, async () => {
        for (let at = 0; at < sent.length; at += DEFAULT_LIMITS.messages) {
          const batch = sent.slice(at, at + DEFAULT_LIMITS.messages);
          const places = cut(batch, { choosePartition, messageBytes, limit: MAX_SEND_BYTES });
          await Promise.all(
            places.map(async (sends) => {
              for (const send of sends) await producer.send({ ...send, acks: -1 });
            }),
          );
        }
      });
    },
  });
  await producer.disconnect();
  await messages.close();
  await product.stop();
  return [
    compared({
      id: 'relay-kafka',
      what: 'relay to Kafka, catching up',
      against: 'raw idempotent kafkajs sends of the same bytes, one partition each',
      unit: 'messages/s',
      figures,
      aim: { atLeast: 0.8 },
      checked: true,
      on: version,
    }),
  ];
}

/** By partition, each a list of sends in order. */
function cut(messages, { choosePartition, messageBytes, limit }) {
  const places = new Map();
  for (const { topic, key, value, headers } of messages) {
    const partition = choosePartition(topic, key, PARTITIONS);
    const place = `${topic}/${partition}`;
    const bytes = messageBytes({ key, value, headers });
    let sends = places.get(place);
    if (!sends) places.set(place, (sends = []));
    const last = sends.at(-1);
    const message = { key, value, headers, partition };
    if (last && last.bytes + bytes <= limit) (last.messages.push(message), (last.bytes += bytes));
    else sends.push({ topic, messages: [message], bytes });
  }
  return [...places.values()].map((sends) => sends.map(({ topic, messages: held }) => ({ topic, messages: held })));
}
