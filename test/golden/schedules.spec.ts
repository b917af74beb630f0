/**
 * The product's own projections under random schedules: batches, redeliveries, crashes between load, write, derive and
 * checkpoint, and rival runners, over random histories made of the golden corpus. What is stored equals the pure fold,
 * byte for byte. (Histories that no decider would write park some documents; those must be equal too.)
 */
import { mkdtemp, rm } from 'node:fs/promises';
import { readFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import fc from 'fast-check';
import { makePosition, type Fact, type Recorded } from '@timeline/kernel';
import { productSlices } from '@timeline/product';
import { openReadStore, type ReadStore } from '@timeline/read-store';
import { makeBuild, runSchedule, type Schedule } from '../../libs/projecting/src/testing/schedules.js';

// The corpus was written by the product itself.
const corpus = readFileSync(new URL('events.ndjson', import.meta.url), 'utf8')
  .trim()
  .split('\n')
  .map((line) => JSON.parse(line) as Recorded<Fact>);
const projections = productSlices({ reportingTimeZone: 'UTC', defaultPhoneRegion: 'US' }).flatMap((slice) => [
  ...(slice.projections ?? []),
]);
const RUNS_EACH = 200;

const history: fc.Arbitrary<Recorded<Fact>[]> = fc
  .shuffledSubarray(corpus, { minLength: 1, maxLength: 30 })
  .chain((events) =>
    fc.boolean().map((inOrder) => (inOrder ? [...events].sort((a, b) => (a.position < b.position ? -1 : 1)) : events)),
  )
  .map((events) =>
    events.map((event, index) => ({
      ...event,
      position: makePosition('aaaaaaaaaaaa', String(index + 1).padStart(16, '0')),
    })),
  );

const schedule: fc.Arbitrary<Schedule> = fc.record({
  batches: fc.array(fc.integer({ min: 1, max: 9 }), { minLength: 1, maxLength: 4 }),
  behind: fc.oneof(fc.constant(0), fc.integer({ min: 1, max: 4 })),
  crashes: fc.array(fc.integer({ min: 0, max: 50 }), { maxLength: 4 }),
  crashAfter: fc.array(fc.boolean(), { minLength: 1, maxLength: 4 }),
  rivals: fc.array(
    fc.record({
      atBatch: fc.integer({ min: 0, max: 4 }),
      back: fc.oneof(fc.constant(0), fc.integer({ min: 0, max: 15 })),
      length: fc.integer({ min: 1, max: 8 }),
      pause: fc.oneof(fc.constant(0), fc.integer({ min: 0, max: 20 })),
    }),
    { maxLength: 2 },
  ),
});

describe(`the product's projections, ${RUNS_EACH * projections.length} random schedules`, () => {
  let folder: string;
  let store: ReadStore;
  beforeAll(async () => {
    folder = await mkdtemp(path.join(tmpdir(), 'timeline-schedules-'));
    store = await openReadStore(`sqlite:${path.join(folder, 'reads.db')}`);
  });
  afterAll(async () => {
    await store.close();
    await rm(folder, { recursive: true });
  });

  it.each(projections.map((projection) => [projection.name, projection] as const))(
    '%s equals the pure fold',
    async (_name, projection) => {
      const build = await makeBuild(store, projection);
      await fc.assert(
        fc.asyncProperty(history, schedule, async (events, plan) => {
          const { stored, expected } = await runSchedule(build, projection, events, plan);
          expect(stored).toBe(expected);
        }),
        { numRuns: RUNS_EACH },
      );
    },
  );
});
