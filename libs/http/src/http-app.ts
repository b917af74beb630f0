/**
 * One way to make the server, for `apps/timeline` and for tests alike: Nest on Fastify with the edge, the problem
 * filter, the registry of open streams and the API's description in place.
 */
import { randomUUID } from 'node:crypto';
import type { Server } from 'node:http';
import { Module, type DynamicModule, type Type } from '@nestjs/common';
import { APP_FILTER, NestFactory } from '@nestjs/core';
import { FastifyAdapter, type NestFastifyApplication } from '@nestjs/platform-fastify';
import { context } from '@opentelemetry/api';
import type { FastifyInstance } from 'fastify';
import { assertGuarded, parseApiKeys } from './api-keys.js';
import { answerParserError, answerRouterError, installEdge } from './edge.js';
import { buildOpenApi, type OpenApiInfo } from './openapi.js';
import { answerInTime } from './answer-in-time.js';
import { ProblemFilter, type HttpLog } from './problem.js';
import { SseRegistry } from './sse.js';
import { traceContextOf, traceRequests } from './tracing.js';

/** One answered request, for metrics and logs; `route` is the pattern, never the address with its ids. */
export interface AnsweredRequest {
  requestId: string;
  method: string;
  route: string;
  /** 499 where whoever asked left before anything was answered. */
  status: number;
  /** The connection was closed before the end of the answer, as by one who has seen enough of a stream. */
  cutOff?: true;
  caller: string;
  seconds: number;
  /** From `X-Correlation-Id` where that looks like an id, else the request's own. */
  correlationId: string;
}

export interface HttpOptions {
  /** Where it will listen, default 127.0.0.1. Another than loopback needs `apiKeys`. */
  host?: string;
  /** `name:sha256hex[,…]`, as in `API_KEYS`. Default: none. */
  apiKeys?: string;
  /** Paths that need no key; one that ends in `/` stands for all below it. Default `/health/live`. */
  openPaths?: readonly string[];
  /** Bytes of a JSON body, default 256 KiB. NDJSON is limited by the line instead. */
  bodyLimit?: number;
  log?: HttpLog;
  onAnswered?: (request: AnsweredRequest) => void;
  /** Serves the API's description at `/openapi.json`. */
  openApi?: OpenApiInfo;
  /** How long requests under way may take once the server is closing, default 10,000. */
  shutdownGraceMs?: number;
  /** A request that is not answered for so long is answered 503, default 20,000. */
  answerWithinMs?: number;
}

const ID = /^[\w.:-]{1,100}$/;
/** As proxies note it; nobody is there to see it. */
const CLIENT_LEFT = 499;

@Module({})
class HttpRootModule {}

class Adapter extends FastifyAdapter {
  isDraining = false;
  graceMs = 10_000;

  override beforeClose(): void {
    this.isDraining = true;
    super.beforeClose();
  }

  /** A connection that falls idle while the server closes would hold it up for as long as it is kept alive. */
  override async close(): Promise<void> {
    this.isDraining = true;
    const server: Server = this.getHttpServer();
    const sweep = setInterval(() => server.closeIdleConnections(), 50);
    const deadline = setTimeout(() => server.closeAllConnections(), this.graceMs);
    try {
      await super.close();
    } finally {
      clearInterval(sweep);
      clearTimeout(deadline);
    }
  }
}

/**
 * The initialised application, not yet listening: `await app.listen(port, host)`. Signals are the caller's to handle:
 * Nest's own hooks would close it a second time beside the caller and then send the signal again.
 * @throws FaultError CONFIG_INVALID when `host` is reachable by others and there are no keys
 */
export async function createHttpApp(
  module: Type | DynamicModule,
  options: HttpOptions = {},
): Promise<NestFastifyApplication> {
  const { host = '127.0.0.1', bodyLimit = 262_144, openPaths = ['/health/live'], onAnswered, openApi } = options;
  const keys = parseApiKeys(options.apiKeys ?? '');
  assertGuarded(host, keys);
  const adapter = new Adapter({
    bodyLimit,
    genReqId: () => randomUUID(),
    // Longer than proxies keep a connection idle, so that it is theirs to close: a request never meets one closed by us.
    keepAliveTimeout: 72_000,
    // The hook of `installEdge` answers while closing, as problem+json.
    return503OnClosing: false,
    forceCloseConnections: 'idle',
    routerOptions: { ignoreTrailingSlash: false, maxParamLength: 500 },
    frameworkErrors: answerRouterError,
    clientErrorHandler: answerParserError,
  });
  adapter.graceMs = options.shutdownGraceMs ?? adapter.graceMs;
  const fastify = adapter.getInstance();
  fastify.decorate('problemLog', options.log);
  // Before whatever may answer.
  if (onAnswered) tellAnswered(fastify, onAnswered);
  traceRequests(fastify);
  installEdge(fastify, { keys, bodyLimit, openPaths, isClosing: () => adapter.isDraining });
  answerInTime(fastify, options.answerWithinMs ?? 20_000);
  const root: DynamicModule = {
    module: HttpRootModule,
    global: true,
    imports: [module],
    providers: [SseRegistry, { provide: APP_FILTER, useClass: ProblemFilter }],
    exports: [SseRegistry],
  };
  const app = await NestFactory.create<NestFastifyApplication>(root, adapter, {
    abortOnError: false,
    bodyParser: false,
    logger: false,
  });
  try {
    await app.init();
    if (openApi) {
      const description = JSON.stringify(buildOpenApi(app, { ...openApi, hasKeys: keys.length > 0 }));
      fastify.get('/openapi.json', (_request, reply) =>
        reply.type('application/json; charset=utf-8').send(description),
      );
    }
  } catch (error) {
    // What had begun to run must not keep the process alive; the first error is the one to tell.
    await app.close().catch(() => undefined);
    throw error;
  }
  return app;
}

function tellAnswered(fastify: FastifyInstance, onAnswered: (request: AnsweredRequest) => void): void {
  // Not `onResponse`: of an answer that is not sent to its end, Fastify tells nobody.
  fastify.addHook('onRequest', (request, reply, done) => {
    const { raw } = reply;
    raw.once('close', () => {
      const isCutOff = !raw.writableFinished;
      const correlation = request.headers['x-correlation-id'];
      context.with(traceContextOf(request), () =>
        onAnswered({
          requestId: request.id,
          method: request.method,
          route: request.routeOptions.url ?? 'unknown',
          status: isCutOff && !raw.headersSent ? CLIENT_LEFT : raw.statusCode,
          ...(isCutOff && { cutOff: true }),
          caller: request.caller,
          seconds: reply.elapsedTime / 1000,
          // Whatever else a caller puts there may name a person.
          correlationId: typeof correlation === 'string' && ID.test(correlation) ? correlation : request.id,
        }),
      );
    });
    done();
  });
}
