/**
 * How queries read projections: the build that the pointer names is resolved once per read, the read waits on *that*
 * build for the position it must have seen, and starts over if the build was dropped meanwhile.
 */
import type { EventStore } from '@timeline/event-store';
import type { Filter, FindOptions, ReadCollection, ReadStore, StoredDocument as AnyStored } from '@timeline/read-store';
import { delay, DomainError, parsePosition, systemClock, type Position } from '@timeline/kernel';
import { Builds, isOfThisLog } from './build.js';
import type { ProjectionEngine } from './projection-engine.js';
import { customerOwner, type Projection, type Stored, type StoredDerived } from './projection.js';

/** One collection of a build, without what is deleted. */
export class Documents<Doc extends AnyStored> {
  constructor(readonly collection: ReadCollection<Doc>) {}

  async find(filter: Filter, options: FindOptions = {}): Promise<Doc[]> {
    if (options.limit !== undefined || options.skip !== undefined)
      return this.collection.find(withoutDeleted(filter), options);
    return (await this.collection.find(filter, options)).filter(isThere);
  }
  findOne(filter: Filter, options?: FindOptions): Promise<Doc | undefined> {
    return this.collection.findOne(withoutDeleted(filter), options);
  }
  async get(id: string): Promise<Doc | undefined> {
    const found = await this.collection.findOne({ _id: id });
    return found && isThere(found) ? found : undefined;
  }
  count(filter: Filter): Promise<number> {
    return this.collection.count(withoutDeleted(filter));
  }
  stream(filter: Filter, options?: Parameters<ReadCollection<Doc>['stream']>[1]): AsyncIterable<Doc[]> {
    return this.collection.stream(withoutDeleted(filter), options);
  }
}

const isThere = (doc: object): boolean => !('_x' in doc);

/** Nothing is left of what is deleted, so a value that must be there says enough: SQLite would read each document for more. */
const withoutDeleted = (filter: Filter): Filter =>
  Object.entries(filter).some(([path, value]) => !/^[_$]/.test(path) && isScalar(value))
    ? filter
    : { ...filter, _x: { $exists: false } };

const isScalar = (value: unknown): boolean => ['string', 'number', 'boolean'].includes(typeof value);

export interface ReadModel<Doc extends object, Derived extends object> {
  buildId: string;
  documents: Documents<Stored & Doc>;
  derived: Documents<StoredDerived & Derived>;
  /** Whether the customer was erased, as far as this build has come. */
  isErased(customerId: string): Promise<boolean>;
}

/** How far a build has come; `isPast`: to the position asked for, in this log. */
export interface BuildProgress {
  projection: string;
  build: string;
  position?: Position;
  isPast: boolean;
}

export interface ReadModelsOptions {
  events: EventStore;
  reads: ReadStore;
  /** Present where projections run in this process; elsewhere the checkpoints in the store are looked at. */
  engine?: ProjectionEngine;
  /** How long a read waits for a `Timeline-Position`, default 5 s. */
  waitMs?: number;
}

/** A switch is seen by readers within this time; a dropped build is kept readable for longer. */
export const POINTER_CACHE_MS = 500;

export class ReadModels {
  readonly #builds: Builds;
  readonly #pointers = new Map<string, { buildId: string; at: number }>();

  constructor(readonly options: ReadModelsOptions) {
    this.#builds = new Builds(options.reads, systemClock);
  }

  /**
   * Runs `read` on the live build of `projection`, not before that has reached `position` (text of a
   * `Timeline-Position` header).
   * @throws DomainError POSITION_NOT_REACHED, POSITION_OF_ANOTHER_LOG, POSITION_MALFORMED, READ_MODEL_NOT_READY
   */
  async read<Doc extends object, Derived extends object, T>(
    // Only name and types matter here; any event type will do.
    // eslint-disable-next-line @typescript-eslint/no-explicit-any
    projection: Projection<Doc, any, Derived>,
    position: string | undefined,
    read: (model: ReadModel<Doc, Derived>) => Promise<T>,
  ): Promise<T> {
    const needed = position === undefined ? undefined : parsePosition(position, this.options.events.logId);
    for (;;) {
      const { buildId, at } = await this.#resolve(projection.name);
      if (needed) await this.#waitFor(projection.name, buildId, needed);
      const result = await read(this.#model<Doc, Derived>(buildId));
      // Within the pointer's life the build cannot have been dropped; after it, look whether it was.
      if (performance.now() - at < POINTER_CACHE_MS) return result;
      const still = (await this.#builds.list(projection.name)).some(
        (build) => build._id === buildId && build.state !== 'dropping',
      );
      if (still) return result;
      this.#pointers.delete(projection.name);
    }
  }

  /**
   * Of every copy of every read model in the store, whoever fills it and whether or not any process still knows its
   * projection. One that is being dropped is among them until its collections are gone.
   */
  async buildsAgainst(position: Position): Promise<BuildProgress[]> {
    const builds = await this.#builds.list();
    const checkpoints = await this.#builds.checkpoints(builds.map(({ _id }) => _id));
    return Promise.all(
      builds.map(async ({ _id, projection }) => {
        const checkpoint = checkpoints.get(_id);
        // One folded from what this log has lost has not seen what stands there now.
        const isPast =
          checkpoint !== undefined &&
          checkpoint.position >= position &&
          (await isOfThisLog(this.options.events, checkpoint));
        return { projection, build: _id, ...(checkpoint && { position: checkpoint.position }), isPast };
      }),
    );
  }

  async #resolve(name: string): Promise<{ buildId: string; at: number }> {
    const cached = this.#pointers.get(name);
    if (cached && performance.now() - cached.at < POINTER_CACHE_MS) return cached;
    const pointer = await this.#builds.pointer(name);
    if (!pointer) {
      throw new DomainError('READ_MODEL_NOT_READY', `projection ${name} has no build yet; try again in a moment`);
    }
    const resolved = { buildId: pointer.live, at: performance.now() };
    this.#pointers.set(name, resolved);
    return resolved;
  }

  #model<Doc extends object, Derived extends object>(buildId: string): ReadModel<Doc, Derived> {
    const documents = this.options.reads.collection<Stored & Doc>(buildId);
    return {
      buildId,
      documents: new Documents(documents),
      derived: new Documents(this.options.reads.collection<StoredDerived & Derived>(`${buildId}-derived`)),
      isErased: async (customerId) =>
        (await documents.findOne({ _id: `erased/${customerOwner(customerId)}` })) !== undefined,
    };
  }

  async #waitFor(name: string, buildId: string, position: Position): Promise<void> {
    const waitMs = this.options.waitMs ?? 5_000;
    const runner = this.options.engine?.runner(buildId);
    const reached = runner ? await runner.waitFor(position, waitMs) : await this.#pollFor(buildId, position, waitMs);
    if (reached) return;
    throw new DomainError(
      'POSITION_NOT_REACHED',
      `the read model ${name} has not come to ${position} yet; try again, or leave out Timeline-Position to read it as it is`,
    );
  }

  async #pollFor(buildId: string, position: Position, waitMs: number): Promise<boolean> {
    const end = performance.now() + waitMs;
    for (let pause = 5; ; pause = Math.min(100, pause * 2)) {
      const checkpoint = (await this.#builds.checkpoints([buildId])).get(buildId);
      if (checkpoint && checkpoint.position >= position) return true;
      if (performance.now() >= end) return false;
      await delay(pause);
    }
  }
}
