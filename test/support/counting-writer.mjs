/** Stands in for the thread that writes the log: writes nothing, and answers each append with the size of its group. */
import { parentPort } from 'node:worker_threads';
import { setTimeout as delay } from 'node:timers/promises';

parentPort.on('message', async (message) => {
  if (message === 'close') return parentPort.close();
  await delay(10);
  parentPort.postMessage({ done: message.map(() => ({ revision: message.length, offset: 1, isRepeat: false })) });
});
