/** Reviews as downstream systems see them, such as one that keeps a service team's tasks. */
import type { JsonObject, Recorded } from '@timeline/kernel';
import type { PublicEventMapping } from '@timeline/relaying';
import { REVIEWED_FIELDS, type FieldReviewEvent } from '../freshness.events.js';

const instant = { type: 'string', format: 'date-time' };
const ofReview = {
  customerId: { type: 'string', format: 'uuid' },
  field: { type: 'string', enum: [...REVIEWED_FIELDS] },
  since: instant,
  dueAt: instant,
};
const schemaOf = (more: Record<string, JsonObject> = {}): { version: number; schema: JsonObject } => {
  const properties = { ...ofReview, ...more };
  return {
    version: 1,
    schema: {
      $schema: 'https://json-schema.org/draft/2020-12/schema',
      type: 'object',
      properties,
      required: Object.keys(properties),
      additionalProperties: false,
    },
  };
};

const TYPES: Readonly<Record<FieldReviewEvent['type'], string>> = {
  FieldReviewDue: 'customers.field-review-due',
  FieldReviewTaskOpened: 'customers.field-review-task-opened',
  FieldReviewEscalated: 'customers.field-review-escalated',
};
const isReviewEvent = (event: Recorded): event is Recorded<FieldReviewEvent> => Object.hasOwn(TYPES, event.type);

export const freshnessPublicEvents: PublicEventMapping = {
  topic: 'customer-timeline.customers',
  schemas: {
    [TYPES.FieldReviewDue]: schemaOf({ taskAt: instant, escalateAt: instant }),
    [TYPES.FieldReviewTaskOpened]: schemaOf(),
    [TYPES.FieldReviewEscalated]: schemaOf(),
  },
  map(event) {
    const { customerId } = event.metadata;
    if (customerId === undefined || !isReviewEvent(event)) return undefined;
    const { field, since, dueAt } = event.data;
    const steps =
      event.type === 'FieldReviewDue' ? { taskAt: event.data.taskAt, escalateAt: event.data.escalateAt } : {};
    return {
      type: TYPES[event.type],
      version: 1,
      subject: customerId,
      data: { customerId, field, since, dueAt, ...steps },
    };
  },
};
