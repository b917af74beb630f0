/** Errors of the driver in the kernel's terms. */
import { MongoBulkWriteError, MongoError, MongoInvalidArgumentError, MongoServerError } from 'mongodb';
import { errorCode, isConnectionError, UnavailableError } from '@timeline/kernel';

const DUPLICATE_KEY = 11_000;

/** Whether duplicate keys are all that went wrong. */
export function isDuplicateKey(error: unknown): boolean {
  if (error instanceof MongoBulkWriteError) {
    const writeErrors = [error.writeErrors].flat();
    return writeErrors.length > 0 && writeErrors.every(({ code }) => code === DUPLICATE_KEY);
  }
  return error instanceof MongoServerError && error.code === DUPLICATE_KEY;
}

/** Answers that no waiting will change: the request, the credentials or the server's version do not fit. */
const LASTING = new Set([
  2, // BadValue
  9, // FailedToParse
  13, // Unauthorized
  14, // TypeMismatch
  18, // AuthenticationFailed
  59, // CommandNotFound
  72, // InvalidOptions
  85, // IndexOptionsConflict
  86, // IndexKeySpecsConflict
  8000, // AtlasError, for wrong credentials
  DUPLICATE_KEY,
]);

/**
 * Runs an operation of the driver. Every operation of the key store may be repeated, so what is not known to last
 * is "away for now".
 * @throws UnavailableError
 */
export async function orUnavailable<T>(operation: () => Promise<T>): Promise<T> {
  try {
    return await operation();
  } catch (error) {
    const lasts =
      !(error instanceof MongoError) || error instanceof MongoInvalidArgumentError || LASTING.has(Number(error.code));
    // A write too large for the socket's buffer waits for the socket, and fails with the socket's own error.
    if (lasts && !isConnectionError(error)) throw error;
    throw new UnavailableError('key store', `the key store does not answer (${nameOf(error)})`, { cause: error });
  }
}

const nameOf = (error: unknown): string => (error instanceof MongoError ? error.name : errorCode(error));
