/**
 * NDJSON both ways without ever holding more than a window of lines: lines are read as the client sends them, run side
 * by side unless they share a key, and answered one outcome a line in the order of the lines. Who reads slowly slows
 * the whole down, down to the client's socket.
 */
import type { FastifyReply, FastifyRequest } from 'fastify';
import { logFailure, problemOf } from './problem.js';
import { boundTo, traceContextOf } from './tracing.js';

export interface ReadLinesOptions {
  /** Longer lines are answered as `oversized` and skipped. Default 256 KiB. */
  maxLineBytes?: number;
}

/** `bytes` is the line as it came, without its line break; decode it with `decodeUtf8`. Lines count from 1. */
export type Line = { lineNumber: number; kind: 'line'; bytes: Buffer } | { lineNumber: number; kind: 'oversized' };

const NEWLINE = 0x0a;
const RETURN = 0x0d;

/** Empty lines are skipped but counted. */
export async function* readLines(
  stream: AsyncIterable<Buffer | string>,
  { maxLineBytes = 262_144 }: ReadLinesOptions = {},
): AsyncGenerator<Line, void, undefined> {
  let lineNumber = 1;
  let parts: Buffer[] = [];
  let size = 0;
  const take = (): Line | undefined => {
    const isTooLong = size > maxLineBytes;
    const whole = isTooLong ? undefined : Buffer.concat(parts);
    parts = [];
    size = 0;
    if (!whole) return { lineNumber, kind: 'oversized' };
    const bytes = whole.at(-1) === RETURN ? whole.subarray(0, -1) : whole;
    return bytes.length > 0 ? { lineNumber, kind: 'line', bytes } : undefined;
  };
  const keep = (part: Buffer): void => {
    size += part.length;
    if (size <= maxLineBytes) parts.push(part);
    else parts = [];
  };
  for await (const chunk of stream) {
    const buffer = typeof chunk === 'string' ? Buffer.from(chunk) : chunk;
    let start = 0;
    for (let end = buffer.indexOf(NEWLINE); end >= 0; end = buffer.indexOf(NEWLINE, start)) {
      keep(buffer.subarray(start, end));
      const line = take();
      if (line) yield line;
      lineNumber += 1;
      start = end + 1;
    }
    keep(buffer.subarray(start));
  }
  if (size > 0) {
    const line = take();
    if (line) yield line;
  }
}

export interface InOrderOptions<L, O> {
  /** Lines running or waiting to be answered at one time, default 64. */
  window?: number;
  /** Lines that share a key run one after the other, in the order of the lines: streams, customers, identities they touch. */
  keysOf: (line: L) => readonly string[];
  /** Lines that share only these begin one after the other, each once the one before has passed. */
  sharedKeysOf?: (line: L) => readonly string[];
  /**
   * Answers the outcome of a line, refusals included. A throw ends the whole. `pass`: what must come before the next line is
   * done, or is sure to be done first; the line's end says so too.
   */
  run: (line: L, pass: () => void) => Promise<O>;
}

/** What the next line that has a key waits for: one that shares it, and one that must be alone. Neither rejects. */
interface Tail {
  passed: Promise<unknown>;
  ended: Promise<unknown>;
}

/** The outcomes of the lines, in the order of the lines. An outcome is handed out as soon as those before it are. */
export async function* inOrder<L, O>(
  lines: AsyncIterable<L>,
  { window = 64, keysOf, sharedKeysOf = () => [], run }: InOrderOptions<L, O>,
): AsyncGenerator<O, void, undefined> {
  const iterator = lines[Symbol.asyncIterator]();
  const tails = new Map<string, Tail>();
  const follow = (key: string, tail: Tail): void => {
    tails.set(key, tail);
    void tail.ended.then(() => {
      if (tails.get(key) === tail) tails.delete(key);
    });
  };
  /** Those that have begun, and how they came out; the first is the next to be answered. */
  const running: { outcome: Promise<O>; isDone: boolean }[] = [];
  // What the reader waits for, and what the one who answers waits for; nothing where they do not wait.
  let haveRoom = (): void => undefined;
  let wake = (): void => undefined;
  const start = (line: L): void => {
    const keys = new Set(keysOf(line));
    const shared = sharedKeysOf(line).filter((key) => !keys.has(key));
    const before = [...[...keys].map((key) => tails.get(key)?.ended), ...shared.map((key) => tails.get(key)?.passed)];
    let pass = (): void => undefined;
    const passed = new Promise<void>((resolve) => (pass = resolve));
    const outcome = Promise.all(before).then(() => run(line, pass));
    // Who waits for this line waits for its end, not for its success; and a throw is met when its turn comes.
    const ended = outcome.then(pass, pass);
    for (const key of keys) follow(key, { passed: ended, ended });
    for (const key of shared) {
      // Not as `Promise.all` answers it: that would hold on to all the answers before, as long as the key is in use.
      const all = Promise.all([tails.get(key)?.ended, ended]).then(() => undefined);
      follow(key, { passed, ended: all });
    }
    const each = { outcome, isDone: false };
    running.push(each);
    void ended.then(() => {
      each.isDone = true;
      // The next line may be long in coming: the outcome of the one before must not wait for it.
      if (each === running[0]) wake();
    });
  };
  let hasEnded = false;
  let isWanted = true;
  let failure: { error: unknown } | undefined;
  const read = async (): Promise<void> => {
    try {
      while (isWanted) {
        const result = await iterator.next();
        if (result.done || !isWanted) break;
        start(result.value);
        if (running.length >= window) await new Promise<void>((resolve) => (haveRoom = resolve));
      }
    } catch (error) {
      // The lines before it are answered first.
      failure = { error };
    }
    hasEnded = true;
    wake();
  };
  const reading = read();
  try {
    for (;;) {
      const [first] = running;
      if (first?.isDone) {
        running.shift();
        haveRoom();
        yield await first.outcome;
      } else if (!first && hasEnded) break;
      else await new Promise<void>((resolve) => (wake = resolve));
    }
    if (failure) throw failure.error;
  } finally {
    isWanted = false;
    haveRoom();
    // What has begun is let finish, so that nobody closes a store under it. The read may never come to an end; whoever read
    // the lines may have ended already, and that closing them failed concerns nobody any more.
    if (!hasEnded) void reading.then(() => iterator.return?.()).catch(() => undefined);
    await Promise.allSettled(running.map(({ outcome }) => outcome));
  }
}

/**
 * Answers 200 with one line of JSON per item: `return ndjsonReply(reply, outcomes)`. An error after the first line
 * cannot change the status any more: it is the last line, `{"problem":{…}}`.
 */
export function ndjsonReply(reply: FastifyReply, items: AsyncIterable<unknown>): AsyncGenerator<string> {
  void reply.status(200).header('content-type', 'application/x-ndjson; charset=utf-8');
  // Lines are pulled by the socket, which knows of no request.
  return boundTo(traceContextOf(reply.request), jsonLines(reply.request, items));
}

async function* jsonLines(request: FastifyRequest, items: AsyncIterable<unknown>): AsyncGenerator<string> {
  let isFirst = true;
  try {
    for await (const item of items) {
      isFirst = false;
      yield `${JSON.stringify(item)}\n`;
    }
  } catch (error) {
    if (isFirst) throw error;
    logFailure(request, error);
    yield `${JSON.stringify({ problem: problemOf(error, { requestId: request.id }) })}\n`;
  }
}
