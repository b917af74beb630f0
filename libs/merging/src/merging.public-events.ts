/** Merges as downstream systems see them: who is one with whom, never why. */
import type { JsonObject, Recorded } from '@timeline/kernel';
import type { PublicEventMapping } from '@timeline/relaying';
import { isMergeEvent } from './merging.events.js';

const id = { type: 'string', format: 'uuid' };
const schema: JsonObject = {
  $schema: 'https://json-schema.org/draft/2020-12/schema',
  type: 'object',
  properties: { mergeId: id, survivor: id, others: { type: 'array', items: id, minItems: 1 } },
  required: ['mergeId', 'survivor', 'others'],
  additionalProperties: false,
};

export const mergingPublicEvents: PublicEventMapping = {
  topic: 'customer-timeline.merges',
  schemas: {
    'merges.customers-merged': { version: 1, schema },
    'merges.customers-unmerged': { version: 1, schema },
  },

  map(event: Recorded) {
    if (!isMergeEvent(event)) return undefined;
    const { mergeId, survivor, others } = event.data;
    return {
      type: event.type === 'CustomersMerged' ? 'merges.customers-merged' : 'merges.customers-unmerged',
      version: 1,
      subject: mergeId,
      data: { mergeId, survivor, others },
    };
  },
};
