/** Pages of the log: whole together, and none heavier than a process can hold. */
import { SqliteEventStore } from '@timeline/event-store';
import { newId } from '@timeline/kernel';
import { SseRegistry } from '@timeline/http';
import { EventsController } from './events.controller.js';
import { LiveTail } from './live-tail.js';

const EVENTS = 400;
const EVENT_KB = 40;

it('gives large events in pages of a few megabytes, however many are asked for', async () => {
  const events = await SqliteEventStore.open(':memory:');
  const metadata = { schemaVersion: 1, actor: 'a', bodyHash: 'h', correlationId: 'c', causationId: 'c' };
  const append = (n: number): Promise<unknown> =>
    events.append(
      `s-${n}`,
      [
        {
          id: newId(),
          type: 'Happened',
          data: { n, text: 'x'.repeat(EVENT_KB * 1024) },
          metadata: { ...metadata, commandId: newId(), occurredAt: '2026-01-01T00:00:00.000Z' },
        },
      ],
      { expectedRevision: 'no-stream' },
    );
  for (let n = 0; n < EVENTS; n += 1) await append(n);
  const controller = new EventsController(events, new LiveTail(events), new SseRegistry());
  const seen: unknown[] = [];
  const sizes: number[] = [];
  for (let from = ''; ;) {
    const { items, next = '' } = await controller.page({ ...(from && { from }), limit: 1000 });
    if (items.length === 0) break;
    seen.push(...items.map(({ data }) => data['n']));
    sizes.push(items.length * EVENT_KB);
    from = next;
  }
  expect(seen).toEqual(Array.from({ length: EVENTS }, (_, n) => n));
  expect(Math.max(...sizes)).toBeLessThan(8 * 1024);
  expect(sizes.length).toBeGreaterThan(2);
  await events.close();
});
