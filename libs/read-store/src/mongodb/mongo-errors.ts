/**
 * Errors of the driver in the kernel's terms. What waiting can mend is `UnavailableError`; a refusal is a fault, told by
 * its code alone, since MongoDB quotes the values it refuses.
 */
import type { BulkWriteResult, ClientBulkWriteResult } from 'mongodb';
import {
  MongoBulkWriteError,
  MongoClientBulkWriteError,
  MongoError,
  MongoInvalidArgumentError,
  MongoNetworkError,
  MongoNotConnectedError,
  MongoOperationTimeoutError,
  MongoServerError,
  MongoSystemError,
  MongoTopologyClosedError,
  MongoWriteConcernError,
} from 'mongodb';
import { FaultError, isConnectionError, UnavailableError } from '@timeline/kernel';
import { documentTooLarge } from '../refusals.js';

export const DUPLICATE_KEY = 11_000;
export const NAMESPACE_NOT_FOUND = 26;
export const INDEX_NOT_FOUND = 27;
export const NAMESPACE_EXISTS = 48;
const COMMAND_NOT_FOUND = 59;

/** Codes of the server that pass: elections, shutdowns, lost or slow members, cursors gone with them. */
const PASSING = new Set([
  6, // HostUnreachable
  7, // HostNotFound
  43, // CursorNotFound
  50, // MaxTimeMSExpired
  64, // WriteConcernFailed
  89, // NetworkTimeout
  91, // ShutdownInProgress
  100, // UnsatisfiableWriteConcern
  112, // WriteConflict
  133, // FailedToSatisfyReadPreference
  134, // ReadConcernMajorityNotAvailableYet
  175, // QueryPlanKilled
  189, // PrimarySteppedDown
  202, // NetworkInterfaceExceededTimeLimit
  237, // CursorKilled
  262, // ExceededTimeLimit
  276, // IndexBuildAborted
  317, // ConnectionPoolExpired
  9001, // SocketException
  10107, // NotWritablePrimary
  11600, // InterruptedAtShutdown
  11601, // Interrupted
  11602, // InterruptedDueToReplStateChange
  13435, // NotPrimaryNoSecondaryOk
  13436, // NotPrimaryOrSecondary
]);

export const hasCode = (error: unknown, ...codes: number[]): boolean =>
  error instanceof MongoServerError && codes.includes(Number(error.code));

function passes(error: MongoError): boolean {
  return (
    error instanceof MongoNetworkError ||
    error instanceof MongoSystemError ||
    error instanceof MongoOperationTimeoutError ||
    error instanceof MongoWriteConcernError ||
    // What other operations were waiting for when the first one found nobody; the next one connects anew.
    error instanceof MongoTopologyClosedError ||
    error instanceof MongoNotConnectedError ||
    error.name === 'MongoWaitQueueTimeoutError' ||
    error.hasErrorLabel('RetryableWriteError') ||
    error.hasErrorLabel('RetryableError') ||
    // A heartbeat that failed, by whatever error of the socket; operations that waited for the server fail with it.
    error.hasErrorLabel('ResetPool') ||
    (error instanceof MongoServerError && PASSING.has(Number(error.code)))
  );
}

/** The driver's words for it, in the two ways of writing; there is no code. */
const TOO_LARGE = /larger than the maximum size|exceeds the max bson object size/;

interface Refusal {
  code: number;
  message: string;
}

/**
 * Runs an unordered bulk write and tells the writes that a unique index refused, by their index; for the others there is
 * a result. @throws as `translated`, for anything else that went wrong with any write
 */
export async function bulk<R extends BulkWriteResult | ClientBulkWriteResult>(
  operation: () => Promise<R>,
): Promise<{ result: ClientBulkWriteResult | undefined; refusals: ReadonlyMap<number, Refusal> }> {
  try {
    const result = await operation();
    return { result: 'updateResults' in result ? result : undefined, refusals: new Map() };
  } catch (error) {
    const refusals = singleRefusals(error);
    if (refusals === undefined) throw translate(error);
    for (const { code } of refusals.values()) {
      if (PASSING.has(code)) throw unavailable(error);
      if (code !== DUPLICATE_KEY) throw refused(code);
    }
    return { result: error instanceof MongoClientBulkWriteError ? error.partialResult : undefined, refusals };
  }
}

/** undefined when the bulk as a whole failed, or may yet be lost. */
function singleRefusals(error: unknown): Map<number, Refusal> | undefined {
  if (error instanceof MongoBulkWriteError && !error.result.getWriteConcernError()) {
    const errors = [error.writeErrors].flat();
    if (errors.length > 0)
      return new Map(errors.map(({ index, code, errmsg }) => [index, { code, message: errmsg ?? '' }]));
  }
  if (error instanceof MongoClientBulkWriteError && !error.cause && error.writeConcernErrors.length === 0) {
    if (error.writeErrors.size > 0) return error.writeErrors;
  }
  return undefined;
}

/** Runs an operation of the driver. @throws UnavailableError, FaultError READ_STORE_REFUSED, READ_STORE_TOO_OLD */
export async function translated<T>(operation: () => Promise<T>): Promise<T> {
  try {
    return await operation();
  } catch (error) {
    throw translate(error);
  }
}

function translate(error: unknown): unknown {
  // A write too large for the socket's buffer waits for the socket, and fails with the socket's own error.
  if (isConnectionError(error)) return unavailable(error);
  if (!(error instanceof MongoError)) return error;
  if (error instanceof MongoInvalidArgumentError && TOO_LARGE.test(error.message)) return documentTooLarge();
  const cause: unknown = error instanceof MongoBulkWriteError ? error.errorResponse : error.cause;
  if (cause instanceof MongoError) return translate(cause);
  const isUnconfirmed =
    (error instanceof MongoClientBulkWriteError && error.writeConcernErrors.length > 0) ||
    (error instanceof MongoBulkWriteError && error.result.getWriteConcernError() !== undefined);
  if (isUnconfirmed || passes(error)) return unavailable(error);
  return refused(error instanceof MongoServerError ? Number(error.code) : error.name);
}

const unavailable = (error: unknown): UnavailableError =>
  new UnavailableError(
    'read store',
    `the read store does not answer, or not for certain (${error instanceof Error ? error.name : 'unknown'})`,
    // Errors of the server are left out: they may quote documents.
    error instanceof MongoServerError ? {} : { cause: error },
  );

function refused(reason: number | string): FaultError {
  return reason === COMMAND_NOT_FOUND
    ? new FaultError('READ_STORE_TOO_OLD', 'the server does not know a command of MongoDB 8.0; use that or a newer one')
    : new FaultError(
        'READ_STORE_REFUSED',
        `MongoDB refused an operation of the read store (${reason}); its log says more`,
      );
}
