/** The log: one JSON object a line on stdout, with the trace that it belongs to. No line holds personal data or a secret. */
import { writeSync } from 'node:fs';
import { context, trace } from '@opentelemetry/api';
import { errorCode, FaultError, UnavailableError } from '@timeline/kernel';
import { pino, type Logger } from 'pino';

/** Nothing logs these; should something ever, they do not get out. */
const NEVER_SHOWN = ['personal', 'data', 'body', 'email', 'phone', 'name', 'authorization', 'password'];

export function openLog(level: string): Logger {
  const options = {
    level,
    redact: NEVER_SHOWN.flatMap((name) => [name, `*.${name}`]),
    mixin() {
      const span = trace.getSpanContext(context.active());
      return span ? { trace_id: span.traceId, span_id: span.spanId } : {};
    },
  };
  return pino(options, { write });
}

const STDOUT = 1;
const RETRY_MS = 10;
const RETRIES = 100;

/**
 * On a full disk, or where nobody reads, the line is lost and the product goes on. (pino's own destination tries for ever
 * on a full disk: at the first fatal line, and whenever the process is to end.)
 */
function write(line: string): void {
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
