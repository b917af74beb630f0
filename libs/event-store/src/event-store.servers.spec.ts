/** The contract against a real EventStoreDB (or what stands in for one): `EVENT_STORE_URL=esdb://…`. */
import type { EventStore } from './event-store.port.js';
import { openEventStore } from './open-event-store.js';
import { describeEventStoreContract } from './testing/event-store.contract.js';

const url = process.env.EVENT_STORE_URL ?? '';

const isSet = url.startsWith('esdb');
if (!isSet) process.stderr.write('EventStoreDB was not tried: EVENT_STORE_URL=esdb://… is not set.\n');

(isSet ? describe : describe.skip)('on EventStoreDB', () => {
  describeEventStoreContract(
    'EventStoreDB',
    async () => {
      const opened: EventStore[] = [];
      const openAnother = async (): Promise<EventStore> => {
        const store = await openEventStore(url);
        opened.push(store);
        return store;
      };
      return {
        store: await openAnother(),
        openAnother,
        async dispose() {
          for (const store of opened) await store.close();
        },
      };
    },
    { refusesKnownIdsAtNewerRevision: false },
  );
});
