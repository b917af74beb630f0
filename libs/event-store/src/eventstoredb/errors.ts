/**
 * What the client's errors mean to us. They are told apart by `type` and `code` alone: errors of the shared append
 * call have no message, and those of the first call of a connection are gRPC's own, without a type.
 */
import { DomainError, errorCode, FaultError, UnavailableError } from '@timeline/kernel';

export const SERVICE = 'event store';

const RETRYABLE_TYPES = new Set([
  'unavailable',
  'timeout',
  'deadline-exceeded',
  'cancelled',
  'persistent-subscription-dropped',
  // The client connects to the new leader by itself; the next try reaches it.
  'not-leader',
]);
/** gRPC: cancelled, deadline exceeded, aborted, internal (a stream cut off by a server that stops), unavailable. */
const RETRYABLE_CODES_WITHOUT_TYPE = new Set([1, 4, 10, 13, 14]);
const RETRYABLE_CODES_OF_UNKNOWN = new Set([13, 14]);

/** Our own limit on waiting for an answer was reached. */
export class NoAnswerError extends Error {
  readonly type = 'timeout';
}

interface ClientError {
  type: string | undefined;
  code: number | undefined;
  message: string;
}

function read(error: unknown): ClientError {
  if (typeof error !== 'object' || error === null) return { type: undefined, code: undefined, message: String(error) };
  return {
    type: 'type' in error && typeof error.type === 'string' ? error.type : undefined,
    code: 'code' in error && typeof error.code === 'number' ? error.code : undefined,
    message: 'message' in error && typeof error.message === 'string' ? error.message : '',
  };
}

/** Whether trying again can help. For an append it also means that nobody knows whether it was stored. */
export function isRetryable(error: unknown): boolean {
  if (error instanceof UnavailableError) return true;
  const { type, code, message } = read(error);
  if (type !== undefined && type !== 'unknown') return RETRYABLE_TYPES.has(type);
  if (message.includes('Server Is Not Ready') || message.startsWith('Failed to discover')) return true;
  const codes = type === undefined ? RETRYABLE_CODES_WITHOUT_TYPE : RETRYABLE_CODES_OF_UNKNOWN;
  return code !== undefined && codes.has(code);
}

/**
 * Whether the client object will answer every later append with this same error: it keeps the answer of its first
 * question (what can the server do?), a failure included, unless that says that the server is away.
 */
export function leavesClientStuck(error: unknown): boolean {
  const { type, code } = read(error);
  return type === undefined && code !== undefined && code !== 14 && code !== 1;
}

export const isOfType = (error: unknown, type: string): boolean => read(error).type === type;

/** The server has no record that starts at the position it was asked for. */
export function isNoSuchPosition(error: unknown): boolean {
  const { type, code } = read(error);
  return type === 'unknown' && (code === 2 || code === 3);
}

/** The revision that a refused append met, -1 where there is no stream. */
export function actualRevision(error: unknown): number {
  const actual =
    typeof error === 'object' && error !== null && 'actualVersion' in error ? error.actualVersion : undefined;
  return typeof actual === 'bigint' ? Number(actual) : -1;
}

/** The error as our port speaks of it. */
export function toPortError(error: unknown): Error {
  if (error instanceof DomainError || error instanceof FaultError || error instanceof UnavailableError) return error;
  if (isRetryable(error)) {
    return new UnavailableError(SERVICE, 'the event store does not answer; try again later', { cause: error });
  }
  const { type, code } = read(error);
  switch (type) {
    case 'maximum-append-size-exceeded':
      return new DomainError('APPEND_TOO_LARGE', 'the event store is set up for smaller appends; send less at once');
    case 'access-denied':
      return new FaultError(
        'EVENT_STORE_ACCESS_DENIED',
        'the event store refuses this user; check the name and password in EVENT_STORE_URL',
        { cause: error },
      );
    case 'stream-deleted':
      return new FaultError('EVENT_STORE_STREAM_DELETED', 'a stream of the log was deleted for good by someone else', {
        cause: error,
      });
    default:
      return new FaultError(
        'EVENT_STORE_FAULT',
        `the event store answered with an error that is not known (${type ?? errorCode(error)}, ${code ?? 'no code'})`,
        { cause: error },
      );
  }
}
