/**
 * Opens the SQLite file of one of our stores, made anew if it is not there: checked to be ours and whole, in
 * write-ahead mode, its schema brought up to date. Several processes may have it open.
 */
import { randomUUID } from 'node:crypto';
import {
  accessSync,
  closeSync,
  constants,
  fsyncSync,
  linkSync,
  mkdirSync,
  openSync,
  realpathSync,
  rmSync,
  statSync,
} from 'node:fs';
import { dirname, resolve } from 'node:path';
import Libsql from 'libsql';
import { backoffMs, delay, errorCode, UnavailableError } from '@timeline/kernel';
import type { ExpectedFile } from './file-header.js';
import { damaged, inspectFile, tooNew, unavailable, unreadable } from './file-header.js';
import { SqliteDatabase } from './sqlite-database.js';

export interface SqliteFileSettings extends ExpectedFile {
  /**
   * Brings the schema from `fromVersion` (0: a new file) to `schemaVersion`; runs inside the transaction that also
   * sets the version, so all of it happens or nothing.
   */
  migrate(db: SqliteDatabase, fromVersion: number): void;
  /** FULL (default): a commit survives a power cut. NORMAL: it survives a killed process only. */
  synchronous?: 'FULL' | 'NORMAL';
}

/** Checking every page takes about 0.5 ms a megabyte; larger files say that they are damaged when the page is met. */
const CHECKED_WHOLE_UP_TO_BYTES = 64 * 1024 * 1024;
const OPEN_GIVE_UP_MS = 15_000;

/**
 * Files (device and inode) that this process has opened. Their headers are not read again, not even after `close()`:
 * closing any descriptor of a file drops all locks that the process has on it, those of connections that the garbage
 * collector has not met yet included, and SQLite goes on believing in them.
 */
const openedHere = new Set<string>();

/**
 * `path` is a file name (its folder is made if missing) or `:memory:`.
 * @throws FaultError `…_FOREIGN`, `…_DAMAGED`, `…_TOO_NEW`, `…_UNREADABLE`, the file left byte for byte as it was;
 * UnavailableError when other processes keep it locked
 */
export async function openSqlite(path: string, settings: SqliteFileSettings): Promise<SqliteDatabase> {
  if (path === ':memory:') {
    const db = new SqliteDatabase(path, settings);
    migrate(db, settings);
    return db;
  }
  const file = resolvedPath(path, settings);
  if (!openedHere.has(inodeOf(file)) && !inspectFile(file, settings)) createFile(file, settings);
  await untilNotBusy(settings, () => probe(file, settings));
  openedHere.add(inodeOf(file));
  const db = new SqliteDatabase(file, settings);
  try {
    await untilNotBusy(settings, () => db.exec('PRAGMA journal_mode = WAL'));
    db.exec(`PRAGMA synchronous = ${settings.synchronous ?? 'FULL'}`);
    if (versionOf(db) !== settings.schemaVersion) {
      await db.immediate(() => migrate(db, settings));
      // Into the file itself, where the next opening looks.
      db.exec('PRAGMA wal_checkpoint(TRUNCATE)');
    }
    return db;
  } catch (error) {
    db.close();
    throw error;
  }
}

/** Another connection, for another thread of this process, to a file that `openSqlite` has opened: see `openedHere`. */
export function connectAgain(path: string, settings: SqliteFileSettings): SqliteDatabase {
  const db = new SqliteDatabase(path, settings);
  db.exec(`PRAGMA synchronous = ${settings.synchronous ?? 'FULL'}`);
  return db;
}

/** With its birth: the number of a file that was removed is soon given to another. */
function inodeOf(path: string): string {
  const found = statSync(path, { throwIfNoEntry: false, bigint: true });
  return found ? `${found.dev}:${found.ino}:${found.birthtimeNs}` : '';
}

function resolvedPath(path: string, settings: SqliteFileSettings): string {
  const absolute = resolve(path);
  try {
    mkdirSync(dirname(absolute), { recursive: true });
    // One name for one file, or locks could not be told apart by name.
    if (!statSync(absolute, { throwIfNoEntry: false })) return absolute;
    // SQLite would open it for reading only, and the first write would find out.
    accessSync(absolute, constants.R_OK | constants.W_OK);
    return realpathSync(absolute);
  } catch (error) {
    throw unreadable(settings, absolute, error);
  }
}

const versionOf = (db: SqliteDatabase): number => db.value<number>('PRAGMA user_version') ?? 0;

function migrate(db: SqliteDatabase, settings: SqliteFileSettings): void {
  const found = versionOf(db);
  if (found > settings.schemaVersion) throw tooNew(settings, db.path, found);
  // Another process may have done it while this one waited for the lock.
  if (found === settings.schemaVersion) return;
  settings.migrate(db, found);
  db.exec(`PRAGMA user_version = ${settings.schemaVersion}`);
}

/**
 * Puts an empty database that already says whose it is in place, in one step: a process killed at any instant
 * leaves either no file or this one, and of two processes that start together one wins.
 */
function createFile(path: string, { applicationId, ...settings }: SqliteFileSettings): void {
  const temporary = `${path}.${randomUUID()}.new`;
  try {
    const db = new Libsql(temporary);
    // Through `exec` only: a prepared statement would keep the connection alive past `close()`.
    db.exec(`PRAGMA synchronous = FULL; PRAGMA application_id = ${applicationId}`);
    db.close();
    linkSync(temporary, path);
    const folder = openSync(dirname(path), 'r');
    fsyncSync(folder);
    closeSync(folder);
  } catch (error) {
    const expected = { applicationId, ...settings };
    if (errorCode(error) !== 'EEXIST') throw unavailable(expected, path, error) ?? unreadable(expected, path, error);
  } finally {
    rmSync(temporary, { force: true });
  }
}

/**
 * Has SQLite look at the file through a connection that cannot write and leaves nothing behind (`exec` only, see
 * above). What is wrong is told by an error, since `exec` answers no rows: `abs` of the smallest integer fails.
 */
function probe(path: string, settings: SqliteFileSettings): void {
  const fail = 'abs(-9223372036854775807 - 1)';
  let db: Libsql.Database;
  try {
    db = new Libsql(path);
  } catch (error) {
    throw unreadable(settings, path, error);
  }
  try {
    db.exec('PRAGMA busy_timeout = 50; PRAGMA query_only = 1; SELECT count(*) FROM sqlite_schema');
    if (statSync(path).size <= CHECKED_WHOLE_UP_TO_BYTES) {
      db.exec(`SELECT CASE WHEN quick_check <> 'ok' THEN ${fail} END FROM pragma_quick_check(1)`);
    }
  } catch (error) {
    if (/^SQLITE_(BUSY|LOCKED)/.test(errorCode(error))) throw error;
    if (/^SQLITE_(CANTOPEN|PERM|READONLY)/.test(errorCode(error))) throw unreadable(settings, path, error);
    // A full disk, or one that fails, tells nothing about the file.
    throw unavailable(settings, path, error) ?? damaged(settings, path, 'its pages do not fit together', error);
  } finally {
    db.close();
  }
}

async function untilNotBusy(settings: SqliteFileSettings, step: () => void): Promise<void> {
  const giveUpAt = performance.now() + OPEN_GIVE_UP_MS;
  for (let attempt = 0; ; attempt++) {
    try {
      return step();
    } catch (error) {
      const isBusy = error instanceof UnavailableError || /^SQLITE_(BUSY|LOCKED)/.test(errorCode(error));
      if (!isBusy) throw error;
      if (performance.now() > giveUpAt) {
        throw new UnavailableError(settings.kind, `another process has kept the ${settings.kind} locked; try again`);
      }
    }
    await delay(backoffMs(attempt, 50));
  }
}
