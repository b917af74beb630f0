/**
 * Where public events go: one publication, written by one relay at a time. Two adapters: `in-process/` and
 * `kafka/`; both pass `testing/message-log.contract.ts`.
 */
import type { JsonObject, Position } from '@timeline/kernel';
import { DomainError, FaultError } from '@timeline/kernel';

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
  /** Identifies the publication for good: log id and name. It is the `transactionalId`. Letters, digits, `.`, `_`, `-`. */
  id: string;
  /** Every topic it may write to, with the number of partitions to create it with when missing. */
  topics: { name: string; partitions: number; compacted?: boolean }[];
}

/** Another relay has taken over. This one must stop writing and stand by. */
export class FencedError extends Error {
  override readonly name = 'FencedError';
  readonly code = 'RELAY_FENCED';
}

/** What the writer remembers beside its checkpoint, by a key of its own (keys that are parked, for instance). */
export type PublicationState = ReadonlyMap<string, JsonObject>;

export interface OpenedPublication {
  publication: Publication;
  /** Undefined when nothing was published yet. */
  checkpoint: PublicationCheckpoint | undefined;
  state: PublicationState;
}

export interface Publication {
  /**
   * Publishes the messages, moves the checkpoint and changes the state (null forgets a key): all or nothing. A reader
   * of committed messages sees each once and, per key, in order, however often the process dies in between. One call
   * at a time; after any error but DomainError the publication is of no more use.
   * @throws FencedError; UnavailableError (outcome unknown: `open` again and go on from the checkpoint it answers);
   * DomainError MESSAGE_TOO_LARGE (nothing was sent)
   */
  publish(
    messages: readonly PublicMessage[],
    checkpoint: PublicationCheckpoint,
    stateChanges?: ReadonlyMap<string, JsonObject | null>,
  ): Promise<void>;
  close(): Promise<void>;
}

/** Looks on while another writes. */
export interface PublicationWatch {
  /** The last checkpoint seen so far; undefined until one was. */
  checkpoint(): PublicationCheckpoint | undefined;
  close(): Promise<void>;
}

export abstract class MessageLog {
  /** The largest message, measured by `messageBytes`, that `publish` takes. */
  abstract readonly maxMessageBytes: number;
  /**
   * Takes the publication over: fences any other writer and answers how far it has come.
   * @throws FencedError when yet another took over meanwhile; UnavailableError; FaultError
   * PUBLICATION_WITHOUT_CHECKPOINT when a topic holds messages that no checkpoint accounts for
   */
  abstract open(settings: PublicationSettings): Promise<OpenedPublication>;
  /** Follows the checkpoint without taking anything over. @throws UnavailableError */
  abstract watch(publicationId: string): Promise<PublicationWatch>;
  /** @throws UnavailableError */
  abstract ping(): Promise<void>;
  abstract close(): Promise<void>;
}

/** What a message takes on the wire, an upper bound in bytes. */
export function messageBytes(message: Pick<PublicMessage, 'key' | 'value' | 'headers'>): number {
  let bytes = 64 + Buffer.byteLength(message.key) + (message.value === null ? 0 : Buffer.byteLength(message.value));
  for (const name in message.headers) {
    bytes += 10 + Buffer.byteLength(name) + Buffer.byteLength(message.headers[name] ?? '');
  }
  return bytes;
}

/** Whether `messageBytes` exceeds the limit; a small one is known by its length, since a character takes three bytes at most. */
export function isTooLarge(message: PublicMessage, limit: number): boolean {
  let characters = message.key.length + (message.value?.length ?? 0);
  let fields = 1;
  for (const name in message.headers) {
    characters += name.length + (message.headers[name]?.length ?? 0);
    fields += 1;
  }
  return 64 * fields + 3 * characters > limit && messageBytes(message) > limit;
}

/** The message's bytes. @throws DomainError MESSAGE_TOO_LARGE */
export function checkedMessageBytes(message: PublicMessage, limit: number): number {
  const bytes = messageBytes(message);
  if (bytes <= limit) return bytes;
  throw new DomainError('MESSAGE_TOO_LARGE', `a message of ${bytes} bytes exceeds the ${limit} that one may have`, {
    topic: message.topic,
    ceId: message.headers['ce_id'],
  });
}

export function publicationWithoutCheckpoint(publicationId: string, topic: string): FaultError {
  return new FaultError(
    'PUBLICATION_WITHOUT_CHECKPOINT',
    `topic ${topic} holds messages, but publication ${publicationId} has no checkpoint: going on would publish every ` +
      `event a second time. Either the checkpoint topic was lost, or this is another event log than the one published ` +
      `before. Restore the checkpoint topic or the log, or delete the topic, or publish under new topic names`,
  );
}
