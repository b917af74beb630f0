/**
 * The key store in one SQLite file, for one machine; several processes may use it at once. Writes wait for each
 * other in a queue and are committed in groups, each flushed to the disk before it is answered.
 *
 * Destroying must leave no copy of the wrapped bytes behind, so
 * - they stand in one table only, rows appended and never moved, and are overwritten in place by as many zeros;
 * - `secure_delete` has SQLite clear what it frees or moves within its pages (it holds per connection, and every
 *   connection comes through `open`);
 * - the write-ahead log is emptied after a destroy, since it still holds the page as it was before.
 * What the file system or a backup keeps is beyond this file; the bytes there are still wrapped by the master key.
 */
import { backoffMs, comparePositions, delay, DomainError, UnavailableError } from '@timeline/kernel';
import type { Position } from '@timeline/kernel';
import { openSqlite } from '@timeline/sqlite';
import type { SqliteDatabase } from '@timeline/sqlite';
import { Batcher } from '../batcher.js';
import { KeyStore } from '../key-store.port.js';
import type { KeyStoreIdentity, StoredKey } from '../key-store.port.js';
import { assertClaimed, customerErased } from '../refusals.js';

const SCHEMA = `
  CREATE TABLE data_key (
    number INTEGER PRIMARY KEY AUTOINCREMENT,
    key_id TEXT NOT NULL UNIQUE,
    customer_id TEXT NOT NULL,
    slot TEXT NOT NULL,
    wrapped TEXT NOT NULL,
    UNIQUE (customer_id, slot)
  ) STRICT;
  CREATE TABLE erased_customer (customer_id TEXT PRIMARY KEY) STRICT, WITHOUT ROWID;
  CREATE TABLE secret (name TEXT PRIMARY KEY, wrapped TEXT NOT NULL) STRICT, WITHOUT ROWID;
  CREATE TABLE identity (
    only INTEGER PRIMARY KEY CHECK (only = 1), log_id TEXT NOT NULL, master_key_fingerprint TEXT NOT NULL
  ) STRICT;
  CREATE TABLE progress (only INTEGER PRIMARY KEY CHECK (only = 1), erased_up_to TEXT NOT NULL) STRICT;
`;

// A key is destroyed exactly when its customer is erased: one fact, kept in one place.
const KEY_COLUMNS = `
  k.key_id AS keyId, k.customer_id AS customerId, k.slot AS slot, k.wrapped AS wrapped, e.customer_id AS erased
  FROM data_key k LEFT JOIN erased_customer e ON e.customer_id = k.customer_id`;
type KeyRow = StoredKey & { erased: string | null };

/** Keeps a transaction to some 20 ms, so that other processes get their turn. */
const WRITES_PER_COMMIT = 500;
const EMPTYING_GIVE_UP_MS = 15_000;

export class SqliteKeyStore extends KeyStore {
  readonly #db: SqliteDatabase;
  readonly #writes: Batcher<() => void, void>;

  private constructor(db: SqliteDatabase) {
    super();
    this.#db = db;
    this.#writes = new Batcher(async (writes) => db.immediate(() => writes.map((write) => write())), WRITES_PER_COMMIT);
  }

  /** @throws FaultError KEY_STORE_FOREIGN, …_DAMAGED, …_TOO_NEW, …_UNREADABLE, the file left as it was */
  static async open(path: string): Promise<SqliteKeyStore> {
    const db = await openSqlite(path, {
      applicationId: 0x544c_4b59,
      kind: 'key store',
      codePrefix: 'KEY_STORE',
      schemaVersion: 1,
      migrate: (fresh) => fresh.exec(SCHEMA),
      synchronous: 'FULL',
    });
    // `temp_store`: what a statement sets aside to be undone must not reach a temporary file.
    db.exec('PRAGMA secure_delete = ON; PRAGMA temp_store = MEMORY');
    return new SqliteKeyStore(db);
  }

  async identity(): Promise<KeyStoreIdentity | undefined> {
    return this.#identity();
  }

  async claim(identity: KeyStoreIdentity): Promise<void> {
    await this.#write(() =>
      this.#db.run('INSERT OR IGNORE INTO identity VALUES (1, ?, ?)', [identity.logId, identity.masterKeyFingerprint]),
    );
    assertClaimed(this.#identity(), identity);
  }

  async obtain(candidate: StoredKey): Promise<StoredKey> {
    // What is read here is committed, and a commit is on the disk before anyone can read it.
    return (
      this.#presentKey(candidate) ??
      this.#write(() => {
        const present = this.#presentKey(candidate);
        if (present) return present;
        const { keyId, customerId, slot, wrapped } = candidate;
        this.#db.run('INSERT INTO data_key (key_id, customer_id, slot, wrapped) VALUES (?, ?, ?, ?)', [
          keyId,
          customerId,
          slot,
          wrapped,
        ]);
        return candidate;
      })
    );
  }

  async find(keyIds: readonly string[]): Promise<Map<string, StoredKey | 'destroyed'>> {
    const rows = this.#db.all<KeyRow>(`SELECT ${KEY_COLUMNS} WHERE k.key_id IN (SELECT value FROM json_each(?))`, [
      JSON.stringify(keyIds),
    ]);
    return new Map(rows.map((row) => [row.keyId, storedKey(row)]));
  }

  async findByOwner(customerId: string, slot: string): Promise<StoredKey | 'destroyed' | undefined> {
    const row = this.#rowOf(customerId, slot);
    return row && storedKey(row);
  }

  async destroy(customerId: string): Promise<void> {
    await this.#write(() => {
      this.#db.run('INSERT OR IGNORE INTO erased_customer VALUES (?)', [customerId]);
      this.#db.run(`UPDATE data_key SET wrapped = printf('%.*c', length(wrapped), '0') WHERE customer_id = ?`, [
        customerId,
      ]);
    });
    await this.#emptyWriteAheadLog();
  }

  async secret(name: string, candidate: string): Promise<string> {
    return (
      this.#presentSecret(name) ??
      this.#write(() => {
        this.#db.run('INSERT OR IGNORE INTO secret VALUES (?, ?)', [name, candidate]);
        return this.#presentSecret(name) ?? candidate;
      })
    );
  }

  async erasedUpTo(): Promise<Position | undefined> {
    return this.#erasedUpTo();
  }

  async setErasedUpTo(position: Position): Promise<void> {
    await this.#write(() => {
      const present = this.#erasedUpTo();
      if (present !== undefined && comparePositions(present, position) >= 0) return;
      this.#db.run('INSERT OR REPLACE INTO progress VALUES (1, ?)', [position]);
    });
  }

  override ping(): Promise<void> {
    return this.#db.ping();
  }

  async close(): Promise<void> {
    await this.#writes.idle();
    this.#db.close();
  }

  /**
   * Runs `apply` in a group commit and resolves once that is durable. A DomainError, thrown before `apply` has
   * written anything, refuses this caller only, not the others of the group.
   */
  #write<T>(apply: () => T): Promise<T> {
    return new Promise((resolve, reject) => {
      let settle = (): void => undefined;
      const write = (): void => {
        try {
          const answer = apply();
          settle = () => resolve(answer);
        } catch (error) {
          if (!(error instanceof DomainError)) throw error;
          settle = () => reject(error);
        }
      };
      this.#writes.add(write).then(() => settle(), reject);
    });
  }

  /** The owner's key if there is one. @throws DomainError CUSTOMER_ERASED */
  #presentKey({ customerId, slot }: StoredKey): StoredKey | undefined {
    if (this.#db.get('SELECT 1 FROM erased_customer WHERE customer_id = ?', [customerId])) throw customerErased();
    const row = this.#rowOf(customerId, slot);
    if (!row) return undefined;
    const { erased: _, ...key } = row;
    return key;
  }

  #rowOf(customerId: string, slot: string): KeyRow | undefined {
    return this.#db.get<KeyRow>(`SELECT ${KEY_COLUMNS} WHERE k.customer_id = ? AND k.slot = ?`, [customerId, slot]);
  }

  #presentSecret(name: string): string | undefined {
    return this.#db.get<{ wrapped: string }>('SELECT wrapped FROM secret WHERE name = ?', [name])?.wrapped;
  }

  #identity(): KeyStoreIdentity | undefined {
    return this.#db.get<KeyStoreIdentity>(
      'SELECT log_id AS logId, master_key_fingerprint AS masterKeyFingerprint FROM identity',
    );
  }

  #erasedUpTo(): Position | undefined {
    return this.#db.get<{ position: Position }>('SELECT erased_up_to AS position FROM progress')?.position;
  }

  /** A process that reads just then keeps the log from being emptied; reads of key stores take microseconds. */
  async #emptyWriteAheadLog(): Promise<void> {
    const giveUpAt = performance.now() + EMPTYING_GIVE_UP_MS;
    for (let attempt = 0; !this.#db.tryEmptyWriteAheadLog(); attempt++) {
      if (performance.now() > giveUpAt) {
        throw new UnavailableError(
          'key store',
          'the key is destroyed, but another process keeps reading the key store, so that its write-ahead log still ' +
            'holds the wrapped bytes; destroy again',
        );
      }
      await delay(backoffMs(attempt, 200));
    }
  }
}

function storedKey({ erased, ...key }: KeyRow): StoredKey | 'destroyed' {
  return erased === null ? key : 'destroyed';
}
