/**
 * What every message log must do. The harness gives two logs over the same broker (as two processes would have) and a
 * reader of committed messages.
 */
import { randomUUID } from 'node:crypto';
import type { MessageLog, PublicationSettings, PublicMessage } from '../message-log.port.js';
import { FencedError, messageBytes } from '../message-log.port.js';
import { checkpointAt, numbersOf, upTo } from './numbers.js';

export interface MessageLogHarness {
  log: MessageLog;
  /** Another process's log over the same broker. */
  other: MessageLog;
  /** Every committed message of the topic up to now, those of one partition in order. */
  readCommitted(topic: string): Promise<PublicMessage[]>;
  close(): Promise<void>;
}

/** A publication that no other test has. */
export function newSettings(partitions = 3): PublicationSettings & { topic: string } {
  const id = `contract-${randomUUID()}`;
  return { id, topic: `${id}-customers`, topics: [{ name: `${id}-customers`, partitions }] };
}

const message = (topic: string, key: string, number: number): PublicMessage => ({
  topic,
  key,
  value: JSON.stringify({ number }),
  headers: { ce_id: `id-${number}` },
});

export function describeMessageLog(name: string, setUp: () => Promise<MessageLogHarness>): void {
  describe(`a message log: ${name}`, () => {
    let harness: MessageLogHarness;
    beforeAll(async () => {
      harness = await setUp();
    });
    afterAll(() => harness.close());

    it('begins a publication without a checkpoint', async () => {
      const { publication, checkpoint, state } = await harness.log.open(newSettings());
      expect(checkpoint).toBeUndefined();
      expect([...state]).toEqual([]);
      await publication.close();
    });

    it('keeps the messages of each key in order', async () => {
      const settings = newSettings();
      const { publication } = await harness.log.open(settings);
      for (let batch = 0; batch < 5; batch += 1) {
        const numbers = upTo(40, batch * 40);
        const messages = numbers.map((number) => message(settings.topic, `customer-${number % 7}`, number));
        await publication.publish(messages, checkpointAt((batch + 1) * 40));
      }
      const read = await harness.readCommitted(settings.topic);
      for (const residue of upTo(7)) {
        expect(numbersOf(read, `customer-${residue}`)).toEqual(upTo(200).filter((number) => number % 7 === residue));
      }
      expect(read).toHaveLength(200);
      await publication.close();
    });

    it('answers the last checkpoint when opened again, here or elsewhere', async () => {
      const settings = newSettings();
      const first = await harness.log.open(settings);
      await first.publication.publish([message(settings.topic, 'a', 1)], checkpointAt(1));
      await first.publication.publish([], checkpointAt(2));
      await first.publication.close();

      const again = await harness.log.open(settings);
      expect(again.checkpoint).toEqual(checkpointAt(2));
      await again.publication.publish([message(settings.topic, 'a', 3)], checkpointAt(3));
      await again.publication.close();

      const elsewhere = await harness.other.open(settings);
      expect(elsewhere.checkpoint).toEqual(checkpointAt(3));
      expect(numbersOf(await harness.readCommitted(settings.topic))).toEqual([1, 3]);
      await elsewhere.publication.close();
    });

    it('remembers, changes and forgets state together with the checkpoint', async () => {
      const settings = newSettings();
      const { publication } = await harness.log.open(settings);
      await publication.publish([], checkpointAt(1), new Map(Object.entries({ a: { seen: 1 }, b: { seen: 1 } })));
      await publication.publish([], checkpointAt(2), new Map(Object.entries({ a: { seen: 2 }, b: null })));
      await publication.publish([], checkpointAt(3));
      const { state, publication: again } = await harness.other.open(settings);
      expect([...state]).toEqual([['a', { seen: 2 }]]);
      await again.close();
    });

    it('fences the writer before, and neither its messages nor its checkpoint count', async () => {
      const settings = newSettings();
      const first = await harness.log.open(settings);
      await first.publication.publish([message(settings.topic, 'a', 1)], checkpointAt(1));
      const second = await harness.other.open(settings);
      expect(second.checkpoint).toEqual(checkpointAt(1));

      const late = first.publication.publish(
        upTo(50, 100).map((number) => message(settings.topic, `customer-${number}`, number)),
        checkpointAt(100),
      );
      await expect(late).rejects.toThrow(FencedError);
      await second.publication.publish([message(settings.topic, 'a', 2)], checkpointAt(2));

      expect(numbersOf(await harness.readCommitted(settings.topic))).toEqual([1, 2]);
      await second.publication.close();
      const third = await harness.log.open(settings);
      expect(third.checkpoint).toEqual(checkpointAt(2));
      await third.publication.close();
    });

    it('lets the fenced writer take over again by opening', async () => {
      const settings = newSettings();
      const first = await harness.log.open(settings);
      const second = await harness.other.open(settings);
      await expect(first.publication.publish([], checkpointAt(1))).rejects.toThrow(FencedError);
      const third = await harness.log.open(settings);
      await third.publication.publish([message(settings.topic, 'a', 1)], checkpointAt(1));
      await expect(second.publication.publish([], checkpointAt(2))).rejects.toThrow(FencedError);
      expect(numbersOf(await harness.readCommitted(settings.topic))).toEqual([1]);
      await third.publication.close();
    });

    it('carries tombstones, headers and text of any script unchanged', async () => {
      const settings = newSettings();
      settings.topics.push({ name: `${settings.topic}-profiles`, partitions: 1, compacted: true });
      const { publication } = await harness.log.open(settings);
      const sent: PublicMessage[] = [
        {
          topic: settings.topic,
          key: '客户',
          value: '{"名":"王芳 🙂"}',
          headers: { ce_id: '1', ce_subject: 'Zoë 王' },
        },
        { topic: `${settings.topic}-profiles`, key: 'k', value: '{}', headers: { 'content-type': 'application/json' } },
        { topic: `${settings.topic}-profiles`, key: 'k', value: null, headers: { ce_id: '2' } },
      ];
      await publication.publish(sent, checkpointAt(1));
      expect(await harness.readCommitted(settings.topic)).toMatchObject(sent.slice(0, 1));
      expect(await harness.readCommitted(`${settings.topic}-profiles`)).toMatchObject(sent.slice(1));
      await publication.close();
    });

    it('publishes a large batch whole and in order, on few keys as on many', async () => {
      const settings = newSettings();
      const { publication } = await harness.log.open(settings);
      const padding = 'x'.repeat(900);
      const messages = upTo(6_000).map((number) => ({
        ...message(settings.topic, number % 2 ? 'one' : `customer-${number}`, number),
        value: JSON.stringify({ number, padding }),
      }));
      await publication.publish(messages, checkpointAt(6_000));
      const read = await harness.readCommitted(settings.topic);
      expect(numbersOf(read, 'one')).toEqual(upTo(6_000).filter((number) => number % 2 === 1));
      expect(new Set(numbersOf(read)).size).toBe(6_000);
      await publication.close();
    });

    it('takes a message of the largest size and refuses one beyond it before anything is sent', async () => {
      const settings = newSettings();
      const { publication } = await harness.log.open(settings);
      const small = message(settings.topic, 'a', 1);
      const room = harness.log.maxMessageBytes - messageBytes({ ...small, value: '""' });
      const largest = { ...small, value: JSON.stringify('x'.repeat(room)) };
      await publication.publish([largest], checkpointAt(1));

      const beyond = { ...small, value: JSON.stringify('x'.repeat(room + 1)) };
      await expect(publication.publish([small, beyond], checkpointAt(2))).rejects.toMatchObject({
        code: 'MESSAGE_TOO_LARGE',
      });
      await publication.publish([message(settings.topic, 'a', 2)], checkpointAt(2));
      expect(numbersOf(await harness.readCommitted(settings.topic))).toEqual([1, 2]);
      await publication.close();
    });

    it('stops when a topic holds messages that no checkpoint accounts for', async () => {
      const settings = newSettings();
      const { publication } = await harness.log.open(settings);
      await publication.publish([message(settings.topic, 'a', 1)], checkpointAt(1));
      await publication.close();
      const stranger = { ...settings, id: `${settings.id}-of-another-log` };
      await expect(harness.log.open(stranger)).rejects.toMatchObject({ code: 'PUBLICATION_WITHOUT_CHECKPOINT' });
      await expect(harness.log.open(stranger)).rejects.toMatchObject({ code: 'PUBLICATION_WITHOUT_CHECKPOINT' });
    });

    it('lets a stand-by follow the checkpoint without fencing the writer', async () => {
      const settings = newSettings();
      const { publication } = await harness.log.open(settings);
      await publication.publish([], checkpointAt(1));
      const watch = await harness.other.watch(settings.id);
      for (let number = 2; number < 5; number += 1) {
        await publication.publish([], checkpointAt(number));
        while (watch.checkpoint()?.eventId !== `event-${number}`)
          await new Promise((resolve) => setTimeout(resolve, 10));
      }
      await watch.close();
      await publication.publish([], checkpointAt(5));
      await publication.close();
    });

    it('says that it is there', async () => {
      await expect(harness.log.ping()).resolves.toBeUndefined();
    });
  });
}
