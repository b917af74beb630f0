/**
 * What every request passes before Nest sees it: is the server open, who asks, can the body be read. And what every
 * answer carries: security headers and the id of the request.
 */
import { STATUS_CODES } from 'node:http';
import type { Socket } from 'node:net';
import { UnsupportedMediaTypeException } from '@nestjs/common';
import { DomainError } from '@timeline/kernel';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { callerByKey, LOCAL_CALLER, refuseOtherSites, type ApiKey } from './api-keys.js';
import { decodeUtf8, parseJsonStrict } from './json-strict.js';
import { problemHeaders, problemOf } from './problem.js';
import { codeOfStatus } from './status-of.js';

declare module 'fastify' {
  interface FastifyRequest {
    /** The name of the API key, or `local`. */
    caller: string;
  }
}

export interface EdgeOptions {
  keys: readonly ApiKey[];
  /** Bytes of a JSON body. */
  bodyLimit: number;
  /** Paths that need no key; one that ends in `/` stands for all below it, `/` itself only for the page. */
  openPaths: readonly string[];
  isClosing: () => boolean;
}

const SECURITY_HEADERS: Readonly<Record<string, string>> = {
  'content-security-policy':
    "default-src 'self'; base-uri 'none'; object-src 'none'; form-action 'self'; frame-ancestors 'none'",
  'cross-origin-opener-policy': 'same-origin',
  'cross-origin-resource-policy': 'same-origin',
  'referrer-policy': 'no-referrer',
  'x-content-type-options': 'nosniff',
  'x-frame-options': 'DENY',
};

const isOpen = (url: string, openPaths: readonly string[]): boolean => {
  const path = url.split('?', 1)[0] ?? '';
  return openPaths.some((open) => path === open || (open.length > 1 && open.endsWith('/') && path.startsWith(open)));
};

export function installEdge(fastify: FastifyInstance, { keys, bodyLimit, openPaths, isClosing }: EdgeOptions): void {
  fastify.decorateRequest('caller', LOCAL_CALLER);
  fastify.addHook('onRequest', (request, reply, done) => {
    if (isClosing()) {
      void reply.header('connection', 'close');
      return done(new DomainError('SHUTTING_DOWN', 'this server is shutting down; send the request again'));
    }
    try {
      if (keys.length === 0) refuseOtherSites(request);
      else if (!isOpen(request.url, openPaths)) request.caller = callerByKey(request, keys);
      done();
    } catch (error) {
      done(error instanceof Error ? error : new Error('the request was refused', { cause: error }));
    }
  });
  fastify.addHook('onSend', (request, reply, payload, done) => {
    addHeaders(request, reply);
    if (isClosing()) void reply.header('connection', 'close');
    done(null, payload);
  });
  // Fastify brings parsers for JSON and for text/plain, which would reach validation as a string.
  fastify.removeAllContentTypeParsers();
  fastify.addContentTypeParser('application/json', { parseAs: 'buffer', bodyLimit }, (request, body, done) => {
    try {
      assertUtf8(request);
      // `parseAs: 'buffer'` gives a buffer; the type covers both.
      const text = typeof body === 'string' ? body : decodeUtf8(body);
      done(null, text === '' ? undefined : parseJsonStrict(text));
    } catch (error) {
      done(error instanceof Error ? error : new Error('the body was refused', { cause: error }));
    }
  });
  // Lines are limited one by one, by whoever reads them.
  fastify.addContentTypeParser(['application/x-ndjson', 'text/csv'], (_request, payload, done) => done(null, payload));
}

function assertUtf8(request: FastifyRequest): void {
  const charset = /;\s*charset="?([^";\s]+)/i.exec(request.headers['content-type'] ?? '')?.[1];
  if (charset !== undefined && !/^utf-?8$/i.test(charset)) throw new UnsupportedMediaTypeException();
}

const ANSWER_HEADERS = Object.entries({
  ...SECURITY_HEADERS,
  // Answers hold personal data: no shared cache may keep them, and one's own must ask (`ETag`) before it reuses them.
  'cache-control': 'private, no-cache',
});

function addHeaders(request: FastifyRequest, reply: FastifyReply): void {
  for (const [name, value] of ANSWER_HEADERS) if (!reply.hasHeader(name)) void reply.header(name, value);
  if (!reply.hasHeader('x-request-id')) void reply.header('x-request-id', request.id);
}

/** Errors that Fastify's router answers before any hook runs: a malformed or overlong address. */
export function answerRouterError(error: { statusCode?: number }, request: FastifyRequest, reply: FastifyReply): void {
  const code = codeOfStatus(error.statusCode ?? 400);
  const problem = problemOf(new DomainError(code, 'the address of this request cannot be read'), {
    requestId: request.id,
  });
  addHeaders(request, reply);
  void reply.status(problem.status).headers(problemHeaders(problem)).send(JSON.stringify(problem));
}

/** Errors that Node's parser meets before there is a request: what was sent is not HTTP, or its headers are too large. */
export function answerParserError(error: NodeJS.ErrnoException, socket: Socket): void {
  if (error.code === 'ECONNRESET' || !socket.writable) {
    socket.destroy();
    return;
  }
  const code = error.code === 'HPE_HEADER_OVERFLOW' ? 'HEADERS_TOO_LARGE' : 'BAD_REQUEST';
  const problem = problemOf(new DomainError(code, 'what was sent cannot be read as an HTTP request'));
  const body = JSON.stringify(problem);
  const headers = {
    ...SECURITY_HEADERS,
    ...problemHeaders(problem),
    'content-length': String(Buffer.byteLength(body)),
    connection: 'close',
  };
  const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`);
  socket.end(`HTTP/1.1 ${problem.status} ${STATUS_CODES[problem.status] ?? ''}\r\n${lines.join('')}\r\n${body}`);
}
