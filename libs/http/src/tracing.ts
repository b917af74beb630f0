/**
 * A span for each request, under the caller's `traceparent` where there is one. It is named by the route, never by the
 * address; the rest of the request runs in it.
 */
import { context, propagation, ROOT_CONTEXT, SpanKind, SpanStatusCode, trace, type Context } from '@opentelemetry/api';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';

declare module 'fastify' {
  interface FastifyRequest {
    /** Where the request's span is the active one; absent where the router could not read the address. */
    traceContext: Context | undefined;
  }
}

/** The API's routes; what machines look at every few seconds, and the page's files, would only hide them. */
const TRACED = '/v1/';

export function traceRequests(fastify: FastifyInstance): void {
  const tracer = trace.getTracer('customer-timeline');
  fastify.decorateRequest('traceContext');
  fastify.addHook('onRequest', (request, _reply, done) => {
    const { method, routeOptions, headers } = request;
    const route = routeOptions.url;
    if (!route?.startsWith(TRACED)) {
      request.traceContext = ROOT_CONTEXT;
      return done();
    }
    const attributes = { 'http.request.method': method, 'http.route': route };
    const parent = propagation.extract(ROOT_CONTEXT, headers);
    const span = tracer.startSpan(`${method} ${route}`, { kind: SpanKind.SERVER, attributes }, parent);
    request.traceContext = trace.setSpan(parent, span);
    context.with(request.traceContext, done);
  });
  // The body arrives by events of the socket, outside the span.
  fastify.addHook('preValidation', (request, _reply, done) => context.with(traceContextOf(request), done));
  fastify.addHook('onResponse', (request, reply, done) => {
    end(request, reply.statusCode);
    done();
  });
  // Nobody was there any more to be answered.
  fastify.addHook('onRequestAbort', (request, done) => {
    end(request, undefined);
    done();
  });
}

export const traceContextOf = (request: FastifyRequest): Context => request.traceContext ?? ROOT_CONTEXT;

function end(request: FastifyRequest, status: FastifyReply['statusCode'] | undefined): void {
  const span = trace.getSpan(traceContextOf(request));
  if (!span?.isRecording()) return;
  if (status === undefined) span.setAttribute('error.type', 'aborted');
  else span.setAttribute('http.response.status_code', status);
  if (status !== undefined && status >= 500) span.setStatus({ code: SpanStatusCode.ERROR });
  span.end();
}

/** The items, made in `active` whoever pulls them. */
export async function* boundTo<T>(active: Context, items: AsyncIterable<T>): AsyncGenerator<T> {
  const iterator = items[Symbol.asyncIterator]();
  try {
    for (;;) {
      const result = await context.with(active, () => iterator.next());
      if (result.done) return;
      yield result.value;
    }
  } finally {
    await iterator.return?.();
  }
}
