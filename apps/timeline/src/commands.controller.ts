/** `POST /v1/commands`: any commands as NDJSON, one outcome a line, in order, with back-pressure. */
import { Controller, HttpCode, Post, Res } from '@nestjs/common';
import { BulkCommands, CommandLine } from '@timeline/composing';
import {
  Answers,
  CommandHeaders,
  Describes,
  ndjsonReply,
  NdjsonBody,
  Optional,
  readLines,
  StrictQuery,
  Text,
} from '@timeline/http';
import type { FastifyReply } from 'fastify';
import type { Readable } from 'node:stream';

export class BulkQuery {
  /** Names the system the commands come from: the same id from the same source is the same command, however it is sent. */
  @Optional()
  @Text({ max: 60 })
  source?: string;
}

@Controller('v1/commands')
export class CommandsController {
  constructor(private readonly bulk: BulkCommands) {}

  @Post()
  @HttpCode(200)
  @Describes(
    'Many commands as NDJSON',
    'One `{ "id", "type", "data" }` a line, one outcome a line, in order. A bad line is answered with its problem; the others go through.',
  )
  @Answers(200, { type: 'string' }, 'Outcomes', 'application/x-ndjson')
  run(
    @NdjsonBody(CommandLine) body: Readable,
    @StrictQuery(BulkQuery) { source }: BulkQuery,
    @CommandHeaders() { caller, actor, correlationId }: CommandHeaders,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): AsyncGenerator<string> {
    const request = { caller: source ?? caller, actor, correlationId, ...(source !== undefined && { source }) };
    return ndjsonReply(reply, this.bulk.runLines(readLines(body), request));
  }
}
