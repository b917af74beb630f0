/**
 * A message log in memory, for tests and for consumers in the same process. It keeps the last messages of each topic
 * and nothing across restarts; everything else is as the port says, fencing included.
 */
import type { JsonObject } from '@timeline/kernel';
import { DomainError, UnavailableError } from '@timeline/kernel';
import type {
  OpenedPublication,
  Publication,
  PublicationCheckpoint,
  PublicationSettings,
  PublicationWatch,
  PublicMessage,
} from '../message-log.port.js';
import { checkedMessageBytes, FencedError, MessageLog, publicationWithoutCheckpoint } from '../message-log.port.js';

/** A message with its place in its topic, counted from 0. */
export type PlacedMessage = PublicMessage & { offset: number };

interface Topic {
  messages: PlacedMessage[];
  next: number;
  waiting: Set<() => void>;
}

interface WriterState {
  /** Counts the openings; a publication of an older one is fenced. */
  epoch: number;
  checkpoint: PublicationCheckpoint | undefined;
  state: Map<string, JsonObject>;
}

export class InProcessMessageLog extends MessageLog {
  readonly maxMessageBytes: number;
  readonly #keep: number;
  readonly #topics = new Map<string, Topic>();
  readonly #writers = new Map<string, WriterState>();
  #closed = false;

  /** `keep`: messages held per topic; older ones are forgotten. */
  constructor({ keep = 10_000, maxMessageBytes = 512 * 1024 }: { keep?: number; maxMessageBytes?: number } = {}) {
    super();
    this.#keep = keep;
    this.maxMessageBytes = maxMessageBytes;
  }

  async open(settings: PublicationSettings): Promise<OpenedPublication> {
    this.#refuseWhenClosed();
    let writer = this.#writers.get(settings.id);
    if (!writer) {
      const used = settings.topics.find(({ name }) => this.#topic(name).next > 0);
      if (used) throw publicationWithoutCheckpoint(settings.id, used.name);
      writer = { epoch: 0, checkpoint: undefined, state: new Map() };
      this.#writers.set(settings.id, writer);
    }
    writer.epoch += 1;
    const publication = this.#publication(writer, writer.epoch);
    return { publication, checkpoint: writer.checkpoint, state: new Map(writer.state) };
  }

  async watch(publicationId: string): Promise<PublicationWatch> {
    this.#refuseWhenClosed();
    return { checkpoint: () => this.#writers.get(publicationId)?.checkpoint, close: async () => undefined };
  }

  /**
   * The topic's messages from offset `from` (default: the oldest still held) on, then those to come, until `signal`
   * or `close`. @throws DomainError OFFSET_NO_LONGER_HELD when the reader fell behind what is kept
   */
  async *read(
    name: string,
    { from, signal }: { from?: number; signal?: AbortSignal } = {},
  ): AsyncGenerator<PlacedMessage, void> {
    const topic = this.#topic(name);
    let next = from ?? topic.messages[0]?.offset ?? topic.next;
    while (!this.#closed && !signal?.aborted) {
      const oldest = topic.messages[0]?.offset ?? topic.next;
      if (next < oldest) {
        throw new DomainError(
          'OFFSET_NO_LONGER_HELD',
          `offset ${next} of ${name} is no longer held; the oldest is ${oldest}`,
        );
      }
      const message = topic.messages[next - oldest];
      if (message) {
        next += 1;
        yield message;
      } else {
        await new Promise<void>((resolve) => {
          const wake = (): void => {
            topic.waiting.delete(wake);
            signal?.removeEventListener('abort', wake);
            resolve();
          };
          topic.waiting.add(wake);
          signal?.addEventListener('abort', wake, { once: true });
        });
      }
    }
  }

  async ping(): Promise<void> {
    this.#refuseWhenClosed();
  }

  async close(): Promise<void> {
    this.#closed = true;
    for (const { waiting } of this.#topics.values()) for (const wake of [...waiting]) wake();
  }

  #publication(writer: WriterState, epoch: number): Publication {
    let open = true;
    return {
      publish: async (messages, checkpoint, stateChanges) => {
        this.#refuseWhenClosed();
        if (!open) throw new UnavailableError('message log', 'this publication is closed; open it again');
        if (writer.epoch !== epoch) throw new FencedError('another relay has taken this publication over');
        for (const message of messages) checkedMessageBytes(message, this.maxMessageBytes);
        for (const message of messages) this.#append(message);
        writer.checkpoint = { ...checkpoint };
        for (const [key, value] of stateChanges ?? []) {
          if (value === null) writer.state.delete(key);
          else writer.state.set(key, value);
        }
      },
      close: async () => {
        open = false;
      },
    };
  }

  #append(message: PublicMessage): void {
    const topic = this.#topic(message.topic);
    topic.messages.push({ ...message, headers: { ...message.headers }, offset: topic.next });
    topic.next += 1;
    // Trimmed in strides: shifting the array for every message would cost its length each time.
    if (topic.messages.length >= this.#keep * 1.25 + 1) topic.messages.splice(0, topic.messages.length - this.#keep);
    for (const wake of [...topic.waiting]) wake();
  }

  #topic(name: string): Topic {
    let topic = this.#topics.get(name);
    if (!topic) {
      topic = { messages: [], next: 0, waiting: new Set() };
      this.#topics.set(name, topic);
    }
    return topic;
  }

  #refuseWhenClosed(): void {
    if (this.#closed) throw new UnavailableError('message log', 'the message log is closed');
  }
}
