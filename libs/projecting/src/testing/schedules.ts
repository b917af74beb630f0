/**
 * Random schedules for projections: whatever the batches, redeliveries from earlier checkpoints, crashes between load,
 * write, derive and checkpoint, and interleavings of two runners, the stored documents must equal the pure fold.
 * Used with toy projections here and with the product's own in `test/`.
 */
import type { Fact, Recorded } from '@timeline/kernel';
import type { GuardedWrite, ReadCollection, ReadStore, StoredDocument } from '@timeline/read-store';
import { canonicalJson, systemClock } from '@timeline/kernel';
import { applyBatch, type BatchTarget } from '../apply-batch.js';
import { Builds, type BuildCollections } from '../build.js';
import { contentOf, type AnyProjection } from '../projection.js';
import { discardId, PureFold } from '../pure-fold.js';
import { WriteBehind } from '../write-behind.js';

/** The place at which a process dies. */
export class Crash extends Error {
  override readonly name = 'Crash';
}

export interface Schedule {
  /** Length of each batch of the main runner, used round and round. */
  batches: number[];
  /** The main runner holds documents in memory and writes them after so many batches; 0: it writes each batch. */
  behind: number;
  /** At these store operations (counted over the whole run) the runner dies and starts again from its checkpoint. */
  crashes: number[];
  /** Whether the operation that the crash hits still reaches the store. */
  crashAfter: boolean[];
  /**
   * Second runners: each starts at a batch of the main one, `back` events before its checkpoint, and is held for
   * `pause` turns before every write, as a stopped process is.
   */
  rivals: { atBatch: number; back: number; length: number; pause: number }[];
}

interface Control {
  operations: number;
  crashAt: ReadonlyMap<number, boolean>;
}

/** Lets others go first, so that two runners interleave at every operation. */
const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

/** Counts operations and dies at the chosen ones. */
function crashing<T extends StoredDocument>(
  collection: ReadCollection<T>,
  control: Control,
  pause: number,
): ReadCollection<T> {
  const operate = async <R>(operation: () => Promise<R>, turns = 1): Promise<R> => {
    for (let left = turns; left > 0; left -= 1) await turn();
    const at = control.operations++;
    const after = control.crashAt.get(at);
    if (after === false) throw new Crash();
    const result = await operation();
    if (after === true) throw new Crash();
    return result;
  };
  return {
    find: (filter, options) => operate(() => collection.find(filter, options)),
    findOne: (filter, options) => operate(() => collection.findOne(filter, options)),
    findByIds: (ids) => operate(() => collection.findByIds(ids)),
    stream: (filter, options) => collection.stream(filter, options),
    count: (filter) => operate(() => collection.count(filter)),
    writeGuarded: (writes: readonly GuardedWrite<T>[]) => operate(() => collection.writeGuarded(writes), 1 + pause),
    deleteMany: (filter) => operate(() => collection.deleteMany(filter)),
  };
}

/** A build to run schedules in, one after the other. */
export async function makeBuild(store: ReadStore, projection: AnyProjection): Promise<BuildCollections> {
  const builds = new Builds(store, systemClock);
  await builds.prepare();
  return builds.collections((await builds.create(projection, 'product'))._id);
}

/**
 * Runs `events` through `projection` as `schedule` says and answers what is stored and what should be, as texts; beside it
 * the documents, and how many wait because they became too heavy.
 * @param plain the collections of an empty build; emptied again at the end
 */
export async function runSchedule(
  plain: BuildCollections,
  projection: AnyProjection,
  events: readonly Recorded<Fact>[],
  schedule: Schedule,
): Promise<{ stored: string; expected: string; contents: unknown[]; tooHeavy: number }> {
  const control: Control = {
    operations: 0,
    crashAt: new Map(
      schedule.crashes.map((at, index) => [at, schedule.crashAfter[index % schedule.crashAfter.length] ?? false]),
    ),
  };
  const targetFor = (pause: number): BatchTarget => ({
    projection,
    collections: {
      documents: crashing(plain.documents, control, pause),
      derived: crashing(plain.derived, control, pause),
      epoch: plain.epoch,
    },
    isDiscarded: () => Promise.resolve(false),
  });
  const runRival = async ({ back, length, pause }: Schedule['rivals'][number], checkpoint: number): Promise<void> => {
    const rival = targetFor(pause);
    const to = Math.min(events.length, checkpoint + length);
    try {
      for (let from = Math.max(0, checkpoint - back); from < to; from += length)
        await applyBatch(rival, events.slice(from, Math.min(to, from + length)));
    } catch (error) {
      if (!(error instanceof Crash)) throw error;
    }
  };

  // The main runner: dies where the schedule says, starts again from its checkpoint, until the log is folded.
  const main = targetFor(0);
  let checkpoint = 0;
  let folded = 0;
  let held = new WriteBehind(main);
  let batch = 0;
  const rivals: Promise<void>[] = [];
  while (checkpoint < events.length) {
    for (const rival of schedule.rivals) if (rival.atBatch === batch) rivals.push(runRival(rival, checkpoint));
    const length = schedule.batches[batch % schedule.batches.length] ?? 1;
    batch += 1;
    try {
      if (schedule.behind === 0) await applyBatch(main, events.slice(checkpoint, checkpoint + length));
      else {
        const isDue = batch % schedule.behind === 0 || folded + length >= events.length;
        let outcome: string = await held.fold(events.slice(folded, folded + length));
        if (outcome === 'folded' && isDue) outcome = await held.flush();
        folded += length;
        if (outcome === 'missed') await applyBatch(main, events.slice(checkpoint, folded));
        else if (held.isDirty) continue;
      }
      checkpoint = schedule.behind === 0 ? checkpoint + length : folded;
    } catch (error) {
      if (!(error instanceof Crash)) throw error;
      folded = checkpoint;
      held = new WriteBehind(main);
    }
  }
  await Promise.all(rivals);

  const documents = new Map<string, string>();
  const weighed = new Set<string>();
  for await (const page of plain.documents.stream({ _x: { $exists: false } })) {
    for (const doc of page) {
      const content = contentOf(doc);
      const shown = Object.keys(content).length > 0 ? content : undefined;
      documents.set(doc._id, canonicalJson({ content: shown, block: doc._b }));
      if (doc._b?.code === 'DOCUMENT_TOO_LARGE') weighed.add(discardId(doc._b.eventId, doc._id));
    }
  }
  const derived = new Map<string, string>();
  if (projection.derivation) {
    for await (const page of plain.derived.stream({ _x: { $exists: false } })) {
      for (const doc of page) derived.set(doc._id, canonicalJson(contentOf(doc)));
    }
  }
  const stored = canonicalJson([sorted(documents), sorted(derived)]);
  const fold = new PureFold(projection, new Set(), () => true, weighed);
  for (const event of events) fold.apply(event);
  const expected = canonicalJson([sorted(fold.texts()), sorted(fold.derivedTexts())]);
  await plain.documents.deleteMany({});
  if (projection.derivation) await plain.derived.deleteMany({});
  return { stored, expected, contents: [...documents.values()].map(contentIn), tooHeavy: weighed.size };
}

// Made above.
const contentIn = (text: string): unknown => (JSON.parse(text) as { content?: unknown }).content;

const sorted = (texts: Map<string, string>): [string, string][] => [...texts].sort(([a], [b]) => (a < b ? -1 : 1));
