/** What is SQLite's own: that indexes serve, that several processes agree, that nothing is lost or blocked. */
import { copyFileSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { errorCode } from '@timeline/kernel';
import Libsql from 'libsql';
import { afterKeyset } from '../keyset.js';
import type { Filter, FindOptions, GuardedWrite, IndexSpec } from '../read-store.port.js';
import { SqliteReadStore } from './sqlite-read-store.js';

interface Doc {
  _id: string;
  [field: string]: unknown;
}

let folder: string;
let store: SqliteReadStore;
beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'timeline-reads-'));
  store = await SqliteReadStore.open(join(folder, 'reads.db'));
});
afterEach(async () => {
  await store.close();
  rmSync(folder, { recursive: true });
});

/** SQLite's plan for a query, asked through a connection of its own. */
function plan(filter: Filter, options?: FindOptions): string {
  const { sql, values } = store.collection<Doc>('entries').statement(filter, options);
  const db = new Libsql(join(folder, 'reads.db'));
  const rows = db.prepare(`EXPLAIN QUERY PLAN ${sql}`).raw().all(values);
  db.close();
  return rows.map((row) => String(Object(row)[3])).join('\n');
}

const absent = (doc: Doc): GuardedWrite<Doc> => ({ doc, guard: 'absent' });
const entries = (count: number): Doc[] =>
  Array.from({ length: count }, (_, index) => ({
    _id: `e${index}`,
    _o: `customer/${index % 10}`,
    customerId: `c${index % 10}`,
    at: `2024-01-01T00:00:${String(index % 60).padStart(2, '0')}.000Z`,
    channel: index % 2 ? 'web' : 'phone',
    score: index,
  }));

describe('indexes serve', () => {
  const indexes: IndexSpec[] = [
    { name: 'timeline', key: { customerId: 1, at: -1, _id: -1 } },
    { name: 'owner', key: { _o: 1 } },
    { name: 'score', key: { score: 1 } },
    { name: 'nested', key: { 'of.name': 1, _id: 1 } },
    { name: 'flag', key: { open: 1, dueAt: 1 } },
    { name: 'parked', key: { '_b.position': 1 }, sparse: true },
  ];
  const newestFirst: FindOptions = { sort: { at: -1, _id: -1 }, limit: 20 };
  const next = afterKeyset({ at: -1, _id: -1 }, { at: '2024-01-01T00:00:30.000Z', _id: 'e30' });
  const cases: [what: string, filter: Filter, options: FindOptions, index: string, paths: number][] = [
    ['the first page of a timeline', { customerId: 'c1' }, newestFirst, 'timeline', 1],
    [
      'a page between two instants',
      { customerId: 'c1', at: { $gte: '2024', $lt: '2025' } },
      newestFirst,
      'timeline',
      2,
    ],
    ['a page further on by keyset', { customerId: 'c1', ...next }, newestFirst, 'timeline', 2],
    [
      'a page with more conditions',
      { customerId: 'c1', ...next, channel: { $in: ['web'] }, _x: { $exists: false } },
      newestFirst,
      'timeline',
      2,
    ],
    [
      'a page that is sorted by what is the same in all of it too',
      { customerId: 'c1', _x: { $exists: false } },
      { sort: { customerId: -1, at: -1, _id: -1 }, limit: 21 },
      'timeline',
      1,
    ],
    ['what one owner has', { _o: 'customer/1' }, {}, 'owner', 1],
    ['several owners', { _o: { $in: ['customer/1', 'customer/2'] } }, {}, 'owner', 1],
    ['a range of numbers', { score: { $gt: 5 } }, { sort: { score: 1 } }, 'score', 1],
    ['the greatest first', {}, { sort: { score: -1 }, limit: 1 }, 'score', 0],
    ['text that starts with', { 'of.name': { $prefix: 'An' } }, { sort: { 'of.name': 1, _id: 1 } }, 'nested', 1],
    ['a boolean and what is due', { open: true, dueAt: { $lte: '2024' } }, { sort: { dueAt: 1 } }, 'flag', 2],
    ['what is missing', { open: null }, {}, 'flag', 1],
    ['what is there', { '_b.position': { $exists: true } }, { sort: { '_b.position': 1 } }, 'parked', 0],
  ];
  it.each(cases)('%s', async (_what, filter, options, index, paths) => {
    await store.ensureCollection('entries', indexes);
    const collection = store.collection<Doc>('entries');
    await collection.writeGuarded(entries(200).map(absent));
    const steps = plan(filter, options);
    expect(steps).toContain(`INDEX "i:entries:${index}"`.replaceAll('"', ''));
    // How many terms of the index the search goes by: conditions left over would be looked at row by row.
    expect((/\((.*)\)/.exec(steps)?.[1] ?? '').match(/[=<>]+/g)?.length ?? 0).toBeGreaterThanOrEqual(paths);
    // The index is in the order asked for: nothing is gathered and sorted.
    expect(steps).not.toContain('TEMP B-TREE');
  });

  it('and those no longer declared are gone', async () => {
    await store.ensureCollection('entries', indexes);
    await store.ensureCollection('entries', indexes.slice(1));
    expect(plan({ customerId: 'c1' })).toMatch(/^SCAN c:entries/);
  });

  it('ids by the primary key', async () => {
    await store.ensureCollection('entries', []);
    expect(plan({ _id: { $in: ['a', 'b'] } })).toMatch(/SEARCH .* INDEX .* \(_id=\?\)/);
  });

  it('until an array is met on their path; the answers stay right', async () => {
    await store.ensureCollection('entries', indexes);
    const collection = store.collection<Doc>('entries');
    await collection.writeGuarded(entries(20).map(absent));
    const other = await SqliteReadStore.open(join(folder, 'reads.db'));
    expect(plan({ score: 3 })).toContain('i:entries:score');
    await other.collection<Doc>('entries').writeGuarded([absent({ _id: 'many', score: [3, 30] })]);
    expect((await collection.find({ score: 3 })).map(({ _id }) => _id)).toEqual(['e3', 'many']);
    expect(plan({ score: 3 })).not.toContain('i:entries:score');
    expect(plan({ customerId: 'c1' })).toContain('i:entries:timeline');
    await other.close();
  });

  it('even where arrays were there before the index', async () => {
    const collection = store.collection<Doc>('entries');
    await collection.writeGuarded([absent({ _id: 'a', tags: ['x', 'y'] }), absent({ _id: 'b', of: [{ name: 'x' }] })]);
    await store.ensureCollection('entries', [...indexes, { name: 'tags', key: { tags: 1 } }]);
    expect(await collection.count({ tags: 'y' })).toBe(1);
    expect(await collection.count({ 'of.name': 'x' })).toBe(1);
  });

  it('but a unique one takes no arrays', async () => {
    const unique: IndexSpec[] = [{ name: 'email', key: { 'of.email': 1 }, unique: true }];
    await store.ensureCollection('people', unique);
    const people = store.collection<Doc>('people');
    const refused = people.writeGuarded([absent({ _id: 'a', of: [{ email: 'x' }] })]);
    expect(await refused.catch(errorCode)).toBe('DOCUMENT_INVALID');
    await store.ensureCollection('people', []);
    await people.writeGuarded([absent({ _id: 'a', of: { email: ['x'] } })]);
    expect(await store.ensureCollection('people', unique).catch(errorCode)).toBe('INDEX_INVALID');
  });
});

describe('several on one file', () => {
  it('make the same collections at once', async () => {
    const stores = await Promise.all(Array.from({ length: 5 }, () => SqliteReadStore.open(join(folder, 'reads.db'))));
    await Promise.all(stores.map((each) => each.ensureCollection('a', [{ name: 'one', key: { n: 1 } }])));
    await Promise.all(stores.map((each, n) => each.collection<Doc>('a').writeGuarded([absent({ _id: `${n}`, n })])));
    for (const each of stores) {
      expect(await each.collection<Doc>('a').count({ n: { $gte: 0 } })).toBe(5);
      await each.close();
    }
  });

  it('see a killed one’s acknowledged writes', async () => {
    await store.ensureCollection('a', []);
    await store.collection<Doc>('a').writeGuarded(entries(100).map(absent));
    // As `kill -9` leaves it: nothing copied from the write-ahead log into the file.
    for (const suffix of ['', '-wal'])
      copyFileSync(join(folder, `reads.db${suffix}`), join(folder, `copy.db${suffix}`));
    const copy = await SqliteReadStore.open(join(folder, 'copy.db'));
    expect(await copy.collection<Doc>('a').count({})).toBe(100);
    await copy.close();
  });

  it('find arrays where another has changed what is indexed, or made the collection anew', async () => {
    const indexes: IndexSpec[] = [{ name: 'tags', key: { tags: 1 } }];
    const other = await SqliteReadStore.open(join(folder, 'reads.db'));
    const tagged = (_id: string): Promise<string[]> =>
      store.collection<Doc>('a').writeGuarded([absent({ _id, tags: ['x'] })]);
    await store.ensureCollection('a', []);
    await other.ensureCollection('a', indexes);
    await tagged('first');
    expect(await other.collection<Doc>('a').count({ tags: 'x' })).toBe(1);
    await other.dropCollection('a');
    await other.ensureCollection('a', indexes);
    await tagged('second');
    expect(await other.collection<Doc>('a').find({ tags: 'x' })).toEqual([{ _id: 'second', tags: ['x'] }]);
    await other.close();
  });

  it('leave nothing of a bulk that failed, nor of what it taught', async () => {
    await store.ensureCollection('a', [{ name: 'n', key: { n: 1 } }]);
    const collection = store.collection<Doc>('a');
    const writes = [absent({ _id: 'a', n: [1] })];
    const db = new Libsql(join(folder, 'reads.db'));
    db.exec(`CREATE TRIGGER fails BEFORE INSERT ON "c:a" WHEN NEW._id = 'boom' BEGIN SELECT json('{'); END`);
    db.close();
    await expect(collection.writeGuarded([...writes, absent({ _id: 'boom' })])).rejects.toThrow('malformed JSON');
    expect(await collection.count({})).toBe(0);
    expect(await collection.writeGuarded(writes)).toEqual([]);
    // Another one knows of the array only if it was written down.
    const other = await SqliteReadStore.open(join(folder, 'reads.db'));
    expect(await other.collection<Doc>('a').count({ n: 1 })).toBe(1);
    await other.close();
  });
});

it('answers with more than fits into one text', async () => {
  const collection = store.collection<Doc>('a');
  const text = 'x'.repeat(15_000_000);
  const ids = Array.from({ length: 8 }, (_, n) => `d${n}`);
  for (const _id of ids) await collection.writeGuarded([absent({ _id, text })]);
  const found = await collection.find({}, { sort: { _id: 1 } });
  expect(found.map(({ _id }) => _id)).toEqual(ids);
  expect(found.every((doc) => doc['text'] === text)).toBe(true);
});

it('lets others run between the batches of a stream, and of a deletion', async () => {
  await store.ensureCollection('a', []);
  const collection = store.collection<Doc>('a');
  await collection.writeGuarded(entries(2000).map(absent));
  let turns = 0;
  let running = true;
  const count = (): void => {
    turns += 1;
    if (running) setImmediate(count);
  };
  setImmediate(count);
  let batches = 0;
  for await (const batch of collection.stream({}, { batchSize: 100 })) batches += batch.length / 100;
  expect(batches).toBe(20);
  expect(turns).toBeGreaterThanOrEqual(19);
  turns = 0;
  await collection.deleteMany({});
  expect(turns).toBeGreaterThanOrEqual(3);
  running = false;
});

it('leaves nothing in its files of what was overwritten, once it was scrubbed', async () => {
  await store.ensureCollection('people', [{ name: 'name', key: { name: 1 } }]);
  const people = store.collection<Doc>('people');
  const named = (index: number): Doc => ({
    _id: `p${index}`,
    _v: 1,
    name: 'Quirkfeather',
    note: 'Quirkfeather '.repeat(900),
  });
  const ids = Array.from({ length: 50 }, (_, index) => index);
  await people.writeGuarded(ids.map((index) => absent(named(index))));
  const files = (): string[] =>
    ['', '-wal'].filter((end) => readFileSync(join(folder, `reads.db${end}`)).includes('Quirkfeather'));
  await store.scrub();
  expect(files()).toEqual(['']);
  // One who still reads the pages as they were keeps them in the file.
  const reader = new Libsql(join(folder, 'reads.db'));
  reader.exec('BEGIN');
  reader.prepare('SELECT count(*) FROM sqlite_schema').raw().all();
  await people.writeGuarded(
    ids.map((index) => ({ doc: { _id: `p${index}`, _v: 2 }, guard: { path: '_v', equals: 1 } })),
  );
  expect(await store.scrub()).toBe('put-off');
  expect(files()).toEqual(['']);
  reader.exec('COMMIT');
  reader.close();
  expect(await store.scrub()).toBe('overwritten');
  expect(files()).toEqual([]);
});

it('refuses a file that is not a read store', async () => {
  writeFileSync(join(folder, 'notes.txt'), 'these are notes\n'.repeat(100));
  expect(await SqliteReadStore.open(join(folder, 'notes.txt')).catch(errorCode)).toBe('READ_STORE_FOREIGN');
});
