/**
 * The key store in MongoDB, in a database of its own so that it can be backed up apart from the log.
 *
 * All keys of a customer stand in one document, so that obtaining and destroying are each one atomic write to it:
 * whichever comes first, a key is never made again after its customer was erased. Writes are acknowledged by the
 * majority and journaled, reads see only what the majority has. (A primary that was replaced and has not noticed may
 * answer reads some ten seconds longer, so a certificate of erasure should wait that much beyond the caches.)
 *
 * Destroying removes the wrapped bytes from the collection. MongoDB's own journal and oplog keep older versions
 * until they are overwritten, and backups as long as they live; the bytes there are still wrapped by the master key.
 */
import type { AnyBulkWriteOperation, Collection, Db, MongoClient } from 'mongodb';
import { backoffMs, delay, DomainError, UnavailableError } from '@timeline/kernel';
import type { Position } from '@timeline/kernel';
import { openMongo } from '@timeline/mongodb';
import { Batcher } from '../batcher.js';
import { KeyStore } from '../key-store.port.js';
import type { KeyStoreIdentity, StoredKey } from '../key-store.port.js';
import { assertClaimed, customerErased } from '../refusals.js';
import { isDuplicateKey, orUnavailable } from './mongo-errors.js';

interface CustomerKey {
  slot: string;
  keyId: string;
  /** Not there once the customer is erased. */
  wrapped?: string;
}

interface CustomerKeys {
  /** Customer id. */
  _id: string;
  keys?: CustomerKey[];
  /** Set for good by `destroy`, which takes `wrapped` out of every key. */
  erased?: true;
}

interface Secret {
  _id: string;
  wrapped: string;
}

/** What the store knows about itself. */
interface Entry {
  _id: 'identity' | 'progress';
  identity?: KeyStoreIdentity;
  erasedUpTo?: Position;
}

const DEFAULT_DATABASE = 'timeline_keys';
const KEYS_PER_WRITE = 500;
const IDS_PER_FIND = 1_000;
/** What another writer has just written can be read once a majority has it; seconds, while a primary is replaced. */
const VISIBLE_WITHIN_MS = 15_000;

export class MongoKeyStore extends KeyStore {
  readonly #client: MongoClient;
  readonly #customers: Collection<CustomerKeys>;
  readonly #secrets: Collection<Secret>;
  readonly #entries: Collection<Entry>;
  readonly #obtaining = new Batcher(
    (candidates: StoredKey[]) => orUnavailable(() => this.#obtainAll(candidates)),
    KEYS_PER_WRITE,
  );

  private constructor(client: MongoClient, db: Db) {
    super();
    this.#client = client;
    this.#customers = db.collection('customers');
    this.#secrets = db.collection('secrets');
    this.#entries = db.collection('entries');
  }

  /** The database is the one that the URL names, else `timeline_keys`. @throws UnavailableError */
  static async open(url: string): Promise<MongoKeyStore> {
    const { client, db } = openMongo(url, DEFAULT_DATABASE, { appName: 'timeline key store' });
    const store = new MongoKeyStore(client, db);
    try {
      // Not unique: a unique index cannot span shards, and random key ids need none.
      await orUnavailable(() => store.#customers.createIndex({ 'keys.keyId': 1 }, { name: 'keyId' }));
    } catch (error) {
      await client.close();
      throw error;
    }
    return store;
  }

  async identity(): Promise<KeyStoreIdentity | undefined> {
    return orUnavailable(() => this.#identity());
  }

  async claim(identity: KeyStoreIdentity): Promise<void> {
    const present = await orUnavailable(async () => {
      await unlessPresent(() => this.#entries.insertOne({ _id: 'identity', identity }));
      return onceVisible(() => this.#identity());
    });
    assertClaimed(present, identity);
  }

  async obtain(candidate: StoredKey): Promise<StoredKey> {
    const answer = await this.#obtaining.add(candidate);
    if (answer instanceof DomainError) throw answer;
    return answer;
  }

  async find(keyIds: readonly string[]): Promise<Map<string, StoredKey | 'destroyed'>> {
    const found = new Map<string, StoredKey | 'destroyed'>();
    for (let from = 0; from < keyIds.length; from += IDS_PER_FIND) {
      const wanted = new Set(keyIds.slice(from, from + IDS_PER_FIND));
      const customers = await orUnavailable(() =>
        this.#customers.find({ 'keys.keyId': { $in: [...wanted] } }).toArray(),
      );
      for (const customer of customers) {
        for (const key of customer.keys ?? [])
          if (wanted.has(key.keyId)) found.set(key.keyId, storedKey(customer, key));
      }
    }
    return found;
  }

  async findByOwner(customerId: string, slot: string): Promise<StoredKey | 'destroyed' | undefined> {
    const customer = await orUnavailable(() => this.#customers.findOne({ _id: customerId }));
    return customer ? keyIn(customer, slot) : undefined;
  }

  async destroy(customerId: string): Promise<void> {
    const withoutWrapped = { $map: { input: '$keys', in: { slot: '$$this.slot', keyId: '$$this.keyId' } } };
    const keys = { $cond: [{ $isArray: '$keys' }, withoutWrapped, '$$REMOVE'] };
    await orUnavailable(() =>
      upserting(() =>
        this.#customers.updateOne({ _id: customerId }, [{ $set: { erased: true, keys } }], { upsert: true }),
      ),
    );
  }

  async secret(name: string, candidate: string): Promise<string> {
    return orUnavailable(async () => {
      const present = await this.#secrets.findOne({ _id: name });
      if (present) return present.wrapped;
      await unlessPresent(() => this.#secrets.insertOne({ _id: name, wrapped: candidate }));
      return (await onceVisible(() => this.#secrets.findOne({ _id: name }))).wrapped;
    });
  }

  async erasedUpTo(): Promise<Position | undefined> {
    return (await orUnavailable(() => this.#entries.findOne({ _id: 'progress' })))?.erasedUpTo;
  }

  async setErasedUpTo(position: Position): Promise<void> {
    await orUnavailable(() =>
      upserting(() =>
        this.#entries.updateOne({ _id: 'progress' }, { $max: { erasedUpTo: position } }, { upsert: true }),
      ),
    );
  }

  async close(): Promise<void> {
    await this.#obtaining.idle();
    await this.#client.close();
  }

  async #identity(): Promise<KeyStoreIdentity | undefined> {
    return (await this.#entries.findOne({ _id: 'identity' }))?.identity;
  }

  /**
   * Looks, inserts what is missing, and looks again: only what a majority has is ever answered. An insert that lost
   * to another writer of the same document (duplicate key) is tried again if the slot is still without a key.
   */
  async #obtainAll(candidates: StoredKey[]): Promise<(StoredKey | DomainError)[]> {
    const customerIds = [...new Set(candidates.map(({ customerId }) => customerId))];
    const giveUpAt = performance.now() + VISIBLE_WITHIN_MS;
    for (let attempt = 0; ; attempt++) {
      const customers = new Map<string, CustomerKeys>();
      for (const customer of await this.#customers.find({ _id: { $in: customerIds } }).toArray()) {
        customers.set(customer._id, customer);
      }
      // In the order of the candidates, and complete when none is missing.
      const answers: (StoredKey | DomainError)[] = [];
      const missing: StoredKey[] = [];
      for (const candidate of candidates) {
        const customer = customers.get(candidate.customerId);
        const key = customer && keyIn(customer, candidate.slot);
        if (customer?.erased || key === 'destroyed') answers.push(customerErased());
        else if (key) answers.push(key);
        else missing.push(candidate);
      }
      if (missing.length === 0) return answers;
      if (performance.now() > giveUpAt) throw notVisible();
      if (attempt > 1) await delay(backoffMs(attempt, 500));
      await unlessPresent(() => this.#customers.bulkWrite(missing.map(insertIfAbsent), { ordered: false }));
    }
  }
}

/** Matches nothing, and so tries to insert a document that exists, when the slot has a key or the customer is erased. */
function insertIfAbsent({ customerId, slot, keyId, wrapped }: StoredKey): AnyBulkWriteOperation<CustomerKeys> {
  return {
    updateOne: {
      filter: { _id: customerId, erased: { $ne: true }, 'keys.slot': { $ne: slot } },
      update: { $push: { keys: { slot, keyId, wrapped } } },
      upsert: true,
    },
  };
}

function keyIn(customer: CustomerKeys, slot: string): StoredKey | 'destroyed' | undefined {
  const key = customer.keys?.find((candidate) => candidate.slot === slot);
  return key && storedKey(customer, key);
}

function storedKey(customer: CustomerKeys, { keyId, slot, wrapped }: CustomerKey): StoredKey | 'destroyed' {
  return customer.erased || wrapped === undefined ? 'destroyed' : { keyId, customerId: customer._id, slot, wrapped };
}

async function unlessPresent(insert: () => Promise<unknown>): Promise<void> {
  try {
    await insert();
  } catch (error) {
    if (!isDuplicateKey(error)) throw error;
  }
}

/** Two upserts that insert the same document at once: one gets a duplicate key, and then finds the document. */
async function upserting(write: () => Promise<unknown>): Promise<void> {
  try {
    await write();
  } catch (error) {
    if (!isDuplicateKey(error)) throw error;
    await write();
  }
}

/** Reads what is known to be there until a majority has it. */
async function onceVisible<T>(read: () => Promise<T | null | undefined>): Promise<T> {
  const giveUpAt = performance.now() + VISIBLE_WITHIN_MS;
  for (let attempt = 0; ; attempt++) {
    const value = await read();
    if (value) return value;
    if (performance.now() > giveUpAt) throw notVisible();
    await delay(backoffMs(attempt, 500));
  }
}

const notVisible = (): UnavailableError =>
  new UnavailableError('key store', 'a majority of the key store has not got the last writes yet; try again');
