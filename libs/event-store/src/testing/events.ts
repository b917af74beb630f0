/** Events for tests of anything that appends. */
import { randomUUID } from 'node:crypto';
import type { NewEvent } from '../event-store.port.js';

export const newStream = (kind = 'stream'): string => `${kind}-${randomUUID()}`;

export function newEvent(n = 0, change: Partial<NewEvent> = {}): NewEvent {
  const id = change.id ?? randomUUID();
  return {
    id,
    type: 'Happened',
    data: { n },
    metadata: {
      schemaVersion: 1,
      occurredAt: '2024-05-06T07:08:09.000Z',
      actor: 'tester',
      commandId: id,
      bodyHash: '0'.repeat(64),
      correlationId: id,
      causationId: id,
    },
    ...change,
  };
}

export const newEvents = (count: number, change: Partial<NewEvent> = {}): NewEvent[] =>
  Array.from({ length: count }, (_, n) => newEvent(n, change));
