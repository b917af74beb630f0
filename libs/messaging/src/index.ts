export * from './message-log.port.js';
