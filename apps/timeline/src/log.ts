/** The log: one JSON object a line on stdout, with the trace that it belongs to. No line holds personal data or a secret. */
import { writeSync } from 'node:fs';
import { context, trace } from '@opentelemetry/api';
import { errorCode, FaultError, UnavailableError } from '@timeline/kernel';
import { pino, type Logger } from 'pino';

/** Nothing logs these; should something ever, they do not get out. */
const NEVER_SHOWN = new Set(['personal', 'data', 'body', 'email', 'phone', 'name', 'authorization', 'password']);

/** @param write tests give their own */
export function openLog(level: string, write = writeToStdout): Logger {
  const options = {
    level,
    // pino's own `redact` reads its paths anew for each line: a fifth of all that a request allocates.
    formatters: { log: redacted },
    mixin() {
      const span = trace.getSpanContext(context.active());
      return span ? { trace_id: span.traceId, span_id: span.spanId } : {};
    },
  };
  return pino(options, { write });
}

/** Without what is never shown, in the line itself and in objects of it. */
function redacted(fields: Record<string, unknown>, depth = 1): Record<string, unknown> {
  const shown: Record<string, unknown> = {};
  for (const [name, value] of Object.entries(fields)) {
    if (NEVER_SHOWN.has(name)) shown[name] = '[Redacted]';
    else shown[name] = depth > 0 && isPlain(value) ? redacted(value, depth - 1) : value;
  }
  return shown;
}

const isPlain = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && Object.getPrototypeOf(value) === Object.prototype;

const STDOUT = 1;
const RETRY_MS = 10;
const RETRIES = 100;

/**
 * On a full disk, or where nobody reads, the line is lost and the product goes on. (pino's own destination tries for ever
 * on a full disk: at the first fatal line, and whenever the process is to end.)
 */
function writeToStdout(line: string): void {
  let rest = Buffer.from(line);
  for (let retries = 0; rest.length > 0 && retries <= RETRIES;) {
    try {
      rest = rest.subarray(writeSync(STDOUT, rest));
    } catch (error) {
      if (errorCode(error) !== 'EAGAIN') return;
      // A pipe that is full; whoever reads it gets a moment.
      retries += 1;
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, RETRY_MS);
    }
  }
}

/** Of an error that is none of ours where it came from, but not its message, which might quote a person's data. */
export function troubleOf(error: unknown): { code: string; reason?: string; stack?: string } {
  const code = errorCode(error);
  if (error instanceof FaultError || error instanceof UnavailableError) return { code, reason: error.message };
  // Of Node's own: a port that is taken, a file that cannot be read.
  if (error instanceof Error && 'syscall' in error) {
    const wayOut = code === 'EADDRINUSE' ? '; stop what listens there, or set PORT to another' : '';
    return { code, reason: error.message + wayOut };
  }
  const stack = error instanceof Error ? (error.stack ?? '').split('\n').filter((line) => /^\s+at /.test(line)) : [];
  return { code, stack: stack.join('\n') };
}
