/**
 * What one fact adds to the figures of satisfaction and service. Figures only ever add up, so that days make months,
 * buckets a whole and channels a total.
 */
import type { Recorded } from '@timeline/kernel';
import type { FeedbackEvent } from '../../feedback/src/feedback.events.js';
import {
  npsGroupOf,
  type NpsGroup,
  type SurveyAnswerEvent,
  type SurveyScale,
} from '../../surveys/src/surveys.events.js';
import { addToSketch, sketchOf, type QuantileSketch } from './quantile-sketch.js';

export type MeasuredEvent =
  SurveyAnswerEvent | Extract<FeedbackEvent, { type: 'FeedbackRated' | 'FeedbackResponded' | 'FeedbackResolved' }>;

export const MEASURED_TYPES = [
  'SurveyAnswered',
  'FeedbackRated',
  'FeedbackResponded',
  'FeedbackResolved',
] as const satisfies readonly MeasuredEvent['type'][];

export type Measure = 'nps' | 'csat' | 'ces' | 'first-response-time' | 'resolution-time';

/** `favourable`: top box of CSAT, agreement of CES. `sum` and `squares`: of CES scores on 7 points; `sum` of milliseconds. */
export type Figure = 'n' | 'promoters' | 'passives' | 'detractors' | 'favourable' | 'sum' | 'squares';

export interface Tally {
  /** What is absent is 0. */
  figures: Partial<Record<Figure, number>>;
  /** Of milliseconds, for times. */
  sketch?: QuantileSketch;
}

export interface Contribution {
  measure: Measure;
  channel: string;
  /** Where it comes from: an answer to a survey, or a feedback case. */
  origin: 'survey' | 'case';
  tally: Tally;
}

/** Adds `other` to `tally` in place. */
export function addToTally(tally: Tally, { figures, sketch }: Tally): void {
  // Names of figures are all that is ever written into a tally.
  for (const [figure, count] of Object.entries(figures) as [Figure, number][]) {
    tally.figures[figure] = (tally.figures[figure] ?? 0) + count;
  }
  if (sketch) addToSketch((tally.sketch ??= { zeros: 0, counts: {} }), sketch);
}

/** A new tally of both. */
export function combineTallies(a: Tally, b: Tally): Tally {
  const both: Tally = { figures: {} };
  addToTally(both, a);
  addToTally(both, b);
  return both;
}

/** `undefined` for later answers to a case and later resolutions of it, which no measure counts. */
export function contributionOf(event: Recorded<MeasuredEvent>): Contribution | undefined {
  const { channel } = event.data;
  const ofCase = (measure: Measure, tally: Tally): Contribution => ({ measure, channel, origin: 'case', tally });
  switch (event.type) {
    case 'SurveyAnswered':
      return { channel, origin: 'survey', ...ofAnswer(event.data) };
    case 'FeedbackRated':
      return ofCase('csat', share(event.data.top));
    case 'FeedbackResponded':
      return event.data.first ? ofCase('first-response-time', time(event.data.sinceOpenedMs)) : undefined;
    case 'FeedbackResolved':
      return event.data.time === 1 ? ofCase('resolution-time', time(event.data.sinceOpenedMs)) : undefined;
    default:
      return event satisfies never;
  }
}

const FIGURE_OF: Readonly<Record<NpsGroup, Figure>> = {
  promoter: 'promoters',
  passive: 'passives',
  detractor: 'detractors',
};

function ofAnswer({ kind, score, scale }: SurveyAnswerEvent['data']): Pick<Contribution, 'measure' | 'tally'> {
  const isFavourable = score >= scale.favourableFrom;
  switch (kind) {
    case 'NPS':
      return { measure: 'nps', tally: { figures: { n: 1, [FIGURE_OF[npsGroupOf(score)]]: 1 } } };
    case 'CSAT':
      return { measure: 'csat', tally: share(isFavourable) };
    case 'CES': {
      const points = onSevenPoints(score, scale);
      const { figures } = share(isFavourable);
      return { measure: 'ces', tally: { figures: { sum: points, squares: points * points, ...figures } } };
    }
  }
}

/**
 * Answers on 5 points count on 7, so that both can be added up: 1 + 6 · (score − min) / (max − min). Of the scales that
 * surveys allow all steps are halves, which floating point adds up exactly in any order.
 */
const onSevenPoints = (score: number, { min, max }: SurveyScale): number => 1 + (6 * (score - min)) / (max - min);

const share = (isFavourable: boolean): Tally => ({ figures: { n: 1, ...(isFavourable && { favourable: 1 }) } });

const time = (ms: number): Tally => ({ figures: { n: 1, sum: ms }, sketch: sketchOf(ms) });
