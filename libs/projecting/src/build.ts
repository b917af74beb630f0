/**
 * A build is one filled copy of a projection: its collections, its checkpoint, its state. Several live side by side;
 * a pointer names the one that is read.
 */
import { randomBytes } from 'node:crypto';
import { FaultError, toInstant, type Clock, type Position } from '@timeline/kernel';
import type { EventStore, LogHead } from '@timeline/event-store';
import type { GuardedWrite, ReadCollection, ReadStore } from '@timeline/read-store';
import { internalIndexes, type AnyProjection, type Stored, type StoredDerived } from './projection.js';

export interface BuildRecord {
  _id: string;
  _v: number;
  projection: string;
  version: number;
  /**
   * `filling`: catching up beside the live one, by whoever started it. `fed`: complete, moved on by the running
   * product. `dropping`: nobody feeds or reads it any more, its collections are going.
   */
  state: 'filling' | 'fed' | 'dropping';
  filledBy: 'product' | 'command-line';
  createdAt: string;
}

interface PointerRecord {
  _id: string;
  _v: number;
  live: string;
  previous?: string;
}

/** How far a build has come in which log; `event` proves that the log still is that log. */
export interface Checkpoint {
  position: Position;
  event: { position: Position; id: string };
}

export const checkpointAt = ({ position, eventId }: LogHead): Checkpoint => ({
  position,
  event: { position, id: eventId },
});

interface CheckpointRecord extends Checkpoint {
  _id: string;
  _v: number;
}

const BUILDS = 'projection-builds';
const POINTERS = 'projection-pointers';
const CHECKPOINTS = 'projection-checkpoints';
export const DISCARDS = 'projection-discards';

export interface BuildCollections {
  documents: ReadCollection<Stored & Record<string, unknown>>;
  derived: ReadCollection<StoredDerived & Record<string, unknown>>;
  /** Of the store, now. */
  readonly epoch: number;
}

export class Builds {
  readonly #builds: ReadCollection<BuildRecord>;
  readonly #pointers: ReadCollection<PointerRecord>;
  readonly #checkpoints: ReadCollection<CheckpointRecord>;
  readonly #lastKnown = new Map<string, CheckpointRecord>();

  constructor(
    readonly store: ReadStore,
    readonly clock: Clock,
  ) {
    this.#builds = store.collection(BUILDS);
    this.#pointers = store.collection(POINTERS);
    this.#checkpoints = store.collection(CHECKPOINTS);
  }

  async prepare(): Promise<void> {
    for (const name of [BUILDS, POINTERS, CHECKPOINTS, DISCARDS]) await this.store.ensureCollection(name, []);
  }

  collections(buildId: string): BuildCollections {
    const { store } = this;
    return {
      documents: store.collection(buildId),
      derived: store.collection(`${buildId}-derived`),
      get epoch() {
        return store.epoch;
      },
    };
  }

  async create(projection: AnyProjection, filledBy: BuildRecord['filledBy']): Promise<BuildRecord> {
    const build: BuildRecord = {
      _id: `${projection.name}-${randomBytes(5).toString('hex')}`,
      _v: 1,
      projection: projection.name,
      version: projection.version,
      state: 'filling',
      filledBy,
      createdAt: toInstant(this.clock.now()),
    };
    await this.ensureCollections(projection, build._id);
    await this.#builds.writeGuarded([{ doc: build, guard: 'absent' }]);
    return build;
  }

  async ensureCollections(projection: AnyProjection, buildId: string): Promise<void> {
    await this.store.ensureCollection(buildId, [...(projection.indexes ?? []), ...internalIndexes(projection)]);
    if (projection.derivation)
      await this.store.ensureCollection(`${buildId}-derived`, projection.derivation.indexes ?? []);
  }

  list(projection?: string): Promise<BuildRecord[]> {
    return this.#builds.find(projection ? { projection } : {}, { sort: { createdAt: 1, _id: 1 } });
  }

  /** Answers whether it is in that state now; one that is gone or being dropped does not come back. */
  async setState(buildId: string, state: BuildRecord['state']): Promise<boolean> {
    let isSet = false;
    await update(this.#builds, buildId, (build) => {
      isSet = build !== undefined && (build.state === state || build.state !== 'dropping');
      return build && isSet && build.state !== state ? { ...build, state } : undefined;
    });
    return isSet;
  }

  async pointer(projection: string): Promise<{ live: string; previous?: string } | undefined> {
    return this.#pointers.findOne({ _id: projection });
  }

  /** Makes `buildId` the one that is read if none is yet; answers whether it is. */
  async pointFirst(projection: string, buildId: string): Promise<boolean> {
    await this.#pointers.writeGuarded([{ doc: { _id: projection, _v: 1, live: buildId }, guard: 'absent' }]);
    return (await this.pointer(projection))?.live === buildId;
  }

  /** Makes `buildId` the one that is read; the one read until now is kept as the way back. */
  async point(projection: string, buildId: string): Promise<void> {
    await update<PointerRecord>(this.#pointers, projection, (pointer) =>
      pointer?.live === buildId
        ? undefined
        : { _id: projection, _v: 0, live: buildId, ...(pointer && { previous: pointer.live }) },
    );
  }

  async checkpoints(buildIds: readonly string[]): Promise<Map<string, Checkpoint>> {
    const records = await this.#checkpoints.findByIds(buildIds);
    for (const record of records) {
      const known = this.#lastKnown.get(record._id);
      if (!known || known.position <= record.position) this.#lastKnown.set(record._id, record);
    }
    return new Map(records.map(({ _id, position, event }) => [_id, { position, event }]));
  }

  /** Where the store says that the build stands, taken for true though it is behind what was known. */
  async restoredCheckpoint(buildId: string): Promise<Checkpoint | undefined> {
    const record = await this.#checkpoints.findOne({ _id: buildId });
    if (record) this.#lastKnown.set(buildId, record);
    else this.#lastKnown.delete(buildId);
    return record && { position: record.position, event: record.event };
  }

  /** Whether there is such a build, and it is not being dropped. */
  async isKept(buildId: string): Promise<boolean> {
    const build = await this.#builds.findOne({ _id: buildId });
    return build !== undefined && build.state !== 'dropping';
  }

  /**
   * Moves the checkpoints forward, in one write; a stored one that is further stays. Answers the builds whose stored one
   * is behind what this process wrote or read before, and stays too: their store has come back as an older copy.
   */
  async saveCheckpoints(moves: ReadonlyMap<string, Checkpoint>): Promise<string[]> {
    let pending = [...moves];
    const wentBack: string[] = [];
    // The first try trusts what this process wrote or read last; a miss reads what another process wrote since.
    let stored: ReadonlyMap<string, CheckpointRecord> = this.#lastKnown;
    while (pending.length > 0) {
      const docs = pending.flatMap(([_id, checkpoint]) => {
        const before = stored.get(_id);
        return before && before.position >= checkpoint.position
          ? []
          : [{ _id, _v: (before?._v ?? 0) + 1, position: checkpoint.position, event: checkpoint.event }];
      });
      const missed = new Set(await this.#checkpoints.writeGuarded(docs.map((doc) => guarded(doc, doc._v - 1))));
      for (const doc of docs) if (!missed.has(doc._id)) this.#lastKnown.set(doc._id, doc);
      pending = pending.filter(([id]) => missed.has(id));
      if (pending.length > 0) {
        const found = new Map((await this.#checkpoints.findByIds([...missed])).map((record) => [record._id, record]));
        const isBack = (id: string): boolean =>
          (found.get(id)?.position ?? '') < (this.#lastKnown.get(id)?.position ?? '');
        wentBack.push(...pending.flatMap(([id]) => (isBack(id) ? [id] : [])));
        pending = pending.filter(([id]) => !isBack(id));
        stored = found;
      }
    }
    return wentBack;
  }

  /** How many documents of the build wait behind a parked event. */
  countBlocked(buildId: string): Promise<number> {
    return this.collections(buildId).documents.count({ '_b.position': { $exists: true } });
  }

  /** Forgets the build and its collections. The pointer must not name it. */
  async drop(build: BuildRecord): Promise<void> {
    await this.setState(build._id, 'dropping');
    await this.store.dropCollection(build._id);
    await this.store.dropCollection(`${build._id}-derived`);
    await this.#checkpoints.deleteMany({ _id: build._id });
    await this.#builds.deleteMany({ _id: build._id });
  }
}

/** A write that holds only while the stored document is still at `version`; 0 means that there is none. */
export function guarded<T extends { _id: string }>(doc: T, version: number): GuardedWrite<T> {
  return { doc, guard: version === 0 ? 'absent' : { path: '_v', equals: version } };
}

/** Read, change, write under the version; again when another was quicker. `change` answering undefined leaves it. */
async function update<T extends { _id: string; _v: number }>(
  collection: ReadCollection<T>,
  id: string,
  change: (before: T | undefined) => T | undefined,
): Promise<void> {
  for (;;) {
    const before = await collection.findOne({ _id: id });
    const after = change(before);
    if (!after) return;
    const version = before?._v ?? 0;
    const missed = await collection.writeGuarded([guarded({ ...after, _v: version + 1 }, version)]);
    if (missed.length === 0) return;
  }
}

/**
 * @throws FaultError CHECKPOINT_OF_ANOTHER_LOG when the log does not hold the checkpoint's event: it was restored from
 * a backup or swapped, and what was folded from the lost part cannot be taken back
 */
export async function assertSameLog(events: EventStore, build: BuildRecord, checkpoint: Checkpoint): Promise<void> {
  if (await isOfThisLog(events, checkpoint)) return;
  throw new FaultError(
    'CHECKPOINT_OF_ANOTHER_LOG',
    `build ${build._id} was folded from a log that held event ${checkpoint.event.id} at ${checkpoint.event.position}; ` +
      `log ${events.logId} does not. Restore that log, or run \`timeline rebuild ${build.projection}\``,
  );
}

/** Whether the log holds the checkpoint's event where it was. */
export async function isOfThisLog(events: EventStore, { position, event }: Checkpoint): Promise<boolean> {
  if (!position.startsWith(`${events.logId}:`)) return false;
  return (await events.eventAt(event.position))?.id === event.id;
}
