/** What was known when, and a customer's past, on EventStoreDB's positions and MongoDB's protocol: equal to a walk of the log. */
import { CustomerGroups } from '@timeline/deciding';
import { randomUUID } from 'node:crypto';
import { openEventStore, type EventStore, type StoredEvent } from '@timeline/event-store';
import type { PersonalVault } from '@timeline/key-store';
import { newId, stretchOf, systemClock, Upcasters, type Recorded } from '@timeline/kernel';
import { ProjectionEngine, ReadModels } from '@timeline/projecting';
import { openReadStore, type ReadStore } from '@timeline/read-store';
import { logStretchesProjection } from './projections/log-stretches.projection.js';
import { timelineProjection } from './projections/timeline.projection.js';
import { TimelineHistory } from './timeline-history.js';

const log = process.env['EVENT_STORE_URL'] ?? '';
const database = process.env['READ_STORE_URL'] ?? '';

(log && database ? describe : describe.skip)('the past, on servers', () => {
  let events: EventStore;
  let reads: ReadStore;
  let engine: ProjectionEngine;
  let history: TimelineHistory;

  beforeAll(async () => {
    events = await openEventStore(log);
    const own = new URL(database);
    own.pathname = `/past_${randomUUID().slice(0, 8)}`;
    reads = await openReadStore(own.toString());
    // Nothing personal is written here.
    const vault = { open: (stored: StoredEvent[]) => Promise.resolve(stored) } as unknown as PersonalVault;
    engine = new ProjectionEngine({
      events,
      reads,
      vault,
      upcasters: new Upcasters(),
      clock: systemClock,
      projections: [timelineProjection, logStretchesProjection],
    });
    await engine.start();
    history = new TimelineHistory(
      new CustomerGroups(),
      new ReadModels({ events, reads, engine, waitMs: 30_000 }),
      events,
      vault,
    );
  });
  afterAll(async () => {
    await engine?.stop();
    await reads?.close();
    await events?.close();
  });

  it('is everything before the first event that was recorded after an instant, and folds to the same', async () => {
    const customerId = newId();
    const appended = Array.from({ length: 40 }, (_, batch) =>
      Array.from({ length: 50 }, (_, n) => {
        const id = newId();
        const ids = { commandId: id, bodyHash: 'h'.repeat(400), correlationId: id, causationId: id };
        const occurredAt = `20${10 + ((batch * 7 + n) % 10)}-01-01T00:00:00.000Z`;
        const metadata = { schemaVersion: 1, occurredAt, actor: 'test', ...ids, ...(n % 5 === 0 && { customerId }) };
        return { id, type: 'PointsEarned', data: { balance: n }, metadata };
      }),
    );
    for (const batch of appended) await events.append(newId(), batch, { expectedRevision: 'no-stream' });
    const all: StoredEvent[] = [];
    for await (const batch of events.readAll()) all.push(...batch);
    expect(new Set(all.map(({ position }) => stretchOf(position))).size).toBeGreaterThan(1);
    for (const batch of [0, 9, 20, 39]) {
      const knownAt = all.find(({ id }) => id === appended[batch]?.[25]?.id)?.recordedAt ?? '';
      const next = all.findIndex(({ recordedAt }) => recordedAt > knownAt);
      const walked = next < 0 ? all : all.slice(0, next);
      const moment = await history.momentOf({ knownAt, asOf: '2015-06-01T00:00:00.000Z' });
      expect([batch, moment.known]).toEqual([batch, walked.at(-1)?.position]);
      const seen = await history.fold(
        customerId,
        moment,
        undefined,
        (): string[] => [],
        (ids, event: Recorded) => {
          ids.push(event.id);
        },
      );
      const wanted = walked.filter(
        ({ metadata }) => metadata.customerId === customerId && metadata.occurredAt <= '2015-06-01T00:00:00.000Z',
      );
      expect([batch, seen]).toEqual([batch, wanted.map(({ id }) => id)]);
    }
  }, 120_000);
});
