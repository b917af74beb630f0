/**
 * One collection in MongoDB. Guarded replacements go through the `bulkWrite` command of MongoDB 8, which answers for
 * each write whether its filter matched. (The older way, an upsert that fails on `_id` when the guard does not hold,
 * brings back documents that were deleted and collections that were dropped, names the wrong index where there is
 * another unique one, and needs the shard key in every filter.) New documents go through plain `insert`, in the
 * same way exact and faster.
 */
import type { ClientReplaceOneModel, Collection, Document, MongoClient } from 'mongodb';
import { allOf } from '@timeline/kernel';
import { checkWrites } from '../document.js';
import { checkPaging, parseFilter, parseSort } from '../filter.js';
import type { Filter, FindOptions, GuardedWrite, ReadCollection, Sort, StoredDocument } from '../read-store.port.js';
import { uniqueViolated } from '../refusals.js';
import { filterToMongo } from './filter-to-mongo.js';
import { bulk, translated } from './mongo-errors.js';

const STREAM_BATCH = 200;
/**
 * Without it a write too large for the socket's buffer, to a server that hangs, is never done: the driver closes the
 * connection and goes on waiting for it (7.9). What was written by then is known by its guards.
 */
const WRITTEN_WITHIN_MS = 30_000;

interface Replacement {
  doc: StoredDocument;
  guard: Document;
}

interface Outcome {
  /** Ids of the documents whose guard did not hold. */
  missed: string[];
  /** How many writes another unique index refused. */
  violated: number;
}

export class MongoCollection<T extends StoredDocument> implements ReadCollection<T> {
  readonly #client: MongoClient;
  readonly #collection: Collection<StoredDocument>;

  constructor(client: MongoClient, collection: Collection<StoredDocument>) {
    this.#client = client;
    this.#collection = collection;
  }

  async find(filter: Filter, options: FindOptions = {}): Promise<T[]> {
    const query = filterToMongo(parseFilter(filter));
    checkPaging(options);
    const cursor = this.#collection.find(query, {
      ...(options.sort && { sort: new Map(parseSort(options.sort)) }),
      ...(options.limit !== undefined && { limit: options.limit }),
      ...(options.skip !== undefined && { skip: options.skip }),
    });
    return typed<T>(await translated(() => cursor.toArray()));
  }

  async findOne(filter: Filter, options: FindOptions = {}): Promise<T | undefined> {
    return (await this.find(filter, { ...options, limit: 1 }))[0];
  }

  async findByIds(ids: readonly string[]): Promise<T[]> {
    return this.find({ _id: { $in: [...ids] } });
  }

  async *stream(filter: Filter, options: { sort?: Sort; batchSize?: number } = {}): AsyncGenerator<T[]> {
    const query = filterToMongo(parseFilter(filter));
    const batchSize = options.batchSize ?? STREAM_BATCH;
    checkPaging({ limit: batchSize });
    const cursor = this.#collection.find(query, { sort: new Map(parseSort(options.sort ?? { _id: 1 })), batchSize });
    try {
      while (await translated(() => cursor.hasNext())) yield typed<T>(cursor.readBufferedDocuments());
    } finally {
      await cursor.close();
    }
  }

  async count(filter: Filter): Promise<number> {
    const query = filterToMongo(parseFilter(filter));
    return translated(() => this.#collection.countDocuments(query));
  }

  async writeGuarded(writes: readonly GuardedWrite<T>[]): Promise<string[]> {
    const name = this.#collection.collectionName;
    checkWrites(name, writes);
    const inserts: StoredDocument[] = [];
    const replacements: Replacement[] = [];
    for (const { doc, guard } of writes) {
      if (guard === 'absent') inserts.push(doc);
      else replacements.push({ doc, guard: filterToMongo(parseFilter({ [guard.path]: guard.equals })) });
    }
    const [inserted, replaced] = await allOf([this.#insert(inserts), this.#replace(replacements)]);
    const violated = inserted.violated + replaced.violated;
    if (violated > 0) throw uniqueViolated(name, violated);
    return [...inserted.missed, ...replaced.missed];
  }

  async deleteMany(filter: Filter): Promise<number> {
    const query = filterToMongo(parseFilter(filter));
    return (await translated(() => this.#collection.deleteMany(query))).deletedCount;
  }

  async #insert(docs: readonly StoredDocument[]): Promise<Outcome> {
    if (docs.length === 0) return { missed: [], violated: 0 };
    const operations = docs.map((document) => ({ insertOne: { document } }));
    const { refusals } = await bulk(() =>
      this.#collection.bulkWrite(operations, { ordered: false, timeoutMS: WRITTEN_WITHIN_MS }),
    );
    const missed: string[] = [];
    const unsure: string[] = [];
    for (const [index, { message }] of refusals) {
      const id = docs[index]?._id ?? '';
      (message.includes('index: _id_ ') ? missed : unsure).push(id);
    }
    // The server names one index only; `_id` may be taken as well.
    const present = await this.#present(unsure);
    return { missed: [...missed, ...present], violated: unsure.length - present.length };
  }

  async #replace(replacements: readonly Replacement[]): Promise<Outcome> {
    if (replacements.length === 0) return { missed: [], violated: 0 };
    const models = replacements.map(({ doc, guard }): ClientReplaceOneModel<StoredDocument> => ({
      name: 'replaceOne',
      namespace: this.#collection.namespace,
      filter: { _id: doc._id, ...guard },
      replacement: doc,
    }));
    const { result, refusals } = await bulk(() =>
      this.#client.bulkWrite<Record<string, StoredDocument>>(models, {
        ordered: false,
        verboseResults: true,
        timeoutMS: WRITTEN_WITHIN_MS,
      }),
    );
    const missed: string[] = [];
    for (const [index, { matchedCount }] of result?.updateResults ?? []) {
      if (matchedCount === 0) missed.push(replacements[index]?.doc._id ?? '');
    }
    // Only a replacement whose guard held can have met a unique index.
    return { missed, violated: refusals.size };
  }

  async #present(ids: string[]): Promise<string[]> {
    if (ids.length === 0) return [];
    // Local: what the index refused for may not have reached the majority yet.
    const found = this.#collection.find({ _id: { $in: ids } }, { projection: { _id: 1 }, readConcern: 'local' });
    return (await translated(() => found.toArray())).map(({ _id }) => _id);
  }
}

/** Only documents of this type were written there. */
const typed = <T extends StoredDocument>(docs: StoredDocument[]): T[] => docs as T[];
