/**
 * A thin, typed face on `libsql`, which is not `better-sqlite3`: it aborts the process on a bound boolean or object,
 * keeps native memory for every `prepare()`, answers `_metadata` among the columns of `get()`, runs statements after
 * `close()`, loses text after NUL, and blocks the event loop while it waits for a lock. Here: values are checked
 * before they are bound, statements are kept, waiting for the write lock does not block, and errors of the file
 * become the kernel's. Numbers are bound as REAL: a column that must hold integers is declared INTEGER.
 */
import Libsql from 'libsql';
import { backoffMs, delay, FaultError, UnavailableError } from '@timeline/kernel';
import type { ExpectedFile } from './file-header.js';
import { damaged, unavailable, unreadable } from './file-header.js';

/** What can be bound. Blobs come back as ArrayBuffer. */
export type SqliteValue = string | number | bigint | null | Uint8Array;

type Statement = Libsql.Statement<unknown[]>;

/** Enough for the fixed statements of a store and the usual shapes of filters; each costs some 3 KB. */
const STATEMENTS_KEPT = 500;
/** A read waits this long, blocking, for the moment in which another process recovers or closes the file. */
const READ_WAIT_MS = 250;
/** Another process holds the write lock for about as long as one fsync takes. */
const WRITE_WAIT_MS = 4;
/** How long `immediate` keeps trying, not blocking, before it gives up. */
const WRITE_GIVE_UP_MS = 15_000;

const sqliteCode = (error: unknown): string => (error instanceof Libsql.SqliteError ? error.code : '');

/** Whether a UNIQUE, CHECK, NOT NULL or foreign key constraint refused the statement. */
export const isSqliteConstraint = (error: unknown): boolean => sqliteCode(error).startsWith('SQLITE_CONSTRAINT');

/** Whether a value would have become larger than SQLite allows. */
export const isSqliteTooBig = (error: unknown): boolean => sqliteCode(error) === 'SQLITE_TOOBIG';

const isBusy = (error: unknown): boolean => /^SQLITE_(BUSY|LOCKED)/.test(sqliteCode(error));

function refuseUnbindable(values: readonly SqliteValue[]): void {
  for (const value of values) {
    switch (typeof value) {
      case 'string':
        if (value.includes('\0')) throw new FaultError('SQLITE_UNBINDABLE', 'text with NUL would be cut off there');
        if (!value.isWellFormed()) throw new FaultError('SQLITE_UNBINDABLE', 'text with a lone surrogate would change');
        break;
      case 'number':
        if (!Number.isFinite(value)) throw new FaultError('SQLITE_UNBINDABLE', `${value} would be stored as NULL`);
        break;
      case 'bigint':
        break;
      default:
        // Types say so already; but what slips through would abort the process, and nothing could catch that.
        if (value !== null && !(value instanceof Uint8Array)) {
          throw new FaultError('SQLITE_UNBINDABLE', `a value of type ${typeof value} cannot be bound`);
        }
    }
  }
}

/** How long a write that failed is told of, unless another goes through. */
const TOLD_FOR_MS = 2_000;

export class SqliteDatabase {
  readonly #db: Libsql.Database;
  readonly #statements = new Map<string, Statement>();
  readonly #rawStatements = new Map<string, Statement>();
  #isClosed = false;
  /** How the last write failed, where it did, for the file's sake (a full disk, an I/O error). */
  #failure: { error: unknown; at: number } | undefined;

  /** Use `openSqlite`, which makes sure that the file is the right one. */
  constructor(
    readonly path: string,
    readonly file: ExpectedFile,
  ) {
    try {
      this.#db = new Libsql(path);
    } catch (error) {
      throw unreadable(file, path, error);
    }
    this.exec(`PRAGMA busy_timeout = ${READ_WAIT_MS}`);
  }

  get isClosed(): boolean {
    return this.#isClosed;
  }

  /** All rows, each an object by column name. `Row` is the caller's word for what the statement selects. */
  all<Row extends object>(sql: string, values: readonly SqliteValue[] = []): Row[] {
    // SQLite knows no row types; each statement stands beside the type of its rows.
    return this.#answer(sql, values, (statement) => statement.all(values)) as Row[];
  }

  /**
   * All rows, each an array in the order of its columns. Of many columns half the price of `all`: `libsql` sets the members
   * of an object one by one, each through the boundary to native code.
   */
  rows<Row extends readonly SqliteValue[]>(sql: string, values: readonly SqliteValue[] = []): Row[] {
    return this.#answer(sql, values, (statement) => statement.all(values), this.#rawStatements) as unknown as Row[];
  }

  /** The first row. */
  get<Row extends object>(sql: string, values: readonly SqliteValue[] = []): Row | undefined {
    return this.all<Row>(sql, values)[0];
  }

  /** The first row as an array in the order of its columns. Half the price of `get`: `libsql` prepares room for 100 rows there. */
  row<Row extends readonly SqliteValue[]>(sql: string, values: readonly SqliteValue[] = []): Row | undefined {
    return this.#answer(sql, values, (statement) => statement.get(values), this.#rawStatements) as Row | undefined;
  }

  /** The first column of the first row. */
  value<Value extends SqliteValue>(sql: string, values: readonly SqliteValue[] = []): Value | undefined {
    return this.row<[Value]>(sql, values)?.[0];
  }

  run(sql: string, values: readonly SqliteValue[] = []): { changes: number; lastInsertRowid: number } {
    const { changes, lastInsertRowid } = this.#answer(sql, values, (statement) => statement.run(values));
    return { changes, lastInsertRowid: Number(lastInsertRowid) };
  }

  /** One or more statements without parameters and without an answer. Nothing is kept of them. */
  exec(sql: string): void {
    this.#refuseClosed();
    try {
      this.#db.exec(sql);
    } catch (error) {
      throw this.#translated(error);
    }
  }

  /**
   * Runs `work` in a transaction that holds the write lock from its start; resolves once it is durable (as far as
   * `synchronous` promises). Waits for writers of other processes without blocking the event loop.
   * `work` is synchronous, so that nothing else of this process can come in between, and may run only once.
   * @throws UnavailableError when the lock cannot be had, or when writing fails (outcome then unknown)
   */
  async immediate<T>(work: () => T): Promise<T> {
    const giveUpAt = performance.now() + WRITE_GIVE_UP_MS;
    for (let attempt = 0; !this.#tryBegin(); attempt++) {
      if (performance.now() > giveUpAt) {
        throw new UnavailableError(this.file.kind, `another process has kept the ${this.file.kind} locked; try again`);
      }
      await delay(backoffMs(attempt, 20));
    }
    try {
      const result = work();
      this.exec('COMMIT');
      this.#failure = undefined;
      return result;
    } catch (error) {
      if (error instanceof UnavailableError) this.#failure = { error, at: performance.now() };
      // Some errors (disk full, I/O) have ended the transaction already.
      if (this.#db.inTransaction) this.exec('ROLLBACK');
      if (error instanceof UnavailableError && error.code === 'STORE_FULL') this.#makeRoom();
      throw error;
    }
  }

  /** How the last write of another connection of this process went: `ping` tells of either. */
  noteWrite(error: UnavailableError | undefined): void {
    this.#failure = error && { error, at: performance.now() };
  }

  /** It may be the write-ahead log that fills the disk: what waits in it takes less room in the file, or none. */
  #makeRoom(): void {
    try {
      this.tryEmptyWriteAheadLog();
    } catch {
      // Nor is there room for that.
    }
  }

  /**
   * Writes what waits in the write-ahead log into the file itself and empties the log, which holds pages as they were.
   * False when another process keeps that from happening; SQLite would wait inside the call, and the event loop with it.
   */
  tryEmptyWriteAheadLog(): boolean {
    this.exec('PRAGMA busy_timeout = 0');
    try {
      return this.get<{ busy: number }>('PRAGMA wal_checkpoint(TRUNCATE)')?.busy === 0;
    } finally {
      this.exec(`PRAGMA busy_timeout = ${READ_WAIT_MS}`);
    }
  }

  /**
   * Whether the file can be read and, where that failed last, written again: what is written changes nothing.
   * @throws UnavailableError
   */
  async ping(): Promise<void> {
    const version = this.value<number>('PRAGMA user_version') ?? 0;
    if (!this.#failure) return;
    // What is tried here is small, and may fit where nothing else does.
    if (performance.now() - this.#failure.at < TOLD_FOR_MS) throw this.#failure.error;
    await this.immediate(() => this.exec(`PRAGMA user_version = ${version}`));
  }

  /** Changes when another connection (of any process) has committed. */
  dataVersion(): number {
    return this.value<number>('PRAGMA data_version') ?? 0;
  }

  /**
   * Writes what waits in the write-ahead log into the file itself, so that a copy of the file is whole. Harmless when
   * repeated. (`-wal`, then empty, and `-shm` stay behind until the garbage collector has met the last statement.)
   */
  close(): void {
    if (this.#isClosed) return;
    try {
      this.exec('PRAGMA wal_checkpoint(TRUNCATE)');
    } catch (error) {
      // Another process is reading or writing; whoever closes last does it.
      if (!(error instanceof UnavailableError)) throw error;
    } finally {
      this.#isClosed = true;
      this.#statements.clear();
      this.#rawStatements.clear();
      this.#db.close();
    }
  }

  /** False when another process holds the write lock. */
  #tryBegin(): boolean {
    this.#refuseClosed();
    try {
      this.#db.exec(`PRAGMA busy_timeout = ${WRITE_WAIT_MS}; BEGIN IMMEDIATE`);
      return true;
    } catch (error) {
      if (isBusy(error)) return false;
      const translated = this.#translated(error);
      this.#failure = { error: translated, at: performance.now() };
      throw translated;
    } finally {
      this.#db.exec(`PRAGMA busy_timeout = ${READ_WAIT_MS}`);
    }
  }

  #answer<T>(
    sql: string,
    values: readonly SqliteValue[],
    ask: (statement: Statement) => T,
    kept: Map<string, Statement> = this.#statements,
  ): T {
    this.#refuseClosed();
    refuseUnbindable(values);
    try {
      return ask(this.#statement(sql, kept));
    } catch (error) {
      throw this.#translated(error);
    }
  }

  #statement(sql: string, kept: Map<string, Statement>): Statement {
    let statement = kept.get(sql);
    if (statement === undefined) {
      statement = this.#db.prepare(sql);
      if (kept === this.#rawStatements) statement.raw();
      // The oldest goes first, not the least used: cheaper, and what is used comes back.
      if (kept.size >= STATEMENTS_KEPT) kept.delete(kept.keys().next().value ?? '');
      kept.set(sql, statement);
    }
    return statement;
  }

  #refuseClosed(): void {
    if (this.#isClosed) throw new FaultError(`${this.file.codePrefix}_CLOSED`, `the ${this.file.kind} is closed`);
  }

  /** Errors of the file become the kernel's; errors of the statement (constraints, syntax) stay as they are. */
  #translated(error: unknown): unknown {
    const code = sqliteCode(error);
    if (/^SQLITE_(CORRUPT|NOTADB)/.test(code)) return damaged(this.file, this.path, code, error);
    if (/^SQLITE_(CANTOPEN|PERM|READONLY|AUTH)/.test(code)) return unreadable(this.file, this.path, error);
    return unavailable(this.file, this.path, error) ?? error;
  }
}
