export { cloudEventType, toCloudEvent } from './public-events.js';
export type { CloudEventOptions, PublicEventMapping, PublicFact } from './public-events.js';
export { parkedTopicOf } from './event-translator.js';
export type { ParkedCustomer } from './event-translator.js';
export { DEFAULT_LIMITS } from './pending-batch.js';
export type { BatchLimits } from './pending-batch.js';
export { publicationIdOf, Relay } from './relay.js';
export { askRelay, RelayDesk } from './relay-desk.js';
export type { RelayNotice, RelayOptions, RelayState, RelayStatus, ReleaseResult } from './relay.js';
