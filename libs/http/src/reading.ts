/**
 * What reads have in common: the position they must have seen, pages, conditional answers.
 */
import { createParamDecorator, type ExecutionContext } from '@nestjs/common';
import type { Position } from '@timeline/kernel';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { visibleHeader } from './command-request.js';
import { documents } from './documented.js';
import { Optional, Text, Whole } from './fields.js';

/** `Timeline-Position` as text or undefined; `parsePosition` of the kernel checks it against the log. */
export const PositionHeader = (): ParameterDecorator =>
  documents(
    createParamDecorator((_: unknown, context: ExecutionContext) =>
      visibleHeader(context.switchToHttp().getRequest<FastifyRequest>(), 'Timeline-Position'),
    )(),
    {
      headers: [
        {
          name: 'Timeline-Position',
          description: 'A position that a command answered with; the answer has seen at least that.',
        },
      ],
      refuses: [
        'HEADER_MALFORMED',
        'POSITION_MALFORMED',
        'POSITION_OF_ANOTHER_LOG',
        'POSITION_NOT_REACHED',
        'STORE_UNAVAILABLE',
      ],
    },
  );

/** The query of a paged list; extend it with filters. */
export class PageQuery {
  @Optional()
  @Whole({ min: 1, max: 200 })
  limit: number = 50;

  /** From `next` of the page before. */
  @Optional()
  @Text({ max: 4000 })
  cursor?: string;
}

export interface Page<T> {
  items: T[];
  /** Absent on the last page. */
  next?: string;
}

/** A weak tag: answers that are equal in meaning may differ in bytes. */
export const etagOf = (...parts: readonly (string | number)[]): string =>
  `W/"${parts.map((part) => encodeURIComponent(String(part))).join('.')}"`;

/** Whether `If-None-Match` names this tag, compared weakly (RFC 9110, 13.1.2). */
export function isNotModified(request: Pick<FastifyRequest, 'headers'>, etag: string): boolean {
  const given = request.headers['if-none-match'];
  if (given === undefined) return false;
  if (given.trim() === '*') return true;
  const opaque = etag.replace(/^W\//, '');
  return [...given.matchAll(/(?:W\/)?("[^"]*")/g)].some((tag) => tag[1] === opaque);
}

/**
 * Answers a read: sets `ETag` and `Timeline-Position` (how far the answer has seen), and 304 without a body when the
 * client has it already: `return answered(reply, body, { etag, position })`.
 */
export function answered<T>(
  reply: FastifyReply,
  body: T,
  has: { etag?: string; position?: Position | undefined } = {},
): T | undefined {
  if (has.position !== undefined) void reply.header('timeline-position', has.position);
  if (has.etag === undefined) return body;
  void reply.header('etag', has.etag);
  if (!isNotModified(reply.request, has.etag)) return body;
  void reply.status(304);
  return undefined;
}
