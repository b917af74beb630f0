/** The contract against a real EventStoreDB (or what stands in for one): `EVENT_STORE_URL=esdb://…`. */
import { openEventStore } from './open-event-store.js';
import { describeEventStoreContract } from './testing/event-store.contract.js';

const url = process.env.EVENT_STORE_URL ?? '';

const isSet = url.startsWith('esdb');
if (!isSet) process.stderr.write('EventStoreDB was not tried: EVENT_STORE_URL=esdb://… is not set.\n');

(isSet ? describe : describe.skip)('on EventStoreDB', () => {
  describeEventStoreContract('EventStoreDB', async () => ({ open: () => openEventStore(url) }), {
    refusesKnownIdsAtNewerRevision: false,
  });
});
