/**
 * The event log as a good engineer writes it around the raw client, without this product: the same file, tables, indexes
 * and durability (write-ahead log, `synchronous = FULL`), prepared statements, many rows a transaction.
 */
import { setImmediate } from 'node:timers';
import Libsql from 'libsql';
import { lib } from './product.mjs';

const INSERT = `INSERT INTO event (stream, revision, id, type, data, personal, metadata, recorded_at)
  VALUES (?, ?, ?, ?, ?, ?, ?, ?)`;
/** Rows of one transaction at most. */
export const ROWS = 64;

export class RawLog {
  #queue = [];
  #isDue = false;

  constructor(db) {
    this.db = db;
    this.insertStatement = db.prepare(INSERT);
  }

  /** An empty log with the product's own tables. */
  static async create(file) {
    const { openEventStore } = await lib('event-store/src/index.js');
    await (await openEventStore(`sqlite:${file}`)).close();
    return RawLog.open(file);
  }

  static open(file) {
    const db = new Libsql(file);
    // As the product has it: nobody who measured would leave the defaults.
    db.exec('PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL');
    db.exec('PRAGMA wal_autocheckpoint = 8000; PRAGMA cache_size = -16000');
    return new RawLog(db);
  }

  /** One transaction, durable when it returns. */
  insert(events) {
    this.db.exec('BEGIN IMMEDIATE');
    try {
      const recordedAt = new Date().toISOString();
      for (const { stream, revision, id, type, data, personal, metadata } of events)
        this.insertStatement.run([
          ...[stream, revision, id, type, JSON.stringify(data), personal ?? null],
          ...[JSON.stringify(metadata), recordedAt],
        ]);
      this.db.exec('COMMIT');
    } catch (error) {
      this.db.exec('ROLLBACK');
      throw error;
    }
  }

  /** Resolves once durable; those that wait at the same time share a transaction. */
  append(event) {
    return new Promise((resolve, reject) => {
      this.#queue.push({ event, resolve, reject });
      if (this.#isDue) return;
      this.#isDue = true;
      setImmediate(() => this.#flush());
    });
  }

  #flush() {
    this.#isDue = false;
    while (this.#queue.length > 0) {
      const group = this.#queue.splice(0, ROWS);
      try {
        this.insert(group.map(({ event }) => event));
        for (const { resolve } of group) resolve();
      } catch (error) {
        for (const { reject } of group) reject(error);
      }
    }
  }

  close() {
    this.db.close();
  }
}
