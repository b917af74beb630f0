export { isSqliteConstraint, isSqliteTooBig, SqliteDatabase } from './sqlite-database.js';
export type { SqliteValue } from './sqlite-database.js';
export { connectAgain, openSqlite } from './open-sqlite.js';
export type { SqliteFileSettings } from './open-sqlite.js';
export { writeInThread, WriterThread } from './writer-thread.js';
export type { Writer } from './writer-thread.js';
