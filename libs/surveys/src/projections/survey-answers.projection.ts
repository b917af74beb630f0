/** What customers answered: one document per answer, the customer's own. */
import { FaultError, type Recorded } from '@timeline/kernel';
import { customerOwner, type Projection } from '@timeline/projecting';
import type { SurveyAnswerEvent, SurveyKind, SurveyScale } from '../surveys.events.js';

export interface AnswerDocument {
  answerId: string;
  surveyId: string;
  customerId: string;
  /** As the survey was when it was answered. */
  kind: SurveyKind;
  scale: SurveyScale;
  score: number;
  channel: string;
  /** Absent when the customer said nothing, or was erased. */
  comment?: string;
  caseId?: string;
  agent?: string;
  region?: string;
  answeredAt: string;
}

export const surveyAnswers: Projection<AnswerDocument, SurveyAnswerEvent> = {
  name: 'survey-answers',
  version: 1,
  handles: ['SurveyAnswered'],
  indexes: [{ name: 'survey', key: { surveyId: 1, answeredAt: -1, _id: -1 } }],
  appendOnly: true,
  keys: (event) => [{ key: event.data.answerId, owner: customerOwner(customerOf(event)) }],
  evolve(_before, event) {
    const { answerId, surveyId, kind, scale, score, channel, caseId, agent, region } = event.data;
    return {
      answerId,
      surveyId,
      customerId: customerOf(event),
      kind,
      scale,
      score,
      channel,
      ...(event.personal?.comment !== undefined && { comment: event.personal.comment }),
      ...(caseId !== undefined && { caseId }),
      ...(agent !== undefined && { agent }),
      ...(region !== undefined && { region }),
      answeredAt: event.metadata.occurredAt,
    };
  },
};

function customerOf({ metadata }: Recorded<SurveyAnswerEvent>): string {
  if (metadata.customerId !== undefined) return metadata.customerId;
  throw new FaultError('CUSTOMER_MISSING', 'an answer to a survey names no customer; the log is damaged');
}
