/**
 * Filling a build folds many batches in memory before their documents are written, so that a document which many events
 * touch is loaded, derived from and written a few times, not once a batch. Same guards as `applyBatch`, and the build's
 * checkpoint moves only over what was written: a crash folds the rest again. What another writes meanwhile is found
 * out when it is written; then everything held is forgotten and the caller goes back to the checkpoint.
 */
import { severalAtOnce, type Fact, type Recorded } from '@timeline/kernel';
import {
  applyBatch,
  customerOwnerOf,
  fold,
  foldedOf,
  markOf,
  plan,
  storedOf,
  type BatchResult,
  type BatchTarget,
  type Folded,
  type IsMeant,
} from './apply-batch.js';
import { guarded } from './build.js';
import { deriveAll, derivedBefore, LoneParts } from './derive.js';
import type { Block, Owner } from './projection.js';
import { isMeasuredAfter, isTooHeavy, MAX_WEIGHT, weightAfter, weightOf } from './weight.js';

interface Held {
  folded: Folded | undefined;
  /** Of the stored document; 0 where there is none. */
  version: number;
  isDirty: boolean;
  folds: number;
  weight: number;
}

/** Documents of one bulk write, and keys of one derivation. */
const CHUNK = 1_000;
/** While the store writes one chunk, the next is made. */
const CHUNKS_AT_ONCE = 2;

export class WriteBehind {
  readonly #held = new Map<string, Held>();
  /** Erasure marks of customers whose documents are held: `undefined` where there is none. */
  readonly #marks = new Map<Owner, string | undefined>();
  /** Written, or about to be, and not derived from yet. */
  readonly #touched = new Set<string>();
  #blocked: Block[] = [];
  #weight = 0;

  constructor(readonly target: BatchTarget) {}

  /** About how many bytes of documents are in memory. */
  get weight(): number {
    return this.#weight;
  }

  /** Whether something folded is not written yet. */
  get isDirty(): boolean {
    return this.#touched.size > 0;
  }

  /** Harmless when repeated after it failed. `missed`: see `flush`. @throws as `applyBatch` */
  async fold(events: readonly Recorded<Fact>[], isMeant?: IsMeant): Promise<'folded' | 'missed'> {
    const { steps, erasures } = plan(this.target.projection, events, isMeant);
    if (erasures.size > 0) {
      // What is held must be in the store before it is purged there.
      if ((await this.flush()) === 'missed') return 'missed';
      const { blocked } = await applyBatch(this.target, events, isMeant);
      this.#blocked.push(...blocked);
      this.forget();
      return 'folded';
    }
    await this.#load(steps);
    for (const [key, step] of steps) {
      const held = this.#held.get(key) ?? { folded: undefined, version: 0, isDirty: false, folds: 0, weight: 0 };
      const folded = await fold(this.target, key, step, held.folded, this.#marks.get(step.owner));
      // On redelivery too: whoever wrote the document may have died before it was derived from.
      this.#touched.add(key);
      if (!folded || folded.after === held.folded) {
        if (held.folded && held.weight === 0) this.#hold(key, { ...held, weight: weightOf(held.folded) });
        continue;
      }
      const { after, blockedNow } = folded;
      if (blockedNow && after.block) this.#blocked.push(after.block);
      const folds = held.folds + 1;
      const weight = weightAfter(folds, after, held.weight);
      this.#hold(key, { folded: after, version: held.version, isDirty: true, folds, weight });
    }
    return 'folded';
  }

  #hold(key: string, held: Held): void {
    this.#weight += held.weight - (this.#held.get(key)?.weight ?? 0);
    this.#held.set(key, held);
  }

  /**
   * Writes what is held and forgets it. `missed`: somebody else wrote too, what was written before a failure is met
   * again, or a document has become too heavy; then nothing is held any more, and what was folded is to be applied from the
   * checkpoint.
   * @throws UnavailableError; then it may be called again
   */
  async flush(): Promise<'missed' | 'written'> {
    const { collections, projection } = this.target;
    const { derivation } = projection;
    const toDerive = new Set(this.#touched);
    let hasMissed = false;
    const dirty = [...this.#held].filter(([, { isDirty }]) => isDirty);
    if (dirty.some(([, held]) => this.#isTooHeavy(held))) {
      // Which step made it so is told where the steps are at hand.
      this.forget();
      return 'missed';
    }
    await severalAtOnce(chunksOf(dirty), CHUNKS_AT_ONCE, async (chunk) => {
      const writes = chunk.flatMap(([key, { folded, version }]) =>
        folded ? [guarded(storedOf(key, folded), version)] : [],
      );
      // Of those that are alone in their groups, what is derived needs nothing but what is at hand here.
      const parts = partsOf(chunk);
      const lone =
        derivation &&
        new LoneParts(derivation, collections, parts, await derivedBefore(derivation, collections, parts.keys()));
      const missed = await collections.documents.writeGuarded(writes);
      hasMissed ||= missed.length > 0;
      for (const [key, held] of chunk)
        this.#held.set(key, { ...held, isDirty: false, version: held.folded?.version ?? held.version });
      if (hasMissed) return;
      for (const key of (await lone?.derive()) ?? []) toDerive.delete(key);
    });
    if (hasMissed) {
      this.forget();
      return 'missed';
    }
    if (derivation)
      await severalAtOnce(chunksOf([...toDerive]), CHUNKS_AT_ONCE, (keys) =>
        deriveAll(derivation, collections, new Set(keys)),
      );
    this.forget();
    return 'written';
  }

  /** What could not be applied since it was last asked. */
  takeBlocked(): BatchResult['blocked'] {
    const blocked = this.#blocked;
    this.#blocked = [];
    return blocked;
  }

  /** One read for what is not held yet: documents, and marks of their owners. */
  async #load(steps: ReturnType<typeof plan>['steps']): Promise<void> {
    const { projection, collections } = this.target;
    const keys = projection.appendOnly ? [] : [...steps.keys()].filter((key) => !this.#held.has(key));
    const owners = new Set(
      [...steps.values()].flatMap(({ owner }) => customerOwnerOf(owner)).filter((owner) => !this.#marks.has(owner)),
    );
    if (keys.length === 0 && owners.size === 0) return;
    const found = new Map(
      (await collections.documents.findByIds([...keys, ...[...owners].map(markOf)])).map((doc) => [doc._id, doc]),
    );
    this.target.afterLoad?.();
    for (const owner of owners) this.#marks.set(owner, found.get(markOf(owner))?._p);
    for (const key of keys) {
      const doc = found.get(key);
      // Measured once it is folded into.
      this.#hold(key, { folded: doc && foldedOf(doc), version: doc?._v ?? 0, isDirty: false, folds: 0, weight: 0 });
    }
  }

  #isTooHeavy({ folded, folds, weight }: Held): boolean {
    const { maxWeight = MAX_WEIGHT } = this.target.projection;
    // What is held was measured with its bookkeeping; to measure all of it anew cost 2 % of a rebuild.
    return !(isMeasuredAfter(folds) && weight <= maxWeight) && isTooHeavy(this.target.projection, folded?.content);
  }

  forget(): void {
    this.#held.clear();
    this.#touched.clear();
    this.#marks.clear();
    this.#weight = 0;
  }
}

const partsOf = (chunk: readonly [string, Held][]): Map<string, Record<string, unknown>> =>
  new Map(chunk.flatMap(([key, { folded }]) => (folded?.content ? [[key, folded.content]] : [])));

function chunksOf<T>(items: readonly T[]): T[][] {
  return Array.from({ length: Math.ceil(items.length / CHUNK) }, (_, at) => items.slice(at * CHUNK, (at + 1) * CHUNK));
}
