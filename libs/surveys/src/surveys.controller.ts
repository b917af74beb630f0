/** Surveys and their answers over HTTP. No decision lives here. */
import { Controller, Get, Post, Put, Res } from '@nestjs/common';
import { QueryBus } from '@nestjs/cqrs';
import { Commands } from '@timeline/deciding';
import {
  Answers,
  AnswersOutcome,
  CommandHeaders,
  created,
  Describes,
  pageSchema,
  PageQuery,
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
import { defineSurvey, DefineSurveyBody } from './commands/define-survey.command.js';
import { recordAnswer, RecordAnswerBody } from './commands/record-answer.command.js';
import { surveyId as surveyIdType } from './commands/survey-id.js';
import { AnswerView } from './queries/answer-view.js';
import { GetAnswer } from './queries/get-answer.query.js';
import { GetSurvey } from './queries/get-survey.query.js';
import { ListAnswers } from './queries/list-answers.query.js';
import { ListSurveys } from './queries/list-surveys.query.js';
import { SurveyView } from './queries/survey-view.js';

@Controller('v1/surveys')
export class SurveysCommandController {
  constructor(private readonly commands: Commands) {}

  @Put(':id')
  @Describes(
    'Define a survey',
    'Under an id of your own. The same definition again writes nothing; another scale or title holds from now on; the kind is fixed.',
  )
  @AnswersOutcome(201, 'Defined')
  @AnswersOutcome(200, 'Changed, or the same as before')
  @Refuses('SURVEY_KIND_FIXED', 'SURVEY_SCALE_WRONG')
  async define(
    @PathParam('id', surveyIdType) surveyId: string,
    @StrictBody(DefineSurveyBody) body: DefineSurveyBody,
    @CommandHeaders() headers: CommandHeaders,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<CommandOutcome> {
    const outcome = await this.commands.dispatch(defineSurvey, { ...body, surveyId }, headers);
    return outcome.created ? created(reply, `/v1/surveys/${surveyId}`, outcome) : updated(reply, outcome);
  }

  @Post(':id/answers')
  @Describes(
    'Record an answer',
    'With source and sourceId the answer is recorded once: the same delivery again answers as before, another one under the same id is a conflict that names the fields which differ.',
  )
  @AnswersOutcome(201)
  @Refuses(
    'SURVEY_NOT_FOUND',
    'CUSTOMER_NOT_FOUND',
    'CUSTOMER_ERASED',
    'IDENTITY_REFUSED',
    'IDENTITY_TAKEN',
    'SCORE_OUT_OF_SCALE',
    'SURVEY_ANSWER_CONFLICT',
    'OCCURRED_IN_FUTURE',
  )
  async answer(
    @PathParam('id', surveyIdType) surveyId: string,
    @StrictBody(RecordAnswerBody) body: RecordAnswerBody,
    @CommandHeaders() headers: CommandHeaders,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<CommandOutcome> {
    const outcome = await this.commands.dispatch(recordAnswer, { ...body, surveyId }, headers);
    return created(reply, `/v1/surveys/${surveyId}/answers/${outcome.id}`, outcome);
  }
}

@Controller('v1/surveys')
export class SurveysQueryController {
  constructor(private readonly queries: QueryBus) {}

  @Get()
  @Describes('All surveys')
  @Answers(200, pageSchema(SurveyView))
  @Refuses('CURSOR_MALFORMED', 'READ_MODEL_NOT_READY')
  list(
    @StrictQuery(PageQuery) query: PageQuery,
    @PositionHeader() position: string | undefined,
  ): Promise<Page<SurveyView>> {
    return this.queries.execute(new ListSurveys(query, position));
  }

  @Get(':id')
  @Describes('A survey')
  @Answers(200, SurveyView)
  @Refuses('SURVEY_NOT_FOUND', 'READ_MODEL_NOT_READY')
  get(
    @PathParam('id', surveyIdType) surveyId: string,
    @PositionHeader() position: string | undefined,
  ): Promise<SurveyView> {
    return this.queries.execute(new GetSurvey(surveyId, position));
  }

  @Get(':id/answers')
  @Describes('The answers to a survey', 'The latest first.')
  @Answers(200, pageSchema(AnswerView))
  @Refuses('CURSOR_MALFORMED', 'READ_MODEL_NOT_READY')
  listAnswers(
    @PathParam('id', surveyIdType) surveyId: string,
    @StrictQuery(PageQuery) query: PageQuery,
    @PositionHeader() position: string | undefined,
  ): Promise<Page<AnswerView>> {
    return this.queries.execute(new ListAnswers(surveyId, query, position));
  }

  @Get(':id/answers/:answerId')
  @Describes('An answer')
  @Answers(200, AnswerView)
  @Refuses('SURVEY_ANSWER_NOT_FOUND', 'CUSTOMER_ERASED', 'READ_MODEL_NOT_READY')
  getAnswer(
    @PathParam('id', surveyIdType) surveyId: string,
    @PathId('answerId') answerId: string,
    @PositionHeader() position: string | undefined,
  ): Promise<AnswerView> {
    return this.queries.execute(new GetAnswer(surveyId, answerId, position));
  }
}
