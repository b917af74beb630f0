/** A build that is far behind is filled window by window, bucket by bucket; what comes of it is what the log's order gives. */
import { setImmediate as nextTurn } from 'node:timers/promises';
import fc from 'fast-check';
import { openEventStore, type EventStore, type NewEvent } from '@timeline/event-store';
import { CUSTOMER_ERASED, delay, newId, UnavailableError, Upcasters, type Fact, type Recorded } from '@timeline/kernel';
import { openReadStore, type ReadStore } from '@timeline/read-store';
import { ProjectionEngine } from './projection-engine.js';
import { bucketOf, customerOwner, type AnyProjection, type Projection } from './projection.js';
import { accounts, recorded, step, type Step } from './testing/accounts.js';
import { awayWhile, bringBack, CHECKPOINTS, copyOf, type Outage } from './testing/outages.js';
import { verifyBuild } from './verify.js';

type AnyStep = Fact<string, Step>;
const HANDLES = ['Added', 'Cleared', 'Linked', 'Unlinked', 'Poisoned', CUSTOMER_ERASED];
interface List {
  ids: string[];
}
const listing = { version: 1, handles: HANDLES, evolve };
function evolve(doc: List | undefined, { id }: Recorded<AnyStep>): List {
  return { ids: [...(doc?.ids ?? []), id] };
}

/** One of each kind of owner; what is lost, doubled or out of order shows in a list. */
const projections: AnyProjection[] = [
  accounts,
  { ...listing, name: 'journal', keys: () => [{ key: 'all', owner: 'all' }] } satisfies Projection<List, AnyStep>,
  {
    ...listing,
    name: 'mixed',
    keys: ({ metadata: { customerIds = [] } }) => [
      { key: 'all', owner: 'all' },
      ...customerIds.map((id) => ({ key: `bucket-${bucketOf(id)}`, owner: `bucket:${bucketOf(id)}` as const })),
    ],
  } satisfies Projection<List, AnyStep>,
  {
    ...listing,
    name: 'entries',
    appendOnly: true,
    keys: ({ id, metadata: { customerId = '' } }) => [{ key: `${customerId}/${id}`, owner: customerOwner(customerId) }],
  } satisfies Projection<List, AnyStep>,
];

const faultsOf = (...kinds: string[]): fc.Arbitrary<{ at: number; kind: string }[]> =>
  fc.uniqueArray(fc.record({ at: fc.nat(80), kind: fc.constantFrom(...kinds) }), {
    maxLength: 4,
    selector: ({ at }) => at,
  });
/**
 * Not stopped after an older copy, and no second one: a store that comes back as an older copy between the last document and
 * the checkpoint takes the checkpoint, and only the process that saw it go away knows that it has to begin again.
 */
const faults = fc.oneof(
  faultsOf('away', 'stopped'),
  faultsOf('away', 'older copy').filter((some) => some.filter(({ kind }) => kind === 'older copy').length <= 1),
);

describe('filling', () => {
  let events: EventStore;
  let reads: ReadStore;
  beforeEach(async () => {
    events = await openEventStore('sqlite::memory:');
    reads = await openReadStore('sqlite::memory:');
  });
  afterEach(async () => {
    await reads.close();
    await events.close();
  });

  const vault = {
    // These tests hold no personal data, so what is stored is what is read.
    open: (stored: readonly object[]): Promise<Recorded[]> => Promise.resolve(stored as Recorded[]),
  };
  const append = async (log: readonly Recorded<Fact>[]): Promise<void> => {
    for (const { type, data, metadata } of log) {
      const event: NewEvent = { id: newId(), type, data: { ...data }, metadata };
      await events.append(`stream-${event.id}`, [event], { expectedRevision: 'no-stream' });
    }
  };

  it('gives what the log says, in windows of any size, stopped, without its store, with an older copy of it, or beside another process', async () => {
    const met = new Map<string, number>();
    await fc.assert(
      fc
        .asyncProperty(
          fc.array(step, { minLength: 1, maxLength: 60 }),
          fc.integer({ min: 1, max: 6_000 }),
          fc.integer({ min: 1, max: 12 }),
          fc.integer({ min: 1, max: 3_000 }),
          faults,
          fc.uniqueArray(fc.nat(12), { maxLength: 2 }),
          fc.option(fc.nat(80)),
          async (steps, windowBytes, batchSize, behindBytes, planned, breaks, rivalEndsAt) => {
            const customers = Array.from({ length: 9 }, (_, n) => `customer-${n}`);
            await append(recorded(steps, customers));
            const { position: head } = (await events.head()) ?? {};
            const outage: Outage = { isAway: false, epoch: 0 };
            let operations = 0;
            // Then nothing happens to the store any more: what is seen of it is how it stays.
            let isOver = false;
            let copy = await copyOf(reads);
            let stopping: Promise<void> | undefined;
            let engine: ProjectionEngine | undefined;
            // A real store is copied, and comes back, as a whole.
            let atomic: Promise<void> = Promise.resolve();
            let underWay = 0;
            const alone = (work: () => Promise<void>): Promise<void> =>
              (atomic = atomic.then(async () => {
                while (underWay > 0) await nextTurn();
                await work();
              }));
            const sizes = { batchSize, windowBytes, behindBytes };
            // Another process; of an older copy it would have to be told, too.
            const small = { batchSize: 1, windowBytes: 1, behindBytes: 1 };
            const rival = new ProjectionEngine({ events, reads, vault, projections, ...small });
            outage.after = () => Promise.resolve(void (underWay -= 1));
            outage.before = async () => {
              // What fails at the start is for whoever starts it.
              if (!engine) return void (underWay += 1);
              const at = operations++;
              if (at === rivalEndsAt) await rival.stop();
              if (at % 7 === 0) await alone(async () => void (copy = await copyOf(reads)));
              const kind = isOver ? undefined : planned.find((one) => one.at === at)?.kind;
              if (kind) met.set(kind, (met.get(kind) ?? 0) + 1);
              if (kind === 'older copy')
                await alone(async () => {
                  await bringBack(reads, copy);
                  outage.epoch = (outage.epoch ?? 0) + 1;
                });
              if (kind === 'away' || kind === 'stopped') outage.isAway = true;
              if (kind === 'stopped') {
                stopping = engine.stop();
                // Slow, so that whoever does not wait for it has stopped before.
                underWay += 1;
                return delay(5);
              }
              if (kind === 'away') setTimeout(() => (outage.isAway = false), 20);
              for (let last; last !== atomic; await last) last = atomic;
              underWay += 1;
            };
            let messages = 0;
            const log: EventStore = new Proxy(events, {
              get(store, name) {
                const member: unknown = Reflect.get(store, name, store);
                if (typeof member !== 'function') return member;
                if (name !== 'subscribe') return member.bind(store) as unknown;
                return async function* (...args: Parameters<EventStore['subscribe']>) {
                  for await (const message of store.subscribe(...args)) {
                    if (breaks.includes(messages++)) throw new UnavailableError('event store', 'away');
                    yield message;
                  }
                };
              },
            });
            const start = async (): Promise<ProjectionEngine> => {
              const store = awayWhile(reads, outage);
              const made = new ProjectionEngine({ events: log, reads: store, vault, projections, ...sizes });
              await made.start();
              return made;
            };
            if (rivalEndsAt !== null && !planned.some(({ kind }) => kind === 'older copy')) await rival.start();
            engine = await start();
            for (const end = Date.now() + 10_000; ;) {
              if (stopping) {
                await stopping;
                expect(underWay).toBe(0);
                [stopping, outage.isAway, engine] = [undefined, false, undefined];
                engine = await start();
              }
              const status = engine.status();
              const stored = await reads.collection<{ _id: string; position: string }>(CHECKPOINTS).find({});
              // An older copy may come back behind the back of one that is done; it looks once a second.
              const isThere = stored.length === projections.length && stored.every(({ position }) => position === head);
              const isDone = isThere && status.every(({ state, position }) => state === 'live' && position === head);
              if (isDone && isOver) break;
              isOver = isDone;
              for (let last; last !== atomic; await last) last = atomic;
              if (Date.now() > end) throw new Error(`waited in vain: ${JSON.stringify(status)}`);
              await new Promise((resolve) => setTimeout(resolve, 1));
            }
            await Promise.all([engine.stop(), rival.stop()]);
            const { builds } = new ProjectionEngine({ events, reads, vault, projections });
            for (const build of await builds.list()) {
              const projection = projections.find(({ name }) => name === build.projection);
              if (!projection) throw new Error('no projection');
              const options = { events, vault, upcasters: new Upcasters(), builds, discarded: new Set<string>() };
              const { differences } = await verifyBuild(projection, build, options);
              expect([projection.name, differences]).toEqual([projection.name, []]);
            }
          },
        )
        .beforeEach(async () => {
          await reads.close();
          await events.close();
          events = await openEventStore('sqlite::memory:');
          reads = await openReadStore('sqlite::memory:');
        }),
      { numRuns: Number(process.env.RUNS ?? 150), endOnFailure: true },
    );
    expect([...met.keys()].sort()).toEqual(['away', 'older copy', 'stopped']);
  }, 120_000);
});
