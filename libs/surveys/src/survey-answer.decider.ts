/** One answer to a survey: recorded once, on the scale that the survey had at the time. */
import { assertSameDelivery, type Delivered } from '@timeline/deciding';
import { DomainError, type Decider } from '@timeline/kernel';
import type { SurveyDefinition } from './survey.decider.js';
import type { SurveyAnswerEvent } from './surveys.events.js';

/** What is delivered, apart from its source's id for it. */
export interface AnswerIntake {
  surveyId: string;
  customerId: string;
  score: number;
  channel: string;
  comment?: string;
  caseId?: string;
  agent?: string;
  region?: string;
  /** As delivered; absent when the delivery leaves it to us. */
  occurredAt?: string;
}

export interface RecordAnswer {
  answerId: string;
  intake: AnswerIntake;
  sourceId?: string;
  payloadHash: string | undefined;
  /** The survey as it is now. */
  survey: SurveyDefinition;
}

/** `undefined` while there is no such answer. */
export type AnswerState = { intake: AnswerIntake; payloadHash: string | undefined } | undefined;

export const surveyAnswerDecider: Decider<AnswerState, RecordAnswer, SurveyAnswerEvent> = {
  initialState: undefined,

  evolve(_state, { data, personal, metadata }) {
    const { surveyId, score, channel, caseId, agent, region, payloadHash } = data;
    return {
      intake: {
        surveyId,
        customerId: metadata.customerId ?? '',
        score,
        channel,
        ...(personal?.comment !== undefined && { comment: personal.comment }),
        ...(caseId !== undefined && { caseId }),
        ...(agent !== undefined && { agent }),
        ...(region !== undefined && { region }),
        occurredAt: metadata.occurredAt,
      },
      payloadHash,
    };
  },

  decide({ answerId, intake, sourceId, payloadHash, survey }, state) {
    if (state) {
      assertSameDelivery(delivered(state.payloadHash, state.intake), delivered(payloadHash, intake), {
        code: 'SURVEY_ANSWER_CONFLICT',
        id: answerId,
        advice: 'an answer is not changed, record another one',
      });
      return [];
    }
    const { kind, scale } = survey;
    const { surveyId, customerId: _customerId, occurredAt: _occurredAt, comment, score, ...rest } = intake;
    if (score < scale.min || score > scale.max) {
      throw new DomainError('SCORE_OUT_OF_SCALE', `the score must be from ${scale.min} to ${scale.max}`, {
        pointer: '/score',
      });
    }
    return [
      {
        type: 'SurveyAnswered',
        data: {
          answerId,
          surveyId,
          kind,
          scale,
          score,
          ...rest,
          ...(sourceId !== undefined && { sourceId }),
          ...(payloadHash !== undefined && { payloadHash }),
        },
        ...(comment !== undefined && { personal: { comment } }),
        channel: intake.channel,
      },
    ];
  },

  customerOf: ({ intake }) => intake.customerId,
};

const delivered = (payloadHash: string | undefined, { customerId, ...told }: AnswerIntake): Delivered => ({
  payloadHash,
  members: { customer: customerId, ...told },
});
