/** The facts about surveys (`survey-{id}`) and their answers (`survey-answer-{id}`). */
import type { Fact } from '@timeline/kernel';

export const SURVEY_KINDS = ['NPS', 'CSAT', 'CES'] as const;
export type SurveyKind = (typeof SURVEY_KINDS)[number];

export interface SurveyScale {
  min: number;
  max: number;
  /** Scores from here up count: CSAT top box (default the two highest), CES agreement (default the three highest of 7). */
  favourableFrom: number;
}

export type SurveyEvent = Fact<
  'SurveyDefined',
  { surveyId: string; kind: SurveyKind; scale: SurveyScale; title: string }
>;

export type SurveyAnswerEvent = Fact<
  'SurveyAnswered',
  {
    answerId: string;
    surveyId: string;
    /** Copied from the survey as it was at the answer. */
    kind: SurveyKind;
    scale: SurveyScale;
    score: number;
    channel: string;
    sourceId?: string;
    payloadHash?: string;
    caseId?: string;
    agent?: string;
    region?: string;
  },
  { comment?: string }
>;

export type NpsGroup = 'promoter' | 'passive' | 'detractor';
/** Promoters 9–10, passives 7–8, detractors 0–6. */
export const npsGroupOf = (score: number): NpsGroup => (score >= 9 ? 'promoter' : score >= 7 ? 'passive' : 'detractor');
