/** Makes, changes and drops the tables and indexes of collections. All of it inside a transaction. */
import { isDeepStrictEqual } from 'node:util';
import { FaultError } from '@timeline/kernel';
import type { SqliteDatabase } from '@timeline/sqlite';
import type { IndexSpec } from '../read-store.port.js';
import type { Catalog } from './catalog.js';
import { CollectionEntry, indexOf, tableOf, watchedPaths } from './catalog.js';
import { arrayAt, existsAt, indexedKey } from './filter-to-sql.js';

export function createTable(db: SqliteDatabase, catalog: Catalog, name: string): CollectionEntry {
  // No type for `_id`: a column of type TEXT would turn a number it is compared with into text.
  db.exec(`CREATE TABLE ${tableOf(name)} (_id PRIMARY KEY NOT NULL, doc TEXT NOT NULL)`);
  const entry = new CollectionEntry(name, [], []);
  catalog.save(entry);
  return entry;
}

export function dropTable(db: SqliteDatabase, catalog: Catalog, name: string): void {
  db.exec(`DROP TABLE IF EXISTS ${tableOf(name)}`);
  catalog.remove(name);
}

/** @throws FaultError INDEX_INVALID; the constraint error where a unique index does not fit the documents there */
export function changeIndexes(
  db: SqliteDatabase,
  catalog: Catalog,
  entry: CollectionEntry,
  indexes: readonly IndexSpec[],
): void {
  const isSame = (a: IndexSpec, b: IndexSpec): boolean =>
    // As entries, since the order of the paths matters.
    a.name === b.name &&
    !a.unique === !b.unique &&
    !a.sparse === !b.sparse &&
    isDeepStrictEqual(Object.entries(a.key), Object.entries(b.key));
  const dropped = entry.indexes.filter((present) => !indexes.some((wanted) => isSame(present, wanted)));
  const added = indexes.filter((wanted) => !entry.indexes.some((present) => isSame(present, wanted)));
  if (dropped.length === 0 && added.length === 0) return;
  for (const { name } of dropped)
    db.exec(`DROP INDEX ${indexOf(entry.name, name)}; DROP INDEX IF EXISTS ${nullsIndexOf(entry.name, name)}`);
  for (const index of added) createIndex(db, entry, index);
  // Paths watched before keep what is known of them; of new ones the documents are asked.
  const before = new Set(watchedPaths(entry.indexes));
  const watched = watchedPaths(indexes);
  const arrays = watched.filter((path) =>
    before.has(path) ? entry.arrays.includes(path) : holdsArray(db, entry.table, path),
  );
  const barred = indexes.find(({ unique, key }) => unique && Object.keys(key).some((path) => arrays.includes(path)));
  if (barred)
    throw new FaultError(
      'INDEX_INVALID',
      `unique index ${barred.name} of ${entry.name} is on a path that holds arrays`,
    );
  catalog.save(new CollectionEntry(entry.name, indexes, arrays));
}

const nullsIndexOf = (collection: string, index: string): string => indexOf(collection, `${index}:nulls`);

function createIndex(db: SqliteDatabase, entry: CollectionEntry, { name, key, unique, sparse }: IndexSpec): void {
  const keys = Object.entries(key).map(([path, direction]) => ({ key: indexedKey(path), direction }));
  const columns = keys.map(({ key, direction }) => `${key} ${direction === 1 ? 'ASC' : 'DESC'}`).join(', ');
  const where = sparse ? ` WHERE ${Object.keys(key).map(existsAt).join()}` : '';
  db.exec(`CREATE ${unique ? 'UNIQUE ' : ''}INDEX ${indexOf(entry.name, name)} ON ${entry.table} (${columns})${where}`);
  if (!unique) return;
  // To SQLite each NULL is another, to MongoDB null is a value like any other: a second index for those.
  const notNull = keys.map(({ key }) => `ifnull(${key}, x'00')`).join(', ');
  const anyNull = keys.map(({ key }) => `${key} IS NULL`).join(' OR ');
  db.exec(`CREATE UNIQUE INDEX ${nullsIndexOf(entry.name, name)} ON ${entry.table} (${notNull}) WHERE ${anyNull}`);
}

const holdsArray = (db: SqliteDatabase, table: string, path: string): boolean =>
  db.get(`SELECT 1 FROM ${table} WHERE ${arrayAt(path)} LIMIT 1`) !== undefined;
