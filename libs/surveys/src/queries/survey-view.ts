/** How a survey looks from outside. */
import { contentOf, type Stored } from '@timeline/projecting';
import { Instant, Nested, OneOf, Text, Whole } from '@timeline/http';
import type { SurveyDocument } from '../projections/surveys.projection.js';
import { SURVEY_KINDS, type SurveyKind } from '../surveys.events.js';

export class SurveyScaleView {
  @Whole()
  min: number;
  @Whole()
  max: number;
  /** Scores from here up count as favourable. */
  @Whole()
  favourableFrom: number;
}

export class SurveyView {
  @Text({ max: 60 })
  surveyId: string;
  @OneOf(SURVEY_KINDS)
  kind: SurveyKind;
  @Nested(() => SurveyScaleView)
  scale: SurveyScaleView;
  @Text({ max: 200 })
  title: string;
  @Instant()
  definedAt: string;
  @Instant()
  changedAt: string;
  /** What `If-Match` of a change asks for. */
  @Whole({ min: 0 })
  revision: number;
}

export const surveyView = (stored: Stored & SurveyDocument): SurveyView => contentOf(stored);
