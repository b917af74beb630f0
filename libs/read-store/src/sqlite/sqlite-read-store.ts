/** The read store in one SQLite file, for one machine; several processes may have it open. */
import { backoffMs, delay } from '@timeline/kernel';
import { isSqliteConstraint, openSqlite, WriterThread } from '@timeline/sqlite';
import type { SqliteDatabase, Writer } from '@timeline/sqlite';
import { checkedName, checkIndexes } from '../filter.js';
import type { IndexSpec, ReadCollection, ScrubOutcome, StoredDocument } from '../read-store.port.js';
import { ReadStore } from '../read-store.port.js';
import { indexUnfit } from '../refusals.js';
import { Catalog } from './catalog.js';
import { DocumentWriter, type BatchOutcome, type DocumentBatch } from './document-writer.js';
import { READS_FILE, tuneReads } from './reads-file.js';
import { SqliteCollection } from './sqlite-collection.js';
import { changeIndexes, createTable, dropTable } from './tables.js';

/** What the thread that writes runs. */
const WRITER_SCRIPT = new URL('./document-writer.worker.js', import.meta.url);

const SCRUB_GIVE_UP_MS = 2_000;

export class SqliteReadStore extends ReadStore {
  readonly #db: SqliteDatabase;
  readonly #catalog: Catalog;
  readonly #writer: Writer<DocumentBatch, BatchOutcome>;

  private constructor(db: SqliteDatabase, writerScript: URL) {
    super();
    this.#db = db;
    this.#catalog = new Catalog(db);
    this.#writer = WriterThread.isThereFor(writerScript, db)
      ? new WriterThread(writerScript, db)
      : new DocumentWriter(db, this.#catalog);
  }

  /**
   * @param writerScript tests give the built one
   * @throws FaultError READ_STORE_FOREIGN, READ_STORE_DAMAGED, READ_STORE_TOO_NEW, READ_STORE_UNREADABLE; UnavailableError
   */
  static async open(path: string, { writerScript = WRITER_SCRIPT } = {}): Promise<SqliteReadStore> {
    return new SqliteReadStore(tuneReads(await openSqlite(path, READS_FILE)), writerScript);
  }

  collection<T extends StoredDocument>(name: string): SqliteCollection<T> & ReadCollection<T> {
    return new SqliteCollection<T>(this.#db, this.#catalog, this.#writer, checkedName(name));
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
    await this.#writer.close?.();
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
