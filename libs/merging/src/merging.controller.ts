/** Merges over HTTP. No decision lives here. */
import { Controller, Get, Post, Res } from '@nestjs/common';
import { QueryBus } from '@nestjs/cqrs';
import { Commands } from '@timeline/deciding';
import {
  answered,
  Answers,
  AnswersOutcome,
  CommandHeaders,
  created,
  Describes,
  PageQuery,
  pageSchema,
  PathId,
  PositionHeader,
  Refuses,
  revisionEtag,
  StrictBody,
  StrictQuery,
  updated,
  type CommandOutcome,
  type Page,
} from '@timeline/http';
import type { FastifyReply } from 'fastify';
import { mergeCustomers, MergeCustomersData } from './commands/merge-customers.command.js';
import { unmergeCustomers, UnmergeCustomersBody } from './commands/unmerge-customers.command.js';
import { GetMerge } from './queries/get-merge.query.js';
import { ListMerges } from './queries/list-merges.query.js';
import { MergeView } from './queries/merge-view.js';

@Controller('v1/merges')
export class MergingCommandController {
  constructor(private readonly commands: Commands) {}

  @Post()
  @Describes(
    'Merge customers',
    'They are shown as one under the id of each of them; what they are told under goes on to count. Any number of merges may be laid over each other, and each can be undone by itself.',
  )
  @AnswersOutcome(201)
  @Refuses('CUSTOMER_NOT_FOUND', 'CUSTOMER_ERASED', 'MERGE_WITH_ITSELF', 'CHOICE_NOT_A_MEMBER', 'CHOICE_REPEATED')
  async merge(
    @StrictBody(MergeCustomersData) data: MergeCustomersData,
    @CommandHeaders() headers: CommandHeaders,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<CommandOutcome> {
    const outcome = await this.commands.dispatch(mergeCustomers, data, headers);
    return created(reply, `/v1/merges/${outcome.id}`, outcome);
  }

  @Post(':id/unmerge')
  @Describes(
    'Undo a merge',
    'Whom only this merge held together part again: everything is shown as if it had not been, what happened since under whom it came in.',
  )
  @AnswersOutcome(200)
  @Refuses('MERGE_NOT_FOUND', 'MERGE_ALREADY_UNDONE', 'CUSTOMER_ERASED')
  async unmerge(
    @PathId('id') mergeId: string,
    @StrictBody(UnmergeCustomersBody) body: UnmergeCustomersBody,
    @CommandHeaders() headers: CommandHeaders,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<CommandOutcome> {
    return updated(reply, await this.commands.dispatch(unmergeCustomers, { ...body, mergeId }, headers));
  }
}

@Controller('v1')
export class MergingQueryController {
  constructor(private readonly queries: QueryBus) {}

  @Get('merges/:id')
  @Describes('A merge', 'Open or undone. Its ETag is the revision of the answer to the command.')
  @Answers(200, MergeView)
  @Answers(304)
  @Refuses('MERGE_NOT_FOUND', 'CUSTOMER_ERASED')
  async get(
    @PathId('id') mergeId: string,
    @PositionHeader() given: string | undefined,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<MergeView | undefined> {
    const { view, revision, position } = await this.queries.execute(new GetMerge(mergeId, given));
    return answered(reply, view, { etag: revisionEtag(revision), position });
  }

  @Get('customers/:id/merges')
  @Describes('The merges of a customer', 'Open and undone ones, the latest first.')
  @Answers(200, pageSchema(MergeView))
  @Refuses('CUSTOMER_NOT_FOUND', 'CUSTOMER_ERASED', 'CURSOR_MALFORMED')
  list(
    @PathId('id') customerId: string,
    @StrictQuery(PageQuery) page: PageQuery,
    @PositionHeader() position: string | undefined,
  ): Promise<Page<MergeView>> {
    return this.queries.execute(new ListMerges(customerId, page, position));
  }
}
