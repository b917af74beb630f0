/**
 * What must hold of an append before any adapter sees it. Both adapters go through here, so both refuse the same:
 * EventStoreDB's client would end the process on an id that is no UUID or an empty type, and SQLite would cut text
 * off at a NUL.
 */
import { DomainError } from '@timeline/kernel';
import type { ExpectedRevision, NewEvent, ReadAllOptions } from './event-store.port.js';

/** EventStoreDB's default limit for one append, less what its own records of 1,000 events need. */
export const MAX_APPEND_BYTES = 1_048_576 - 8_192;
/** What an event costs beside its texts: ids, lengths, the members that hold data and personal. */
const EVENT_OVERHEAD_BYTES = 64;
const MAX_DEPTH = 100;
/** As `randomUUID` and UUID v5 write them: EventStoreDB answers in lower case whatever it was given. */
const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/;
const ASCII = /^[ -~]*$/;
// eslint-disable-next-line no-control-regex -- control characters are what is looked for
const UNPRINTABLE = /[\u0000-\u001f\u007f]|\p{Surrogate}/u;

/** An event whose JSON is already text, so that what is measured is what is written. */
export interface CheckedEvent {
  id: string;
  type: string;
  data: string;
  personal: string | undefined;
  metadata: string;
}

/** @throws DomainError APPEND_INVALID (with a pointer), APPEND_TOO_LARGE */
export function checkAppend(stream: string, events: readonly NewEvent[]): CheckedEvent[] {
  checkName(stream, 'the stream name', '/stream');
  if (events.length === 0) throw invalid('an append needs at least one event', '/events');
  const ids = new Set<string>();
  let bytes = 0;
  const checked = events.map((event, index) => {
    const at = `/events/${index}`;
    if (typeof event.id !== 'string' || !UUID.test(event.id)) {
      throw invalid('an event id is a UUID in lower case', `${at}/id`);
    }
    if (ids.has(event.id)) throw invalid('an event id occurs once in an append', `${at}/id`);
    ids.add(event.id);
    checkName(event.type, 'an event type', `${at}/type`);
    if (event.personal !== undefined && (typeof event.personal !== 'string' || !ASCII.test(event.personal))) {
      throw invalid('personal is ciphertext in base64', `${at}/personal`);
    }
    const { id, type, personal } = event;
    const text = {
      id,
      type,
      personal,
      data: toJson(event.data, `${at}/data`),
      metadata: toJson(event.metadata, `${at}/metadata`),
    };
    bytes +=
      EVENT_OVERHEAD_BYTES +
      2 * type.length +
      Buffer.byteLength(text.data) +
      Buffer.byteLength(text.metadata) +
      (personal?.length ?? 0);
    return text;
  });
  if (bytes > MAX_APPEND_BYTES) {
    throw new DomainError(
      'APPEND_TOO_LARGE',
      `${events.length} events of ${bytes} bytes in all are more than one append holds (${MAX_APPEND_BYTES}); send less at once`,
      { bytes, limit: MAX_APPEND_BYTES },
    );
  }
  return checked;
}

/** The revision of the last event before an append: -1 when there is none. @throws DomainError APPEND_INVALID */
export function revisionBefore(expected: ExpectedRevision): number {
  if (expected === 'no-stream') return -1;
  if (Number.isSafeInteger(expected) && expected >= 0) return expected;
  throw invalid('an expected revision is a whole number, 0 or more, or "no-stream"', '/expectedRevision');
}

/** @throws DomainError READ_INVALID */
export function checkReadAll({ until, direction, limit, batchSize }: ReadAllOptions): void {
  if (until !== undefined && direction === 'backwards') {
    throw new DomainError('READ_INVALID', 'a backwards read has no `until`; stop reading instead');
  }
  checkCounts(limit, batchSize);
}

/** @throws DomainError READ_INVALID */
export function checkCounts(limit?: number, batchSize?: number): void {
  if (limit !== undefined && !(Number.isInteger(limit) && limit >= 0)) {
    throw new DomainError('READ_INVALID', 'a limit is a whole number, 0 or more');
  }
  if (batchSize !== undefined && !(Number.isInteger(batchSize) && batchSize >= 1)) {
    throw new DomainError('READ_INVALID', 'a batch size is a whole number, 1 or more');
  }
}

function invalid(message: string, pointer: string): DomainError {
  return new DomainError('APPEND_INVALID', `${message} (${pointer})`, { pointer });
}

function checkName(name: unknown, what: string, pointer: string): void {
  if (typeof name !== 'string' || name === '') throw invalid(`${what} is not empty`, pointer);
  if (name.startsWith('$')) throw invalid(`${what} starting with $ is the server's own`, pointer);
  if (UNPRINTABLE.test(name)) throw invalid(`${what} holds a control character or half a character`, pointer);
}

function toJson(value: unknown, pointer: string): string {
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    throw invalid('an object is needed', pointer);
  const fault = whatJsonChanges(value, 0);
  if (fault) throw invalid(fault.why, `${pointer}${fault.at}`);
  return JSON.stringify(value);
}

/** `JSON.stringify` turns NaN into null and a Map into {} without a word; what is written here is written for good. */
function whatJsonChanges(value: unknown, depth: number): { why: string; at: string } | undefined {
  switch (typeof value) {
    case 'string':
    case 'boolean':
      return undefined;
    case 'number':
      return Number.isFinite(value) ? undefined : { why: 'a number in JSON is finite', at: '' };
    case 'object': {
      if (value === null) return undefined;
      if (depth > MAX_DEPTH) return { why: 'this is circular or nested too deep', at: '' };
      const isList = Array.isArray(value);
      if ('toJSON' in value || (!isList && Symbol.iterator in value))
        return { why: 'this is not a plain JSON value', at: '' };
      const members = value as Readonly<Record<string, unknown>>;
      for (const name of isList ? value.keys() : Object.keys(value)) {
        const member = members[name];
        // An absent member may be written as undefined; JSON leaves it out.
        const fault = member === undefined && !isList ? undefined : whatJsonChanges(member, depth + 1);
        if (fault) return { why: fault.why, at: `/${name}${fault.at}` };
      }
      return undefined;
    }
    default:
      return { why: `a ${typeof value} is no JSON value`, at: '' };
  }
}
