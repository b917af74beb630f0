/**
 * The event log in one SQLite file. Appends that wait at the same time share one transaction (group commit): the
 * price of making them durable is paid once, and each is still answered by itself, after the commit. The row id is
 * the position; it grows in commit order because there is one writer at a time across all processes.
 */
import { setImmediate as nextTurn } from 'node:timers/promises';
import type { Clock, EventMetadata, JsonObject, Position } from '@timeline/kernel';
import {
  DomainError,
  FaultError,
  logOf,
  makePosition,
  offsetOf,
  parsePosition,
  systemClock,
  UnavailableError,
} from '@timeline/kernel';
import type { SqliteDatabase, SqliteValue, Writer } from '@timeline/sqlite';
import { openSqlite, WriterThread } from '@timeline/sqlite';
import { checkAppend, checkCounts, checkReadAll, revisionBefore } from '../append-validation.js';
import { eitherSignal } from '../either-signal.js';
import type {
  AppendResult,
  ExpectedRevision,
  LogHead,
  NewEvent,
  ReadAllOptions,
  ReadStreamOptions,
  StoredEvent,
  SubscribeOptions,
  SubscriptionMessage,
} from '../event-store.port.js';
import { EventStore, logWentBack, WrongExpectedRevisionError } from '../event-store.port.js';
import { measuredAppend } from '../measured-append.js';
import { LOG_FILE, tuneLog } from './log-file.js';
import { LogWriter, type Append, type Outcome } from './log-writer.js';
import { Wakeup } from './wakeup.js';

export interface SqliteEventStoreOptions {
  /** Tells `recordedAt`. */
  clock?: Clock;
  /** How often subscriptions look for commits of other processes. Milliseconds, default 25. */
  pollMs?: number;
  /** What the thread that writes runs; tests give the built one. */
  writerScript?: URL;
}

/** What the thread that writes runs. */
const WRITER_SCRIPT = new URL('./log-writer.worker.js', import.meta.url);

/** Events in one transaction at most; more wait for the next, so that no commit takes long. */
const GROUP_EVENTS = 512;
/** To make so many appends takes as long as to write them: smaller groups would wait for the disk more often. */
const GROUP_BEGUN = 32;
const DEFAULT_BATCH = 500;
/** Rows are fetched this many at a time and a batch ends early at this size, however large the events are. */
const CHUNK_ROWS = 50;
const BATCH_CHARS = 4 * 1024 * 1024;

const COLUMNS = 'position, stream, revision, id, type, data, personal, metadata, recorded_at';
const LAST_ROW_OF_STREAM = `SELECT ${COLUMNS} FROM event WHERE stream = ? ORDER BY revision DESC LIMIT 1`;
const LAST_TYPE_OF_STREAM = 'SELECT type FROM event WHERE stream = ? ORDER BY revision DESC LIMIT 1';
const LAST = 'SELECT position, id, recorded_at FROM event ORDER BY position DESC LIMIT 1';

/** In the order of `COLUMNS`. */
type EventRow = [number, string, number, string, string, string, string | null, string, string];

const POSITION = 0;
const REVISION = 2;
const DATA = 5;
const PERSONAL = 6;
const METADATA = 7;

interface QueuedAppend extends Append {
  resolve(result: AppendResult): void;
  reject(error: unknown): void;
}

/** A page of the log as asked for; offsets are row ids. */
interface Page {
  after: number | undefined;
  until?: number | undefined;
  types: readonly string[] | undefined;
  direction?: 'forwards' | 'backwards';
  size: number;
}

export class SqliteEventStore extends EventStore {
  override readonly keepsOrder = true;
  readonly #db: SqliteDatabase;
  readonly #wakeup: Wakeup;
  readonly #closing = new AbortController();
  readonly #writer: Writer<readonly Append[], Outcome[]>;
  /** Appends that wait, from which on a group is begun without waiting for more. */
  readonly #enough: number;
  readonly #queue: QueuedAppend[] = [];
  #writing: Promise<void> | undefined;
  #closed: Promise<void> | undefined;
  #seenVersion: number;

  private constructor(
    db: SqliteDatabase,
    override readonly logId: string,
    { clock = systemClock, pollMs = 25, writerScript = WRITER_SCRIPT }: SqliteEventStoreOptions,
  ) {
    super();
    this.#db = db;
    // Another clock than the system's is this thread's alone.
    const hasThread = clock === systemClock && WriterThread.isThereFor(writerScript, db);
    this.#writer = hasThread ? new WriterThread(writerScript, db) : new LogWriter(db, clock);
    this.#enough = hasThread ? GROUP_BEGUN : Infinity;
    this.#seenVersion = db.dataVersion();
    this.#wakeup = new Wakeup(pollMs, () => {
      const version = db.dataVersion();
      const hasChanged = version !== this.#seenVersion;
      this.#seenVersion = version;
      return hasChanged;
    });
  }

  /**
   * Opens the log, made anew if the file is not there. `path` may be `:memory:`.
   * @throws FaultError EVENT_STORE_FOREIGN, EVENT_STORE_DAMAGED, EVENT_STORE_TOO_NEW, EVENT_STORE_UNREADABLE: the
   * file is left as it is
   */
  static async open(path: string, options: SqliteEventStoreOptions = {}): Promise<SqliteEventStore> {
    const db = await openSqlite(path, LOG_FILE);
    try {
      tuneLog(db);
      const logId = db.value<string>('SELECT value FROM meta WHERE name = ?', ['log_id']);
      if (logId === undefined)
        throw new FaultError('EVENT_STORE_DAMAGED', `the event store ${path} has lost its log id`);
      return new SqliteEventStore(db, logId, options);
    } catch (error) {
      db.close();
      throw error;
    }
  }

  override async append(
    stream: string,
    events: readonly NewEvent[],
    { expectedRevision }: { expectedRevision: ExpectedRevision },
  ): Promise<AppendResult> {
    return measuredAppend(stream, events.length, () => this.#enqueue(stream, events, revisionBefore(expectedRevision)));
  }

  override async appendUnsafelyAtAnyRevision(stream: string, events: readonly NewEvent[]): Promise<AppendResult> {
    return measuredAppend(stream, events.length, () => this.#enqueue(stream, events, 'any'));
  }

  override async readStream(
    stream: string,
    { fromRevision, direction = 'forwards', limit }: ReadStreamOptions = {},
  ): Promise<StoredEvent[]> {
    this.#refuseClosed();
    checkCounts(limit);
    const isForwards = direction === 'forwards';
    // Most streams have one event, and a command that begins one finds none: one row is had at a fifth of the price of many.
    const last = this.#db.row<EventRow>(LAST_ROW_OF_STREAM, [stream]);
    if (last === undefined) return [];
    if (last[REVISION] === 0) {
      const isAsked = limit !== 0 && (!isForwards || (fromRevision ?? 0) === 0);
      return isAsked ? [this.#toEvent(last)] : [];
    }
    const rows = this.#db.rows<EventRow>(
      `SELECT ${COLUMNS} FROM event WHERE stream = ? AND revision ${isForwards ? '>=' : '<='} ?
       ORDER BY revision ${isForwards ? 'ASC' : 'DESC'} LIMIT ?`,
      [stream, fromRevision ?? (isForwards ? 0 : Number.MAX_SAFE_INTEGER), limit ?? -1],
    );
    return rows.map((row) => this.#toEvent(row));
  }

  override async lastTypeOf(stream: string): Promise<string | undefined> {
    this.#refuseClosed();
    return this.#db.value<string>(LAST_TYPE_OF_STREAM, [stream]);
  }

  override async *readAll(options: ReadAllOptions = {}): AsyncIterable<StoredEvent[]> {
    checkReadAll(options);
    const { types, direction = 'forwards', batchSize = DEFAULT_BATCH, signal } = options;
    let after = this.#offset(options.after);
    const until = this.#offset(options.until);
    for (let left = options.limit ?? Infinity; left > 0 && !signal?.aborted;) {
      this.#refuseClosed();
      const { events, last } = this.#page({ after, until, types, direction, size: Math.min(batchSize, left) });
      if (last === undefined) return;
      after = last;
      left -= events.length;
      yield events;
      // Reading is synchronous underneath: without this a long read would keep everything else waiting.
      await nextTurn();
    }
  }

  override async *subscribe(options: SubscribeOptions = {}): AsyncIterable<SubscriptionMessage> {
    this.#refuseClosed();
    checkCounts(undefined, options.batchSize);
    const { types, batchSize: size = DEFAULT_BATCH, signal } = options;
    const { seen } = options;
    if (seen && (await this.eventAt(seen.position))?.id !== seen.id) throw logWentBack(seen.position);
    const ended = eitherSignal(this.#closing.signal, signal);
    let after = this.#offset(options.after);
    let owesCaughtUp = true;
    try {
      while (!ended.signal.aborted) {
        // The end is read first: what is committed in between is beyond it and comes with the next look.
        const end = this.#db.value<number>(LAST);
        const page = end === undefined ? undefined : this.#page({ after, until: end, types, size });
        if (page?.last !== undefined) {
          after = page.last;
          owesCaughtUp = true;
          yield { kind: 'events', events: page.events };
          await nextTurn();
          // Told here too: where events never stop coming, a look that finds nothing new may never happen.
          if (after === end) {
            owesCaughtUp = false;
            yield { kind: 'caught-up', position: this.#position(after) };
          }
        } else if (end !== undefined && end > (after ?? 0)) {
          after = end;
          yield { kind: 'checkpoint', position: this.#position(end) };
        } else if (owesCaughtUp) {
          owesCaughtUp = false;
          yield { kind: 'caught-up', position: after === undefined ? undefined : this.#position(after) };
        } else {
          await this.#wakeup.wait(ended.signal);
        }
      }
    } finally {
      ended.release();
    }
  }

  override async head(): Promise<LogHead | undefined> {
    this.#refuseClosed();
    const row = this.#db.get<{ position: number; id: string; recorded_at: string }>(LAST);
    return row && { position: this.#position(row.position), eventId: row.id, recordedAt: row.recorded_at };
  }

  override async eventAt(position: Position): Promise<StoredEvent | undefined> {
    this.#refuseClosed();
    if (logOf(position) !== this.logId) return undefined;
    const offset = this.#offset(position) ?? 0;
    const row = this.#db.row<EventRow>(`SELECT ${COLUMNS} FROM event WHERE position = ?`, [offset]);
    return row && this.#toEvent(row);
  }

  override async ping(): Promise<void> {
    this.#refuseClosed();
    await this.#db.ping();
  }

  /** Ends subscriptions, waits for what was already handed to `append`, then closes the file. */
  override close(): Promise<void> {
    this.#closed ??= (async () => {
      this.#closing.abort();
      await this.#writing;
      await this.#writer.close?.();
      this.#db.close();
    })();
    return this.#closed;
  }

  #enqueue(stream: string, events: readonly NewEvent[], expected: number | 'any'): Promise<AppendResult> {
    this.#refuseClosed();
    const checked = checkAppend(stream, events);
    return new Promise((resolve, reject) => {
      this.#queue.push({ stream, events: checked, expected, resolve, reject });
      this.#writing ??= this.#writeQueued();
    });
  }

  /** While a group is made durable in its thread, those for the next one come in: half of all that are under way each. */
  async #writeQueued(): Promise<void> {
    let underWay: { size: number; answered: Promise<() => void> } | undefined;
    do {
      if (!underWay) {
        // Everyone who is about to append gets the chance to join; just answered ones come back with their next.
        await nextTurn();
        underWay = this.#send(0);
      }
      const { size, answered } = underWay;
      const answer = await answered;
      underWay = this.#queue.length >= this.#enough ? this.#send(size) : undefined;
      answer();
    } while (underWay || this.#queue.length > 0);
    this.#writing = undefined;
  }

  /** Hands a group over. `answered`: what tells each of its appends how it came out, once that is known. */
  #send(before: number): { size: number; answered: Promise<() => void> } {
    const group = this.#takeGroup(Math.max(this.#enough, Math.ceil((this.#queue.length + before) / 2)));
    const written = this.#writer.write(group.map(({ stream, events, expected }) => ({ stream, events, expected })));
    const answered = written.then(
      (outcomes) => () => {
        for (const [index, append] of group.entries()) this.#settle(append, outcomes[index]);
        this.#wakeup.notify();
      },
      (error: unknown) => () => {
        // Where the lock cannot be had, or the disk is full, nobody in the queue gets on either.
        const refused = error instanceof UnavailableError ? [...group, ...this.#queue.splice(0)] : group;
        for (const { reject } of refused) reject(error);
      },
    );
    return { size: group.length, answered };
  }

  #takeGroup(most: number): QueuedAppend[] {
    let events = 0;
    let count = 0;
    for (const append of this.#queue) {
      events += append.events.length;
      if (count > 0 && (events > GROUP_EVENTS || count >= most)) break;
      count += 1;
    }
    return this.#queue.splice(0, count);
  }

  #settle({ stream, expected, resolve, reject }: QueuedAppend, outcome: Outcome | undefined): void {
    if (outcome && 'offset' in outcome) {
      const { revision, offset, isRepeat } = outcome;
      return resolve({ revision, position: this.#position(offset), ...(isRepeat && { repeated: true }) });
    }
    const named = (revision: number): ExpectedRevision => (revision === -1 ? 'no-stream' : revision);
    const current = named(outcome?.current ?? -1);
    reject(new WrongExpectedRevisionError(stream, expected === 'any' ? 'any' : named(expected), current));
  }

  /** `last` is the row id of the last of them. */
  #page({ after, until, types, direction = 'forwards', size }: Page): { events: StoredEvent[]; last?: number } {
    const events: StoredEvent[] = [];
    let last: number | undefined;
    let chars = 0;
    while (events.length < size && chars < BATCH_CHARS) {
      const wanted = Math.min(CHUNK_ROWS, size - events.length);
      const rows = this.#chunk(last ?? after, until, types, direction === 'forwards', wanted);
      for (const row of rows) {
        events.push(this.#toEvent(row));
        last = row[POSITION];
        chars += row[DATA].length + row[METADATA].length + (row[PERSONAL]?.length ?? 0);
      }
      if (rows.length < wanted) break;
    }
    return { events, ...(last !== undefined && { last }) };
  }

  #chunk(
    after: number | undefined,
    until: number | undefined,
    types: readonly string[] | undefined,
    isForwards: boolean,
    size: number,
  ): EventRow[] {
    const order = isForwards ? 'ASC' : 'DESC';
    const range = isForwards ? 'position > ? AND position <= ?' : 'position < ? AND position >= ?';
    const bounds = isForwards ? [after ?? 0, until ?? Number.MAX_SAFE_INTEGER] : [after ?? Number.MAX_SAFE_INTEGER, 0];
    if (types === undefined) {
      return this.#db.rows(`SELECT ${COLUMNS} FROM event WHERE ${range} ORDER BY position ${order} LIMIT ?`, [
        ...bounds,
        size,
      ]);
    }
    if (types.length === 0) return [];
    // One ordered walk through the index for each type, merged lazily: a rare type costs no scan of the log, and
    // no type is read further than this page needs.
    const walks = types.map(() => `SELECT position FROM event WHERE type = ? AND ${range}`).join(' UNION ALL ');
    const values: SqliteValue[] = types.flatMap((type) => [type, ...bounds]);
    return this.#db.rows(
      `SELECT ${COLUMNS.replace('position', 'event.position')}
       FROM (${walks} ORDER BY position ${order} LIMIT ?) AS wanted JOIN event ON event.position = wanted.position
       ORDER BY event.position ${order}`,
      [...values, size],
    );
  }

  #toEvent([rowId, stream, revision, id, type, data, personal, metadata, recordedAt]: EventRow): StoredEvent {
    const event: StoredEvent = {
      id,
      type,
      // Written by `append` from exactly these types.
      data: JSON.parse(data) as JsonObject,
      metadata: JSON.parse(metadata) as EventMetadata,
      stream,
      revision,
      position: this.#position(rowId),
      recordedAt,
    };
    if (personal !== null) event.personal = personal;
    return event;
  }

  #position(rowId: number): Position {
    return makePosition(this.logId, String(rowId).padStart(16, '0'));
  }

  #offset(position: Position | undefined): number | undefined {
    if (position === undefined) return undefined;
    const offset = offsetOf(parsePosition(position, this.logId));
    if (!/^\d{16}$/.test(offset))
      throw new DomainError('POSITION_MALFORMED', `${position} is not a position of this log`);
    return Number(offset);
  }

  #refuseClosed(): void {
    if (this.#closing.signal.aborted) throw new FaultError('EVENT_STORE_CLOSED', 'the event store is closed');
  }
}
