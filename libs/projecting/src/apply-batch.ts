/**
 * One batch of events into one build: exactly-once in effect without transactions.
 *
 * All touched documents are loaded in one read, folded in memory and written in one bulk write, each write guarded by
 * the version the document was loaded at. A missed guard proves only that someone else wrote: those documents are
 * loaded again and what lies after *their* stored position is folded anew, until no miss is left. Every document
 * remembers the last position folded in, so a batch that comes again, whole or in other portions, changes nothing.
 */
import {
  allOf,
  CUSTOMER_ERASED,
  errorCode,
  FaultError,
  type Fact,
  type Position,
  type Recorded,
} from '@timeline/kernel';
import type { Filter } from '@timeline/read-store';
import { guarded, type BuildCollections } from './build.js';
import { deriveAll, derivedBefore, LoneParts } from './derive.js';
import {
  contentOf,
  customerOwner,
  idOf,
  type AnyProjection,
  type Block,
  type Owner,
  type Stored,
} from './projection.js';
import { discardId } from './pure-fold.js';
import { assertWeight, isTooHeavy } from './weight.js';

type Document = Stored & Record<string, unknown>;

export interface BatchTarget {
  projection: AnyProjection;
  collections: BuildCollections;
  /** Whether an operator discarded this step. */
  isDiscarded(id: string): Promise<boolean>;
  /** Called once documents are loaded and before they are written. @throws StoreWentBack */
  afterLoad?: () => void;
}

/**
 * The read store may have come back as an older copy of itself: what was loaded then lacks events that were applied
 * already, and a batch written over that would leave a gap.
 */
export class StoreWentBack extends Error {}

export interface Steps {
  owner: Owner;
  events: Recorded<Fact>[];
}

export interface BatchResult {
  written: number;
  /** What this batch found that cannot be applied; one for each document. */
  blocked: Block[];
}

/** Marks that a customer is erased, in the same collection, so that one read brings documents and marks together. */
export const markOf = (owner: Owner): string => `erased/${owner}`;

/**
 * @throws FaultError PROJECTION_KEYS_FAILED (the projection must stop); UnavailableError (try the batch again);
 * StoreWentBack (go back to the stored checkpoint)
 */
export async function applyBatch(
  target: BatchTarget,
  events: readonly Recorded<Fact>[],
  isMeant: IsMeant = EVERYBODY,
): Promise<BatchResult> {
  const { projection, collections } = target;
  const { derivation } = projection;
  const { steps, erasures } = plan(projection, events, isMeant);
  const result: BatchResult = { written: 0, blocked: [] };
  const touched = new Set(steps.keys());

  let pending = [...steps.keys()];
  for (let isFirst = true; pending.length > 0; isFirst = false) {
    const owners = new Set(pending.flatMap((key) => customerOwnerOf(steps.get(key)?.owner)));
    // What an event makes that nothing else touches is not there yet; if it is, the guard says so.
    const keys = isFirst && projection.appendOnly ? [] : pending;
    const [found, derived] = await allOf([
      collections.documents.findByIds([...keys, ...[...owners].map(markOf)]),
      derivation && derivedBefore(derivation, collections, pending),
    ]);
    const loaded = new Map(found.map((doc) => [doc._id, doc]));
    target.afterLoad?.();
    const writes: { doc: Document; content: Folded['content']; version: number; isBlockedNow: boolean }[] = [];
    for (const key of pending) {
      const step = steps.get(key);
      if (!step) continue;
      const stored = loaded.get(key);
      const before = stored && foldedOf(stored);
      const erasedAt = erasures.get(step.owner) ?? loaded.get(markOf(step.owner))?._p;
      const folded = await foldWithin(target, key, step, before, erasedAt);
      if (folded && folded.after !== before) {
        const { after, blockedNow } = folded;
        const doc = storedOf(key, after);
        writes.push({ doc, content: after.content, version: before?.version ?? 0, isBlockedNow: blockedNow });
      }
    }
    const missed = await collections.documents.writeGuarded(writes.map(({ doc, version }) => guarded(doc, version)));
    if (derivation && derived) {
      const parts = new Map(
        writes.flatMap(({ doc, content }) => (content && !missed.includes(doc._id) ? [[doc._id, content]] : [])),
      );
      for (const key of await new LoneParts(derivation, collections, parts, derived).derive()) touched.delete(key);
    }
    result.written += writes.length - missed.length;
    for (const { doc, isBlockedNow } of writes)
      if (isBlockedNow && doc._b && !missed.includes(doc._id)) result.blocked.push(doc._b);
    pending = missed;
  }

  for (const [owner, position] of erasures) {
    for (const key of await purge(target, owner, position)) touched.add(key);
  }
  if (derivation) await deriveAll(derivation, collections, touched);
  return result;
}

/** Whose documents a pass over events is about; asked for every touch and erasure. */
export type IsMeant = (owner: Owner, event: Recorded<Fact>) => boolean;

const EVERYBODY: IsMeant = () => true;

/** Which documents the batch touches and which customers it erases. Needs nothing but the events. */
export function plan(
  projection: AnyProjection,
  events: readonly Recorded<Fact>[],
  isMeant: IsMeant = EVERYBODY,
): { steps: Map<string, Steps>; erasures: Map<Owner, Position> } {
  const handles = new Set(projection.handles);
  const steps = new Map<string, Steps>();
  const erasures = new Map<Owner, Position>();
  for (const event of events) {
    if (event.type === CUSTOMER_ERASED && event.metadata.customerId) {
      const owner = customerOwner(event.metadata.customerId);
      if (isMeant(owner, event)) erasures.set(owner, event.position);
    }
    if (!handles.has(event.type)) continue;
    let touches;
    try {
      touches = projection.keys(event);
    } catch (error) {
      throw new FaultError(
        'PROJECTION_KEYS_FAILED',
        `projection ${projection.name} cannot tell what event ${event.id} at ${event.position} touches ` +
          `(${errorCode(error)}); mend the projection, then start again`,
        { cause: error },
      );
    }
    for (const { key, owner } of touches) {
      if (!isMeant(owner, event)) continue;
      if (projection.keysBeginWithOwner) assertBeginsWithOwner(projection.name, key, owner);
      const known = steps.get(key);
      if (known) known.events.push(event);
      else steps.set(key, { owner, events: [event] });
    }
  }
  return { steps, erasures };
}

function assertBeginsWithOwner(projection: string, key: string, owner: Owner): void {
  if (owner.startsWith('customer:') && !key.startsWith(idOf(owner)))
    throw new FaultError('PROJECTION_KEYS_FAILED', `a key of projection ${projection} does not begin with its owner`);
}

export const customerOwnerOf = (owner: Owner | undefined): Owner[] => (owner?.startsWith('customer:') ? [owner] : []);

/** A document on its way through events: put together with its bookkeeping only when it is written. See `Stored`. */
export interface Folded {
  version: number;
  position: string;
  owner: Owner;
  block: Block | undefined;
  /** Where neither this nor a block is there, it is deleted. */
  content: Record<string, unknown> | undefined;
}

export const foldedOf = (stored: Document): Folded => ({
  version: stored._v,
  position: stored._p,
  owner: stored._o,
  block: stored._b,
  content: stored._x ? undefined : contentOf(stored),
});

export function storedOf(key: string, { version, position, owner, block, content }: Folded): Document {
  // One spread behind the names of a literal: V8 (Node 20) takes ten times as long over several, or one in front.
  if (block) return { _id: key, _v: version, _p: position, _o: owner, _b: block, ...content };
  if (content) return { _id: key, _v: version, _p: position, _o: owner, ...content };
  return { _id: key, _v: version, _p: position, _o: owner, _x: true };
}

/** As `fold`; where that leads to a document that is too heavy, the step that made it so is blocked. */
async function foldWithin(
  target: BatchTarget,
  key: string,
  steps: Steps,
  before: Folded | undefined,
  erasedAt: string | undefined,
): ReturnType<typeof fold> {
  const folded = await fold(target, key, steps, before, erasedAt);
  const content = folded?.after.content;
  if (content === before?.content || !isTooHeavy(target.projection, content)) return folded;
  return fold(target, key, steps, before, erasedAt, 'weighed');
}

/** The document after the steps that it has not seen; `before` itself when none of them changes it. */
export async function fold(
  target: BatchTarget,
  key: string,
  { owner, events }: Steps,
  before: Folded | undefined,
  erasedAt: string | undefined,
  each: 'taken' | 'weighed' = 'taken',
): Promise<{ after: Folded; blockedNow: boolean } | undefined> {
  const last = events.at(-1);
  if (!last || (before && before.position >= last.position)) return undefined;
  const version = (before?.version ?? 0) + 1;
  let content = before?.content;
  let block = before?.block;
  if (erasedAt !== undefined) {
    // Also where nothing was there, or nothing any more: whoever is late with older events of this key finds it taken.
    const position = maxText(erasedAt, last.position);
    return { after: { version, position, owner, block: undefined, content: undefined }, blockedNow: false };
  }

  // Also where steps undo each other: whoever applied only the first of them meanwhile must be met by the guard.
  let hasChanged = false;
  let wasThere = before !== undefined;
  let blockedNow = false;
  for (const event of events) {
    if (before && event.position <= before.position) continue;
    if (block) break;
    try {
      const next = target.projection.evolve(content, event, key);
      if (each === 'weighed') assertWeight(target.projection, next);
      hasChanged ||= next !== content;
      content = next;
      wasThere ||= content !== undefined;
    } catch (error) {
      if (await target.isDiscarded(discardId(event.id, key))) continue;
      block = { position: event.position, eventId: event.id, code: errorCode(error) };
      blockedNow = true;
      wasThere = true;
    }
  }
  if (before && !hasChanged && !block) return { after: before, blockedNow: false };
  if (!wasThere) return undefined;
  return { after: { version, position: last.position, owner, block, content }, blockedNow };
}

const maxText = (a: string, b: string): string => (a < b ? b : a);

const PURGE_PAGE = 500;

/** Empties every document of an erased customer and leaves the mark. Answers the keys, emptied before or now. */
async function purge({ projection, collections }: BatchTarget, owner: Owner, position: Position): Promise<string[]> {
  const mark: Document = { _id: markOf(owner), _v: 1, _p: position, _o: 'all', _x: true };
  await collections.documents.writeGuarded([guarded(mark, 0)]);
  const keys = new Set<string>();
  const owned: Filter = { ...(projection.keysBeginWithOwner && { _id: { $prefix: idOf(owner) } }), _o: owner };
  for (;;) {
    const documents = await collections.documents.find({ ...owned, _x: { $exists: false } }, { limit: PURGE_PAGE });
    if (documents.length === 0) break;
    const empty = documents.map((doc): Document => ({
      _id: doc._id,
      _v: doc._v + 1,
      _p: maxText(doc._p, position),
      _o: owner,
      _x: true,
    }));
    await collections.documents.writeGuarded(empty.map((doc) => guarded(doc, doc._v - 1)));
  }
  for await (const documents of collections.documents.stream(owned)) for (const doc of documents) keys.add(doc._id);
  return [...keys];
}
