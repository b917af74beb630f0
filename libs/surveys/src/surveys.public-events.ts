/** Surveys as downstream systems see them: definitions and scores, never comments. */
import type { JsonObject, Recorded } from '@timeline/kernel';
import type { PublicEventMapping } from '@timeline/relaying';
import { CHANNELS } from '../../interactions/src/interactions.events.js';
import { SURVEY_KINDS, type SurveyAnswerEvent, type SurveyEvent } from './surveys.events.js';

const id = { type: 'string', format: 'uuid' };
const text = { type: 'string' };
const whole = { type: 'integer' };
const object = (properties: Record<string, JsonObject>, optional: readonly string[] = []): JsonObject => ({
  type: 'object',
  properties,
  required: Object.keys(properties).filter((name) => !optional.includes(name)),
  additionalProperties: false,
});
const kind = { type: 'string', enum: [...SURVEY_KINDS] };
const scale = object({ min: whole, max: whole, favourableFrom: whole });
const dialect = { $schema: 'https://json-schema.org/draft/2020-12/schema' };

export const surveysPublicEvents: PublicEventMapping = {
  topic: 'customer-timeline.surveys',
  schemas: {
    'surveys.survey-defined': {
      version: 1,
      schema: { ...dialect, ...object({ surveyId: text, kind, scale, title: text }) },
    },
    'surveys.survey-answered': {
      version: 1,
      schema: {
        ...dialect,
        ...object(
          {
            answerId: id,
            customerId: id,
            surveyId: text,
            kind,
            scale,
            score: whole,
            channel: { type: 'string', enum: [...CHANNELS] },
            caseId: id,
            agent: text,
            region: text,
          },
          ['caseId', 'agent', 'region'],
        ),
      },
    },
  },
  map(event) {
    if (!isOfSurveys(event)) return undefined;
    switch (event.type) {
      case 'SurveyDefined': {
        const { surveyId, kind, scale, title } = event.data;
        return {
          type: 'surveys.survey-defined',
          version: 1,
          subject: surveyId,
          data: { surveyId, kind, scale: { ...scale }, title },
        };
      }
      case 'SurveyAnswered': {
        const { payloadHash: _payloadHash, sourceId: _sourceId, scale, ...data } = event.data;
        return {
          type: 'surveys.survey-answered',
          version: 1,
          subject: data.answerId,
          data: { customerId: event.metadata.customerId, ...data, scale: { ...scale } },
        };
      }
      default:
        return event satisfies never;
    }
  },
};

const TYPES = new Set<string>(['SurveyDefined', 'SurveyAnswered'] satisfies (
  SurveyEvent | SurveyAnswerEvent
)['type'][]);
const isOfSurveys = (event: Recorded): event is Recorded<SurveyEvent | SurveyAnswerEvent> => TYPES.has(event.type);
