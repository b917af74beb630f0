/** `node append-event.mjs URL STREAM EVENT`: an event straight into the log of the built product, past every decision. */
import { randomUUID } from 'node:crypto';
import { openEventStore } from '../../../dist/libs/event-store/src/index.js';

const [url, stream, text] = process.argv.slice(2);
const { type, data, metadata } = JSON.parse(text);
const events = await openEventStore(url);
const id = randomUUID();
const full = {
  schemaVersion: 1,
  occurredAt: new Date().toISOString(),
  actor: 'test',
  commandId: id,
  correlationId: id,
};
const event = { id, type, data, metadata: { ...full, causationId: id, bodyHash: 'none', ...metadata } };
const { position } = await events.appendUnsafelyAtAnyRevision(stream, [event]);
await events.close();
process.stdout.write(JSON.stringify({ id, position }));
