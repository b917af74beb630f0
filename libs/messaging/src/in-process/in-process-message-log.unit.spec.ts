import { describeMessageLog, newSettings } from '../testing/message-log.contract.js';
import { checkpointAt } from '../testing/numbers.js';
import type { PlacedMessage } from './in-process-message-log.js';
import { InProcessMessageLog } from './in-process-message-log.js';

describeMessageLog('in process', async () => {
  const log = new InProcessMessageLog();
  return {
    log,
    other: log,
    readCommitted: async (topic) => {
      const ended = new AbortController();
      const messages: PlacedMessage[] = [];
      // What is held is yielded without waiting; once the reader has to wait, all of it has been read.
      setImmediate(() => ended.abort());
      for await (const message of log.read(topic, { signal: ended.signal })) messages.push(message);
      return messages;
    },
    close: () => log.close(),
  };
});

describe('reading an in-process message log', () => {
  const publishing = async (log: InProcessMessageLog) => {
    const settings = newSettings();
    const { publication } = await log.open(settings);
    let number = 0;
    const publish = async (count: number): Promise<void> => {
      const messages = Array.from({ length: count }, () => {
        number += 1;
        return { topic: settings.topic, key: 'k', value: String(number), headers: {} };
      });
      await publication.publish(messages, checkpointAt(number));
    };
    return { topic: settings.topic, publish };
  };

  it('waits for messages to come and ends when the log is closed', async () => {
    const log = new InProcessMessageLog();
    const { topic, publish } = await publishing(log);
    const values: (string | null)[] = [];
    const reading = (async () => {
      for await (const { value } of log.read(topic)) if (values.push(value) === 3) await log.close();
    })();
    await publish(1);
    await publish(2);
    await reading;
    expect(values).toEqual(['1', '2', '3']);
    await expect(publish(1)).rejects.toMatchObject({ code: 'STORE_UNAVAILABLE' });
  });

  it('holds no more than it may and tells a reader who fell behind', async () => {
    const log = new InProcessMessageLog({ keep: 10 });
    const { topic, publish } = await publishing(log);
    const slow = log.read(topic, { from: 0 });
    await publish(2);
    expect((await slow.next()).value).toMatchObject({ offset: 0, value: '1' });
    for (let times = 0; times < 50; times += 1) await publish(20);
    await expect(slow.next()).rejects.toMatchObject({ code: 'OFFSET_NO_LONGER_HELD' });
    const fresh = await log.read(topic).next();
    expect(fresh.value?.offset).toBeGreaterThanOrEqual(1002 - 13);
    await log.close();
  });
});
