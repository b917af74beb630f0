/**
 * What a command says about itself beside its body: who sends it, its `Idempotency-Key`, the revision it wants to
 * write at (`If-Match`), what it belongs to; and the headers of its answer.
 */
import { createParamDecorator, type ExecutionContext } from '@nestjs/common';
import { defined, DomainError, type Position } from '@timeline/kernel';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { documents } from './documented.js';

export interface CommandHeaders {
  /** Makes the command the same command when it is sent again. */
  idempotencyKey?: string;
  /** The revision that the stream must be at; a conflict is then answered 412. */
  ifMatch?: number;
  /** The name of the API key, or `local`. */
  caller: string;
  /** Who did it, as the caller names them in `X-Actor`; the caller itself where it does not say. */
  actor: string;
  /** From `X-Correlation-Id`, or the request's own id. */
  correlationId: string;
  /** From `X-Causation-Id`; the command itself where absent. */
  causationId?: string;
}

const VISIBLE_ASCII = /^[\x21-\x7e]{1,200}$/;

/** A header of 1 to 200 visible ASCII characters. @throws DomainError HEADER_MALFORMED */
export function visibleHeader(request: Pick<FastifyRequest, 'headers'>, name: string): string | undefined {
  const value = request.headers[name.toLowerCase()];
  if (value === undefined) return undefined;
  if (typeof value === 'string' && VISIBLE_ASCII.test(value)) return value;
  throw new DomainError('HEADER_MALFORMED', `${name} must be 1 to 200 visible ASCII characters, given once`, {
    header: name,
  });
}

/** Reads `If-Match: "3"`. @throws DomainError HEADER_MALFORMED for `*`, weak, several or malformed tags */
export function readIfMatch(request: Pick<FastifyRequest, 'headers'>): number | undefined {
  const value = request.headers['if-match'];
  if (value === undefined) return undefined;
  const match = /^"(\d{1,15})"$/.exec(value);
  if (match) return Number(match[1]);
  throw new DomainError('HEADER_MALFORMED', 'If-Match must be the ETag of one revision, such as "3"', {
    header: 'If-Match',
  });
}

export function readCommandHeaders(request: Pick<FastifyRequest, 'id' | 'headers' | 'caller'>): CommandHeaders {
  return defined({
    idempotencyKey: visibleHeader(request, 'Idempotency-Key'),
    ifMatch: readIfMatch(request),
    caller: request.caller,
    actor: visibleHeader(request, 'X-Actor') ?? request.caller,
    correlationId: visibleHeader(request, 'X-Correlation-Id') ?? request.id,
    causationId: visibleHeader(request, 'X-Causation-Id'),
  });
}

const header = (name: string, description: string): { name: string; description: string } => ({ name, description });

/** `@CommandHeaders() headers: CommandHeaders` */
export const CommandHeaders = (): ParameterDecorator =>
  documents(
    createParamDecorator((_: unknown, context: ExecutionContext) =>
      readCommandHeaders(context.switchToHttp().getRequest<FastifyRequest>()),
    )(),
    {
      headers: [
        header(
          'Idempotency-Key',
          'Makes the command the same command when it is sent again: the answer is that of the first time.',
        ),
        header('If-Match', 'The ETag of the revision to write at; another one is answered 412.'),
        header('X-Actor', 'Who did it, as the caller names them.'),
        header('X-Correlation-Id', 'What this belongs to; the id of the request where absent.'),
        header('X-Causation-Id', 'What caused this, such as the id of an entry of the timeline.'),
      ],
      refuses: [
        'HEADER_MALFORMED',
        'IDEMPOTENCY_KEY_REUSED',
        'WRONG_EXPECTED_REVISION',
        'PRECONDITION_FAILED',
        'STORE_UNAVAILABLE',
        'STORE_FULL',
      ],
    },
  );

/** What every command answers with; more members of an outcome are left out. */
export interface CommandOutcome {
  id: string;
  /** Of the stream's last event. */
  revision: number;
  /** A read that sends it back as `Timeline-Position` sees at least this. */
  position: Position;
}

export const revisionEtag = (revision: number): string => `"${revision}"`;

function outcomeOf(reply: FastifyReply, status: number, { id, revision, position }: CommandOutcome): CommandOutcome {
  void reply.status(status).header('etag', revisionEtag(revision)).header('timeline-position', position);
  return { id, revision, position };
}

/** 201 with `Location`, `ETag`, `Timeline-Position`; answers the body: `return created(reply, location, outcome)`. */
export function created(reply: FastifyReply, location: string, outcome: CommandOutcome): CommandOutcome {
  void reply.header('location', location);
  return outcomeOf(reply, 201, outcome);
}

/** 200 with `ETag` and `Timeline-Position`, for commands on what there already is. */
export const updated = (reply: FastifyReply, outcome: CommandOutcome): CommandOutcome => outcomeOf(reply, 200, outcome);
