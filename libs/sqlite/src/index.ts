export { isSqliteConstraint, isSqliteTooBig, SqliteDatabase } from './sqlite-database.js';
export type { SqliteValue } from './sqlite-database.js';
export { openSqlite } from './open-sqlite.js';
export type { SqliteFileSettings } from './open-sqlite.js';
