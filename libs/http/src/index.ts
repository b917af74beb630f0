export { Cursors, isTwoTexts } from './cursors.js';
export { answered, etagOf, isNotModified, PageQuery, PositionHeader } from './reading.js';
export type { Page } from './reading.js';
export { assertGuarded, LOCAL_CALLER, parseApiKeys } from './api-keys.js';
export { CommandHeaders, created, revisionEtag, updated } from './command-request.js';
export type { CommandOutcome } from './command-request.js';
export {
  Check,
  Currency,
  DecimalAmount,
  Field,
  Flag,
  Id,
  Instant,
  JsonDocument,
  ListOf,
  MapOf,
  Nested,
  NestedArray,
  NestedByKind,
  Nullable,
  Numeric,
  OneOf,
  Optional,
  PlainDate,
  Text,
  ToAfterFrom,
  Whole,
} from './fields.js';
/** Field types by themselves, for `@ListOf(fieldTypes.text({ max: 40 }))`, `@PathParam('day', fieldTypes.plainDate())`. */
export * as fieldTypes from './field-types.js';
export type { Answer, DtoClass, FieldType, JsonSchema, Violation } from './field-types.js';
export { documents } from './documented.js';
export { createHttpApp } from './http-app.js';
export type { AnsweredRequest, HttpOptions } from './http-app.js';
export { jsonSchemaOf } from './json-schema.js';
export { decodeUtf8, MalformedJsonError, parseJsonStrict } from './json-strict.js';
export { inOrder, ndjsonReply, readLines } from './ndjson.js';
export type { InOrderOptions, Line } from './ndjson.js';
export {
  Accepts,
  Answers,
  AnswersOutcome,
  arraySchema,
  buildOpenApi,
  Describes,
  Examples,
  pageSchema,
  Refuses,
} from './openapi.js';
export type { OpenApiInfo } from './openapi.js';
export { problemHeaders, problemOf } from './problem.js';
export type { HttpLog, Problem } from './problem.js';
export { LastEventId, sse, SseRegistry } from './sse.js';
export type { SseEvent, SseOptions } from './sse.js';
export { statusOf } from './status-of.js';
export { NdjsonBody, PathId, PathParam, StrictBody, StrictQuery } from './strict-params.js';
export { validateDto, validateQuery, ValidationError, violation } from './validation.js';
