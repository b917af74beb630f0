/**
 * Where projections keep their documents, in the `mongodb` driver's own words. Two adapters: `sqlite/` (embedded)
 * and `mongodb/`; both pass `testing/read-store.contract.ts`. Filters are the part of MongoDB's language that an
 * index can serve. No free aggregation: what is counted is a projection.
 *
 * What cannot mean the same on both is refused by both: `document.ts` and `filter.ts` say what.
 */

/**
 * A JSON value that comes back byte for byte (order of names kept). Names may hold anything but NUL and must not start
 * with `$`: a map whose keys are free text encodes them. @throws FaultError DOCUMENT_INVALID, DOCUMENT_TOO_LARGE
 */
export interface StoredDocument {
  _id: string;
}

type Scalar = string | number | boolean | null;

/** Conditions on one path; all must hold. Missing and null are told apart by `$exists` only, as in MongoDB. */
export interface Condition {
  $eq?: Scalar;
  $ne?: Scalar;
  $in?: Scalar[];
  $nin?: Scalar[];
  $gt?: string | number;
  $gte?: string | number;
  $lt?: string | number;
  $lte?: string | number;
  $exists?: boolean;
  /** Text that the value starts with; case-sensitive. (MongoDB: an anchored `$regex`, made by the adapter.) */
  $prefix?: string;
  /** One element of the array at this path meets the whole filter (paths are relative to the element). */
  $elemMatch?: Filter;
  $not?: Condition;
}

/**
 * `{ 'a.b': value | condition, $and: […], $or: […] }`. Equality with an array field means "an element equals"; a path
 * leads through arrays of objects as in MongoDB. Parts of a path are letters, digits, `_` and `-`, not digits alone.
 * Text compares by its UTF-8 bytes, case-sensitive; a range matches only values of its bound's type.
 * A path whose condition is `undefined` is refused: leaving it out would match more than was meant.
 * @throws FaultError FILTER_INVALID
 */
export interface Filter {
  $and?: Filter[];
  $or?: Filter[];
  [path: string]: Scalar | Condition | Filter[] | undefined;
}

/**
 * By type first (null and missing, numbers, text, objects, arrays, booleans), then by value. An array stands for its
 * least element, or its greatest when descending. Objects among themselves are in no order, nor are arrays in arrays.
 */
export type Sort = Record<string, 1 | -1>;

export interface IndexSpec {
  /** Short and unique in its collection. */
  name: string;
  /**
   * At most one path of an index may lead to or through arrays. On SQLite a path that does is not served by the index
   * (every document is looked at); on MongoDB it is.
   */
  key: Record<string, 1 | -1>;
  /** No two documents with the same values, null and missing being a value too. Paths must not hold arrays. */
  unique?: boolean;
  /** Of one path only. Documents without it are not in the index, which serves `{ $exists: true }` and costs them nothing. */
  sparse?: boolean;
}

export interface FindOptions {
  /** Nulls and missing first when ascending; ties are not broken: add `_id` or a unique path. */
  sort?: Sort;
  /** From 1. */
  limit?: number;
  skip?: number;
}

/**
 * Writes `doc` whole if the stored document still is as `guard` says; `absent` means there must be none, and with any
 * other guard there must be one.
 */
export interface GuardedWrite<T extends StoredDocument> {
  doc: T;
  guard: 'absent' | { path: string; equals: string | number };
}

/** Reads are from the primary, writes acknowledged by the majority (durable). */
export interface ReadCollection<T extends StoredDocument> {
  find(filter: Filter, options?: FindOptions): Promise<T[]>;
  findOne(filter: Filter, options?: FindOptions): Promise<T | undefined>;
  /** One round trip for all documents of a batch; the order of the answer is not that of `ids`. */
  findByIds(ids: readonly string[]): Promise<T[]>;
  /**
   * All matches in `sort` order (default `_id`), a few hundred at a time, memory bounded. No snapshot: what is written
   * meanwhile may be seen or not, and a document that moves in the order may be seen twice or not at all.
   */
  stream(filter: Filter, options?: { sort?: Sort; batchSize?: number }): AsyncIterable<T[]>;
  count(filter: Filter): Promise<number>;
  /**
   * One unordered bulk write. Answers the ids whose guard did not hold; those were left as they are, all others
   * are written. At most one write per id.
   * @throws FaultError UNIQUE_VIOLATED when another unique index than that of `_id` refused a write (the others are
   * written), DOCUMENT_INVALID, WRITE_INVALID (nothing is); UnavailableError when the outcome is unknown
   */
  writeGuarded(writes: readonly GuardedWrite<T>[]): Promise<string[]>;
  deleteMany(filter: Filter): Promise<number>;
}

/** `put-off`: others were reading, and something may be left; to be called again. */
export type ScrubOutcome = 'overwritten' | 'put-off' | 'left-to-server';

export abstract class ReadStore {
  abstract collection<T extends StoredDocument>(name: string): ReadCollection<T>;
  /** Creates the collection and its indexes where missing; harmless when repeated. Other indexes are dropped. */
  abstract ensureCollection(name: string, indexes: readonly IndexSpec[]): Promise<void>;
  /** Harmless when there is none. */
  abstract dropCollection(name: string): Promise<void>;
  abstract listCollections(prefix?: string): Promise<string[]>;
  /** @throws UnavailableError */
  abstract ping(): Promise<void>;
  /**
   * Rises when connections to a server are lost: it may have come back as an older copy of itself, so what was read and
   * written before need not be there any more.
   */
  get epoch(): number {
    return 0;
  }
  /**
   * Called after a person's documents were emptied: overwrites what the store's own files still hold of them, as far
   * as that is in the adapter's hands. Best effort, harmless when repeated; never throws because the store is busy.
   */
  async scrub(): Promise<ScrubOutcome> {
    // What a database server keeps in its files and journals is the server's own affair.
    return 'left-to-server';
  }
  abstract close(): Promise<void>;
}
