/** The file that holds the read store: what it is known by, its tables, and how a connection to it is set. */
import type { SqliteDatabase, SqliteFileSettings } from '@timeline/sqlite';
import { Catalog } from './catalog.js';

export const READS_FILE: SqliteFileSettings = {
  applicationId: 0x544c_5253,
  kind: 'read store',
  codePrefix: 'READ_STORE',
  schemaVersion: 1,
  migrate: (file) => file.exec(Catalog.SCHEMA),
  // A killed process loses nothing of what it committed. A power cut may take back the last commits, but always a
  // whole tail of them in order: documents and the checkpoint written after them. What is folded again from the
  // older checkpoint is guarded, and the log itself is durable. An fsync per batch would buy nothing here.
  synchronous: 'NORMAL',
};

export function tuneReads(db: SqliteDatabase): SqliteDatabase {
  // Names stand in here in the clear: of an erased person, nothing may be left in pages that were freed.
  db.exec('PRAGMA secure_delete = ON');
  // Larger checkpoints write a page that changes often once, and hold everything up for longer: of 8,000 pages, the lag of
  // one command in a hundred was 43 ms instead of 26, and a rebuild no faster. A larger cache keeps the indexes at hand.
  db.exec('PRAGMA wal_autocheckpoint = 2000; PRAGMA cache_size = -32000');
  return db;
}
