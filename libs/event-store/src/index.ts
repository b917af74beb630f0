export * from './event-store.port.js';
export { MAX_APPEND_BYTES } from './append-validation.js';
export { openEventStore } from './open-event-store.js';
export { SqliteEventStore } from './sqlite/sqlite-event-store.js';
export type { SqliteEventStoreOptions } from './sqlite/sqlite-event-store.js';
