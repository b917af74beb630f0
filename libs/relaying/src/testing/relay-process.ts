/** A relay in a process of its own, to be killed. Arguments: SQLite log, broker URL, topic. */
import { SqliteEventStore } from '@timeline/event-store';
import { openMessageLog } from '@timeline/messaging';
import { Relay } from '../relay.js';
import { mapping } from './relay-fixtures.js';

const [file = '', url = '', topic = ''] = process.argv.slice(2);

const relay = new Relay({
  events: await SqliteEventStore.open(file),
  messages: await openMessageLog(url),
  mappings: [mapping(topic, { partitions: 6 })],
  publicationName: 'events',
  takeOverAfterMs: 1_000,
  pollMs: 100,
  // Small, so that a kill meets every stage of many transactions.
  limits: { messages: 60 },
  report: ({ message }) => console.log(message),
});
relay.start();
