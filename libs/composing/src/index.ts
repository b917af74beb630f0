export type * from './follower.js';
export type * from './slice.js';
export * from './metric-source.js';
export * from './calendar.js';
export * from './config.js';
export * from './product.js';
export * from './bulk-commands.js';
