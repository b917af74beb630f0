/** One collection as one table: `_id`, and `doc` with the whole document as JSON text. */
import { setImmediate as nextTurn } from 'node:timers/promises';
import { isSqliteTooBig } from '@timeline/sqlite';
import type { SqliteDatabase, SqliteValue, Writer } from '@timeline/sqlite';
import { checkWrites } from '../document.js';
import type { FilterNode } from '../filter.js';
import { checkPaging, fixedPaths, parseFilter, parseSort } from '../filter.js';
import type { Filter, FindOptions, GuardedWrite, ReadCollection, Sort, StoredDocument } from '../read-store.port.js';
import { documentTooLarge, uniqueViolated } from '../refusals.js';
import type { Catalog, CollectionEntry } from './catalog.js';
import type { BatchOutcome, DocumentBatch } from './document-writer.js';
import { filterToSql, Parameters, sortKey } from './filter-to-sql.js';

interface DocRow {
  doc: string;
}
export interface Statement {
  sql: string;
  values: SqliteValue[];
}
interface Asked<A> {
  answer: A;
  /** Whether the collection was as it was taken for. */
  wasCurrent: boolean;
}
/** A sort key as it comes back; blobs as ArrayBuffer. */
type Key = string | number | null | ArrayBuffer;

const STREAM_BATCH = 200;
const DELETE_BATCH = 500;
/** `libsql` ends the process over a text beyond what V8 can hold, 512 Mi characters. */
const MAX_GATHERED_BYTES = 100_000_000;
/** What MongoDB takes, about: BSON is a little larger or smaller than JSON without its escapes. */
const MAX_DOCUMENT_CHARACTERS = 16 * 1024 * 1024;
const ESCAPES = /\\(?:u.{4}|.)/g;

export class SqliteCollection<T extends StoredDocument> implements ReadCollection<T> {
  readonly #db: SqliteDatabase;
  readonly #catalog: Catalog;
  readonly #writer: Writer<DocumentBatch, BatchOutcome>;

  constructor(
    db: SqliteDatabase,
    catalog: Catalog,
    writer: Writer<DocumentBatch, BatchOutcome>,
    readonly name: string,
  ) {
    this.#db = db;
    this.#catalog = catalog;
    this.#writer = writer;
  }

  async find(filter: Filter, options: FindOptions = {}): Promise<T[]> {
    const node = parseFilter(filter);
    checkPaging(options);
    return this.#read((entry) => this.#gathered(entry, select(entry, node, options)), []);
  }

  async findOne(filter: Filter, options?: FindOptions): Promise<T | undefined> {
    const { _id: id, ...others } = filter;
    if (typeof id === 'string' && Object.keys(others).length === 0 && !options) {
      return this.#read<T | undefined>((entry) => this.#byId(entry, id), undefined);
    }
    return (await this.find(filter, { ...options, limit: 1 }))[0];
  }

  async findByIds(ids: readonly string[]): Promise<T[]> {
    return this.find({ _id: { $in: [...ids] } });
  }

  async *stream(filter: Filter, options: { sort?: Sort; batchSize?: number } = {}): AsyncGenerator<T[]> {
    const node = parseFilter(filter);
    const batchSize = options.batchSize ?? STREAM_BATCH;
    checkPaging({ limit: batchSize });
    const sorted = parseSort(options.sort);
    // Nothing ties after `_id`.
    const order = sorted.slice(0, sorted.findIndex(([path]) => path === '_id') + 1 || sorted.length);
    // Every batch is a query of its own that goes on behind the last document: an open one would hold up the log.
    let last: { keys: Key[]; id: string } | undefined;
    for (;;) {
      const after = last;
      const rows = this.#read((entry) => {
        const answer = this.#db.all<DocRow & Record<string, Key>>(...call(page(entry, node, order, batchSize, after)));
        return { answer, wasCurrent: this.#isCurrent(entry) };
      }, []);
      const lastRow = rows.at(-1);
      if (!lastRow) return;
      const docs = rows.map(parse<T>);
      yield docs;
      if (rows.length < batchSize) return;
      last = { keys: order.map((_, index) => lastRow[`k${index}`] ?? null), id: docs.at(-1)?._id ?? '' };
      await nextTurn();
    }
  }

  async count(filter: Filter): Promise<number> {
    const node = parseFilter(filter);
    return this.#read((entry) => {
      const parameters = new Parameters();
      const sql = `SELECT count(*) AS n FROM ${entry.table} WHERE ${filterToSql(node, parameters, entry.mayBeArray)}`;
      const answer = this.#db.value<number>(sql, parameters.values) ?? 0;
      return { answer, wasCurrent: this.#isCurrent(entry) };
    }, 0);
  }

  async writeGuarded(writes: readonly GuardedWrite<T>[]): Promise<string[]> {
    if (writes.length === 0) return [];
    checkWrites(this.name, writes);
    const texts = writes.map(({ doc, guard }) => ({ id: doc._id, doc: this.#text(doc), guard }));
    for (;;) {
      const entry = this.#catalog.known(this.name) ?? this.#catalog.entry(this.name);
      const arrays = new Set(entry?.arrays);
      for (const { doc } of writes) for (const path of entry?.newArrays(doc) ?? []) arrays.add(path);
      const indexes = JSON.stringify(entry?.indexes ?? []);
      const outcome = await this.#writer.write({ collection: this.name, indexes, arrays: [...arrays], writes: texts });
      if (outcome === 'other-indexes') {
        // As they are now, whoever changed them.
        this.#catalog.forget(this.name);
        continue;
      }
      if (outcome.violated > 0) throw uniqueViolated(this.name, outcome.violated);
      return outcome.missed;
    }
  }

  async deleteMany(filter: Filter): Promise<number> {
    const node = parseFilter(filter);
    let deleted = 0;
    for (;;) {
      const changes = await this.#write((entry) => {
        if (!entry) return 0;
        const parameters = new Parameters();
        const where = filterToSql(node, parameters, entry.mayBeArray);
        const sql = `DELETE FROM ${entry.table} WHERE rowid IN (SELECT rowid FROM ${entry.table} WHERE ${where} LIMIT ${DELETE_BATCH})`;
        return this.#db.run(sql, parameters.values).changes;
      });
      deleted += changes;
      if (changes < DELETE_BATCH) return deleted;
      await nextTurn();
    }
  }

  /** What `find` asks SQLite; tests look at its plan. (Not here: in libsql an EXPLAIN holds its snapshot for good.) */
  statement(filter: Filter, options: FindOptions = {}): Statement {
    const node = parseFilter(filter);
    return this.#read((entry) => ({ answer: select(entry, node, options), wasCurrent: this.#isCurrent(entry) }), {
      sql: '',
      values: [],
    });
  }

  /**
   * All documents of a query as one JSON text, and beside it whether the catalog still says what the query went by: a row
   * costs `libsql` more than the document in it, and a look of its own as much as a small query.
   */
  #gathered(entry: CollectionEntry, { sql, values }: Statement): Asked<T[]> {
    const said = `SELECT indexes || arrays = ?${values.length + 1} FROM collection WHERE name = ?${values.length + 2}`;
    const gathered = `SELECT CASE WHEN total(octet_length(doc)) <= ${MAX_GATHERED_BYTES} THEN group_concat(doc) END, count(*), (${said}) FROM (${sql})`;
    try {
      const asked = [...values, entry.text, this.name];
      const row = this.#db.row<[docs: string | null, count: number, wasCurrent: number | null]>(gathered, asked);
      const [docs, count, wasCurrent] = row ?? [null, 0, 0];
      if (docs !== null || count === 0)
        return { answer: JSON.parse(`[${docs ?? ''}]`) as T[], wasCurrent: wasCurrent === 1 };
    } catch (error) {
      if (!isSqliteTooBig(error)) throw error;
    }
    // More than one text can hold.
    const answer = this.#db.rows<[string]>(sql, values).map(([doc]) => parse<T>({ doc }));
    return { answer, wasCurrent: this.#isCurrent(entry) };
  }

  /** What else is known of a collection makes no difference here. Half the price of `#gathered`. */
  #byId(entry: CollectionEntry, id: string): Asked<T | undefined> {
    const row = this.#db.row<[doc: string]>(`SELECT doc FROM ${entry.table} WHERE _id = ?`, [id]);
    return { answer: row && parse<T>({ doc: row[0] }), wasCurrent: true };
  }

  #isCurrent(entry: CollectionEntry): boolean {
    return this.#catalog.entry(this.name) === entry;
  }

  /** Goes by what was last known of the collection, and asks again where that did not hold any more. */
  #read<A>(ask: (entry: CollectionEntry) => Asked<A>, withoutCollection: A): A {
    let entry = this.#catalog.known(this.name) ?? this.#catalog.entry(this.name);
    while (entry) {
      try {
        const { answer, wasCurrent } = ask(entry);
        if (wasCurrent || this.#isCurrent(entry)) return answer;
      } catch (error) {
        // It may have been dropped meanwhile.
        if (this.#isCurrent(entry)) throw error;
      }
      entry = this.#catalog.entry(this.name);
    }
    return withoutCollection;
  }

  async #write<A>(work: (entry: CollectionEntry | undefined) => A): Promise<A> {
    try {
      return await this.#db.immediate(() => work(this.#catalog.entry(this.name)));
    } catch (error) {
      // What was saved in the catalog is undone with the rest.
      this.#catalog.forget(this.name);
      throw error;
    }
  }

  #text(doc: T): string {
    const text = JSON.stringify(doc);
    const isTooLarge = (): boolean => text.replace(ESCAPES, '_').length > MAX_DOCUMENT_CHARACTERS;
    if (text.length <= MAX_DOCUMENT_CHARACTERS || !isTooLarge()) return text;
    throw documentTooLarge();
  }
}

const call = ({ sql, values }: Statement): [string, SqliteValue[]] => [sql, values];

/** Every document in the table was written by `writeGuarded` of this type. */
const parse = <T>({ doc }: DocRow): T => JSON.parse(doc) as T;

function select(entry: CollectionEntry, node: FilterNode, { sort, limit, skip }: FindOptions): Statement {
  const parameters = new Parameters();
  const where = filterToSql(node, parameters, entry.mayBeArray);
  const isFixed = fixedBy(entry, node);
  const order = parseSort(sort)
    .filter(([path]) => !isFixed(path))
    .map(([path, direction]) => `${sortKey(path, direction, entry.mayBeArray)} ${direction === 1 ? 'ASC' : 'DESC'}`);
  let sql = `SELECT doc FROM ${entry.table} WHERE ${where}`;
  if (order.length > 0) sql += ` ORDER BY ${order.join(', ')}`;
  if (limit !== undefined || skip !== undefined) {
    sql += ` LIMIT ${parameters.whole(limit ?? -1)}`;
    if (skip !== undefined) sql += ` OFFSET ${parameters.whole(skip)}`;
  }
  return { sql, values: parameters.values };
}

/**
 * What all matches have in common orders nothing. SQLite does not see that of an expression: asked to sort by it, it
 * gathers all matches, however many there are, and sorts them, though an index has them in order.
 */
function fixedBy(entry: CollectionEntry, node: FilterNode): (path: string) => boolean {
  const fixed = new Set(fixedPaths(node));
  return (path) => fixed.has(path) && !entry.mayBeArray(path);
}

/** The next matches behind `last` in the order given, ties by `_id`, with their sort keys. */
function page(
  entry: CollectionEntry,
  node: FilterNode,
  order: readonly [path: string, direction: 1 | -1][],
  limit: number,
  last: { keys: Key[]; id: string } | undefined,
): Statement {
  const parameters = new Parameters();
  const isFixed = fixedBy(entry, node);
  const columns = order.map(([path, direction], index) => ({
    ...{ path, direction, key: sortKey(path, direction, entry.mayBeArray) },
    last: last?.keys[index] ?? null,
  }));
  // Without `_id` there would be no order at all where the filter names one document.
  const keys = columns.filter(({ path }) => path === '_id' || !isFixed(path));
  if (!order.some(([path]) => path === '_id'))
    keys.push({ path: '_id', direction: 1, key: '_id', last: last?.id ?? null });
  let where = filterToSql(node, parameters, entry.mayBeArray);
  if (last) {
    const lastKeys = keys.map((key) => boundKey(key.last, parameters));
    const branches = keys.map(({ key, direction }, index) =>
      [
        ...keys.slice(0, index).map((earlier, before) => `${earlier.key} IS ${lastKeys[before]}`),
        behind(key, direction, lastKeys[index] ?? 'NULL'),
      ].join(' AND '),
    );
    where += ` AND (${branches.map((branch) => `(${branch})`).join(' OR ')})`;
    // Said once more for the first key alone, where it is a range that an index can start at.
    const [first] = keys;
    if (first && lastKeys[0] !== undefined && lastKeys[0] !== 'NULL' && first.direction === 1)
      where += ` AND ${first.key} >= ${lastKeys[0]}`;
  }
  const selected = columns.map(({ key }, index) => `, ${key} AS k${index}`).join('');
  const orderBy = keys.map(({ key, direction }) => `${key} ${direction === 1 ? 'ASC' : 'DESC'}`).join(', ');
  return {
    sql: `SELECT doc${selected} FROM ${entry.table} WHERE ${where} ORDER BY ${orderBy} LIMIT ${parameters.whole(limit)}`,
    values: parameters.values,
  };
}

function boundKey(key: Key, parameters: Parameters): string {
  if (key === null) return 'NULL';
  if (key instanceof ArrayBuffer) return parameters.add(new Uint8Array(key));
  return key === -Infinity ? '-1e999' : parameters.add(key);
}

/** NULL comes first ascending, last descending. */
function behind(key: string, direction: 1 | -1, last: string): string {
  if (last === 'NULL') return direction === 1 ? `${key} IS NOT NULL` : '0';
  return direction === 1 ? `${key} > ${last}` : `(${key} < ${last} OR ${key} IS NULL)`;
}
