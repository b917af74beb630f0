/** The message log on Apache Kafka at `BROKER_URL`, with writers killed at random instants. */
import kafkajs from 'kafkajs';
import { parseBrokerUrl } from './kafka/broker-url.js';
import { KafkaMessageLog } from './kafka/kafka-message-log.js';
import { readCommittedFromKafka } from './testing/kafka-audit.js';
import { describeMessageLog, newSettings } from './testing/message-log.contract.js';
import { audit, checkpointAt, upTo } from './testing/numbers.js';
import { startWriter } from './testing/writer-process.js';

const url = process.env['BROKER_URL'] ?? '';
if (url) {
  describeMessageLog('Kafka', async () => {
    const log = new KafkaMessageLog({ url });
    const other = new KafkaMessageLog({ url });
    return {
      log,
      other,
      readCommitted: (topic) => readCommittedFromKafka(url, topic),
      close: async () => {
        await log.close();
        await other.close();
      },
    };
  });
} else {
  process.stderr.write('The message log on Kafka was not tested: BROKER_URL is not set (kafka://127.0.0.1:port).\n');
}

(url ? describe : describe.skip)('writers of a publication on Kafka', () => {
  const random = (below: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, Math.random() * below));

  it('killed at random instants, leave each message once and in order', async () => {
    const settings = newSettings(6);
    const total = 120_000;
    let kills = 0;
    for (; kills < 8; kills += 1) {
      const writer = startWriter(url, settings, total);
      // Some die while they open, most while they publish.
      if (kills % 4 !== 3) await writer.opened;
      await random(900);
      writer.kill();
      if ((await writer.ended) === 0) break;
    }
    const last = startWriter(url, settings, total);
    expect(await last.ended).toBe(0);
    expect(kills).toBeGreaterThan(3);
    expect(audit(await readCommittedFromKafka(url, settings.topic), total)).toEqual({
      missing: 0,
      twice: 0,
      disordered: 0,
    });
  });

  it('keep a customer’s messages on one partition, in order, when partitions are added to the topic', async () => {
    const settings = newSettings(2);
    const log = new KafkaMessageLog({ url });
    const publishSome = async (from: number): Promise<void> => {
      const { publication } = await log.open(settings);
      const messages = upTo(300, from).map((number) => ({
        topic: settings.topic,
        key: `customer-${number % 37}`,
        value: '{}',
        headers: { ce_id: `id-${number}` },
      }));
      await publication.publish(messages, checkpointAt(from + 300));
      await publication.close();
    };
    await publishSome(1);
    const admin = new kafkajs.Kafka({ ...parseBrokerUrl(url), logLevel: kafkajs.logLevel.NOTHING }).admin();
    await admin.connect();
    await admin.createPartitions({ topicPartitions: [{ topic: settings.topic, count: 5 }] });
    while (((await admin.fetchTopicMetadata({ topics: [settings.topic] })).topics[0]?.partitions.length ?? 0) < 5);
    await publishSome(301);
    const used = (await admin.fetchTopicOffsets(settings.topic)).filter(({ high }) => high !== '0');
    await admin.disconnect();
    await log.close();
    expect(used.map(({ partition }) => partition).sort()).toEqual([0, 1]);
    expect(audit(await readCommittedFromKafka(url, settings.topic), 600)).toEqual({
      missing: 0,
      twice: 0,
      disordered: 0,
    });
  });

  it('fail with their transaction where kafkajs would send several partitions a second time', async () => {
    const settings = newSettings(6);
    const log = new KafkaMessageLog({ url });
    const { publication } = await log.open(settings);
    const messages = upTo(100).map((number) => ({
      topic: settings.topic,
      key: `customer-${number}`,
      value: '{}',
      headers: { ce_id: `id-${number}` },
    }));
    await publication.publish(messages, checkpointAt(100));
    const admin = new kafkajs.Kafka({ ...parseBrokerUrl(url), logLevel: kafkajs.logLevel.NOTHING }).admin();
    await admin.connect();
    await admin.deleteTopics({ topics: [settings.topic] });
    await admin.disconnect();
    await expect(publication.publish(messages, checkpointAt(200))).rejects.toThrow('could not safely be tried again');
    await log.close();
  });

  it('two at once, which fence each other again and again, leave each message once and in order', async () => {
    const settings = newSettings(6);
    const total = 60_000;
    const writers = [startWriter(url, settings, total), startWriter(url, settings, total)];
    expect(await Promise.all(writers.map(({ ended }) => ended))).toEqual([0, 0]);
    expect(writers.some(({ lines }) => lines.some((line) => line.includes('FencedError')))).toBe(true);
    expect(audit(await readCommittedFromKafka(url, settings.topic), total)).toEqual({
      missing: 0,
      twice: 0,
      disordered: 0,
    });
  });
});
