/**
 * The one table from error code to HTTP status. Codes of slices that are not named here follow their ending, so that
 * a slice adds a rule without touching this file: `…_NOT_FOUND` 404; `…_TAKEN`, `…_CONFLICT`, `…_EXISTS`, `…_ALREADY_…`
 * 409; `…_ERASED` 410; any other refusal 422.
 */
const BY_CODE: Readonly<Record<string, number>> = {
  // The request cannot be read.
  MALFORMED_JSON: 400,
  DUPLICATE_KEY: 400,
  JSON_TOO_DEEP: 400,
  TEXT_HOLDS_NUL: 400,
  TEXT_NOT_UNICODE: 400,
  NUMBER_NOT_EXACT: 400,
  BODY_NOT_UTF8: 400,
  BAD_REQUEST: 400,
  HEADER_MALFORMED: 400,
  CURSOR_MALFORMED: 400,
  POSITION_MALFORMED: 400,
  POSITION_OF_ANOTHER_LOG: 400,
  LINE_TOO_LONG: 400,
  // Who asks, and from where.
  UNAUTHENTICATED: 401,
  FORBIDDEN: 403,
  CROSS_SITE_REQUEST: 403,
  HOST_NOT_ALLOWED: 403,
  // What is asked for.
  NOT_FOUND: 404,
  METHOD_NOT_ALLOWED: 405,
  CURSOR_EXPIRED: 410,
  INSUFFICIENT_POINTS: 409,
  WRONG_EXPECTED_REVISION: 409,
  BUILD_BEHIND: 409,
  REBUILD_CANCELLED: 409,
  REBUILD_DIFFERS: 409,
  REBUILD_PARKED: 409,
  PRECONDITION_FAILED: 412,
  BODY_TOO_LARGE: 413,
  URI_TOO_LONG: 414,
  UNSUPPORTED_MEDIA_TYPE: 415,
  VALIDATION_FAILED: 422,
  IDEMPOTENCY_KEY_REUSED: 422,
  PRECONDITION_REQUIRED: 428,
  TOO_MANY_REQUESTS: 429,
  HEADERS_TOO_LARGE: 431,
  // Not now.
  INTERNAL_ERROR: 500,
  POSITION_NOT_REACHED: 503,
  READ_MODEL_NOT_READY: 503,
  STORE_UNAVAILABLE: 503,
  STORE_FULL: 503,
  SHUTTING_DOWN: 503,
};

const BY_ENDING: readonly (readonly [RegExp, number])[] = [
  [/_NOT_FOUND$/, 404],
  [/_(TAKEN|CONFLICT|EXISTS)$|_ALREADY_/, 409],
  [/_ERASED$/, 410],
];

export function statusOf(code: string): number {
  if (Object.hasOwn(BY_CODE, code)) return BY_CODE[code] ?? 500;
  return BY_ENDING.find(([ending]) => ending.test(code))?.[1] ?? 422;
}

/** The code of an error that Nest, Fastify or Node answered with a bare status. */
export function codeOfStatus(status: number): string {
  const codes: Readonly<Record<number, string>> = {
    401: 'UNAUTHENTICATED',
    403: 'FORBIDDEN',
    404: 'NOT_FOUND',
    405: 'METHOD_NOT_ALLOWED',
    413: 'BODY_TOO_LARGE',
    414: 'URI_TOO_LONG',
    415: 'UNSUPPORTED_MEDIA_TYPE',
    429: 'TOO_MANY_REQUESTS',
    431: 'HEADERS_TOO_LARGE',
    503: 'STORE_UNAVAILABLE',
  };
  return codes[status] ?? (status >= 500 ? 'INTERNAL_ERROR' : 'BAD_REQUEST');
}
