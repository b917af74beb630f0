/**
 * Between the client's generated messages and the log's records: what is asked for, what is answered, and errors as the
 * client reads them (a gRPC status with metadata, or a status packed into the answer of a batch append).
 */
import { createRequire } from 'node:module';
import { Metadata, status } from '@grpc/grpc-js';
import { ANY, idOf, NO_STREAM, STREAM_EXISTS, TOMBSTONE, TOMBSTONE_ON_THE_WIRE, uuidOf } from './log.mjs';

// CommonJS, and not among the client's declared entry points.
const require = createRequire(import.meta.url);
const generated = (name) => require(`@eventstore/db-client/generated/${name}`);

export const shared = generated('shared_pb');
export const streams = generated('streams_pb');
export const persistent = generated('persistent_pb');
export const features = generated('serverfeatures_pb');
export const { Status } = generated('status_pb');
export const { StreamsService } = generated('streams_grpc_pb');
export const { PersistentSubscriptionsService } = generated('persistent_grpc_pb');
export const { ServerFeaturesService } = generated('serverfeatures_grpc_pb');
const { Any } = require('google-protobuf/google/protobuf/any_pb');
export const { Empty: GoogleEmpty } = require('google-protobuf/google/protobuf/empty_pb');

const UUID = /^[0-9a-f]{8}-([0-9a-f]{4}-){3}[0-9a-f]{12}$/i;

export const streamNameOf = (identifier) => Buffer.from(identifier?.getStreamName_asU8() ?? []).toString('utf8');

export function streamIdentifier(stream) {
  const identifier = new shared.StreamIdentifier();
  identifier.setStreamName(new Uint8Array(Buffer.from(stream, 'utf8')));
  return identifier;
}

/** `revision`: the text of the option that holds a number; all other options are named alike in every request. */
export function expectedRevisionOf(options, revision) {
  if (options.hasAny()) return ANY;
  if (options.hasNoStream()) return NO_STREAM;
  if (options.hasStreamExists()) return STREAM_EXISTS;
  return Number(revision);
}

/** @returns {import('./log.mjs').NewRecord | undefined} undefined when the server would not take it */
export function toNewRecord(proposed) {
  const uuid = proposed.getId()?.getString() ?? '';
  const type = proposed.getMetadataMap().get('type') ?? '';
  if (!UUID.test(uuid) || type === '') return undefined;
  return {
    id: idOf(uuid),
    type,
    isJson: proposed.getMetadataMap().get('content-type') === 'application/json',
    data: proposed.getData_asU8(),
    metadata: proposed.getCustomMetadata_asU8(),
  };
}

/** What an event counts towards the limit of an append. */
export const sizeOf = ({ type, data, metadata }) => type.length * 2 + data.length + metadata.length;

export const revisionOnTheWire = (revision) => (revision === TOMBSTONE ? TOMBSTONE_ON_THE_WIRE : String(revision));

/** `Event`: the class of `ReadEvent` to fill, of `streams` or `persistent`. */
export function readEvent(Event, { event, link }) {
  const message = new Event();
  if (event) message.setEvent(recordedEvent(Event.RecordedEvent, event));
  if (link) message.setLink(recordedEvent(Event.RecordedEvent, link));
  message.setCommitPosition(String((link ?? event).position));
  return message;
}

function recordedEvent(RecordedEvent, { position, stream, revision, id, type, isJson, data, metadata, created }) {
  const message = new RecordedEvent();
  const uuid = new shared.UUID();
  uuid.setString(uuidOf(id));
  message.setId(uuid);
  message.setStreamIdentifier(streamIdentifier(stream));
  message.setStreamRevision(revisionOnTheWire(revision));
  message.setPreparePosition(String(position));
  message.setCommitPosition(String(position));
  message
    .getMetadataMap()
    .set('type', type)
    // In units of 100 ns.
    .set('created', String(BigInt(created) * 10_000n))
    .set('content-type', isJson ? 'application/json' : 'application/octet-stream');
  message.setData(new Uint8Array(data));
  message.setCustomMetadata(new Uint8Array(metadata));
  return message;
}

/** @returns {(record: { stream: string, type: string }) => boolean} @throws what `new RegExp` throws */
export function matcherOf(options) {
  if (!options.hasFilter()) return () => true;
  const filter = options.getFilter();
  const byStream = filter.hasStreamIdentifier();
  const expression = byStream ? filter.getStreamIdentifier() : filter.getEventType();
  const test = testOf(expression);
  return (record) => test(byStream ? record.stream : record.type);
}

function testOf(expression) {
  const regex = expression?.getRegex() ?? '';
  if (regex !== '') {
    const compiled = new RegExp(regex, 'u');
    return (name) => compiled.test(name);
  }
  const prefixes = expression?.getPrefixList() ?? [];
  return (name) => prefixes.some((prefix) => name.startsWith(prefix));
}

// ── errors ────────────────────────────────────────────────────────────────────────────────────────

/** `exception` and what else the client looks for in the trailers. */
export function failure(code, details, trailers = {}) {
  const metadata = new Metadata();
  for (const [name, value] of Object.entries(trailers)) metadata.set(name, trailer(value));
  return { code, details, metadata };
}

/** A trailer is ASCII. */
const trailer = (value) => String(value).replace(/[^\x20-\x7e]/g, '?');

export const streamDeleted = (stream) =>
  failure(status.FAILED_PRECONDITION, `Event stream '${stream}' is deleted.`, {
    exception: 'stream-deleted',
    'stream-name': stream,
  });

/** As delete and tombstone answer it: raw numbers. */
export const wrongExpectedVersion = (stream, expected, current) =>
  failure(
    status.FAILED_PRECONDITION,
    `Append failed due to WrongExpectedVersion. Stream: ${stream}, Expected version: ${expected}, Actual version: ${current}`,
    {
      exception: 'wrong-expected-version',
      'stream-name': stream,
      'expected-version': expected,
      'actual-version': current,
    },
  );

export const maximumAppendSizeExceeded = (limit) =>
  failure(status.INVALID_ARGUMENT, `Maximum Append Size of ${limit} Exceeded.`, {
    exception: 'maximum-append-size-exceeded',
    'maximum-append-size': limit,
  });

/** A status inside the answer of a batch append. `name`: of the message in `shared`, filled by `fill`. */
export function packedStatus(code, name, fill = () => undefined) {
  const details = new shared[name]();
  fill(details);
  return statusOf(code, name, details, `event_store.client.${name}`);
}

/** Of a kind that the client does not know. */
export const notReady = () =>
  statusOf(status.UNAVAILABLE, 'Server Is Not Ready', new GoogleEmpty(), 'google.protobuf.Empty');

function statusOf(code, text, details, type) {
  const any = new Any();
  any.pack(details.serializeBinary(), type);
  const message = new Status();
  message.setCode(code);
  message.setMessage(text);
  message.setDetails(any);
  return message;
}
