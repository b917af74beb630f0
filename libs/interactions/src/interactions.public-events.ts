/** How interactions look to downstream systems: that they took place, never what was said. */
import type { JsonObject, Recorded } from '@timeline/kernel';
import type { PublicEventMapping } from '@timeline/relaying';
import { CHANNELS, type InteractionEvent } from './interactions.events.js';

const text = { type: 'string' };
const uuid = { type: 'string', format: 'uuid' };

const RECORDED: JsonObject = {
  $schema: 'https://json-schema.org/draft/2020-12/schema',
  title: 'An interaction with a customer was recorded',
  type: 'object',
  properties: {
    interactionId: uuid,
    customerId: uuid,
    channel: { enum: [...CHANNELS] },
    direction: { enum: ['inbound', 'outbound'] },
    kind: text,
    agent: text,
    durationSeconds: { type: 'integer', minimum: 0 },
    outcome: text,
    threadId: text,
    sourceId: text,
  },
  required: ['interactionId', 'customerId', 'channel', 'direction', 'kind'],
  additionalProperties: false,
};

export const interactionsPublicEvents: PublicEventMapping = {
  topic: 'customer-timeline.interactions',
  schemas: { 'interactions.interaction-recorded': { version: 1, schema: RECORDED } },

  map(event) {
    if (event.type !== 'InteractionRecorded') return undefined;
    // Of that type, in its newest shape.
    const { data, metadata } = event as Recorded<InteractionEvent>;
    const { payloadHash: _, ...told } = data;
    return {
      type: 'interactions.interaction-recorded',
      version: 1,
      subject: data.interactionId,
      data: { ...told, customerId: metadata.customerId },
    };
  },
};
