import { fork } from 'node:child_process';
import {
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { errorCode, UnavailableError } from '@timeline/kernel';
import Libsql from 'libsql';
import type { SqliteFileSettings } from './index.js';
import { isSqliteConstraint, openSqlite } from './index.js';

const settings: SqliteFileSettings = {
  applicationId: 0x7465_7374,
  kind: 'test store',
  codePrefix: 'TEST_STORE',
  schemaVersion: 1,
  migrate: (db) => db.exec('CREATE TABLE thing (id INTEGER PRIMARY KEY, name TEXT UNIQUE)'),
};

let folder: string;
beforeEach(() => (folder = mkdtempSync(join(tmpdir(), 'timeline-sqlite-'))));
afterEach(() => rmSync(folder, { recursive: true }));

const failure = (promise: Promise<unknown>): Promise<unknown> =>
  promise.then(
    () => 'no error',
    (error: unknown) => error,
  );

/** A file with some hundred pages, alone in its folder: a copy, since this process still holds on to the original. */
async function filledFile(): Promise<string> {
  const original = join(folder, 'original.db');
  const db = await openSqlite(original, settings);
  await db.immediate(() => {
    for (let i = 0; i < 500; i++) db.run('INSERT INTO thing VALUES (?, ?)', [i, `${i}`.padEnd(400, '.')]);
  });
  db.close();
  const path = join(folder, 'alone', 'a.db');
  mkdirSync(join(folder, 'alone'));
  copyFileSync(original, path);
  return path;
}

describe('opening a SQLite file', () => {
  it('makes a new one, and the folder for it, that says whose it is', async () => {
    const path = join(folder, 'not', 'there', 'a.db');
    const db = await openSqlite(path, settings);
    await db.immediate(() => db.run('INSERT INTO thing VALUES (1, ?)', ['one']));
    db.close();
    expect(readFileSync(path).readInt32BE(68)).toBe(settings.applicationId);
    const again = await openSqlite(path, settings);
    expect(again.get('SELECT * FROM thing')).toEqual({ id: 1, name: 'one' });
    expect(again.all('PRAGMA journal_mode')).toEqual([{ journal_mode: 'wal' }]);
    expect(again.all('PRAGMA synchronous')).toEqual([{ synchronous: 2 }]);
    again.close();
    expect(readdirSync(join(folder, 'not', 'there')).filter((name) => name.endsWith('.new'))).toEqual([]);
  });

  it('runs in memory', async () => {
    const db = await openSqlite(':memory:', settings);
    await db.immediate(() => db.run('INSERT INTO thing VALUES (1, ?)', ['one']));
    expect(db.get('SELECT name FROM thing')).toEqual({ name: 'one' });
    db.close();
  });

  it('lets several connections make the same new file at once', async () => {
    const path = join(folder, 'a.db');
    const opened = await Promise.all(Array.from({ length: 8 }, () => openSqlite(path, settings)));
    await Promise.all(opened.map((db, id) => db.immediate(() => db.run('INSERT INTO thing VALUES (?, NULL)', [id]))));
    expect(opened[0]?.get('SELECT count(*) AS n FROM thing')).toEqual({ n: 8 });
    opened.forEach((db) => db.close());
  });

  it('brings an older schema up to date once, and all of it or nothing', async () => {
    const path = await filledFile();
    const next = { ...settings, schemaVersion: 2 };
    const broken = openSqlite(path, {
      ...next,
      migrate: (db) => db.exec('ALTER TABLE thing ADD COLUMN extra; SELECT * FROM missing'),
    });
    expect(await failure(broken)).toBeInstanceOf(Error);
    const seen: number[] = [];
    const migrate: SqliteFileSettings['migrate'] = (db, from) => {
      seen.push(from);
      db.exec('ALTER TABLE thing ADD COLUMN extra');
    };
    (await openSqlite(path, { ...next, migrate })).close();
    (await openSqlite(path, { ...next, migrate })).close();
    expect(seen).toEqual([1]);
    expect(errorCode(await failure(openSqlite(path, settings)))).toBe('TEST_STORE_TOO_NEW');
  });
});

describe('a file that is not right is refused and stays byte for byte as it was', () => {
  const spoil = (path: string, change: (bytes: Buffer) => void): string => {
    const bytes = readFileSync(path);
    change(bytes);
    writeFileSync(path, bytes);
    return path;
  };
  const cases: [string, string, (path: string) => void][] = [
    ['an empty file', 'TEST_STORE_DAMAGED', (path) => truncateSync(path, 0)],
    ['a file that ends within its header', 'TEST_STORE_DAMAGED', (path) => truncateSync(path, 40)],
    ['a file that ends after its first page', 'TEST_STORE_DAMAGED', (path) => truncateSync(path, 4096)],
    [
      'a file that lacks its last byte',
      'TEST_STORE_DAMAGED',
      (path) => truncateSync(path, readFileSync(path).length - 1),
    ],
    ['a file with a page of zeros', 'TEST_STORE_DAMAGED', (path) => spoil(path, (bytes) => bytes.fill(0, 8192, 12288))],
    [
      'a file with garbage behind its header',
      'TEST_STORE_DAMAGED',
      (path) => spoil(path, (bytes) => bytes.fill(0xa5, 100)),
    ],
    [
      'a file with a senseless page size',
      'TEST_STORE_DAMAGED',
      (path) => spoil(path, (bytes) => bytes.writeUInt16BE(1000, 16)),
    ],
    ['a text file', 'TEST_STORE_FOREIGN', (path) => writeFileSync(path, 'id,name\n1,one\n')],
    ['a long text file', 'TEST_STORE_FOREIGN', (path) => writeFileSync(path, 'id,name\n1,one\n'.repeat(5000))],
    [
      'a SQLite file of another program',
      'TEST_STORE_FOREIGN',
      (path) => spoil(path, (bytes) => bytes.writeInt32BE(0, 68)),
    ],
    ['a file of a newer version', 'TEST_STORE_TOO_NEW', (path) => spoil(path, (bytes) => bytes.writeInt32BE(99, 60))],
  ];
  it.each(cases)('%s: %s', async (_what, code, change) => {
    const path = await filledFile();
    change(path);
    const before = readFileSync(path);
    const error = await failure(openSqlite(path, settings));
    expect(errorCode(error)).toBe(code);
    expect(String(error)).toMatch(/It was left as it is: (keep|name|start)/);
    expect(readFileSync(path).equals(before)).toBe(true);
    expect(readdirSync(dirname(path))).toEqual(['a.db']);
  });

  it('a folder, and a file under a file: TEST_STORE_UNREADABLE', async () => {
    mkdirSync(join(folder, 'dir.db'));
    expect(errorCode(await failure(openSqlite(join(folder, 'dir.db'), settings)))).toBe('TEST_STORE_UNREADABLE');
    writeFileSync(join(folder, 'file'), '');
    expect(errorCode(await failure(openSqlite(join(folder, 'file', 'a.db'), settings)))).toBe('TEST_STORE_UNREADABLE');
  });

  it('but a file whose last pages still wait in the write-ahead log is whole', async () => {
    const path = join(folder, 'a.db');
    const db = await openSqlite(path, settings);
    await db.immediate(() => db.run('INSERT INTO thing VALUES (1, ?)', ['one']));
    // As a killed process leaves it: the log not yet copied into the file.
    const copy = join(folder, 'b.db');
    copyFileSync(path, copy);
    copyFileSync(`${path}-wal`, `${copy}-wal`);
    db.close();
    const recovered = await openSqlite(copy, settings);
    expect(recovered.get('SELECT name FROM thing')).toEqual({ name: 'one' });
    recovered.close();
  });
});

describe('a SQLite database', () => {
  it('refuses what libsql would abort on, cut off or change', async () => {
    const db = await openSqlite(':memory:', settings);
    for (const value of [
      true,
      undefined,
      new Date(0),
      {},
      [],
      new ArrayBuffer(1),
      () => 1,
      NaN,
      Infinity,
      'a\0b',
      '\ud800',
    ]) {
      // The types forbid most of these; what arrives through an untyped door must not end the process.
      expect(() => db.all('SELECT ? AS x', [value as string])).toThrow(/NUL|surrogate|NULL|cannot be bound/);
    }
    expect(db.all('SELECT ? AS a, ? AS b, ? AS c, ? AS d', [1, 'é🎉', null, 2n])).toEqual([
      { a: 1, b: 'é🎉', c: null, d: 2 },
    ]);
    db.close();
  });

  it('answers rows without libsql’s own additions, and no row as undefined', async () => {
    const db = await openSqlite(':memory:', settings);
    expect(db.get('SELECT 1 AS one')).toEqual({ one: 1 });
    expect(db.get('SELECT * FROM thing')).toBeUndefined();
    expect(db.run('INSERT INTO thing VALUES (7, NULL)')).toEqual({ changes: 1, lastInsertRowid: 7 });
    expect(db.value('SELECT id, name FROM thing')).toBe(7);
    expect(db.value('SELECT id FROM thing WHERE id > 7')).toBeUndefined();
    db.close();
  });

  it('throws after it was closed, and closing again does nothing', async () => {
    const db = await openSqlite(join(folder, 'a.db'), settings);
    db.get('SELECT * FROM thing');
    db.close();
    db.close();
    expect(() => db.get('SELECT * FROM thing')).toThrow('is closed');
    expect(() => db.exec('SELECT 1')).toThrow('is closed');
    expect(errorCode(await failure(db.immediate(() => 1)))).toBe('TEST_STORE_CLOSED');
  });

  it('keeps a bounded number of statements and still answers each', async () => {
    const db = await openSqlite(':memory:', settings);
    for (let i = 0; i < 1500; i++) expect(db.get(`SELECT ${i} AS n`)).toEqual({ n: i });
    expect(db.get('SELECT 0 AS n')).toEqual({ n: 0 });
    db.close();
  });

  it('takes a transaction back whole', async () => {
    const db = await openSqlite(join(folder, 'a.db'), settings);
    const insert = (id: number, name: string): unknown => db.run('INSERT INTO thing VALUES (?, ?)', [id, name]);
    await db.immediate(() => insert(1, 'one'));
    const refused = await failure(db.immediate(() => [insert(2, 'two'), insert(3, 'one')]));
    expect(isSqliteConstraint(refused)).toBe(true);
    expect(db.all('SELECT id FROM thing')).toEqual([{ id: 1 }]);
    db.close();
  });

  it('takes back what could not be committed or did not fit on the disk, and goes on', async () => {
    const db = await openSqlite(join(folder, 'a.db'), settings);
    db.exec('PRAGMA foreign_keys = ON');
    db.exec('CREATE TABLE part (thing INTEGER REFERENCES thing DEFERRABLE INITIALLY DEFERRED)');
    const orphan = await failure(db.immediate(() => db.run('INSERT INTO part VALUES (99)')));
    expect(isSqliteConstraint(orphan)).toBe(true);
    const { page_count: pages } = db.get<{ page_count: number }>('PRAGMA page_count') ?? { page_count: 0 };
    db.exec(`PRAGMA max_page_count = ${pages + 2}`);
    const large = db.immediate(() => db.run('INSERT INTO thing VALUES (1, ?)', ['x'.repeat(100_000)]));
    expect(await failure(large)).toBeInstanceOf(UnavailableError);
    await db.immediate(() => db.run('INSERT INTO thing VALUES (2, NULL)'));
    expect(db.all('SELECT id FROM thing')).toEqual([{ id: 2 }]);
    expect(db.all('SELECT * FROM part')).toEqual([]);
    db.close();
  });

  it('tells that it is full while larger writes find no room, though a small one would fit', async () => {
    const db = await openSqlite(join(folder, 'a.db'), settings);
    const { page_count: pages } = db.get<{ page_count: number }>('PRAGMA page_count') ?? { page_count: 0 };
    db.exec(`PRAGMA max_page_count = ${pages + 2}`);
    await db.ping();
    const large = db.immediate(() => db.run('INSERT INTO thing VALUES (1, ?)', ['x'.repeat(100_000)]));
    const refused = await failure(large);
    expect(refused).toMatchObject({ code: 'STORE_FULL' });
    expect(await failure(db.ping())).toBe(refused);
    // It goes on by itself once one is written.
    await db.immediate(() => db.run('INSERT INTO thing VALUES (2, NULL)'));
    await db.ping();
    db.close();
  });

  it('notices commits of another connection', async () => {
    const path = join(folder, 'a.db');
    const [one, other] = [await openSqlite(path, settings), await openSqlite(path, settings)];
    const before = one.dataVersion();
    expect(one.dataVersion()).toBe(before);
    await other.immediate(() => other.run('INSERT INTO thing VALUES (1, NULL)'));
    expect(one.dataVersion()).not.toBe(before);
    one.close();
    other.close();
  });

  it('waits for another writer without blocking the event loop', async () => {
    const path = join(folder, 'a.db');
    const db = await openSqlite(path, settings);
    const other = new Libsql(path);
    other.exec('BEGIN IMMEDIATE');
    let turns = 0;
    const waited = db.immediate(() => db.run('INSERT INTO thing VALUES (1, NULL)'));
    while (turns < 20) {
      await new Promise((resolve) => setImmediate(resolve));
      turns++;
    }
    expect(db.get('SELECT count(*) AS n FROM thing')).toEqual({ n: 0 });
    other.exec('COMMIT');
    await waited;
    expect(db.get('SELECT count(*) AS n FROM thing')).toEqual({ n: 1 });
    other.close();
    db.close();
  });

  it('translates a locked file met outside of a transaction into "unavailable"', async () => {
    const path = join(folder, 'a.db');
    const db = await openSqlite(path, settings);
    const other = new Libsql(path);
    other.exec('BEGIN IMMEDIATE');
    expect(() => db.exec('INSERT INTO thing VALUES (1, NULL)')).toThrow(UnavailableError);
    other.exec('ROLLBACK');
    other.close();
    db.close();
  });

  it.each([
    ['still has open', false],
    ['has closed', true],
  ])('opening a file that this process %s keeps the locks that hold other processes off', async (_what, isClosed) => {
    const path = join(folder, 'a.db');
    const before = await openSqlite(path, settings);
    await before.immediate(() => before.run('INSERT INTO thing VALUES (1, NULL)'));
    if (isClosed) before.close();
    const db = await openSqlite(path, settings);
    await db.immediate(() => db.run('INSERT INTO thing VALUES (2, NULL)'));
    if (!isClosed) before.close();
    // Another process that closes as the last one deletes the write-ahead log; it must see that it is not the last.
    const script = join(folder, 'other.mjs');
    writeFileSync(
      script,
      `import Libsql from ${JSON.stringify(import.meta.resolve('libsql'))};
       const db = new Libsql(${JSON.stringify(path)}); db.exec('SELECT * FROM thing'); db.close();`,
    );
    await new Promise((resolve) => fork(script, { execArgv: [] }).on('exit', resolve));
    expect(existsSync(`${path}-wal`)).toBe(true);
    db.close();
  });
});
