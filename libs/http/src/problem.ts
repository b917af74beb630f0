/**
 * Every error leaves as RFC 9457 `application/problem+json`, whoever threw it: our own, Nest, Fastify, Node. What is
 * not ours is answered 500 without its text, and logged with the request's id but without its message, since the
 * message of a foreign error may quote a person's data.
 */
import { Catch, HttpException, type ArgumentsHost, type ExceptionFilter } from '@nestjs/common';
import { DomainError, errorCode, FaultError, UnavailableError } from '@timeline/kernel';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { codeOfStatus, statusOf } from './status-of.js';
import { ValidationError } from './validation.js';

export interface ProblemError {
  /** Where the pointer points; the body where absent. */
  in?: 'query' | 'path' | 'header';
  /** JSON pointer (RFC 6901). */
  pointer: string;
  code: string;
  detail: string;
}

export interface Problem {
  /** `/problems/{code in kebab case}`; stable. */
  type: string;
  title: string;
  status: number;
  detail: string;
  code: string;
  /** The request, `urn:uuid:…`; logs name it. */
  instance?: string;
  errors?: ProblemError[];
  /** What else the error says about itself, e.g. the expected and the actual revision. */
  details?: Record<string, unknown>;
}

/** Where structured lines go; pino's shape. */
export interface HttpLog {
  error(fields: Record<string, unknown>, message: string): void;
}

declare module 'fastify' {
  interface FastifyInstance {
    problemLog: HttpLog | undefined;
  }
}

export const problemType = (code: string): string => `/problems/${code.toLowerCase().replaceAll('_', '-')}`;
export const problemTitle = (code: string): string => {
  const words = code.toLowerCase().replaceAll('_', ' ');
  return words.charAt(0).toUpperCase() + words.slice(1);
};

export interface ProblemContext {
  requestId?: string;
  /** The request named the revision it wants to write at, so a conflict is its failed precondition. */
  hasIfMatch?: boolean;
}

/** What the error looks like from outside. */
export function problemOf(error: unknown, context: ProblemContext = {}): Problem {
  const { code, detail, ...more } = describe(error, context.hasIfMatch ?? false);
  return {
    type: problemType(code),
    title: problemTitle(code),
    status: statusOf(code),
    code,
    detail,
    ...(context.requestId !== undefined && { instance: `urn:uuid:${context.requestId}` }),
    ...more,
  };
}

type Description = Pick<Problem, 'code' | 'detail' | 'errors' | 'details'>;

function describe(error: unknown, hasIfMatch: boolean): Description {
  if (error instanceof ValidationError) {
    return {
      code: error.code,
      detail: error.message,
      errors: error.violations.map(({ in: where, pointer, code, message }) => ({
        ...(where && { in: where }),
        pointer,
        code,
        detail: message,
      })),
    };
  }
  if (error instanceof DomainError) {
    const { pointer, in: where, errors, ...details } = error.details;
    const code = error.code === 'WRONG_EXPECTED_REVISION' && hasIfMatch ? 'PRECONDITION_FAILED' : error.code;
    return {
      code,
      detail: error.message,
      ...(errors
        ? { errors: errors.map(({ message: detail, ...each }) => ({ ...each, detail })) }
        : pointer !== undefined && {
            errors: [{ ...(where === 'query' && { in: where }), pointer, code, detail: error.message }],
          }),
      ...(Object.keys(details).length > 0 && { details }),
    };
  }
  if (error instanceof UnavailableError) {
    if (error.code === 'STORE_FULL') {
      const detail = `the disk of the ${error.service} is full; once its operator has made room, send the same again`;
      return { code: error.code, detail };
    }
    return { code: error.code, detail: `the ${error.service} is away for now; try again in a moment` };
  }
  if (error instanceof HttpException && error.getStatus() < 500) {
    return { code: codeOfStatus(error.getStatus()), detail: detailOfStatus(error) };
  }
  return {
    code: 'INTERNAL_ERROR',
    detail: 'something went wrong on our side; the log knows this request by its instance',
  };
}

/** Nest's own 404 quotes the address with its query, which may hold a person's data. */
function detailOfStatus(error: HttpException): string {
  const details: Readonly<Record<number, string>> = {
    404: 'there is nothing at this address for this method',
    413: 'the body is too large',
    415: 'the body must be application/json in UTF-8, or application/x-ndjson where lines are taken',
  };
  return details[error.getStatus()] ?? error.message;
}

const RETRY_AFTER_SECONDS: Readonly<Record<string, number>> = {
  POSITION_NOT_REACHED: 1,
  STORE_UNAVAILABLE: 2,
  STORE_FULL: 30,
  SHUTTING_DOWN: 5,
};

/** Headers that go with a problem. */
export function problemHeaders(problem: Problem): Record<string, string> {
  const retryAfter = problem.status === 503 ? (RETRY_AFTER_SECONDS[problem.code] ?? 2) : undefined;
  return {
    'content-type': 'application/problem+json; charset=utf-8',
    ...(retryAfter !== undefined && { 'retry-after': String(retryAfter) }),
    ...(problem.status === 401 && { 'www-authenticate': 'Bearer realm="timeline"' }),
  };
}

/**
 * Logs what is nobody's refusal and no store's absence, with the id that the client was told. Our own errors' messages
 * name no person; others' may, so only where they came from is kept.
 */
export function logFailure(request: FastifyRequest, error: unknown): void {
  if (describe(error, false).code !== 'INTERNAL_ERROR') return;
  const { id: requestId, method, routeOptions } = request;
  const stack = error instanceof Error ? (error.stack ?? '').split('\n').filter((line) => /^\s+at /.test(line)) : [];
  request.server.problemLog?.error(
    {
      requestId,
      method,
      route: routeOptions.url,
      code: errorCode(error),
      ...(error instanceof FaultError && { reason: error.message }),
      stack: stack.join('\n'),
    },
    'request failed',
  );
}

@Catch()
export class ProblemFilter implements ExceptionFilter {
  catch(error: unknown, host: ArgumentsHost): void {
    const http = host.switchToHttp();
    const request = http.getRequest<FastifyRequest>();
    const reply = http.getResponse<FastifyReply>();
    const hasLeft = request.raw.destroyed && !request.raw.complete;
    if (!hasLeft) logFailure(request, error);
    if (reply.sent || reply.raw.headersSent) {
      // The answer is under way and cannot be taken back; cutting it off tells the client that it is not whole.
      reply.raw.destroy();
      return;
    }
    sendProblem(reply, error);
  }
}

/** In the place of what the answer was about to say. */
export function sendProblem(reply: FastifyReply, error: unknown): void {
  const { id: requestId, headers } = reply.request;
  const problem = problemOf(error, { requestId, hasIfMatch: headers['if-match'] !== undefined });
  for (const name of ['etag', 'location', 'content-length']) reply.removeHeader(name);
  void reply.status(problem.status).headers(problemHeaders(problem)).send(JSON.stringify(problem));
}
