/** Surveys (NPS, CSAT, CES) and what customers answer to them. */
import type { Slice } from '@timeline/composing';
import { Intake } from '@timeline/deciding';
import { defineSurvey, DefineSurveyHandler } from './commands/define-survey.command.js';
import { recordAnswer, RecordAnswerHandler } from './commands/record-answer.command.js';
import { surveyAnswers } from './projections/survey-answers.projection.js';
import { surveys } from './projections/surveys.projection.js';
import { GetAnswerHandler } from './queries/get-answer.query.js';
import { GetSurveyHandler } from './queries/get-survey.query.js';
import { ListAnswersHandler } from './queries/list-answers.query.js';
import { ListSurveysHandler } from './queries/list-surveys.query.js';
import { SurveysCommandController, SurveysQueryController } from './surveys.controller.js';
import { surveysPublicEvents } from './surveys.public-events.js';

export const surveysSlice = {
  name: 'surveys',
  commandTypes: [defineSurvey, recordAnswer],
  commandProviders: [Intake, DefineSurveyHandler, RecordAnswerHandler],
  commandControllers: [SurveysCommandController],
  queryProviders: [GetSurveyHandler, ListSurveysHandler, GetAnswerHandler, ListAnswersHandler],
  queryControllers: [SurveysQueryController],
  projections: [surveys, surveyAnswers],
  publicEvents: [surveysPublicEvents],
} satisfies Slice;
