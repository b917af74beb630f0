/**
 * `verify`: folds the log afresh in memory and compares every document of a build with it. The build may be moving:
 * what differs is looked at again after the fold has followed it, so a difference that is told is one.
 *
 * Memory is bounded whatever the log's length. A pass over the log folds the documents from one key on; whenever it
 * holds more than its bound it lets go of those with the highest keys, and the next pass begins there. A derived
 * document whose group does not lie within one pass is compared at the end, in passes over whole groups.
 */
import type { PersonalVault } from '@timeline/key-store';
import type { EventStore } from '@timeline/event-store';
import { CUSTOMER_ERASED, delay, differingMembers, DomainError, type Position, type Upcasters } from '@timeline/kernel';
import type { BuildCollections, Builds, BuildRecord } from './build.js';
import { collectionOf, membersOf, textOf, type AnyStored, type Kind } from './document-text.js';
import { compareKeys, KeyRange } from './key-order.js';
import type { AnyProjection } from './projection.js';
import { discardId, PureFold } from './pure-fold.js';

export interface Difference {
  kind: Kind;
  key: string;
  problem: 'missing' | 'unexpected' | 'different';
  /** Members whose values differ; names only, never values. */
  members: string[];
}

export interface VerifyReport {
  projection: string;
  build: string;
  /** Every document was compared with the log up to here, or further. */
  upTo: Position | undefined;
  documents: number;
  parked: number;
  /** How many documents differ. */
  differing: number;
  /** The first thousand of them. */
  differences: Difference[];
}

export interface VerifyProgress {
  /** Where in the log the pass is. */
  position: Position;
  /** From 1. */
  pass: number;
  /** How many there will be, as far as can be told. */
  passes: number;
}

export interface VerifyOptions {
  events: Pick<EventStore, 'head' | 'readAll'>;
  vault: Pick<PersonalVault, 'open'>;
  upcasters: Upcasters;
  builds: Builds;
  discarded: ReadonlySet<string>;
  progress?: (progress: VerifyProgress) => void;
  /** How long to wait for a build that is behind the log, default 30 s. */
  waitMs?: number;
  /** For a build that nobody moves: where it stands. It is compared with the log up to there. */
  upTo?: Position;
  /** Documents that a pass holds in memory, default 100,000: the more, the fewer passes. */
  passDocuments?: number;
  /** Bytes of documents that a pass holds, about; default 64 MiB. */
  passBytes?: number;
}

const PASS_DOCUMENTS = 100_000;
const PASS_BYTES = 64 * 1024 * 1024;
/** What stays when an overfull pass is cut. */
const KEPT = 3 / 4;
/** A document that differs is looked at again this often at most while the build moves; then it is told. */
const ROUNDS = 10;
/** As many as that are looked at again together. */
const SUSPECTS = 5_000;
const LISTED = 1_000;

/** @throws DomainError BUILD_BEHIND when the build does not come to the log's head in time (is the product running?) */
export async function verifyBuild(
  projection: AnyProjection,
  build: BuildRecord,
  options: VerifyOptions,
): Promise<VerifyReport> {
  const verification = new Verification(projection, build, options);
  let from: string | undefined;
  do from = await verification.compareFrom(from);
  while (from !== undefined);
  await verification.compareSpread();
  return verification.report;
}

/** One reading of the log: the fold of the documents whose keys are in `scope`. */
interface Pass {
  readonly fold: PureFold;
  scope: KeyRange | ReadonlySet<string>;
  folded: Position | undefined;
}

class Verification {
  readonly report: VerifyReport;
  readonly #collections: BuildCollections;
  readonly #bound: number;
  readonly #byteBound: number;
  /** Documents that a pass holds, as far as has been seen. */
  #fits: number;
  /** Keys of derived documents whose groups reach beyond the pass that met them. */
  readonly #spread = new Set<string>();
  /** The links of those parts that have any, as last folded. */
  readonly #links = new Map<string, string[]>();
  /** Where the build says that a document became too heavy. */
  readonly #weighed = new Set<string>();
  #pass = 0;
  #passes = 0;

  constructor(
    readonly projection: AnyProjection,
    readonly build: BuildRecord,
    readonly options: VerifyOptions,
  ) {
    this.#collections = options.builds.collections(build._id);
    this.#bound = options.passDocuments ?? PASS_DOCUMENTS;
    this.#byteBound = options.passBytes ?? PASS_BYTES;
    this.#fits = this.#bound;
    this.report = {
      projection: projection.name,
      build: build._id,
      upTo: undefined,
      documents: 0,
      parked: 0,
      differing: 0,
      differences: [],
    };
  }

  /** A pass over the documents from the key `from` on. Answers the key that the next one begins with. */
  async compareFrom(from: string | undefined): Promise<string | undefined> {
    let range = new KeyRange(from);
    const left = this.options.progress ? await this.#collections.documents.count(range.filter) : 0;
    const pass = this.#begin(range, left);
    await this.#follow(pass, () => {
      if (!this.#isOverfull(pass.fold)) return;
      this.#fits = Math.min(this.#bound, pass.fold.documents.size);
      range = new KeyRange(from, this.#cut(pass.fold));
      pass.scope = range;
      pass.fold.narrow((key) => range.has(key));
    });
    this.report.upTo ??= pass.folded;
    await this.#compareStored(pass, range, 'document');
    if (this.projection.derivation) await this.#compareStored(pass, range, 'derived');
    for (const { block } of pass.fold.documents.values()) if (block) this.report.parked += 1;
    return range.below;
  }

  #isOverfull({ documents, weight }: PureFold): boolean {
    return documents.size > 1 && (documents.size > this.#bound || weight > this.#byteBound);
  }

  /** The key from which on documents are let go, so that `KEPT` of both bounds stay; one document at least. */
  #cut({ documents }: PureFold): string | undefined {
    const keys = [...documents.keys()].sort(compareKeys);
    let weight = 0;
    const end = keys.findIndex((key, at) => {
      weight += documents.get(key)?.weight ?? 0;
      return at > 0 && (at >= this.#bound * KEPT || weight > this.#byteBound * KEPT);
    });
    return keys[end];
  }

  /** Derived documents whose groups no pass has held whole, in passes over whole groups. */
  async compareSpread(): Promise<void> {
    while (this.#spread.size > 0) {
      const keys = this.#takeGroups();
      const pass = this.#begin(keys, 0);
      await this.#follow(pass);
      const suspects = new Set<string>();
      for (const key of keys) {
        if (this.#spread.delete(key)) suspects.add(key);
        if (suspects.size >= SUSPECTS) await this.#settle(pass, 'derived', suspects);
      }
      await this.#settle(pass, 'derived', suspects);
    }
  }

  /** As many as a pass holds, each with everything that links lead to; one at least. */
  #takeGroups(): ReadonlySet<string> {
    const taken = new Set<string>();
    for (const start of this.#spread) {
      if (taken.size >= this.#fits) break;
      const reached = new Set([start]);
      for (const key of reached) for (const other of this.#links.get(key) ?? []) reached.add(other);
      for (const key of reached) taken.add(key);
    }
    return taken;
  }

  #begin(scope: Pass['scope'], documents: number): Pass {
    this.#pass += 1;
    // A pass ends between `KEPT` and all of the way to its bound.
    const each = documents > this.#fits ? (this.#fits * (1 + KEPT)) / 2 : this.#fits;
    this.#passes = this.#pass - 1 + Math.max(1, Math.ceil(documents / each));
    const fold = new PureFold(this.projection, this.options.discarded, (key) => scope.has(key), this.#weighed);
    return { fold, scope, folded: undefined };
  }

  /** Reads on to the log's end and waits until the build is there too. */
  async #follow(pass: Pass, afterBatch?: () => void): Promise<void> {
    const { events, vault, upcasters, upTo, progress } = this.options;
    const end = upTo ?? (await events.head())?.position;
    if (end && end !== pass.folded) {
      await this.#waitForBuild(end);
      await this.#findTooHeavy();
      const reading = events.readAll({
        ...(pass.folded && { after: pass.folded }),
        until: end,
        types: upcasters.storedTypes([...this.projection.handles, CUSTOMER_ERASED]),
      });
      for await (const batch of reading) {
        for (const event of await vault.open(batch)) pass.fold.apply(event);
        afterBatch?.();
        const position = batch.at(-1)?.position;
        if (position) progress?.({ position, pass: this.#pass, passes: this.#passes });
      }
      pass.folded = end;
    }
    const { derivation } = this.projection;
    if (derivation?.links) {
      for (const [key, { content }] of pass.fold.documents) {
        const links = content ? derivation.links(content) : [];
        if (links.length > 0) this.#links.set(key, links);
      }
    }
  }

  async #findTooHeavy(): Promise<void> {
    const blocked = { '_b.position': { $exists: true }, '_b.code': 'DOCUMENT_TOO_LARGE' };
    for await (const page of this.#collections.documents.stream(blocked))
      for (const { _id, _b } of page) if (_b) this.#weighed.add(discardId(_b.eventId, _id));
  }

  async #waitForBuild(position: Position): Promise<void> {
    const { build } = this;
    const end = performance.now() + (this.options.waitMs ?? 30_000);
    for (;;) {
      const checkpoint = (await this.options.builds.checkpoints([build._id])).get(build._id);
      if (checkpoint && checkpoint.position >= position) return;
      if (performance.now() > end) {
        throw new DomainError(
          'BUILD_BEHIND',
          `build ${build._id} is at ${checkpoint?.position ?? 'the beginning'}, the log at ${position}; ` +
            'start the product (or wait for it), then verify again',
        );
      }
      await delay(50);
    }
  }

  async #compareStored(pass: Pass, range: KeyRange, kind: Kind): Promise<void> {
    const unseen = new Set(pass.fold.documents.keys());
    const suspects = new Set<string>();
    for await (const page of collectionOf(this.#collections, kind).stream(range.filter)) {
      this.report.documents += page.length;
      for (const doc of page) {
        unseen.delete(doc._id);
        if (this.#difference(pass, kind, doc._id, doc)) suspects.add(doc._id);
      }
      if (suspects.size >= SUSPECTS) await this.#settle(pass, kind, suspects);
    }
    for (const key of unseen) {
      if (this.#difference(pass, kind, key, undefined)) suspects.add(key);
      if (suspects.size >= SUSPECTS) await this.#settle(pass, kind, suspects);
    }
    await this.#settle(pass, kind, suspects);
  }

  /** Looks at the suspects again, follows the build while it moves, and tells of those that differ in the end. */
  async #settle(pass: Pass, kind: Kind, suspects: Set<string>): Promise<void> {
    for (let round = 1; suspects.size > 0; round += 1) {
      const stored = new Map(
        (await collectionOf(this.#collections, kind).findByIds([...suspects])).map((doc) => [doc._id, doc]),
      );
      const differences: Difference[] = [];
      for (const key of suspects) {
        const difference = this.#difference(pass, kind, key, stored.get(key));
        if (difference) differences.push(difference);
        else suspects.delete(key);
      }
      const mayMove = this.options.upTo === undefined && round < ROUNDS;
      if (mayMove && (await this.options.events.head())?.position !== pass.folded) await this.#follow(pass);
      else {
        this.report.differing += differences.length;
        this.report.differences.push(...differences.slice(0, LISTED - this.report.differences.length));
        suspects.clear();
      }
    }
  }

  #difference(pass: Pass, kind: Kind, key: string, doc: AnyStored | undefined): Difference | undefined {
    if (kind === 'derived' && this.#isSpread(pass, key)) return undefined;
    const wanted = kind === 'document' ? pass.fold.text(key) : pass.fold.derivedText(key);
    const actual = doc && !doc._x ? textOf(kind, doc) : undefined;
    if (wanted === actual) return undefined;
    if (wanted === undefined) return { kind, key, problem: 'unexpected', members: [] };
    if (actual === undefined) return { kind, key, problem: 'missing', members: [] };
    return {
      kind,
      key,
      problem: 'different',
      members: differingMembers(membersOf(kind, wanted), membersOf(kind, actual)),
    };
  }

  /** Whether the derived document hangs on parts that this pass does not fold; it is left to one that does. */
  #isSpread(pass: Pass, key: string): boolean {
    for (const other of pass.fold.reach(key).keys()) {
      if (pass.scope.has(other)) continue;
      this.#spread.add(key);
      return true;
    }
    return false;
  }
}
