export * from './read-store.port.js';
