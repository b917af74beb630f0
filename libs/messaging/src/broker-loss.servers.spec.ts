/**
 * Brokers of the test's own that die or hang while a writer publishes: the case in which kafkajs, used plainly, loses
 * messages that were acknowledged. Needs what `test/support/servers/kafka.mjs` needs; runs with the other Kafka tests.
 */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { UnavailableError } from '@timeline/kernel';
import { startKafka } from '../../../test/support/servers/kafka.mjs';
import type { KafkaCluster } from '../../../test/support/servers/kafka.mjs';
import { KafkaMessageLog } from './kafka/kafka-message-log.js';
import { readCommittedFromKafka } from './testing/kafka-audit.js';
import { newSettings } from './testing/message-log.contract.js';
import { audit, checkpointAt } from './testing/numbers.js';
import { startWriter } from './testing/writer-process.js';

const run = Boolean(process.env['BROKER_URL']);
if (!run) process.stderr.write('The loss of Kafka brokers was not tested: BROKER_URL is not set.\n');

(run ? describe : describe.skip)('a writer of a publication', () => {
  let dir: string;
  let kafka: KafkaCluster;
  const start = async (brokers: number): Promise<void> => {
    dir = await mkdtemp(join(tmpdir(), 'timeline-kafka-'));
    kafka = await startKafka({ dir, brokers });
  };
  afterEach(async () => {
    await kafka.stop();
    await rm(dir, { recursive: true, force: true });
  });

  it('whose partition leaders die one after another leaves each message once and in order', async () => {
    await start(3);
    const settings = newSettings(6);
    const total = 20_000;
    const writer = startWriter(kafka.url, settings, total);
    let running = true;
    const ended = writer.ended.then((code) => {
      running = false;
      return code;
    });
    let losses = 0;
    for (const broker of [0, 1, 2]) {
      await writer.publishes(500);
      await new Promise((resolve) => setTimeout(resolve, Math.random() * 500));
      if (!running) break;
      await kafka.kill(broker);
      losses += 1;
      await kafka.restart(broker);
    }
    expect(await ended).toBe(0);
    expect(losses).toBeGreaterThan(0);
    const messages = await readCommittedFromKafka(kafka.url, settings.topic);
    expect(audit(messages, total)).toEqual({ missing: 0, twice: 0, disordered: 0 });
  }, 400_000);

  it('whose broker hangs gives its transaction up in bounded time, and neither half of it counts', async () => {
    await start(1);
    const log = new KafkaMessageLog({ url: kafka.url });
    const settings = newSettings(1);
    const messages = [{ topic: settings.topic, key: 'a', value: '1', headers: { ce_id: 'id-1' } }];
    const { publication } = await log.open(settings);
    await publication.publish(messages, checkpointAt(1));

    process.kill(kafka.pid, 'SIGSTOP');
    try {
      const publishing = publication.publish([{ ...messages[0]!, headers: { ce_id: 'id-2' } }], checkpointAt(2));
      await expect(publishing).rejects.toThrow(UnavailableError);
    } finally {
      process.kill(kafka.pid, 'SIGCONT');
    }
    // A broker that was asleep for longer than its session is let in again by its controller first.
    let opened: Awaited<ReturnType<KafkaMessageLog['open']>> | undefined;
    while (!opened) {
      opened = await log.open(settings).catch((error: unknown) => {
        if (error instanceof UnavailableError) return undefined;
        throw error;
      });
    }
    // What was sent before the broker hung may have been committed, or not; both halves agree in any case.
    const count = opened.checkpoint?.eventId === 'event-2' ? 2 : 1;
    expect(audit(await readCommittedFromKafka(kafka.url, settings.topic), count)).toEqual({
      missing: 0,
      twice: 0,
      disordered: 0,
    });
    expect(await readCommittedFromKafka(kafka.url, settings.topic)).toHaveLength(count);
    await log.close();
  }, 120_000);
});
