/**
 * What is known of each collection, kept in the file itself: its indexes, and at which of their paths arrays were
 * seen. MongoDB keeps the same ("multikey"), for the same reason: where there are no arrays, a query on the path is a
 * plain range of the index. Arrays are only ever added here; having too many of them is slow, not wrong.
 */
import type { SqliteDatabase } from '@timeline/sqlite';
import type { IndexSpec } from '../read-store.port.js';

interface Row {
  indexes: string;
  arrays: string;
}

/** Names of tables and indexes do not tell upper from lower case in SQLite; collections do. */
const caseMarked = (name: string): string => name.replace(/[A-Z]/g, (letter) => `^${letter.toLowerCase()}`);
export const tableOf = (collection: string): string => `"c:${caseMarked(collection)}"`;
export const indexOf = (collection: string, index: string): string =>
  `"i:${caseMarked(collection)}:${caseMarked(index)}"`;

export class CollectionEntry {
  readonly table: string;
  /** As it is kept, for a query to compare. */
  readonly text: string;
  /** Every path of an index and every path on the way to one. */
  readonly #watched: Map<string, readonly string[]>;
  readonly #arrays: Set<string>;

  constructor(
    readonly name: string,
    readonly indexes: readonly IndexSpec[],
    arrays: Iterable<string>,
  ) {
    this.table = tableOf(name);
    this.#watched = new Map(watchedPaths(indexes).map((path) => [path, path.split('.')]));
    this.#arrays = new Set(arrays);
    this.text = JSON.stringify(indexes) + JSON.stringify(this.arrays);
  }

  with(arrays: Iterable<string>): CollectionEntry {
    return new CollectionEntry(this.name, this.indexes, arrays);
  }

  get arrays(): string[] {
    return [...this.#arrays];
  }

  mayBeArray = (path: string): boolean => {
    if (path === '_id') return false;
    if (!this.#watched.has(path)) return true;
    return this.#arrays.size > 0 && prefixesOf(path).some((prefix) => this.#arrays.has(prefix));
  };

  /** Watched paths that hold an array in `doc` and did not in any document before. */
  newArrays(doc: object): string[] {
    const found: string[] = [];
    for (const [path, parts] of this.#watched) {
      if (this.#arrays.has(path)) continue;
      let value: unknown = doc;
      for (const part of parts) {
        value =
          typeof value === 'object' && value !== null && Object.hasOwn(value, part)
            ? Reflect.get(value, part)
            : undefined;
        // What lies behind an array counts as one too.
        if (Array.isArray(value)) break;
      }
      if (Array.isArray(value)) found.push(path);
    }
    return found;
  }
}

const prefixesOf = (path: string): string[] =>
  path.split('.').map((_, index, parts) => parts.slice(0, index + 1).join('.'));

export const watchedPaths = (indexes: readonly IndexSpec[]): string[] =>
  [...new Set(indexes.flatMap(({ key }) => Object.keys(key)).flatMap(prefixesOf))].filter((path) => path !== '_id');

export class Catalog {
  readonly #db: SqliteDatabase;
  readonly #known = new Map<string, { seenAt: number; row: Row | undefined; entry: CollectionEntry | undefined }>();

  constructor(db: SqliteDatabase) {
    this.#db = db;
  }

  static readonly SCHEMA = `CREATE TABLE collection (
    name TEXT PRIMARY KEY,
    indexes TEXT NOT NULL, -- JSON: IndexSpec[]
    arrays TEXT NOT NULL   -- JSON: paths
  ) WITHOUT ROWID`;

  /**
   * undefined where there is no such collection. As it is now, whoever changed it; the same object as last time if nothing
   * did, so that a reader can ask again after its query and know that what it went by still held.
   */
  entry(name: string): CollectionEntry | undefined {
    const seenAt = this.#db.dataVersion();
    const known = this.#known.get(name);
    if (known?.seenAt === seenAt) return known.entry;
    const row = this.#db.get<Row>('SELECT indexes, arrays FROM collection WHERE name = ?', [name]);
    if (known && known.row?.indexes === row?.indexes && known.row?.arrays === row?.arrays) {
      known.seenAt = seenAt;
      return known.entry;
    }
    // This class wrote both, as what they are read back as.
    const entry =
      row && new CollectionEntry(name, JSON.parse(row.indexes) as IndexSpec[], JSON.parse(row.arrays) as string[]);
    this.#known.set(name, { seenAt, row, entry });
    return entry;
  }

  /** As it was when this process last looked. */
  known(name: string): CollectionEntry | undefined {
    return this.#known.get(name)?.entry;
  }

  /** Inside a transaction only; `forget` if it fails. */
  save(entry: CollectionEntry): void {
    const row = { indexes: JSON.stringify(entry.indexes), arrays: JSON.stringify(entry.arrays) };
    this.#db.run(
      `INSERT INTO collection (name, indexes, arrays) VALUES (?, ?, ?)
       ON CONFLICT (name) DO UPDATE SET indexes = excluded.indexes, arrays = excluded.arrays`,
      [entry.name, row.indexes, row.arrays],
    );
    this.#known.set(entry.name, { seenAt: this.#db.dataVersion(), row, entry });
  }

  /** Inside a transaction only. */
  remove(name: string): void {
    this.#db.run('DELETE FROM collection WHERE name = ?', [name]);
    this.#known.delete(name);
  }

  forget(name: string): void {
    this.#known.delete(name);
  }

  names(): string[] {
    return this.#db.all<{ name: string }>('SELECT name FROM collection ORDER BY name').map(({ name }) => name);
  }
}
