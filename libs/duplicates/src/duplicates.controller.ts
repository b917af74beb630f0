/** Duplicates over HTTP. No decision lives here. */
import { Controller, Get, HttpCode, Post, Res } from '@nestjs/common';
import { QueryBus } from '@nestjs/cqrs';
import { Commands } from '@timeline/deciding';
import {
  Answers,
  AnswersOutcome,
  CommandHeaders,
  Describes,
  pageSchema,
  PathId,
  PathParam,
  PositionHeader,
  Refuses,
  StrictBody,
  StrictQuery,
  updated,
  type CommandOutcome,
  type Page,
} from '@timeline/http';
import type { FastifyReply } from 'fastify';
import {
  confirmDuplicate,
  ConfirmDuplicateBody,
  dismissDuplicate,
  DismissDuplicateBody,
  pairIdType,
} from './commands/decide-duplicate.command.js';
import {
  likelySchema,
  reviewedSchema,
  type LikelyDuplicate,
  type ReviewedDuplicate,
} from './queries/duplicate-views.js';
import { DuplicatesOf, DuplicatesOfParams, SearchDuplicates, SoughtRecord } from './queries/find-duplicates.query.js';
import { DuplicatesParams, ListDuplicates } from './queries/list-duplicates.query.js';

@Controller('v1/duplicates')
export class DuplicatesCommandController {
  constructor(private readonly commands: Commands) {}

  @Post(':id/dismissal')
  @HttpCode(200)
  @Describes('Two customers are two', 'They stay dismissed until what is compared of either changes.')
  @AnswersOutcome(200)
  @Refuses('DUPLICATE_NOT_FOUND', 'DUPLICATE_ALREADY_CONFIRMED', 'OCCURRED_IN_FUTURE', 'OCCURRED_BEFORE_START')
  async dismiss(
    @PathParam('id', pairIdType) pairId: string,
    @StrictBody(DismissDuplicateBody) body: DismissDuplicateBody,
    @CommandHeaders() headers: CommandHeaders,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<CommandOutcome> {
    return updated(reply, await this.commands.dispatch(dismissDuplicate, { ...body, pairId }, headers));
  }

  @Post(':id/confirmation')
  @HttpCode(200)
  @Describes('Two customers are one', 'Final; what is merged in error is unmerged.')
  @AnswersOutcome(200)
  @Refuses('DUPLICATE_NOT_FOUND', 'SURVIVOR_NOT_OF_PAIR', 'OCCURRED_IN_FUTURE', 'OCCURRED_BEFORE_START')
  async confirm(
    @PathParam('id', pairIdType) pairId: string,
    @StrictBody(ConfirmDuplicateBody) body: ConfirmDuplicateBody,
    @CommandHeaders() headers: CommandHeaders,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<CommandOutcome> {
    return updated(reply, await this.commands.dispatch(confirmDuplicate, { ...body, pairId }, headers));
  }
}

@Controller('v1')
export class DuplicatesQueryController {
  constructor(private readonly queries: QueryBus) {}

  @Get('duplicates')
  @Describes(
    'Pairs of customers suspected of being one',
    'The likeliest first, with the reasons as the records are now. `cleared` are those that nothing speaks for any more since a record changed. Where many are settled meanwhile, a page may hold fewer than `limit`, or none, and have a `next` all the same.',
  )
  @Answers(200, pageSchema(reviewedSchema))
  @Refuses('CURSOR_MALFORMED', 'READ_MODEL_NOT_READY')
  list(
    @StrictQuery(DuplicatesParams) params: DuplicatesParams,
    @PositionHeader() position: string | undefined,
  ): Promise<Page<ReviewedDuplicate>> {
    return this.queries.execute(new ListDuplicates(params, position));
  }

  @Post('customers/duplicates/search')
  @HttpCode(200)
  @Describes(
    'Who may be the same as this record',
    'A POST with a body, since a record is personal data that must not stand in an address; nothing is written. The likeliest first, each with the reasons.',
  )
  @Answers(200, likelySchema)
  @Refuses('READ_MODEL_NOT_READY')
  async search(
    @StrictBody(SoughtRecord) record: SoughtRecord,
    @PositionHeader() position: string | undefined,
  ): Promise<{ items: LikelyDuplicate[] }> {
    return { items: await this.queries.execute(new SearchDuplicates(record, position)) };
  }

  @Get('customers/:id/duplicates')
  @Describes('Who may be the same as this customer', 'As the records are now, whether anybody was suspected or not.')
  @Answers(200, likelySchema)
  @Refuses('CUSTOMER_NOT_FOUND', 'CUSTOMER_ERASED', 'READ_MODEL_NOT_READY')
  async ofCustomer(
    @PathId('id') customerId: string,
    @StrictQuery(DuplicatesOfParams) { limit }: DuplicatesOfParams,
    @PositionHeader() position: string | undefined,
  ): Promise<{ items: LikelyDuplicate[] }> {
    return { items: await this.queries.execute(new DuplicatesOf(customerId, limit, position)) };
  }
}
