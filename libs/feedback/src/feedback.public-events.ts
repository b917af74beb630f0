/** Feedback as downstream systems see it: what happened to a case and when, nothing that anybody wrote in words. */
import type { JsonObject, Recorded } from '@timeline/kernel';
import type { PublicEventMapping } from '@timeline/relaying';
import { CHANNELS } from '../../interactions/src/interactions.events.js';
import { FEEDBACK_KINDS, SENTIMENTS, SEVERITIES, type FeedbackEvent } from './feedback.events.js';

const id = { type: 'string', format: 'uuid' };
const text = { type: 'string' };
const instant = { type: 'string', format: 'date-time' };
const count = { type: 'integer', minimum: 0 };
const flag = { type: 'boolean' };
const oneOf = (words: readonly string[]): JsonObject => ({ type: 'string', enum: [...words] });

/** What every fact of a case holds, and what this one holds besides; a name that ends in `?` may be absent. */
function schemaOf(own: Record<string, JsonObject>): { version: number; schema: JsonObject } {
  const members = { caseId: id, customerId: id, channel: oneOf(CHANNELS), openedAt: instant, ...own };
  return {
    version: 1,
    schema: {
      $schema: 'https://json-schema.org/draft/2020-12/schema',
      type: 'object',
      properties: Object.fromEntries(Object.entries(members).map(([name, schema]) => [name.replace('?', ''), schema])),
      required: Object.keys(members).filter((name) => !name.endsWith('?')),
      additionalProperties: false,
    },
  };
}

const SCHEMAS = {
  'feedback.case-opened': schemaOf({ kind: oneOf(FEEDBACK_KINDS), 'purchaseId?': id }),
  'feedback.case-classified': schemaOf({
    topic: text,
    severity: oneOf(SEVERITIES),
    sentiment: oneOf(SENTIMENTS),
    urgency: oneOf(SEVERITIES),
  }),
  'feedback.case-assigned': schemaOf({ agent: text, 'team?': text }),
  'feedback.case-responded': schemaOf({ 'agent?': text, first: flag, sinceOpenedMs: count }),
  'feedback.case-resolved': schemaOf({
    resolution: text,
    'agent?': text,
    sinceOpenedMs: count,
    time: { type: 'integer', minimum: 1 },
  }),
  'feedback.case-rated': schemaOf({ score: count, scaleMin: count, scaleMax: count, top: flag, 'agent?': text }),
  'feedback.case-reopened': schemaOf({}),
};

const PUBLIC_TYPE: Readonly<Record<FeedbackEvent['type'], keyof typeof SCHEMAS>> = {
  FeedbackCaseOpened: 'feedback.case-opened',
  FeedbackClassified: 'feedback.case-classified',
  FeedbackAssigned: 'feedback.case-assigned',
  FeedbackResponded: 'feedback.case-responded',
  FeedbackResolved: 'feedback.case-resolved',
  FeedbackRated: 'feedback.case-rated',
  FeedbackReopened: 'feedback.case-reopened',
};

export const feedbackPublicEvents: PublicEventMapping = {
  topic: 'customer-timeline.feedback',
  schemas: SCHEMAS,
  map(event) {
    if (!isFeedback(event)) return undefined;
    const type = PUBLIC_TYPE[event.type];
    return {
      type,
      version: 1,
      subject: event.data.caseId,
      data: { customerId: event.metadata.customerId, ...publicData(event) },
    };
  },
};

const isFeedback = (event: Recorded): event is Recorded<FeedbackEvent> => Object.hasOwn(PUBLIC_TYPE, event.type);

/** Hashes and source ids are ours alone; reasons are words that somebody wrote. */
function publicData(event: Recorded<FeedbackEvent>): JsonObject {
  switch (event.type) {
    case 'FeedbackCaseOpened': {
      const { payloadHash: _payloadHash, sourceId: _sourceId, ...data } = event.data;
      return data;
    }
    case 'FeedbackAssigned':
    case 'FeedbackReopened': {
      const { reason: _reason, ...data } = event.data;
      return data;
    }
    case 'FeedbackClassified':
    case 'FeedbackResponded':
    case 'FeedbackResolved':
    case 'FeedbackRated':
      return { ...event.data };
    default:
      return event satisfies never;
  }
}
