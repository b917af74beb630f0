/**
 * The event envelope. A fact is `{ type, data, personal? }` in the domain's words; recording it adds the id, the
 * metadata, and where and when it was recorded. `personal` is what identifies the person: the log keeps it
 * encrypted with the customer's own key, and it is `undefined` once that key is destroyed.
 */
import type { Position } from './position.js';

export interface EventMetadata {
  /** Version of the shape of `data` and `personal`; upcasters lift old ones on read. */
  schemaVersion: number;
  /** When it happened in the world, ISO 8601 UTC; `recordedAt` is when it was stored. */
  occurredAt: string;
  /** The source customer it came in under, merged or not. Absent where no customer is concerned. */
  customerId?: string;
  /** All customers it concerns, where there are more than one. */
  customerIds?: string[];
  /** Who did it, as the caller names them. */
  actor: string;
  channel?: string;
  /** The system it came from, e.g. an import. */
  source?: string;
  commandId: string;
  /** Keyed hash of the command's body: the same `commandId` with another hash is another command. */
  bodyHash: string;
  correlationId: string;
  causationId: string;
  /**
   * W3C trace context of the command, where that was sampled: what is done about the event joins its trace. Part of no
   * id, hash or read model.
   */
  traceparent?: string;
  /** The key that `personal` is sealed with. */
  keyId?: string;
}

/** A fact as a slice declares it: `type CaseEvent = Fact<'FeedbackCaseOpened', {…}, {…}> | …`. */
export interface Fact<Type extends string = string, Data extends object = object, Personal extends object = object> {
  readonly type: Type;
  readonly data: Data;
  /** Absent when the fact holds none, or when the customer was erased. */
  readonly personal?: Personal;
}

export interface Recording {
  readonly id: string;
  readonly metadata: EventMetadata;
  readonly stream: string;
  /** 0 for the first event of the stream. */
  readonly revision: number;
  readonly position: Position;
  /** ISO 8601 UTC. */
  readonly recordedAt: string;
}

/** A fact read back, `personal` opened and old versions lifted. Distributes over unions. */
export type Recorded<E extends Fact = Fact> = E extends Fact ? E & Recording : never;

/** Every customer that an event concerns, the source customer first. */
export function customersOf(event: Pick<Recording, 'metadata'>): string[] {
  const { customerId, customerIds } = event.metadata;
  if (!customerId) return customerIds ?? [];
  return customerIds ? [customerId, ...customerIds.filter((id) => id !== customerId)] : [customerId];
}

/**
 * The fact after which nothing that the customer owns may be shown: every projection drops the customer's documents
 * at it and ignores what comes later under that customer. Named here because the runner, not each slice, sees to it.
 */
export const CUSTOMER_ERASED = 'CustomerErased';
