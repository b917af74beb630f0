/**
 * Writes documents: a bulk of one collection is one transaction. It runs where documents are read, or in a thread of its own
 * (`document-writer.worker.ts`), so it is handed texts, and what its caller found out about the documents.
 */
import { FaultError } from '@timeline/kernel';
import { isSqliteConstraint, type SqliteDatabase, type Writer } from '@timeline/sqlite';
import { parseFilter, type FilterNode } from '../filter.js';
import type { GuardedWrite, StoredDocument } from '../read-store.port.js';
import type { Catalog, CollectionEntry } from './catalog.js';
import { filterToSql, Parameters } from './filter-to-sql.js';
import { createTable } from './tables.js';

export interface DocumentBatch {
  collection: string;
  /** JSON of the indexes that the caller took the collection to have. */
  indexes: string;
  /** Paths of those indexes that hold arrays, in these documents or in any before. */
  arrays: readonly string[];
  writes: readonly { id: string; doc: string; guard: GuardedWrite<StoredDocument>['guard'] }[];
}

/**
 * `missed`: ids whose guard did not hold. `violated`: how many writes a unique index refused. `other-indexes`: nothing was
 * written, since the collection has other ones than the caller took it to have.
 */
export type BatchOutcome = { missed: string[]; violated: number } | 'other-indexes';

export class DocumentWriter implements Writer<DocumentBatch, BatchOutcome> {
  constructor(
    private readonly db: SqliteDatabase,
    private readonly catalog: Catalog,
  ) {}

  /** @throws UnavailableError; FaultError DOCUMENT_INVALID, FILTER_INVALID, then nothing is written */
  async write(batch: DocumentBatch): Promise<BatchOutcome> {
    const writes = batch.writes.map(({ guard, ...write }) => ({
      ...write,
      guard: guard === 'absent' ? undefined : parseFilter({ [guard.path]: guard.equals }),
    }));
    try {
      return await this.db.immediate(() => {
        const existing = this.catalog.entry(batch.collection);
        // As in MongoDB: what is inserted makes its collection, what is replaced is not there.
        if (!existing && writes.every(({ guard }) => guard)) return { missed: writes.map(({ id }) => id), violated: 0 };
        const entry = existing ?? createTable(this.db, this.catalog, batch.collection);
        if (JSON.stringify(entry.indexes) !== batch.indexes) return 'other-indexes';
        return this.#writeAll(this.#withArrays(entry, batch.arrays), writes);
      });
    } catch (error) {
      // What was saved in the catalog is undone with the rest.
      this.catalog.forget(batch.collection);
      throw error;
    }
  }

  #writeAll(
    entry: CollectionEntry,
    writes: readonly { id: string; doc: string; guard: FilterNode | undefined }[],
  ): BatchOutcome {
    const outcome = { missed: [] as string[], violated: 0 };
    for (const { id, doc, guard } of writes) {
      try {
        const written = guard ? this.#replace(entry, id, doc, guard) : this.#insert(entry, id, doc);
        if (!written) outcome.missed.push(id);
      } catch (error) {
        if (!isSqliteConstraint(error)) throw error;
        // Only this statement was undone. It is another index than that of `_id`, which ON CONFLICT has checked first.
        outcome.violated += 1;
      }
    }
    return outcome;
  }

  #withArrays(entry: CollectionEntry, arrays: readonly string[]): CollectionEntry {
    const found = arrays.filter((path) => !entry.arrays.includes(path));
    if (found.length === 0) return entry;
    const uniquePaths = entry.indexes.flatMap(({ unique, key }) => (unique ? Object.keys(key) : []));
    const barred = uniquePaths.find((path) => found.includes(path));
    if (barred !== undefined) {
      throw new FaultError('DOCUMENT_INVALID', `${entry.name}.${barred} has a unique index and cannot hold an array`);
    }
    const grown = entry.with([...entry.arrays, ...found]);
    this.catalog.save(grown);
    return grown;
  }

  #insert(entry: CollectionEntry, id: string, doc: string): boolean {
    const sql = `INSERT INTO ${entry.table} (_id, doc) VALUES (?, ?) ON CONFLICT (_id) DO NOTHING`;
    return this.db.run(sql, [id, doc]).changes > 0;
  }

  /** The guard is part of the statement; measured, that is faster than reading first. */
  #replace(entry: CollectionEntry, id: string, doc: string, guard: FilterNode): boolean {
    const parameters = new Parameters();
    const set = parameters.add(doc);
    const where = `_id = ${parameters.add(id)} AND ${filterToSql(guard, parameters, entry.mayBeArray)}`;
    return this.db.run(`UPDATE ${entry.table} SET doc = ${set} WHERE ${where}`, parameters.values).changes > 0;
  }
}
