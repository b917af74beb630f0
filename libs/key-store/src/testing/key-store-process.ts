/**
 * A process of its own that works on a key store, for tests that kill one or run several at once. Every line of its
 * output is JSON and names what the store has acknowledged.
 * Arguments: URL of the store, then `until-killed`, or `same-customers` and their number.
 */
import { randomBytes, randomUUID } from 'node:crypto';
import type { StoredKey } from '../key-store.port.js';
import { openKeyStore } from '../open-key-store.js';

export type Acknowledged = { obtained: StoredKey } | { destroyed: string };

const [url = '', task, count = '0'] = process.argv.slice(2);
const store = await openKeyStore(url);

const acknowledge = (what: Acknowledged): boolean => process.stdout.write(`${JSON.stringify(what)}\n`);

async function obtain(customerId: string): Promise<void> {
  const wrapped = randomBytes(60).toString('base64');
  acknowledge({ obtained: await store.obtain({ keyId: randomUUID(), customerId, slot: 'personal', wrapped }) });
}

if (task === 'until-killed') {
  for (;;) {
    const customerIds = Array.from({ length: 25 }, () => randomUUID());
    await Promise.all(customerIds.map(obtain));
    const [destroyed = ''] = customerIds;
    await store.destroy(destroyed);
    acknowledge({ destroyed });
  }
} else {
  await Promise.all(Array.from({ length: Number(count) }, (_, index) => obtain(`customer-${index}`)));
  await store.close();
}
