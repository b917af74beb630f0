/**
 * Where public events go: one publication, written by one relay at a time. Two adapters: `in-process/` and
 * `kafka/`; both pass `testing/message-log.contract.ts`.
 */
import type { Position } from '@timeline/kernel';

export interface PublicMessage {
  topic: string;
  /** The source customer (or another subject); messages of one key stay in order. */
  key: string;
  /** JSON text; null is a tombstone of a compacted topic. */
  value: string | null;
  /** CloudEvents 1.0 attributes in Kafka's binary mode: `ce_id`, `ce_type`, `ce_source`, … */
  headers: Record<string, string>;
}

/** How far a publication has come; `eventId` proves that it is this log's. */
export interface PublicationCheckpoint {
  position: Position;
  eventId: string;
}

export interface PublicationSettings {
  /** Identifies the publication for good: log id and name. It is the `transactionalId`. */
  id: string;
  /** Every topic it may write to, with the number of partitions to create it with when missing. */
  topics: { name: string; partitions: number; compacted?: boolean }[];
}

/** Another relay has taken over. This one must stop writing and stand by. */
export class FencedError extends Error {
  override readonly name = 'FencedError';
  readonly code = 'RELAY_FENCED';
}

export interface Publication {
  /**
   * Publishes the messages and moves the checkpoint, both or neither. A reader of committed messages sees each once
   * and, per key, in order, however often the process dies in between.
   * @throws FencedError; UnavailableError (outcome unknown: `open` again and go on from the checkpoint it answers)
   */
  publish(messages: readonly PublicMessage[], checkpoint: PublicationCheckpoint): Promise<void>;
  close(): Promise<void>;
}

export abstract class MessageLog {
  /** Takes the publication over: fences any other writer and answers how far it has come. */
  abstract open(settings: PublicationSettings): Promise<{ publication: Publication; checkpoint: PublicationCheckpoint | undefined }>;
  /** @throws UnavailableError */
  abstract ping(): Promise<void>;
  abstract close(): Promise<void>;
}
