/**
 * Merges through the real runner: with batches, redeliveries, crashes and rivals what is stored equals the pure fold (which
 * `merging.unit.spec.ts` holds to the naive truth). And what a merge costs: the documents that it, and a page after it,
 * read and write are as many for a customer with thousands of entries as for one with ten.
 */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { Cursors } from '@timeline/http';
import { newKey } from '@timeline/key-store';
import { addDays, newId, toInstant, type Fact, type Recorded } from '@timeline/kernel';
import { Documents, type AnyProjection, type BuildCollections, type ReadModels } from '@timeline/projecting';
import { openReadStore, type ReadCollection, type ReadStore, type StoredDocument } from '@timeline/read-store';
import fc from 'fast-check';
import { recorded } from '../../kernel/src/testing/playing.js';
import { applyBatch } from '../../projecting/src/apply-batch.js';
import { makeBuild, runSchedule, type Schedule } from '../../projecting/src/testing/schedules.js';
import {
  TimelinePage,
  TimelinePageHandler,
  TimelinePageQuery,
} from '../../timeline/src/queries/timeline-page.query.js';
import type { TimelineHistory } from '../../timeline/src/timeline-history.js';
import { productSlices } from './index.js';
import { tell, telling } from './testing/merge-histories.js';

const RUNS = 120;
const GROUPED = ['profile', 'segments', 'loyalty', 'groups', 'timeline', 'case-inbox'];
const projections: AnyProjection[] = productSlices({ reportingTimeZone: 'UTC', defaultPhoneRegion: 'DE' })
  .flatMap(({ projections: own = [] }) => own)
  .filter(({ name }) => GROUPED.includes(name));

let folder: string;
let store: ReadStore;
beforeAll(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'timeline-merging-'));
  store = await openReadStore(`sqlite:${path.join(folder, 'reads.db')}`);
});
afterAll(async () => {
  await store.close();
  await rm(folder, { recursive: true });
});

const schedule: fc.Arbitrary<Schedule> = fc.record({
  batches: fc.array(fc.integer({ min: 1, max: 9 }), { minLength: 1, maxLength: 4 }),
  behind: fc.oneof(fc.constant(0), fc.integer({ min: 1, max: 4 })),
  crashes: fc.array(fc.integer({ min: 0, max: 50 }), { maxLength: 4 }),
  crashAfter: fc.array(fc.boolean(), { minLength: 1, maxLength: 4 }),
  rivals: fc.array(
    fc.record({
      atBatch: fc.integer({ min: 0, max: 4 }),
      back: fc.integer({ min: 0, max: 15 }),
      length: fc.integer({ min: 1, max: 8 }),
      pause: fc.integer({ min: 0, max: 20 }),
    }),
    { maxLength: 2 },
  ),
});

it.each(projections.map((projection) => [projection.name, projection] as const))(
  `%s equals the pure fold, in ${RUNS} schedules of merges`,
  async (_name, projection) => {
    const build = await makeBuild(store, projection);
    await fc.assert(
      fc.asyncProperty(telling, schedule, async (given, plan) => {
        const { stored, expected } = await runSchedule(build, projection, tell(given).log, plan);
        expect(stored).toBe(expected);
      }),
      { numRuns: RUNS },
    );
  },
  120_000,
);

interface Count {
  read: number;
  written: number;
}

/** The collection, counting documents that pass through it. */
function counted<T extends StoredDocument>(collection: ReadCollection<T>, count: Count): ReadCollection<T> {
  const reading = async (found: Promise<T[]>): Promise<T[]> => {
    const documents = await found;
    count.read += documents.length;
    return documents;
  };
  return {
    find: (filter, options) => reading(collection.find(filter, options)),
    findOne: async (filter, options) => (await reading(collection.find(filter, { ...options, limit: 1 })))[0],
    findByIds: (ids) => reading(collection.findByIds(ids)),
    stream: () => {
      throw new Error('a merge goes through no list');
    },
    count: () => {
      throw new Error('a merge counts nothing');
    },
    writeGuarded: (writes) => {
      count.written += writes.length;
      return collection.writeGuarded(writes);
    },
    deleteMany: () => {
      throw new Error('a merge deletes nothing');
    },
  };
}

const START = '2020-01-01T00:00:00.000Z';
const [A, B] = [newId(), newId()];

/** Two customers, each with so many entries of every kind. */
function livesOf(entries: number): Recorded<Fact>[] {
  const log: Recorded<Fact>[] = [];
  const record = (fact: Fact, customerId: string): void => {
    const occurredAt = addDays(START, log.length / 4);
    log.push(
      recorded<Fact>(fact, {
        stream: `s${log.length}`,
        position: log.length + 1,
        customerId,
        occurredAt: toInstant(Date.parse(occurredAt)),
      }),
    );
  };
  for (const customerId of [A, B]) {
    const data = { customerId, kind: 'person', stage: 'lead', traits: {}, identityKinds: [] };
    record({ type: 'CustomerRegistered', data }, customerId);
    for (let n = 0; n < entries; n += 1) {
      record({ type: 'InteractionRecorded', data: { channel: 'web', payloadHash: 'h' } }, customerId);
      const opened = { caseId: newId(), kind: 'complaint', channel: 'web', openedAt: START };
      record({ type: 'FeedbackCaseOpened', data: opened }, customerId);
    }
  }
  return log;
}

/** What it takes, over all read models, to merge the two, to show a page of their timeline, and to part them again. */
async function costOf(entries: number): Promise<Record<string, Count>> {
  const log = livesOf(entries);
  const data = { mergeId: newId(), survivor: A, others: [B] };
  const [merge, undo] = ['CustomersMerged', 'CustomersUnmerged'].map((type, index) =>
    recorded<Fact>({ type, data, customerIds: [A, B] } as Fact, {
      stream: 'merge',
      revision: index,
      position: log.length + 1 + index,
      customerId: A,
    }),
  );
  const costs: Record<string, Count> = {};
  for (const projection of projections) {
    const plain = await makeBuild(store, projection);
    const target = (collections: BuildCollections) => ({
      projection,
      collections,
      isDiscarded: () => Promise.resolve(false),
    });
    for (let from = 0; from < log.length; from += 500) await applyBatch(target(plain), log.slice(from, from + 500));
    for (const [name, event] of Object.entries({ merge, undo })) {
      const count = (costs[`${projection.name} ${name}`] = { read: 0, written: 0 });
      const watched = {
        ...{ documents: counted(plain.documents, count), derived: counted(plain.derived, count) },
        epoch: plain.epoch,
      };
      if (event) await applyBatch(target(watched), [event]);
      if (name !== 'merge' || projection.name !== 'timeline') continue;
      const page = (costs['timeline page'] = { read: 0, written: 0 });
      const documents = new Documents(counted(plain.documents, page));
      // Of read models the page wants nothing but these documents.
      const models = { read: (_of: unknown, _at: unknown, read: (model: object) => unknown) => read({ documents }) };
      const history = {
        momentOf: () => Promise.resolve({}),
        membersAsOf: () => Promise.resolve([A, B]),
        toHaveSeen: () => undefined,
      };
      const handler = new TimelinePageHandler(
        models as unknown as ReadModels,
        new Cursors(newKey()),
        history as unknown as TimelineHistory,
      );
      const query = Object.assign(new TimelinePageQuery(), { limit: 5 });
      const first = await handler.execute(new TimelinePage(A, query, undefined));
      expect(first.items).toHaveLength(5);
      await handler.execute(
        new TimelinePage(A, Object.assign(new TimelinePageQuery(), { limit: 5, cursor: first.next }), undefined),
      );
    }
  }
  return costs;
}

it('a merge reads and writes as many documents for thousands of entries as for ten', async () => {
  const few = await costOf(10);
  expect(await costOf(3_000)).toEqual(few);
  console.info('documents read and written:', few);
  // Two members with a part and a derived document each; two entries of the timeline.
  for (const { read, written } of Object.values(few)) expect(read + written).toBeLessThanOrEqual(24);
  expect(few['profile merge']?.written).toBe(4);
  expect(few['case-inbox merge']).toEqual({ read: 0, written: 0 });
}, 120_000);
