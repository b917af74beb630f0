/** The event store that a URL names. Nothing else in the code knows which one is in use, and no other's client is loaded. */
import type { Clock } from '@timeline/kernel';
import { FaultError } from '@timeline/kernel';
import type { EventStore } from './event-store.port.js';
import { SqliteEventStore } from './sqlite/sqlite-event-store.js';

/**
 * @param url `sqlite:./path/to/file`, `sqlite::memory:`, `esdb://…` or `esdb+discover://…`
 * @param options `clock` tells `recordedAt` where the store does not tell it itself
 * @throws FaultError CONFIG_INVALID, or what the store finds wrong; UnavailableError while a server is away
 */
export async function openEventStore(url: string, options: { clock?: Clock } = {}): Promise<EventStore> {
  const path = /^sqlite:(.+)$/.exec(url)?.[1];
  if (path !== undefined) return SqliteEventStore.open(path, options);
  if (/^esdb(\+discover)?:\/\/./.test(url)) {
    const { EventStoreDbEventStore } = await import('./eventstoredb/eventstoredb-event-store.js');
    return EventStoreDbEventStore.open(url);
  }
  // Not the URL itself: it may hold a password.
  throw new FaultError(
    'CONFIG_INVALID',
    'EVENT_STORE_URL must be sqlite:./path/to/file, esdb://host:2113 or esdb+discover://host:2113',
  );
}
