/**
 * Errors are values with a code. The code is stable and public (problem+json shows it, `libs/http` maps it to
 * a status in one place); the message tells the reader what to do next. Neither ever holds personal data.
 */
export interface ErrorDetails {
  /** JSON pointer (RFC 6901) to the member of the request that is wrong. */
  pointer?: string;
  /** Where several members are wrong: each of them. */
  errors?: readonly { pointer: string; code: string; message: string }[];
  [key: string]: unknown;
}

/** A request that cannot be honoured as it stands: wrong input, or a rule of the domain that refuses it. */
export class DomainError extends Error {
  override readonly name: string = 'DomainError';
  constructor(
    readonly code: string,
    message: string,
    readonly details: ErrorDetails = {},
  ) {
    super(message);
  }
}

/**
 * A store or service that is away for now. Retried with backoff by whoever can wait; 503 to whoever cannot. `STORE_FULL`:
 * it takes no more until somebody makes room.
 */
export class UnavailableError extends Error {
  override readonly name = 'UnavailableError';
  readonly code: 'STORE_UNAVAILABLE' | 'STORE_FULL';
  constructor(
    readonly service: string,
    message: string,
    { code = 'STORE_UNAVAILABLE', ...options }: ErrorOptions & { code?: UnavailableError['code'] } = {},
  ) {
    super(message, options);
    this.code = code;
  }
}

/** Something that must not be: a damaged file, a missing key, a foreign database. Stops what met it. */
export class FaultError extends Error {
  override readonly name = 'FaultError';
  constructor(
    readonly code: string,
    message: string,
    options?: ErrorOptions,
  ) {
    super(message, options);
  }
}

/** The code of any error, for rows and logs that must never hold a payload. */
export function errorCode(error: unknown): string {
  // By shape, not `instanceof`: an error of another realm (Node's own, seen from inside Jest) is one too.
  if (typeof error !== 'object' || error === null) return 'UNKNOWN';
  if ('code' in error && typeof error.code === 'string') return error.code;
  return 'name' in error && typeof error.name === 'string' ? error.name : 'UNKNOWN';
}

/** Whether Node itself says that a connection broke or was not made; some clients pass that on as it is. */
export function isConnectionError(error: unknown): boolean {
  return typeof error === 'object' && error !== null && 'syscall' in error && BROKEN.has(errorCode(error));
}

const BROKEN = new Set([
  'ECONNABORTED',
  'ECONNREFUSED',
  'ECONNRESET',
  'EHOSTUNREACH',
  'ENETDOWN',
  'ENETUNREACH',
  'EPIPE',
  'ETIMEDOUT',
]);

/** The end of an exhaustive `switch`: the compiler proves that nothing comes here, a damaged log may. */
export function unreachable(_value: never, what: string): never {
  throw new FaultError('UNREACHABLE', `${what} is of a kind that this version does not know`);
}
