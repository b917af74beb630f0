/**
 * The append-only log, as the product needs it. Two adapters: `sqlite/` (embedded) and `eventstoredb/`. Both pass
 * the contract suite in `testing/event-store.contract.ts`. An abstract class, so that Nest injects it by type.
 */
import type { EventMetadata, JsonObject, Position } from '@timeline/kernel';
import { DomainError, FaultError } from '@timeline/kernel';

/** An event as it is handed to the log: `personal` already sealed. */
export interface NewEvent {
  /** UUID. The same id at the same expected revision is the same event. */
  id: string;
  type: string;
  data: JsonObject;
  /** Ciphertext, base64. */
  personal?: string;
  metadata: EventMetadata;
}

export interface StoredEvent extends NewEvent {
  stream: string;
  /** 0 for the first event of the stream. */
  revision: number;
  position: Position;
  /** ISO 8601 UTC. */
  recordedAt: string;
}

/** The revision of the stream's last event, or that there is no stream yet. */
export type ExpectedRevision = number | 'no-stream';

export interface AppendResult {
  /** Of the last event appended. */
  revision: number;
  position: Position;
  /**
   * The same events stood there already. Always told of what this object appended or was told by a subscription; what others
   * appended since, the adapter of EventStoreDB may tell as new.
   */
  repeated?: true;
}

export interface ReadStreamOptions {
  /** Inclusive. Default: the first revision, or the last when reading backwards. */
  fromRevision?: number;
  direction?: 'forwards' | 'backwards';
  limit?: number;
}

export interface ReadAllOptions {
  /** Exclusive in both directions. Default: the end that the direction starts from. */
  after?: Position;
  /** Inclusive end, forwards only. */
  until?: Position;
  /** Stored type names; filtered by the store, not by the reader. Default: all domain events. */
  types?: readonly string[];
  direction?: 'forwards' | 'backwards';
  limit?: number;
  /** Events per yielded array, default 500. */
  batchSize?: number;
  signal?: AbortSignal;
}

export interface SubscribeOptions {
  /** Exclusive. Default: from the first event. */
  after?: Position;
  /** The last event that the subscriber has seen before: see LOG_WENT_BACK. */
  seen?: { position: Position; id: string };
  types?: readonly string[];
  batchSize?: number;
  /** Ends the subscription; the iterator then returns. */
  signal?: AbortSignal;
}

/**
 * `events`: a batch, oldest first. `checkpoint`: everything up to `position` was looked at and did not match.
 * `caught-up`: every event that was in the log when the subscription last looked has been delivered; can come
 * more than once; `position` is the last one looked at (undefined while the log is empty).
 */
export type SubscriptionMessage =
  | { kind: 'events'; events: StoredEvent[] }
  | { kind: 'checkpoint'; position: Position }
  | { kind: 'caught-up'; position: Position | undefined };

export interface LogHead {
  position: Position;
  eventId: string;
  recordedAt: string;
}

export abstract class EventStore {
  /** 12 hex digits, made with the log and kept in it. */
  abstract readonly logId: string;

  /** Whether what is handed to `append` first stands first in the log, also where nobody waited for it in between. */
  readonly keepsOrder: boolean = false;

  /**
   * Appends all events or none; resolves only after they are durable. Sending the same ids again at the same
   * expected revision answers as the first time and writes nothing.
   * @throws WrongExpectedRevisionError; UnavailableError when the outcome is unknown or the store is away
   */
  abstract append(
    stream: string,
    events: readonly NewEvent[],
    options: { expectedRevision: ExpectedRevision },
  ): Promise<AppendResult>;

  /**
   * Appends without a revision check. Named so that nobody uses it by accident: only for facts that no rule
   * depends on and whose ids make a repeat harmless.
   */
  abstract appendUnsafelyAtAnyRevision(stream: string, events: readonly NewEvent[]): Promise<AppendResult>;

  /** Empty for a stream that does not exist. Streams are small: the whole answer is an array. */
  abstract readStream(stream: string, options?: ReadStreamOptions): Promise<StoredEvent[]>;

  /** The type of a stream's last event; undefined for a stream that does not exist. */
  async lastTypeOf(stream: string): Promise<string | undefined> {
    return (await this.readStream(stream, { direction: 'backwards', limit: 1 }))[0]?.type;
  }

  abstract readAll(options?: ReadAllOptions): AsyncIterable<StoredEvent[]>;

  /**
   * Pulled by the reader, so memory is bounded by a few batches however slow the reader is. Never comes back by itself after
   * an error. @throws FaultError LOG_WENT_BACK when the log does not hold the event that was seen last (any more), as after
   * it was restored from a backup: what comes next is not what follows that event
   */
  abstract subscribe(options?: SubscribeOptions): AsyncIterable<SubscriptionMessage>;

  /** The last domain event (never the server's own records); undefined while there is none. */
  abstract head(): Promise<LogHead | undefined>;

  /** The event at exactly this position, or undefined when this log does not hold one there. */
  abstract eventAt(position: Position): Promise<StoredEvent | undefined>;

  /** Whether it works, as far as can be told without appending. @throws UnavailableError */
  async ping(): Promise<void> {
    await this.head();
  }

  abstract close(): Promise<void>;
}

export class WrongExpectedRevisionError extends DomainError {
  override readonly name = 'WrongExpectedRevisionError';
  constructor(
    readonly stream: string,
    /** `any`: an append at any revision repeated a part of an earlier one. */
    readonly expected: ExpectedRevision | 'any',
    readonly actual: ExpectedRevision,
  ) {
    super(
      'WRONG_EXPECTED_REVISION',
      `stream is at revision ${actual}, not at ${expected}; load it again and decide anew`,
      {
        expected,
        actual,
      },
    );
  }
}

export const logWentBack = (position: Position): FaultError =>
  new FaultError(
    'LOG_WENT_BACK',
    `the log does not hold the event that was read at ${position}: it was restored from a backup or swapped`,
  );
