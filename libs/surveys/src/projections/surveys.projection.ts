/** The surveys as they are defined now. They concern no customer, so they follow the log itself. */
import type { Projection } from '@timeline/projecting';
import type { SurveyEvent, SurveyKind, SurveyScale } from '../surveys.events.js';

export interface SurveyDocument {
  surveyId: string;
  kind: SurveyKind;
  scale: SurveyScale;
  title: string;
  definedAt: string;
  /** When the definition last changed. */
  changedAt: string;
  /** Of the survey's stream: what `If-Match` asks for. */
  revision: number;
}

export const surveys: Projection<SurveyDocument, SurveyEvent> = {
  name: 'surveys',
  version: 1,
  handles: ['SurveyDefined'],
  keys: ({ data }) => [{ key: data.surveyId, owner: 'all' }],
  evolve(before, { data: { surveyId, kind, scale, title }, metadata, revision }) {
    const { occurredAt } = metadata;
    return {
      surveyId,
      kind,
      scale,
      title,
      definedAt: before?.definedAt ?? occurredAt,
      changedAt: occurredAt,
      revision,
    };
  },
};
