/**
 * How facts look to downstream systems. A slice declares a mapping with schemas of its own versions, so that what
 * others build on does not change when the slice's own events do. Messages are CloudEvents 1.0 in Kafka's binary mode:
 * attributes are headers, the value is the data alone. They never hold personal data: a mapping does not see any.
 */
import type { JsonObject, Recorded } from '@timeline/kernel';
import { defined, deriveId, logOf } from '@timeline/kernel';
import type { PublicMessage } from '@timeline/messaging';

/** A public event as a mapping makes it. */
export interface PublicFact {
  /** `slice.past-tense-fact`, e.g. `feedback.case-opened`. */
  type: string;
  version: number;
  /** What it is about, e.g. the id of the case; also the key where no customer is concerned. */
  subject: string;
  data: JsonObject;
}

export interface PublicEventMapping {
  topic: string;
  /** To create the topic with, default 12. Those of one topic must agree. */
  partitions?: number;
  /** Every public type that `map` may answer. */
  schemas: Record<string, { version: number; schema: JsonObject }>;
  /** `personal` is always absent. Undefined: this fact is not public. What it throws parks the customer. */
  map(event: Recorded): PublicFact | undefined;
}

export interface CloudEventOptions {
  topic: string;
  /** What `ce_dataschema` starts with. Default `urn:customer-timeline:schema:`. */
  schemaBase?: string;
}

/** `com.customer-timeline.feedback.case-opened.v1` */
export const cloudEventType = ({ type, version }: Pick<PublicFact, 'type' | 'version'>): string =>
  `com.customer-timeline.${type}.v${version}`;

/** The event, whenever and however often it is mapped, gives the same message; `ce_id` is unique per fact made of it. */
export function toCloudEvent(event: Recorded, fact: PublicFact, options: CloudEventOptions): PublicMessage {
  const { customerId, correlationId, causationId, occurredAt, traceparent } = event.metadata;
  const { topic, schemaBase = 'urn:customer-timeline:schema:' } = options;
  const headers = defined({
    ce_specversion: '1.0',
    ce_id: deriveId('public-event', event.id, fact.type),
    ce_type: cloudEventType(fact),
    ce_source: `/customer-timeline/logs/${logOf(event.position)}`,
    ce_subject: fact.subject,
    ce_time: occurredAt,
    ce_dataschema: `${schemaBase}${fact.type}.v${fact.version}`,
    ce_position: event.position,
    ce_correlationid: correlationId,
    ce_causationid: causationId,
    // CloudEvents' distributed tracing extension.
    ce_traceparent: traceparent,
    'content-type': 'application/json',
  });
  return { topic, key: customerId ?? fact.subject, value: JSON.stringify(fact.data), headers };
}
