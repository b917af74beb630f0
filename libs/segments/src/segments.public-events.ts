/** Who entered and left a segment, as downstream systems see it. Only of segments that something acts by. */
import type { JsonObject, Recorded } from '@timeline/kernel';
import type { PublicEventMapping } from '@timeline/relaying';
import { SEGMENT_IDS, type SegmentEvent } from './segments.events.js';

const properties = {
  customerId: { type: 'string', format: 'uuid' },
  segment: { type: 'string', enum: [...SEGMENT_IDS] },
  at: { type: 'string', format: 'date-time' },
};
const schema: { version: number; schema: JsonObject } = {
  version: 1,
  schema: {
    $schema: 'https://json-schema.org/draft/2020-12/schema',
    type: 'object',
    properties,
    required: Object.keys(properties),
    additionalProperties: false,
  },
};

const TYPES: Readonly<Record<SegmentEvent['type'], string>> = {
  SegmentEntered: 'segments.segment-entered',
  SegmentLeft: 'segments.segment-left',
};
const isSegmentEvent = (event: Recorded): event is Recorded<SegmentEvent> => Object.hasOwn(TYPES, event.type);

export const segmentsPublicEvents: PublicEventMapping = {
  topic: 'customer-timeline.segments',
  schemas: { [TYPES.SegmentEntered]: schema, [TYPES.SegmentLeft]: schema },
  map(event) {
    const { customerId } = event.metadata;
    if (customerId === undefined || !isSegmentEvent(event)) return undefined;
    const { segment, at } = event.data;
    return { type: TYPES[event.type], version: 1, subject: customerId, data: { customerId, segment, at } };
  },
};
