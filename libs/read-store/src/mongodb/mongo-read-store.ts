/**
 * The read store in MongoDB 8 or newer, as a replica set or sharded: reads from the primary that see only what the
 * majority has, writes acknowledged by the majority and journaled.
 */
import { isDeepStrictEqual } from 'node:util';
import type { Db, MongoClient } from 'mongodb';
import { FaultError } from '@timeline/kernel';
import { openMongo } from '@timeline/mongodb';
import { checkedName, checkIndexes } from '../filter.js';
import type { IndexSpec, ReadCollection, StoredDocument } from '../read-store.port.js';
import { ReadStore } from '../read-store.port.js';
import { indexUnfit } from '../refusals.js';
import { MongoCollection } from './mongo-collection.js';
import {
  DUPLICATE_KEY,
  hasCode,
  INDEX_NOT_FOUND,
  NAMESPACE_EXISTS,
  NAMESPACE_NOT_FOUND,
  translated,
} from './mongo-errors.js';

const DEFAULT_DATABASE = 'timeline';

export class MongoReadStore extends ReadStore {
  readonly #client: MongoClient;
  readonly #db: Db;
  #epoch = 0;

  private constructor(client: MongoClient, db: Db) {
    super();
    this.#client = client;
    this.#db = db;
    client.on('connectionPoolCleared', () => (this.#epoch += 1));
    client.on('connectionClosed', ({ reason }) => {
      if (reason === 'error' || reason === 'stale') this.#epoch += 1;
    });
  }

  override get epoch(): number {
    return this.#epoch;
  }

  /**
   * Does not connect yet: the first operation does, and says so if nobody is there.
   * The database is the one that the URL names, else `timeline`. @throws FaultError CONFIG_INVALID
   */
  static open(url: string): MongoReadStore {
    try {
      const { client, db } = openMongo(url, DEFAULT_DATABASE, {
        appName: 'timeline read store',
        retryWrites: true,
        retryReads: true,
        // As JSON does.
        ignoreUndefined: true,
      });
      return new MongoReadStore(client, db);
    } catch {
      // Neither the URL nor the driver's words about it: both may show the password.
      throw new FaultError(
        'CONFIG_INVALID',
        'READ_STORE_URL is no address of a MongoDB server: mongodb://host:port/database',
      );
    }
  }

  collection<T extends StoredDocument>(name: string): ReadCollection<T> {
    return new MongoCollection<T>(this.#client, this.#db.collection(checkedName(name)));
  }

  async ensureCollection(name: string, indexes: readonly IndexSpec[]): Promise<void> {
    checkIndexes(indexes);
    const collection = this.#db.collection(checkedName(name));
    await translated(async () => {
      // Made even without documents and indexes, so that it is listed.
      await unless(() => this.#db.createCollection(name), NAMESPACE_EXISTS);
      const present = (await collection.indexes()).filter((index) => index.name !== '_id_');
      const isPresent = ({ name, key, unique, sparse }: IndexSpec): boolean =>
        present.some(
          (index) =>
            index.name === name &&
            !index.unique === !unique &&
            !index.sparse === !sparse &&
            // As entries, since the order of the paths matters.
            isDeepStrictEqual(Object.entries<unknown>(index.key), Object.entries<unknown>(key)),
        );
      const kept = new Set(indexes.filter(isPresent).map((index) => index.name));
      for (const index of present) {
        const { name = '' } = index;
        if (!kept.has(name)) await unless(() => collection.dropIndex(name), INDEX_NOT_FOUND);
      }
      const added = indexes.filter((index) => !kept.has(index.name));
      if (added.length === 0) return;
      try {
        await collection.createIndexes(
          added.map(({ name, key, unique, sparse }) => ({
            name,
            key: new Map(Object.entries(key)),
            ...(unique && { unique }),
            ...(sparse && { sparse }),
          })),
        );
      } catch (error) {
        throw hasCode(error, DUPLICATE_KEY) ? indexUnfit(name) : error;
      }
    });
  }

  async dropCollection(name: string): Promise<void> {
    const collection = this.#db.collection(checkedName(name));
    await translated(() => unless(() => collection.drop(), NAMESPACE_NOT_FOUND));
  }

  async listCollections(prefix = ''): Promise<string[]> {
    const collections = await translated(() => this.#db.listCollections({}, { nameOnly: true }).toArray());
    const names = collections.map(({ name }) => name).filter((name) => !name.startsWith('system.'));
    return names.filter((name) => name.startsWith(prefix)).sort();
  }

  async ping(): Promise<void> {
    await translated(() => this.#db.command({ ping: 1 }));
  }

  async close(): Promise<void> {
    await this.#client.close();
  }
}

/** Runs an operation that may find its work done already. */
async function unless(operation: () => Promise<unknown>, ...codes: number[]): Promise<void> {
  try {
    await operation();
  } catch (error) {
    if (!hasCode(error, ...codes)) throw error;
  }
}
