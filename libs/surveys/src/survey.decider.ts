/**
 * A survey's definition: what is asked (its kind) and on which scale. A changed definition is a new fact and holds for
 * answers from then on; the kind is fixed, since the score of one kind cannot be read as that of another.
 */
import { canonicalJson, DomainError, type Decider } from '@timeline/kernel';
import type { SurveyEvent, SurveyKind, SurveyScale } from './surveys.events.js';

export interface SurveyDefinition {
  kind: SurveyKind;
  scale: SurveyScale;
  title: string;
}

export interface DefineSurvey {
  surveyId: string;
  kind: SurveyKind;
  title: string;
  /** Default: the usual one of the kind. */
  scale?: { min: number; max: number };
  /** Default: by the kind, see `favourableFrom`. */
  favourableFrom?: number;
}

/** `undefined` while the survey is not defined. */
export type SurveyState = SurveyDefinition | undefined;

/** NPS and CES are only comparable on the scales that they are defined on; CSAT may be asked on any. */
const SCALES: Readonly<
  Record<SurveyKind, { usual: { min: number; max: number }; others: 'any' | readonly { min: number; max: number }[] }>
> = {
  NPS: { usual: { min: 0, max: 10 }, others: [] },
  CSAT: { usual: { min: 1, max: 5 }, others: 'any' },
  CES: { usual: { min: 1, max: 7 }, others: [{ min: 1, max: 5 }] },
};

export const surveyDecider: Decider<SurveyState, DefineSurvey, SurveyEvent> = {
  initialState: undefined,
  evolve: (_state, { data: { kind, scale, title } }) => ({ kind, scale, title }),
  decide({ surveyId, kind, title, scale, favourableFrom }, state) {
    if (state && state.kind !== kind) {
      throw new DomainError(
        'SURVEY_KIND_FIXED',
        `survey ${surveyId} asks for ${state.kind} and cannot ask for ${kind} from now on; define another survey`,
        { pointer: '/kind' },
      );
    }
    const definition = { kind, scale: scaleOf(kind, scale, favourableFrom), title };
    if (state && canonicalJson(state) === canonicalJson(definition)) return [];
    return [{ type: 'SurveyDefined', data: { surveyId, ...definition } }];
  },
  customerOf: () => undefined,
};

/** @throws DomainError SURVEY_SCALE_WRONG */
function scaleOf(
  kind: SurveyKind,
  given: { min: number; max: number } | undefined,
  favourableFrom: number | undefined,
): SurveyScale {
  const { usual, others } = SCALES[kind];
  const { min, max } = given ?? usual;
  const wrong = (pointer: string, message: string): DomainError =>
    new DomainError('SURVEY_SCALE_WRONG', message, { pointer });
  if (min >= max) throw wrong('/scale/max', 'the scale must end above where it begins');
  if (others !== 'any' && ![usual, ...others].some((scale) => scale.min === min && scale.max === max)) {
    const scales = [usual, ...others].map((scale) => `${scale.min} to ${scale.max}`).join(' or ');
    throw wrong('/scale', `${kind} is asked on ${scales}`);
  }
  const from = favourableFrom ?? usuallyFavourableFrom(kind, min, max);
  if (from <= min || from > max) throw wrong('/favourableFrom', `must be above ${min} and not above ${max}`);
  if (kind === 'NPS' && from !== 9) throw wrong('/favourableFrom', 'promoters are those who answer 9 or 10');
  return { min, max, favourableFrom: from };
}

/**
 * NPS: promoters, 9 and 10. CSAT: the two highest boxes (of a scale of two: the highest). CES: those who agree, that is
 * what lies above the middle of the scale, 5 to 7 of 7.
 */
function usuallyFavourableFrom(kind: SurveyKind, min: number, max: number): number {
  switch (kind) {
    case 'NPS':
      return 9;
    case 'CSAT':
      return Math.max(max - 1, min + 1);
    case 'CES':
      return Math.floor((min + max) / 2) + 1;
  }
}
