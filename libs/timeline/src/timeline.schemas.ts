/** What the timeline's routes answer with, for `/openapi.json`. */
import { pageSchema, type Answer } from '@timeline/http';
import { TIMELINE_TYPES } from './projections/timeline.projection.js';

const text = { type: 'string' };
const instant = { type: 'string', format: 'date-time' };

const entry: Answer = (refs) =>
  refs.named('TimelineEntry', {
    type: 'object',
    properties: {
      id: { type: 'string', format: 'uuid' },
      customerId: { type: 'string', format: 'uuid' },
      type: { type: 'string', enum: [...TIMELINE_TYPES] },
      at: { ...instant, description: 'when it happened' },
      recordedAt: { ...instant, description: 'when it was recorded' },
      position: text,
      channel: text,
      actor: text,
      source: text,
      correlationId: text,
      causationId: { ...text, description: 'the command behind it, or what that names as its cause' },
      cause: {
        type: 'object',
        description: 'the entry of this timeline that causationId names, where it names one',
        properties: { id: text, type: text, at: instant, position: text },
        required: ['id', 'type', 'at', 'position'],
        additionalProperties: false,
      },
      data: { type: 'object' },
      personal: { type: 'object', description: 'what identifies the person' },
    },
    required: [
      'id',
      'customerId',
      'type',
      'at',
      'recordedAt',
      'position',
      'actor',
      'correlationId',
      'causationId',
      'data',
    ],
    additionalProperties: false,
  });

export const timelinePageSchema = pageSchema(entry);

const event: Answer = (refs) =>
  refs.named('LoggedEvent', {
    type: 'object',
    properties: {
      id: { type: 'string', format: 'uuid' },
      type: text,
      data: { type: 'object' },
      metadata: { type: 'object' },
      stream: text,
      revision: { type: 'integer', minimum: 0 },
      position: text,
      recordedAt: instant,
    },
    required: ['id', 'type', 'data', 'metadata', 'stream', 'revision', 'position', 'recordedAt'],
    additionalProperties: false,
  });

export const eventPageSchema: Answer = (refs) => ({
  type: 'object',
  properties: { items: { type: 'array', items: refs.of(event) }, next: { ...text, description: 'where to go on' } },
  required: ['items'],
  additionalProperties: false,
});
