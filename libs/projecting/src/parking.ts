/**
 * Parked events: what a projection could not apply blocks its document, later events of that document wait behind it.
 * An operator mends the projection and retries, or discards the event for that document, on record.
 */
import type { PersonalVault } from '@timeline/key-store';
import type { EventStore } from '@timeline/event-store';
import {
  DomainError,
  errorCode,
  parsePosition,
  toInstant,
  type Clock,
  type Fact,
  type Recorded,
  type Upcasters,
} from '@timeline/kernel';
import type { ReadCollection, ReadStore } from '@timeline/read-store';
import { DISCARDS, guarded, type Builds } from './build.js';
import { deriveAll } from './derive.js';
import { contentOf, type AnyProjection, type Block, type Stored } from './projection.js';
import { discardId } from './pure-fold.js';
import { assertWeight } from './weight.js';

export interface ParkedDocument extends Block {
  projection: string;
  build: string;
  key: string;
  /** Everything up to here waits behind the block. */
  waitingTo: string;
}

interface DiscardRecord {
  _id: string;
  projection: string;
  /** `discardId(event id, key)`. */
  step: string;
  at: string;
}

export interface ParkingOptions {
  events: EventStore;
  reads: ReadStore;
  vault: Pick<PersonalVault, 'open'>;
  upcasters: Upcasters;
  builds: Builds;
  projections: readonly AnyProjection[];
  clock: Clock;
}

export class Parking {
  readonly #discards: ReadCollection<DiscardRecord>;

  constructor(readonly options: ParkingOptions) {
    this.#discards = options.reads.collection(DISCARDS);
  }

  /** Parked documents of every build, of one projection or key where they are given; by key in each build. */
  async *stream(projection?: string, key?: string): AsyncGenerator<ParkedDocument> {
    for (const build of await this.options.builds.list(projection)) {
      const { documents } = this.options.builds.collections(build._id);
      const blocked = { '_b.position': { $exists: true }, ...(key !== undefined && { _id: key }) };
      for await (const page of documents.stream(blocked)) {
        for (const { _id, _p, _b } of page)
          if (_b) yield { projection: build.projection, build: build._id, key: _id, waitingTo: _p, ..._b };
      }
    }
  }

  /**
   * Folds what waits behind the block, in order, from the log. Answers whether the document is free now; one in a build
   * of another version never is.
   */
  async retry({
    projection: name,
    build,
    key,
  }: Pick<ParkedDocument, 'projection' | 'build' | 'key'>): Promise<boolean> {
    const projection = this.options.projections.find((candidate) => candidate.name === name);
    if (!projection) throw new DomainError('PROJECTION_NOT_FOUND', `there is no projection "${name}"`);
    // Folded on by another version's code, it would be a document of neither.
    const record = (await this.options.builds.list(name)).find(({ _id }) => _id === build);
    if (record?.version !== projection.version) return false;
    const collections = this.options.builds.collections(build);
    for (;;) {
      const before = await collections.documents.findOne({ _id: key });
      if (!before?._b) return true;
      const after = await this.#refold(projection, before, before._b);
      // A runner that lined up one more event meanwhile moved the version: then read again and fold that too.
      const missed = await collections.documents.writeGuarded([guarded(after, before._v)]);
      if (missed.length > 0) continue;
      if (projection.derivation) await deriveAll(projection.derivation, collections, new Set([key]));
      return after._b === undefined;
    }
  }

  /** Leaves the blocking event out for this document, in every build and in `verify`, and goes on with the next. */
  async discard(parked: Pick<ParkedDocument, 'projection' | 'build' | 'key' | 'eventId'>): Promise<boolean> {
    const step = discardId(parked.eventId, parked.key);
    const record: DiscardRecord = {
      _id: `${parked.projection}/${step}`,
      projection: parked.projection,
      step,
      at: toInstant(this.options.clock.now()),
    };
    await this.#discards.writeGuarded([{ doc: record, guard: 'absent' }]);
    return this.retry(parked);
  }

  /** Steps of a projection that were discarded. */
  async discarded(projection: string): Promise<Set<string>> {
    return new Set((await this.#discards.find({ projection })).map((record) => record.step));
  }

  async #refold(
    projection: AnyProjection,
    before: Stored & Record<string, unknown>,
    block: Block,
  ): Promise<Stored & Record<string, unknown>> {
    const { events, vault, upcasters } = this.options;
    const discarded = await this.discarded(projection.name);
    const first = await events.eventAt(parsePosition(block.position, events.logId));
    const until = parsePosition(before._p, events.logId);
    let content: Record<string, unknown> | undefined = hasContent(before) ? contentOf(before) : undefined;
    let newBlock: Block | undefined;
    const fold = (event: Recorded<Fact>): void => {
      if (newBlock || !projection.handles.includes(event.type)) return;
      if (!projection.keys(event).some((touch) => touch.key === before._id)) return;
      try {
        const next = projection.evolve(content, event, before._id);
        assertWeight(projection, next);
        content = next;
      } catch (error) {
        if (discarded.has(discardId(event.id, before._id))) return;
        newBlock = { position: event.position, eventId: event.id, code: errorCode(error) };
      }
    };
    if (first) for (const event of await vault.open([first])) fold(event);
    const rest = events.readAll({
      after: parsePosition(block.position, events.logId),
      until,
      types: upcasters.storedTypes(projection.handles),
    });
    for await (const batch of rest) for (const event of await vault.open(batch)) fold(event);

    const bookkeeping: Stored = { _id: before._id, _v: before._v + 1, _p: before._p, _o: before._o };
    if (!content && !newBlock) return { ...bookkeeping, _x: true };
    return { ...bookkeeping, ...(newBlock && { _b: newBlock }), ...content };
  }
}

const hasContent = (doc: Record<string, unknown>): boolean => Object.keys(doc).some((name) => !name.startsWith('_'));
