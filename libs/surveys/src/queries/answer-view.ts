/** How an answer looks from outside. */
import { contentOf, type Stored } from '@timeline/projecting';
import { Id, Instant, Nested, OneOf, Optional, Text, Whole } from '@timeline/http';
import type { AnswerDocument } from '../projections/survey-answers.projection.js';
import { SURVEY_KINDS, type SurveyKind } from '../surveys.events.js';
import { SurveyScaleView } from './survey-view.js';

export class AnswerView {
  @Id()
  answerId: string;
  @Text({ max: 60 })
  surveyId: string;
  @Id()
  customerId: string;
  @OneOf(SURVEY_KINDS)
  kind: SurveyKind;
  /** As the survey was when it was answered. */
  @Nested(() => SurveyScaleView)
  scale: SurveyScaleView;
  @Whole()
  score: number;
  @Text()
  channel: string;
  @Optional()
  @Text({ max: 10_000 })
  comment?: string;
  @Optional()
  @Id()
  caseId?: string;
  @Optional()
  @Text()
  agent?: string;
  @Optional()
  @Text()
  region?: string;
  @Instant()
  answeredAt: string;
}

export const answerView = (stored: Stored & AnswerDocument): AnswerView => contentOf(stored);
