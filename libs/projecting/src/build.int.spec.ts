/** Checkpoints as several processes write them. */
import fc from 'fast-check';
import { makePosition, systemClock } from '@timeline/kernel';
import { openReadStore, type ReadStore } from '@timeline/read-store';
import { Builds, type Checkpoint } from './build.js';

const at = (offset: number): Checkpoint => {
  const position = makePosition('aaaaaaaaaaaa', String(offset).padStart(10, '0'));
  return { position, event: { position, id: `event-${offset}` } };
};

describe('a checkpoint', () => {
  let reads: ReadStore;
  beforeAll(async () => (reads = await openReadStore('sqlite::memory:')));
  afterAll(() => reads.close());

  it('only ever moves forward, whichever process writes it and however late it is', async () => {
    let number = 0;
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.record({ by: fc.nat({ max: 2 }), offset: fc.nat({ max: 20 }) }), { minLength: 2, maxLength: 12 }),
        async (moves) => {
          const build = `build-${(number += 1)}`;
          // Each remembers what it wrote last, as processes do; restarted ones remember nothing.
          const processes = [0, 1, 2].map(() => new Builds(reads, systemClock));
          await processes[0]?.prepare();
          let furthest = -1;
          for (const { by, offset } of moves) {
            await processes[by]?.saveCheckpoints(new Map([[build, at(offset)]]));
            furthest = Math.max(furthest, offset);
            expect((await new Builds(reads, systemClock).checkpoints([build])).get(build)).toEqual(at(furthest));
          }
        },
      ),
      { numRuns: 100 },
    );
  });
});
