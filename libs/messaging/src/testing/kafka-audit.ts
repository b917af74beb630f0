/**
 * Reads what a consumer of committed messages sees. To know where to stop, it first writes an end mark into every
 * partition with a plain producer: the mark stands behind everything committed before, and is no part of the answer.
 */
import { randomUUID } from 'node:crypto';
import kafkajs from 'kafkajs';
import type { PublicMessage } from '../message-log.port.js';
import { parseBrokerUrl } from '../kafka/broker-url.js';

const { Kafka, logLevel, Partitioners } = kafkajs;

export async function readCommittedFromKafka(url: string, topic: string): Promise<PublicMessage[]> {
  const kafka = new Kafka({ ...parseBrokerUrl(url), logLevel: logLevel.NOTHING });
  const admin = kafka.admin();
  const producer = kafka.producer({ createPartitioner: Partitioners.DefaultPartitioner });
  const consumer = kafka.consumer({ groupId: `audit-${randomUUID()}`, maxWaitTimeInMs: 100 });
  const messages: PublicMessage[] = [];
  try {
    await admin.connect();
    await producer.connect();
    const { partitions } = (await admin.fetchTopicMetadata({ topics: [topic] })).topics[0] ?? { partitions: [] };
    const mark = randomUUID();
    for (const { partitionId } of partitions) {
      const end = { key: 'end-mark', value: mark, partition: partitionId, headers: { 'end-mark': mark } };
      await producer.send({ topic, messages: [end], acks: -1 });
    }

    const ended = new Set<number>();
    await consumer.connect();
    await consumer.subscribe({ topics: [topic], fromBeginning: true });
    await new Promise<void>((resolve, reject) => {
      consumer.on(consumer.events.CRASH, ({ payload }) => {
        if (!payload.restart) reject(payload.error);
      });
      consumer
        .run({
          autoCommit: false,
          eachMessage: async ({ partition, message }) => {
            const headers: Record<string, string> = {};
            for (const [name, value] of Object.entries(message.headers ?? {})) headers[name] = String(value);
            if (headers['end-mark'] === mark) {
              ended.add(partition);
              if (ended.size === partitions.length) resolve();
            } else if (headers['end-mark'] === undefined && !ended.has(partition)) {
              const value = message.value === null ? null : message.value.toString();
              messages.push({ topic, key: message.key?.toString() ?? '', value, headers });
            }
          },
        })
        .catch(reject);
    });
    return messages;
  } finally {
    await Promise.all([consumer.disconnect(), producer.disconnect(), admin.disconnect()]);
  }
}
