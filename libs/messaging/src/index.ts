export * from './message-log.port.js';
export { openMessageLog } from './open-message-log.js';
export { InProcessMessageLog } from './in-process/in-process-message-log.js';
export type { PlacedMessage } from './in-process/in-process-message-log.js';
