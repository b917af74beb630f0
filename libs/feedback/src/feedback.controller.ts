/** Feedback cases over HTTP. No decision lives here. */
import { Controller, Get, Post, Res } from '@nestjs/common';
import { QueryBus } from '@nestjs/cqrs';
import { Commands, type CommandType } from '@timeline/deciding';
import {
  answered,
  Answers,
  AnswersOutcome,
  CommandHeaders,
  created,
  Describes,
  etagOf,
  pageSchema,
  PathId,
  PositionHeader,
  Refuses,
  StrictBody,
  StrictQuery,
  updated,
  type CommandOutcome,
  type Page,
} from '@timeline/http';
import type { FastifyReply } from 'fastify';
import { assignCase, AssignCaseBody } from './commands/assign-case.command.js';
import { classifyCase, ClassifyCaseBody } from './commands/classify-case.command.js';
import { openCase, OpenCaseData } from './commands/open-case.command.js';
import { rateCase, RateCaseBody } from './commands/rate-case.command.js';
import { reopenCase, ReopenCaseBody } from './commands/reopen-case.command.js';
import { resolveCase, ResolveCaseBody } from './commands/resolve-case.command.js';
import { respondToCase, RespondToCaseBody } from './commands/respond-to-case.command.js';
import { CaseDetails, CaseView } from './queries/case-view.js';
import { GetCase } from './queries/get-case.query.js';
import { ListCases, ListCasesQuery } from './queries/list-cases.query.js';

const ON_A_CASE = ['FEEDBACK_NOT_FOUND', 'CUSTOMER_ERASED', 'OCCURRED_IN_FUTURE', 'OCCURRED_BEFORE_START'];

@Controller('v1/feedback')
export class FeedbackCommandController {
  constructor(private readonly commands: Commands) {}

  @Post()
  @Describes(
    'Open a feedback case',
    'With source and sourceId the case is opened once: the same delivery again answers as before, another one under the same id is a conflict that names the fields which differ.',
  )
  @AnswersOutcome(201)
  @Refuses(
    'CUSTOMER_NOT_FOUND',
    'CUSTOMER_ERASED',
    'IDENTITY_REFUSED',
    'IDENTITY_TAKEN',
    'FEEDBACK_CONFLICT',
    'OCCURRED_IN_FUTURE',
  )
  async open(
    @StrictBody(OpenCaseData) data: OpenCaseData,
    @CommandHeaders() headers: CommandHeaders,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<CommandOutcome> {
    const outcome = await this.commands.dispatch(openCase, data, headers);
    return created(reply, `/v1/feedback/${outcome.id}`, outcome);
  }

  @Post(':id/classification')
  @Describes('Classify a case', 'A correction is the same command again, also after the case is resolved.')
  @AnswersOutcome(200)
  @Refuses(...ON_A_CASE)
  classify(
    @PathId('id') caseId: string,
    @StrictBody(ClassifyCaseBody) body: ClassifyCaseBody,
    @CommandHeaders() headers: CommandHeaders,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<CommandOutcome> {
    return this.#onCase(classifyCase, { ...body, caseId }, headers, reply);
  }

  @Post(':id/assignment')
  @Describes('Assign an open case to an agent')
  @AnswersOutcome(200)
  @Refuses(...ON_A_CASE, 'CASE_ALREADY_RESOLVED')
  assign(
    @PathId('id') caseId: string,
    @StrictBody(AssignCaseBody) body: AssignCaseBody,
    @CommandHeaders() headers: CommandHeaders,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<CommandOutcome> {
    return this.#onCase(assignCase, { ...body, caseId }, headers, reply);
  }

  @Post(':id/responses')
  @Describes('Record an answer to the customer', 'The first one ends the first response time.')
  @AnswersOutcome(200)
  @Refuses(...ON_A_CASE)
  respond(
    @PathId('id') caseId: string,
    @StrictBody(RespondToCaseBody) body: RespondToCaseBody,
    @CommandHeaders() headers: CommandHeaders,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<CommandOutcome> {
    return this.#onCase(respondToCase, { ...body, caseId }, headers, reply);
  }

  @Post(':id/resolution')
  @Describes('Resolve an open case')
  @AnswersOutcome(200)
  @Refuses(...ON_A_CASE, 'CASE_ALREADY_RESOLVED', 'OCCURRED_BEFORE_LAST_CHANGE')
  resolve(
    @PathId('id') caseId: string,
    @StrictBody(ResolveCaseBody) body: ResolveCaseBody,
    @CommandHeaders() headers: CommandHeaders,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<CommandOutcome> {
    return this.#onCase(resolveCase, { ...body, caseId }, headers, reply);
  }

  @Post(':id/rating')
  @Describes('Rate a resolved case', 'Once per resolution. The two highest scores of the scale count as satisfied.')
  @AnswersOutcome(200)
  @Refuses(...ON_A_CASE, 'CASE_NOT_RESOLVED', 'CASE_ALREADY_RATED', 'SCORE_OUT_OF_SCALE', 'OCCURRED_BEFORE_LAST_CHANGE')
  rate(
    @PathId('id') caseId: string,
    @StrictBody(RateCaseBody) body: RateCaseBody,
    @CommandHeaders() headers: CommandHeaders,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<CommandOutcome> {
    return this.#onCase(rateCase, { ...body, caseId }, headers, reply);
  }

  @Post(':id/reopening')
  @Describes('Open a resolved case again')
  @AnswersOutcome(200)
  @Refuses(...ON_A_CASE, 'CASE_NOT_RESOLVED', 'OCCURRED_BEFORE_LAST_CHANGE')
  reopen(
    @PathId('id') caseId: string,
    @StrictBody(ReopenCaseBody) body: ReopenCaseBody,
    @CommandHeaders() headers: CommandHeaders,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<CommandOutcome> {
    return this.#onCase(reopenCase, { ...body, caseId }, headers, reply);
  }

  async #onCase<Data extends object>(
    type: CommandType<Data>,
    data: Data,
    headers: CommandHeaders,
    reply: FastifyReply,
  ): Promise<CommandOutcome> {
    return updated(reply, await this.commands.dispatch(type, data, headers));
  }
}

@Controller('v1/feedback')
export class FeedbackQueryController {
  constructor(private readonly queries: QueryBus) {}

  @Get()
  @Describes(
    'The case inbox',
    'Open cases, the longest waiting first, unless status and order say otherwise. order=severity puts critical and high first, then unclassified, normal and low, of equals the oldest.',
  )
  @Answers(200, pageSchema(CaseView))
  @Refuses('CUSTOMER_ERASED', 'CURSOR_MALFORMED', 'READ_MODEL_NOT_READY')
  list(
    @StrictQuery(ListCasesQuery) query: ListCasesQuery,
    @PositionHeader() position: string | undefined,
  ): Promise<Page<CaseView>> {
    return this.queries.execute(new ListCases(query, position));
  }

  @Get(':id')
  @Describes('A case')
  @Answers(200, CaseDetails)
  @Answers(304)
  @Refuses('FEEDBACK_NOT_FOUND', 'CUSTOMER_ERASED', 'READ_MODEL_NOT_READY')
  async get(
    @PathId('id') caseId: string,
    @PositionHeader() position: string | undefined,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<CaseDetails | undefined> {
    const { details, version } = await this.queries.execute(new GetCase(caseId, position));
    return answered(reply, details, { etag: etagOf(...version) });
  }
}
