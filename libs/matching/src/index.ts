/** Records compared and linked: pure mathematics. */
export { candidatePairs, IDENTITY_PASSES, identityKeys, PERSON_PASSES, personKeys, sortKeyOf } from './blocking.js';
export { compareRecords, FIELD_NAMES } from './comparing.js';
export { defaultModel, LINK_FROM, REVIEW_FROM } from './default-model.js';
export { featuresOf } from './features.js';
export type { Features, GivenRecord } from './features.js';
export { isNamesake, judge } from './model.js';
export type { FieldEvidence, Match } from './model.js';
export { trainModel } from './training.js';
