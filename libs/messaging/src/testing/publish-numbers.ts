/**
 * A writer to kill: publishes the numbers 1…total under one publication, going on from its checkpoint, and ends when
 * all are out. Arguments: broker URL, publication settings as JSON, total. Fenced or cut off, it opens again.
 */
import { delay, offsetOf } from '@timeline/kernel';
import { KafkaMessageLog } from '../kafka/kafka-message-log.js';
import type { PublicationSettings, PublicMessage } from '../message-log.port.js';
import { checkpointAt } from './numbers.js';

const [url = '', settingsText = '', totalText = ''] = process.argv.slice(2);
// Written by the test that starts this program.
const settings = JSON.parse(settingsText) as PublicationSettings;
const topic = settings.topics[0]?.name ?? '';
const total = Number(totalText);

const log = new KafkaMessageLog({ url });
for (let done = 0; done < total;) {
  try {
    const { publication, checkpoint } = await log.open(settings);
    done = checkpoint ? Number(offsetOf(checkpoint.position)) : 0;
    console.log(`opened at ${done}`);
    while (done < total) {
      const count = Math.min(total - done, 1 + Math.floor(Math.random() * 400));
      const messages = Array.from({ length: count }, (_, index): PublicMessage => {
        const number = done + index + 1;
        const headers = { ce_id: `id-${number}` };
        return {
          topic,
          key: `customer-${number % 37}`,
          value: JSON.stringify({ number, padding: 'x'.repeat(200) }),
          headers,
        };
      });
      await publication.publish(messages, checkpointAt(done + count));
      done += count;
      console.log(`published ${done}`);
    }
  } catch (error) {
    console.log(`error ${error instanceof Error ? `${error.name}: ${error.message}` : 'unknown'}`);
    await delay(100 + Math.random() * 900);
  }
}
await log.close();
