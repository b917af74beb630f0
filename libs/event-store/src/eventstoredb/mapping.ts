/**
 * Our events and positions as EventStoreDB keeps them. The body of an event is `{ data, personal }`, its metadata is
 * ours; a position is commit and prepare, both zero-padded, since the checkpoint of a filtered subscription may be
 * `commit/0`. Revisions and positions are bigint over there; they become numbers and text here and nowhere else.
 */
import eventStoreDb from '@eventstore/db-client';
import type {
  AllStreamRecordedEvent,
  BinaryEventData,
  ExpectedRevision as ClientRevision,
  Filter,
  Position as ClientPosition,
  RecordedEvent,
} from '@eventstore/db-client';
import type { EventMetadata, JsonObject, Position } from '@timeline/kernel';
import { DomainError, FaultError, makePosition, offsetOf, parsePosition, toInstant } from '@timeline/kernel';
import type { CheckedEvent } from '../append-validation.js';
import type { StoredEvent } from '../event-store.port.js';

const { eventTypeFilter, NO_STREAM } = eventStoreDb;

const utf8 = new TextEncoder();

const DIGITS = 20;
const OFFSET = /^(\d{20})\.(\d{20})$/;
/** A checkpoint for every 1,000 records looked at; the client's own default is one for 32. */
const SEARCH_WINDOW = 100;
const CHECKPOINT_INTERVAL = 10;

export function toPosition(logId: string, { commit, prepare }: ClientPosition): Position {
  const padded = (part: bigint): string => String(part).padStart(DIGITS, '0');
  const first = padded(commit);
  return makePosition(logId, `${first}.${prepare === commit ? first : padded(prepare)}`);
}

/** @throws DomainError POSITION_MALFORMED, POSITION_OF_ANOTHER_LOG */
export function toClientPosition(logId: string, position: Position): ClientPosition {
  const match = OFFSET.exec(offsetOf(parsePosition(position, logId)));
  if (!match) throw new DomainError('POSITION_MALFORMED', `${position} is not a position of this log`);
  return { commit: BigInt(match[1] ?? 0), prepare: BigInt(match[2] ?? 0) };
}

/** @param before revision of the last event before the append, -1 of a new stream */
export const toClientRevision = (before: number): ClientRevision => (before === -1 ? NO_STREAM : BigInt(before));

/**
 * As bytes of JSON: JSON as such the client writes as base64 and reads that again twice, in JavaScript, which is
 * a fifth of what an append costs. `AppendingClient` tells the server that it is JSON.
 */
export function toClientEvent({ id, type, data, personal, metadata }: CheckedEvent): BinaryEventData {
  const body = personal === undefined ? `{"data":${data}}` : `{"data":${data},"personal":${JSON.stringify(personal)}}`;
  return {
    id,
    type,
    contentType: 'application/octet-stream',
    data: utf8.encode(body),
    metadata: utf8.encode(metadata),
  };
}

/** The server's own records: its types and the streams it writes by itself (on 23.10 their types may look like ours). */
export const isDomainEvent = ({ type, streamId }: Pick<RecordedEvent, 'type' | 'streamId'>): boolean =>
  !type.startsWith('$') && !streamId.startsWith('$');

/** @throws FaultError EVENT_STORE_FOREIGN_EVENT when it was not written by this program */
export function toStoredEvent(logId: string, event: RecordedEvent | AllStreamRecordedEvent): StoredEvent {
  const { id, type, streamId, revision, position, created, data: body, metadata } = event;
  const isOurs =
    isRecord(body) &&
    isRecord(body.data) &&
    isRecord(metadata) &&
    ['string', 'undefined'].includes(typeof body.personal);
  if (!isOurs || position === undefined) {
    throw new FaultError(
      'EVENT_STORE_FOREIGN_EVENT',
      `event ${id} was not written by this program; give the timeline an event store of its own`,
    );
  }
  return {
    id,
    type,
    // Checked to be objects just now; what is in them is what `append` wrote.
    data: body.data as JsonObject,
    ...(body.personal === undefined ? {} : { personal: body.personal as string }),
    metadata: metadata as unknown as EventMetadata,
    stream: streamId,
    revision: Number(revision),
    position: toPosition(logId, position),
    recordedAt: toInstant(created),
  };
}

const isRecord = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value) && !(value instanceof Uint8Array);

/** Domain events only; of `types` where given (by prefix, so the reader still looks at the whole name). */
export function toFilter(
  types: readonly string[] | undefined,
  checkpointReached: NonNullable<Filter['checkpointReached']>,
): Filter {
  const options = { checkpointReached, maxSearchWindow: SEARCH_WINDOW, checkpointInterval: CHECKPOINT_INTERVAL };
  return types === undefined
    ? eventTypeFilter({ ...options, regex: '^[^$]' })
    : eventTypeFilter({ ...options, prefixes: [...types] });
}
