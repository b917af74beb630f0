/**
 * The log of the EventStoreDB stand-in: records in SQLite, each with the position that a real log would give it by its
 * size, and the rules of EventStoreDB's index writer: expected revisions, event ids seen before, soft deletes,
 * tombstones, and metadata that hides old events. Everything is synchronous; appends that come in together are
 * committed together (`synchronous = FULL`) and answered after that.
 */
import { randomUUID } from 'node:crypto';
import { setImmediate } from 'node:timers';
import Database from 'libsql';

/** Expected revisions as the server counts them; 0 and above are revisions. */
export const ANY = -2;
export const NO_STREAM = -1;
export const STREAM_EXISTS = -4;

/** The revision of a tombstone is 2^63 - 1, which is no safe integer: kept as this, sent as `TOMBSTONE_ON_THE_WIRE`. */
export const TOMBSTONE = Number.MAX_SAFE_INTEGER;
export const TOMBSTONE_ON_THE_WIRE = '9223372036854775807';
/** `$tb` of a soft-deleted stream is 2^63 - 1 too; parsed as JSON it is about this. */
const TRUNCATED_WHOLLY = 9.2e18;

const FIRST_POSITION = 548;
const FIRST_POSITION_OF_USERS = 733;
const CHUNK = 500;

const SCHEMA = `
  CREATE TABLE IF NOT EXISTS records (
    position INTEGER PRIMARY KEY,
    stream TEXT NOT NULL,
    revision INTEGER NOT NULL,
    id BLOB NOT NULL,
    type TEXT NOT NULL,
    is_json INTEGER NOT NULL,
    data BLOB NOT NULL,
    metadata BLOB NOT NULL,
    created INTEGER NOT NULL,
    size INTEGER NOT NULL
  );
  CREATE UNIQUE INDEX IF NOT EXISTS records_by_stream ON records (stream, revision);
  CREATE INDEX IF NOT EXISTS records_by_id ON records (id);
  CREATE TABLE IF NOT EXISTS groups (
    name TEXT PRIMARY KEY,
    settings TEXT NOT NULL
  );
`;
const COLUMNS = 'position, stream, revision, id, type, is_json AS isJson, data, metadata, created';

export const metastreamOf = (stream) => `$$${stream}`;
const isMetastream = (stream) => stream.startsWith('$$');

/** @typedef {{ id: Buffer, type: string, isJson: boolean, data: Uint8Array, metadata: Uint8Array }} NewRecord */

export class Log {
  #db;
  #statements = new Map();
  #jobs = [];
  #waiting = new Set();
  #closed = false;

  constructor(file) {
    this.#db = new Database(file);
    this.#db.exec('PRAGMA journal_mode = WAL');
    this.#db.exec('PRAGMA synchronous = FULL');
    this.#db.exec(SCHEMA);
    this.#learnEnd();
    if (this.head === 0) this.#writeFirstRecord();
  }

  close() {
    this.#flush();
    this.#closed = true;
    this.#db.close();
  }

  // ── writing ───────────────────────────────────────────────────────────────────────────────────

  /**
   * Runs `job` in the next transaction and answers with what it returns, once that is on the disk. A job that refuses
   * returns that too: it must not throw after it has written.
   * @template T
   * @param {() => T} job
   * @returns {Promise<T>}
   */
  write(job) {
    return new Promise((resolve, reject) => {
      if (this.#jobs.push({ job, resolve, reject }) === 1) setImmediate(() => this.#flush());
    });
  }

  #flush() {
    const jobs = this.#jobs;
    this.#jobs = [];
    if (jobs.length === 0 || this.#closed) return;
    const before = this.head;
    let answers;
    try {
      this.#db.exec('BEGIN IMMEDIATE');
      answers = jobs.map(({ job }) => job());
      this.#db.exec('COMMIT');
    } catch (error) {
      if (this.#db.inTransaction) this.#db.exec('ROLLBACK');
      this.#learnEnd();
      jobs.forEach(({ reject }) => reject(error));
      return;
    }
    jobs.forEach(({ resolve }, index) => resolve(answers[index]));
    if (this.head !== before) this.#wake();
  }

  /**
   * Only inside `write`.
   * @param {string} stream @param {number} expected @param {NewRecord[]} events
   * @returns {{ kind: 'ok', revision: number, position: number | undefined }
   *   | { kind: 'wrong', current: number } | { kind: 'deleted' }}
   */
  append(stream, expected, events) {
    const { last, tombstoned, softDeleted } = this.stream(stream);
    if (tombstoned || (expected === STREAM_EXISTS && softDeleted)) return { kind: 'deleted' };
    const wrong = { kind: 'wrong', current: last };
    if (expected === STREAM_EXISTS && last < 0 && this.stream(metastreamOf(stream)).last < 0) return wrong;

    if (expected === ANY || expected === STREAM_EXISTS) {
      const known = this.#knownById(stream, events);
      if (known === 'partly') return wrong;
      if (known) return known;
    } else if (expected > last) {
      return wrong;
    } else if (expected < last) {
      const known = this.#knownFrom(stream, expected + 1, events);
      if (known) return known;
      if (!(known === undefined && expected === NO_STREAM && softDeleted)) return wrong;
    }

    if (events.length === 0) return { kind: 'ok', revision: last, position: undefined };
    const created = Date.now();
    let revision = last;
    let position;
    for (const event of events) position = this.#insert(stream, ++revision, event, created);
    if (softDeleted) this.setMetadata(stream, { $tb: last + 1 });
    return { kind: 'ok', revision, position };
  }

  /** Soft delete: the stream's metadata hide everything. Only inside `write`. */
  delete(stream, expected) {
    const refused = this.#refusesDelete(stream, expected, true);
    return refused ?? { kind: 'ok', position: this.setMetadata(stream, { $tb: TOMBSTONE_ON_THE_WIRE }) };
  }

  /** Only inside `write`. */
  tombstone(stream, expected) {
    const refused = this.#refusesDelete(stream, expected, false);
    if (refused) return refused;
    const event = { id: randomId(), type: '$streamDeleted', isJson: false, data: EMPTY, metadata: EMPTY };
    return { kind: 'ok', position: this.#insert(stream, TOMBSTONE, event, Date.now()) };
  }

  #refusesDelete(stream, expected, mustExist) {
    const { last, tombstoned, softDeleted } = this.stream(stream);
    if (tombstoned || (expected === STREAM_EXISTS && softDeleted)) return { kind: 'deleted' };
    const isExpected = expected === ANY || expected === last || (expected === STREAM_EXISTS && last >= 0);
    return isExpected && !(mustExist && last < 0) ? undefined : { kind: 'wrong', current: last };
  }

  /** Merges `change` into the stream's metadata. Only inside `write`. */
  setMetadata(stream, change) {
    const metastream = metastreamOf(stream);
    const { $tb, ...rest } = { ...this.#rawMetadata(stream), ...change };
    // 2^63 - 1 must be written out in full, which JSON.stringify cannot.
    const parts = [...Object.entries(rest).map(([key, value]) => `${JSON.stringify(key)}:${JSON.stringify(value)}`)];
    if ($tb !== undefined) parts.push(`"$tb":${$tb >= TRUNCATED_WHOLLY ? TOMBSTONE_ON_THE_WIRE : $tb}`);
    const data = Buffer.from(`{${parts.join()}}`);
    const event = { id: randomId(), type: '$metadata', isJson: true, data, metadata: EMPTY };
    return this.#insert(metastream, this.#lastRevision(metastream) + 1, event, Date.now());
  }

  #insert(stream, revision, { id, type, isJson, data, metadata }, created) {
    const position = this.nextPosition;
    const size = 120 + Buffer.byteLength(stream) + Buffer.byteLength(type) + data.length + metadata.length;
    this.#sql(
      `INSERT INTO records (position, stream, revision, id, type, is_json, data, metadata, created, size)
       VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
    ).run(position, stream, revision, id, type, isJson ? 1 : 0, asBuffer(data), asBuffer(metadata), created, size);
    this.head = position;
    this.nextPosition = position + size;
    return position;
  }

  /** At any revision the ids alone tell. `partly`: known ones, then a new one. */
  #knownById(stream, events) {
    let last;
    for (const [index, { id }] of events.entries()) {
      const [found] = this.#sql(
        'SELECT revision, position FROM records WHERE id = ? AND stream = ? ORDER BY position DESC LIMIT 1',
      ).all(id, stream);
      if (!found) return index === 0 ? undefined : 'partly';
      last = found;
    }
    return last && { kind: 'ok', revision: last.revision, position: last.position };
  }

  /** The append as it is known from `from` on, undefined if it is a new one, false if it is neither. */
  #knownFrom(stream, from, events) {
    let last;
    for (const [index, { id }] of events.entries()) {
      const [found] = this.#sql('SELECT id, revision, position FROM records WHERE stream = ? AND revision = ?').all(
        stream,
        from + index,
      );
      if (!found || !id.equals(bytes(found.id))) return index === 0 ? undefined : false;
      last = found;
    }
    return last ? { kind: 'ok', revision: last.revision, position: last.position } : false;
  }

  // ── reading ───────────────────────────────────────────────────────────────────────────────────

  /** What is known of a stream. `first`: the oldest revision that can be read; `since`: nothing older in time. */
  stream(stream) {
    if (isMetastream(stream)) {
      const last = this.#lastRevision(stream);
      return {
        last,
        tombstoned: this.#lastRevision(stream.slice(2)) === TOMBSTONE,
        softDeleted: false,
        first: Math.max(0, last),
        since: 0,
      };
    }
    const last = this.#lastRevision(stream);
    const { $tb = 0, $maxCount = Infinity, $maxAge } = this.#rawMetadata(stream);
    return {
      last,
      tombstoned: last === TOMBSTONE,
      softDeleted: $tb >= TRUNCATED_WHOLLY,
      first: Math.max(0, $tb, last - $maxCount + 1),
      since: $maxAge === undefined ? 0 : Date.now() - $maxAge * 1_000,
    };
  }

  #lastRevision(stream) {
    const [row] = this.#sql('SELECT revision FROM records WHERE stream = ? ORDER BY revision DESC LIMIT 1').all(stream);
    return row ? row.revision : -1;
  }

  #rawMetadata(stream) {
    const [row] = this.#sql('SELECT data FROM records WHERE stream = ? ORDER BY revision DESC LIMIT 1').all(
      metastreamOf(stream),
    );
    if (!row) return {};
    try {
      return JSON.parse(bytes(row.data).toString('utf8')) ?? {};
    } catch {
      return {};
    }
  }

  /** Some records of a stream from a revision on, that one included; none at the end. */
  streamForwards(stream, from, limit = CHUNK) {
    return this.#records('WHERE stream = ? AND revision >= ? ORDER BY revision', stream, from, limit);
  }

  streamBackwards(stream, from, limit = CHUNK) {
    return this.#records('WHERE stream = ? AND revision <= ? ORDER BY revision DESC', stream, from, limit);
  }

  /** Some records of the whole log after a position. */
  after(position, limit = CHUNK) {
    return this.#records('WHERE position > ? ORDER BY position', position, limit);
  }

  before(position, limit = CHUNK) {
    return this.#records('WHERE position < ? ORDER BY position DESC', position, limit);
  }

  #records(where, ...values) {
    const limit = values.pop();
    const rows = this.#sql(`SELECT ${COLUMNS} FROM records ${where} LIMIT ?`).all(...values, Math.min(limit, CHUNK));
    for (const row of rows) {
      row.id = bytes(row.id);
      row.data = bytes(row.data);
      row.metadata = bytes(row.metadata);
    }
    return rows;
  }

  startsAt(position) {
    return this.#sql('SELECT 1 AS found FROM records WHERE position = ?').all(position).length > 0;
  }

  /** Resolves at the next commit, or when `signal` says so. */
  changed(signal) {
    return new Promise((resolve) => {
      const done = () => {
        this.#waiting.delete(done);
        signal.removeEventListener('abort', done);
        resolve();
      };
      if (signal.aborted) return done();
      signal.addEventListener('abort', done, { once: true });
      this.#waiting.add(done);
    });
  }

  #wake() {
    for (const done of [...this.#waiting]) done();
  }

  // ── persistent subscriptions ──────────────────────────────────────────────────────────────────

  groups() {
    return this.#sql('SELECT name, settings FROM groups')
      .all()
      .map(({ name, settings }) => [name, JSON.parse(settings)]);
  }

  /** Only inside `write`. */
  saveGroup(name, settings) {
    this.#sql('INSERT OR REPLACE INTO groups (name, settings) VALUES (?, ?)').run(name, JSON.stringify(settings));
  }

  /** Only inside `write`. */
  removeGroup(name) {
    this.#sql('DELETE FROM groups WHERE name = ?').run(name);
  }

  #sql(text) {
    let statement = this.#statements.get(text);
    if (!statement) this.#statements.set(text, (statement = this.#db.prepare(text)));
    return statement;
  }

  #learnEnd() {
    const [last] = this.#sql('SELECT position, size FROM records ORDER BY position DESC LIMIT 1').all();
    this.head = last ? last.position : 0;
    this.nextPosition = last ? last.position + last.size : FIRST_POSITION;
  }

  /** A new node's log does not begin empty. */
  #writeFirstRecord() {
    const data = Buffer.from('{"$maxAge":2592000}');
    const event = { id: randomId(), type: '$metadata', isJson: true, data, metadata: EMPTY };
    this.#insert(metastreamOf('$scavenges'), 0, event, Date.now());
    this.#sql('UPDATE records SET size = ?').run(FIRST_POSITION_OF_USERS - FIRST_POSITION);
    this.nextPosition = FIRST_POSITION_OF_USERS;
  }
}

const EMPTY = new Uint8Array(0);
/** libsql takes blobs as Buffer only and hands them out as ArrayBuffer. */
const bytes = (blob) => Buffer.from(blob);
const asBuffer = (bytes) => Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);

export const idOf = (uuid) => Buffer.from(uuid.replaceAll('-', ''), 'hex');
export const randomId = () => idOf(randomUUID());
export function uuidOf(id) {
  const hex = id.toString('hex');
  return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20)].join('-');
}
