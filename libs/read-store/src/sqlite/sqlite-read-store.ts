/** The read store in one SQLite file, for one machine; several processes may have it open. */
import { backoffMs, delay } from '@timeline/kernel';
import { isSqliteConstraint, openSqlite } from '@timeline/sqlite';
import type { SqliteDatabase } from '@timeline/sqlite';
import { checkedName, checkIndexes } from '../filter.js';
import type { IndexSpec, ReadCollection, ScrubOutcome, StoredDocument } from '../read-store.port.js';
import { ReadStore } from '../read-store.port.js';
import { indexUnfit } from '../refusals.js';
import { Catalog } from './catalog.js';
import { SqliteCollection } from './sqlite-collection.js';
import { changeIndexes, createTable, dropTable } from './tables.js';

const SCRUB_GIVE_UP_MS = 2_000;

export class SqliteReadStore extends ReadStore {
  readonly #db: SqliteDatabase;
  readonly #catalog: Catalog;

  private constructor(db: SqliteDatabase) {
    super();
    this.#db = db;
    this.#catalog = new Catalog(db);
  }

  /** @throws FaultError READ_STORE_FOREIGN, READ_STORE_DAMAGED, READ_STORE_TOO_NEW, READ_STORE_UNREADABLE; UnavailableError */
  static async open(path: string): Promise<SqliteReadStore> {
    const db = await openSqlite(path, {
      applicationId: 0x544c_5253,
      kind: 'read store',
      codePrefix: 'READ_STORE',
      schemaVersion: 1,
      migrate: (file) => file.exec(Catalog.SCHEMA),
      // A killed process loses nothing of what it committed. A power cut may take back the last commits, but always a
      // whole tail of them in order: documents and the checkpoint written after them. What is folded again from the
      // older checkpoint is guarded, and the log itself is durable. An fsync per batch would buy nothing here.
      synchronous: 'NORMAL',
    });
    // Names stand in here in the clear: of an erased person, nothing may be left in pages that were freed.
    db.exec('PRAGMA secure_delete = ON');
    // Larger checkpoints write a page that changes often once, and hold everything up for longer: of 8,000 pages, the lag of
    // one command in a hundred was 43 ms instead of 26, and a rebuild no faster. A larger cache keeps the indexes at hand.
    db.exec('PRAGMA wal_autocheckpoint = 2000; PRAGMA cache_size = -32000');
    return new SqliteReadStore(db);
  }

  collection<T extends StoredDocument>(name: string): SqliteCollection<T> & ReadCollection<T> {
    return new SqliteCollection<T>(this.#db, this.#catalog, checkedName(name));
  }

  async ensureCollection(name: string, indexes: readonly IndexSpec[]): Promise<void> {
    checkedName(name);
    checkIndexes(indexes);
    await this.#change(name, () => {
      const entry = this.#catalog.entry(name) ?? createTable(this.#db, this.#catalog, name);
      try {
        changeIndexes(this.#db, this.#catalog, entry, indexes);
      } catch (error) {
        if (!isSqliteConstraint(error)) throw error;
        throw indexUnfit(name);
      }
    });
  }

  async dropCollection(name: string): Promise<void> {
    checkedName(name);
    await this.#change(name, () => dropTable(this.#db, this.#catalog, name));
  }

  async listCollections(prefix = ''): Promise<string[]> {
    return this.#catalog.names().filter((name) => name.startsWith(prefix));
  }

  ping(): Promise<void> {
    return this.#db.ping();
  }

  /** The write-ahead log still holds pages as they were; another process that keeps reading puts it off. */
  override async scrub(): Promise<ScrubOutcome> {
    const giveUpAt = performance.now() + SCRUB_GIVE_UP_MS;
    for (let attempt = 0; !this.#db.tryEmptyWriteAheadLog(); attempt++) {
      if (performance.now() >= giveUpAt) return 'put-off';
      await delay(backoffMs(attempt, 200));
    }
    return 'overwritten';
  }

  async close(): Promise<void> {
    this.#db.close();
  }

  async #change(name: string, work: () => void): Promise<void> {
    try {
      await this.#db.immediate(work);
    } catch (error) {
      this.#catalog.forget(name);
      throw error;
    }
  }
}
