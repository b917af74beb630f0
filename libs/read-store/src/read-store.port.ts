/**
 * Where projections keep their documents, in the `mongodb` driver's own words. Two adapters: `sqlite/` (embedded)
 * and `mongodb/`; both pass `testing/read-store.contract.ts`. Filters are the part of MongoDB's language that an
 * index can serve. No free aggregation: what is counted is a projection.
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

/** `{ 'a.b': value | condition, $and: […], $or: […] }`. Equality with an array field means "an element equals". */
export interface Filter {
  $and?: Filter[];
  $or?: Filter[];
  [path: string]: Scalar | Condition | Filter[] | undefined;
}

export type Sort = Record<string, 1 | -1>;

export interface IndexSpec {
  /** Short and unique in its collection. */
  name: string;
  key: Record<string, 1 | -1>;
  unique?: boolean;
}

export interface FindOptions {
  /** Nulls and missing first when ascending; ties are not broken: add `_id` or a unique path. */
  sort?: Sort;
  limit?: number;
  skip?: number;
}

/** Writes `doc` whole if the stored document still is as `guard` says; `absent` means there must be none. */
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
  /** All matches in `sort` order (default `_id`), a few hundred at a time, memory bounded. */
  stream(filter: Filter, options?: { sort?: Sort; batchSize?: number }): AsyncIterable<T[]>;
  count(filter: Filter): Promise<number>;
  /**
   * One unordered bulk write. Answers the ids whose guard did not hold; those were left as they are, all others
   * are durably written. At most one write per id.
   */
  writeGuarded(writes: readonly GuardedWrite<T>[]): Promise<string[]>;
  deleteMany(filter: Filter): Promise<number>;
}

export abstract class ReadStore {
  abstract collection<T extends StoredDocument>(name: string): ReadCollection<T>;
  /** Creates the collection and its indexes where missing; harmless when repeated. Other indexes are dropped. */
  abstract ensureCollection(name: string, indexes: readonly IndexSpec[]): Promise<void>;
  /** Harmless when there is none. */
  abstract dropCollection(name: string): Promise<void>;
  abstract listCollections(prefix?: string): Promise<string[]>;
  /** @throws UnavailableError */
  abstract ping(): Promise<void>;
  abstract close(): Promise<void>;
}

