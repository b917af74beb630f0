/** The file that holds the log: what it is known by, its tables, and how a connection to it is set. */
import { randomBytes } from 'node:crypto';
import type { SqliteDatabase, SqliteFileSettings } from '@timeline/sqlite';

const SCHEMA = `
  CREATE TABLE meta (name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
  CREATE TABLE event (
    position INTEGER PRIMARY KEY AUTOINCREMENT,
    stream TEXT NOT NULL,
    revision INTEGER NOT NULL,
    id TEXT NOT NULL,
    type TEXT NOT NULL,
    data TEXT NOT NULL,
    personal TEXT,
    metadata TEXT NOT NULL,
    recorded_at TEXT NOT NULL,
    -- The id is in it so that looking for known ids reads this index alone. A second index on (stream, id) would
    -- halve the speed of appends; the writer keeps revisions and ids unique under the write lock.
    UNIQUE (stream, revision, id)
  );
  CREATE INDEX event_by_type ON event (type);
`;

export const LOG_FILE: SqliteFileSettings = {
  // "TLev". Files that say otherwise are not opened.
  applicationId: 0x544c_6576,
  kind: 'event store',
  codePrefix: 'EVENT_STORE',
  schemaVersion: 1,
  migrate(fresh) {
    fresh.exec(SCHEMA);
    fresh.run('INSERT INTO meta VALUES (?, ?)', ['log_id', randomBytes(6).toString('hex')]);
  },
};

/** Fewer, larger checkpoints write a page that changes often once; a larger cache keeps the indexes at hand. */
export function tuneLog(db: SqliteDatabase): SqliteDatabase {
  db.exec('PRAGMA wal_autocheckpoint = 8000; PRAGMA cache_size = -16000');
  return db;
}
