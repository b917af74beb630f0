/**
 * What a projection is: a pure fold from events to documents. The runner does all reading and writing; see
 * `apply-batch.ts` for what makes it exactly-once in effect.
 */
import { hash } from 'node:crypto';
import type { Fact, Recorded } from '@timeline/kernel';
import type { IndexSpec } from '@timeline/read-store';

/**
 * Whose ordered feed a document follows: a source customer's, a bucket's (what spans customers, kept per bucket
 * and added up when read) or the whole log's. A document never has two owners.
 */
export type Owner = `customer:${string}` | `bucket:${number}` | 'all';

export const customerOwner = (customerId: string): Owner => `customer:${customerId}`;

/** Of the customer or the bucket that the owner is. */
export const idOf = (owner: Owner): string => owner.slice(owner.indexOf(':') + 1);

/** As many as the partitions of the workers' topic; another number is a rebuild of everything. */
export const BUCKETS = 256;

/** A fixed hash: the same customer is in the same bucket for good. */
export function bucketOf(customerId: string): number {
  return hash('md5', customerId, 'buffer')[0] ?? 0;
}

export interface Touch {
  key: string;
  owner: Owner;
}

export interface Projection<
  Doc extends object = Record<string, unknown>,
  Event extends Fact = Fact,
  Derived extends object = Record<string, unknown>,
> {
  /** Lower case, digits and dashes. */
  readonly name: string;
  /** Goes up with any change of `handles`, `keys`, `evolve`, `derivation` or an upcaster. */
  readonly version: number;
  readonly handles: readonly Event['type'][];
  readonly indexes?: readonly IndexSpec[];
  /** Each document is made by one event and never touched again: the runner writes it without looking for it first. */
  readonly appendOnly?: boolean;
  /** Keys of a customer's documents begin with the customer's id, so that no index on the owner is needed to find them. */
  readonly keysBeginWithOwner?: boolean;
  /**
   * What a document may weigh (`weightOf`); an event that makes it heavier is parked. Looked at when a document is written,
   * so what grows and shrinks again meanwhile is not met. Default: `MAX_WEIGHT`.
   */
  readonly maxWeight?: number;
  /** The documents that an event touches, from the event alone. */
  keys(event: Recorded<Event>): Touch[];
  /** The document after the event; `undefined` deletes it. Reads no clock, never mutates `doc`. */
  evolve(doc: Doc | undefined, event: Recorded<Event>, key: string): Doc | undefined;
  readonly derivation?: Derivation<Doc, Derived>;
}

/** What is the same for all members of a group, made once for the array of parts that they share. */
export function oncePerGroup<Parts extends readonly unknown[], Whole>(
  make: (parts: Parts) => Whole,
): (parts: Parts) => Whole {
  const made = new WeakMap<Parts, Whole>();
  return (parts) => {
    if (parts.length === 1) return make(parts);
    const known = made.get(parts);
    if (known !== undefined) return known;
    const whole = make(parts);
    made.set(parts, whole);
    return whole;
  };
}

/** A second stage: one document per key made of the parts of all members of the key's group. */
export interface Derivation<
  Part extends object = Record<string, unknown>,
  Derived extends object = Record<string, unknown>,
> {
  readonly indexes?: readonly IndexSpec[];
  /** Which documents are parts; all where absent. The others have no derived document. */
  appliesTo?(key: string): boolean;
  /** Keys that this part is grouped with (open merge edges). A link holds while both parts tell it. */
  links?(part: Part): string[];
  /**
   * `parts` holds every member of the group, sorted by key: the same array for all of them, so that what they share can be
   * made once (`oncePerGroup`). A key without a part has no derived document.
   */
  derive(key: string, parts: { key: string; part: Part }[]): Derived | undefined;
}

/** Bookkeeping of a stored document, beside its content. Names start with `_` and never meet content. */
export interface Stored {
  _id: string;
  /** Goes up with every write: the guard. Not the position, since lifting a block does not move that. */
  _v: number;
  /** The last position folded in, or lined up behind the block. */
  _p: string;
  _o: Owner;
  /** Deleted, remembered so that a projector that wakes up late cannot bring it back. */
  _x?: true;
  /** An event that could not be applied; later ones of this key wait behind it. */
  _b?: Block;
}

export interface Block {
  position: string;
  eventId: string;
  code: string;
}

export interface StoredDerived {
  _id: string;
  /** Goes up with every derive, equal or not. */
  _v: number;
  /** `contentVersion`: goes up only when the content differs. */
  _c: number;
  /** Members of the group at the last derive, so that those it parted from are derived anew too. */
  _m: string[];
  _x?: true;
}

export type StoredDocument<Doc extends object> = Stored & Doc;

/** The document without its bookkeeping. */
export const contentOf = <Doc extends object>(stored: Doc): Omit<Doc, keyof Stored | keyof StoredDerived> =>
  contentWithout(stored, NOTHING);

/** The document without its bookkeeping and the members named. */
export function contentWithout<Doc extends object, Name extends keyof Doc>(
  stored: Doc,
  names: ReadonlySet<Name>,
): Omit<Doc, keyof Stored | keyof StoredDerived | Name> {
  const content: Partial<Doc> = {};
  const others: ReadonlySet<keyof Doc> = names;
  // All names are its own. An eighth of the price of `Object.entries`; a rest pattern costs as much as that.
  for (const name in stored) if (name.charCodeAt(0) !== UNDERSCORE && !others.has(name)) content[name] = stored[name];
  // `_`-names are exactly the bookkeeping's.
  return content as Omit<Doc, keyof Stored | keyof StoredDerived | Name>;
}

const NOTHING: ReadonlySet<never> = new Set();
const UNDERSCORE = '_'.charCodeAt(0);

/** A projection whatever it folds, as the runner holds it. */
// The runner hands each projection only events of the types it handles and documents that it made itself.
// eslint-disable-next-line @typescript-eslint/no-explicit-any
export type AnyProjection = Projection<any, any, any>;

/** Those of the runner, beside the projection's own. */
export const internalIndexes = ({ keysBeginWithOwner }: AnyProjection): IndexSpec[] => [
  ...(keysBeginWithOwner ? [] : [{ name: 'owner', key: { _o: 1 } as const }]),
  { name: 'blocked', key: { '_b.position': 1 }, sparse: true },
];
