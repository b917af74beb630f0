export * from './read-store.port.js';
export { afterKeyset } from './keyset.js';
export { openReadStore } from './open-read-store.js';
export { SqliteReadStore } from './sqlite/sqlite-read-store.js';
