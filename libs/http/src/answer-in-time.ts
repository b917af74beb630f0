/**
 * A handler that waits for a store that hangs would keep its client waiting too, through every try of the store's own
 * client. What is not answered in time is answered 503; it may yet be carried out, which the same `Idempotency-Key` tells.
 * A stream is answered once its source is there; how long it lasts is not looked at. (Fastify's own `handlerTimeout` cuts
 * streams off; an interceptor of Nest's takes each request through a dozen subscriptions of RxJS.)
 */
import { UnavailableError } from '@timeline/kernel';
import type { FastifyInstance } from 'fastify';
import { sendProblem } from './problem.js';

declare module 'fastify' {
  interface FastifyRequest {
    answerTimer: NodeJS.Timeout | undefined;
  }
}

/** The time of a request begins once its body is there, as far as it is read whole. */
export function answerInTime(fastify: FastifyInstance, withinMs: number): void {
  fastify.decorateRequest('answerTimer', undefined);
  fastify.addHook('preHandler', (request, reply, done) => {
    request.answerTimer = setTimeout(() => {
      sendProblem(reply, new UnavailableError('store behind this request', 'a request was not answered in time'));
    }, withinMs).unref();
    done();
  });
  fastify.addHook('onSend', (request, _reply, payload, done) => {
    clearTimeout(request.answerTimer);
    done(null, payload);
  });
}
