/**
 * Server-sent events that are pulled: the next event is asked for when the client's socket can take it, so a slow
 * client costs one event of memory. A stream ends when the client leaves and when the process shuts down.
 */
import { createParamDecorator, Injectable, type ExecutionContext, type OnModuleDestroy } from '@nestjs/common';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { visibleHeader } from './command-request.js';
import { documents } from './documented.js';
import { logFailure } from './problem.js';

export interface SseEvent {
  /** What the client sends back as `Last-Event-ID`; a position or a cursor. */
  id?: string;
  event?: string;
  /** Sent as JSON. */
  data: unknown;
}

/** Every open stream of the process. */
@Injectable()
export class SseRegistry implements OnModuleDestroy {
  readonly #open = new Set<AbortController>();
  #isEnded = false;

  get size(): number {
    return this.#open.size;
  }

  /** Here and not later: an open stream would hold up the close of the server. */
  onModuleDestroy(): void {
    this.#isEnded = true;
    for (const controller of this.#open) controller.abort();
  }

  /** A signal for a stream of its own, and how to say that it has ended. */
  enter(): { controller: AbortController; leave: () => void } {
    const controller = new AbortController();
    if (this.#isEnded) controller.abort();
    this.#open.add(controller);
    return { controller, leave: () => this.#open.delete(controller) };
  }
}

export interface SseOptions {
  /** Between comments that keep proxies from closing a quiet stream; default 15,000. */
  heartbeatMs?: number;
}

/**
 * `return sse(reply, registry, (signal) => events)`. `signal` ends when the client has left or the process shuts
 * down: a source that waits for something must end then.
 */
export function sse(
  reply: FastifyReply,
  registry: SseRegistry,
  source: (signal: AbortSignal) => AsyncIterable<SseEvent>,
  { heartbeatMs = 15_000 }: SseOptions = {},
): AsyncGenerator<string> {
  void reply
    .status(200)
    .header('content-type', 'text/event-stream; charset=utf-8')
    .header('cache-control', 'no-store')
    .header('x-accel-buffering', 'no');
  return frames(reply, registry, source, heartbeatMs);
}

async function* frames(
  reply: FastifyReply,
  registry: SseRegistry,
  source: (signal: AbortSignal) => AsyncIterable<SseEvent>,
  heartbeatMs: number,
): AsyncGenerator<string> {
  const { controller, leave } = registry.enter();
  const { signal } = controller;
  // One waker for all that can happen. Racing promises instead would leave a reaction behind on each that lives as long
  // as the stream, for every event.
  let wake = (): void => undefined;
  const abort = (): void => controller.abort();
  signal.addEventListener('abort', () => wake(), { once: true });
  reply.raw.once('close', abort);
  let iterator: AsyncIterator<SseEvent> | undefined;
  try {
    // Sends the headers now, so that the client knows that it is connected before anything happens.
    yield ': connected\n\n';
    iterator = source(signal)[Symbol.asyncIterator]();
    while (!signal.aborted) {
      let settled: (() => IteratorResult<SseEvent>) | undefined;
      iterator.next().then(
        (result) => {
          settled = () => result;
          wake();
        },
        (error: unknown) => {
          settled = () => {
            throw error;
          };
          wake();
        },
      );
      while (!settled && !signal.aborted) {
        const isDue = await new Promise<boolean>((resolve) => {
          const timer = setTimeout(() => resolve(true), heartbeatMs);
          wake = () => {
            clearTimeout(timer);
            resolve(false);
          };
        });
        if (isDue) yield ': still here\n\n';
      }
      const result = settled?.();
      if (!result || result.done) return;
      yield frameOf(result.value);
    }
  } catch (error) {
    // The connection is cut; the client comes back with the last id it saw.
    logFailure(reply.request, error);
    throw error;
  } finally {
    reply.raw.off('close', abort);
    controller.abort();
    leave();
    // A source that is still waiting ends by the signal; it is not waited for, since the client is gone.
    void iterator?.return?.().catch(() => undefined);
  }
}

/** JSON has no raw line breaks, so one `data:` line holds it; an id or a name with one would break the frame. */
function frameOf({ id, event, data }: SseEvent): string {
  const oneLine = (text: string): string => text.replaceAll(/[\r\n\0]/g, ' ');
  return `${id === undefined ? '' : `id: ${oneLine(id)}\n`}${event === undefined ? '' : `event: ${oneLine(event)}\n`}data: ${JSON.stringify(data)}\n\n`;
}

/** Where a client that reconnects left off, or undefined. */
export const LastEventId = (): ParameterDecorator =>
  documents(
    createParamDecorator((_: unknown, context: ExecutionContext) =>
      visibleHeader(context.switchToHttp().getRequest<FastifyRequest>(), 'Last-Event-ID'),
    )(),
    {
      headers: [{ name: 'Last-Event-ID', description: 'The id of the last event seen; the stream goes on after it.' }],
      refuses: ['HEADER_MALFORMED'],
    },
  );
