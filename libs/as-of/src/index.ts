export { AsOfQuery, KnownAt } from './as-of.params.js';
export { History, type AsOf, type Moment } from './history.port.js';
export { partsAsOf } from './parts-as-of.js';
