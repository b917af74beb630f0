/**
 * A publication's own compacted topic, one partition: its checkpoint, its state, the number of partitions that keys
 * are spread over, and a nonce per opening. What stands here was committed together with the messages it accounts for.
 *
 * Nothing in Kafka's protocol says where a reader of committed messages has come to the end (end offsets lag behind an
 * acknowledged commit, control records take offsets of their own). So whoever opens commits a nonce and reads up to it.
 */
import type { JsonObject } from '@timeline/kernel';
import { FaultError, parsePosition, UnavailableError } from '@timeline/kernel';
import { randomUUID } from 'node:crypto';
import type { Consumer, ITopicConfig, KafkaConfig } from 'kafkajs';
import type { PublicationCheckpoint } from '../message-log.port.js';
import { KafkaClient } from './kafka-client.js';
import { translate } from './kafka-errors.js';

export const checkpointTopicOf = (publicationId: string): string => `${publicationId}-checkpoint`;

export const checkpointTopicConfig = (publicationId: string): ITopicConfig => ({
  topic: checkpointTopicOf(publicationId),
  numPartitions: 1,
  configEntries: Object.entries({
    'cleanup.policy': 'compact',
    // Small segments, cleaned early: opening reads the whole topic, and a live relay adds a record about each second.
    'segment.bytes': String(4 * 1024 * 1024),
    'min.cleanable.dirty.ratio': '0.1',
  }).map(([name, value]) => ({ name, value })),
});

const STATE = 'state:';

export interface CheckpointRecord {
  key: string;
  value: string | null;
}

export const nonceRecord = (nonce: string): CheckpointRecord => ({ key: 'nonce', value: nonce });
export const topicsRecord = (partitions: ReadonlyMap<string, number>): CheckpointRecord => ({
  key: 'topics',
  value: JSON.stringify(Object.fromEntries(partitions)),
});
export const checkpointRecord = ({ position, eventId }: PublicationCheckpoint): CheckpointRecord => ({
  key: 'checkpoint',
  value: JSON.stringify({ position, eventId }),
});
export const stateRecord = (key: string, value: JsonObject | null): CheckpointRecord => ({
  key: STATE + key,
  value: value === null ? null : JSON.stringify(value),
});

/** Reads the topic's committed records from its beginning and goes on until closed. */
export class CheckpointReader {
  checkpoint: PublicationCheckpoint | undefined;
  readonly state = new Map<string, JsonObject>();
  /** Undefined until the publication began. */
  partitions: Map<string, number> | undefined;
  readonly #topic: string;
  readonly #client: KafkaClient;
  readonly #consumer: Consumer;
  #nonce: string | undefined;
  #failed: Error | undefined;
  #changed = (): void => undefined;

  constructor(config: KafkaConfig, publicationId: string) {
    this.#topic = checkpointTopicOf(publicationId);
    // A group of its own for each reader: it wants every record, and commits no offsets, so Kafka forgets the group.
    this.#client = new KafkaClient(config);
    this.#consumer = this.#client.kafka.consumer({
      groupId: `${publicationId}-reader-${randomUUID()}`,
      allowAutoTopicCreation: false,
      maxWaitTimeInMs: 200,
    });
  }

  /** @throws UnavailableError */
  async start(): Promise<void> {
    const { CRASH } = this.#consumer.events;
    this.#consumer.on(CRASH, ({ payload }) => {
      // A crash that kafkajs mends by itself is none.
      if (!payload.restart) this.#fail(payload.error);
    });
    try {
      await this.#consumer.connect();
      await this.#consumer.subscribe({ topics: [this.#topic], fromBeginning: true });
      await this.#consumer.run({
        autoCommit: false,
        eachMessage: async ({ message }) => {
          try {
            this.#apply(message.key?.toString() ?? '', message.value?.toString());
          } catch (error) {
            this.#fail(error);
          }
          this.#changed();
        },
      });
    } catch (error) {
      await this.close();
      throw translate(error, `reading ${this.#topic}`);
    }
  }

  /** Resolves once everything committed before the nonce has been read. @throws UnavailableError; FaultError */
  async upTo(nonce: string, timeoutMs: number): Promise<void> {
    await new Promise<void>((resolve, reject) => {
      const late = setTimeout(() => {
        reject(new UnavailableError('kafka', `${this.#topic} could not be read up to its end in ${timeoutMs} ms`));
      }, timeoutMs);
      this.#changed = () => {
        if (this.#failed === undefined && this.#nonce !== nonce) return;
        clearTimeout(late);
        this.#changed = () => undefined;
        if (this.#failed) reject(this.#failed);
        else resolve();
      };
      this.#changed();
    });
  }

  /** @throws UnavailableError once the reader has failed for good */
  throwIfFailed(): void {
    if (this.#failed) throw this.#failed;
  }

  async close(): Promise<void> {
    await this.#client.end(this.#consumer.disconnect());
  }

  #apply(key: string, value: string | undefined): void {
    if (key === 'nonce') this.#nonce = value;
    else if (key === 'checkpoint' && value !== undefined) this.checkpoint = parseCheckpoint(value, this.#topic);
    else if (key === 'topics' && value !== undefined) this.partitions = new Map(Object.entries(parsePartitions(value)));
    else if (key.startsWith(STATE)) {
      if (value === undefined) this.state.delete(key.slice(STATE.length));
      else this.state.set(key.slice(STATE.length), parseObject(value));
    }
  }

  #fail(error: unknown): void {
    this.#failed ??=
      error instanceof FaultError || (error instanceof Error && error.name === 'SyntaxError')
        ? new FaultError('PUBLICATION_CHECKPOINT_DAMAGED', `${this.#topic} holds a record that is not its own`, {
            cause: error,
          })
        : translate(error, `reading ${this.#topic}`);
    this.#changed();
  }
}

function parseCheckpoint(text: string, topic: string): PublicationCheckpoint {
  const { position, eventId } = parseObject(text);
  if (typeof position !== 'string' || typeof eventId !== 'string') {
    throw new FaultError('PUBLICATION_CHECKPOINT_DAMAGED', `the checkpoint in ${topic} lacks its position or event id`);
  }
  // Only the shape is checked here: whether it is of the log at hand is for the relay to say.
  return { position: parsePosition(position, position.slice(0, 12)), eventId };
}

function parsePartitions(text: string): Record<string, number> {
  const partitions: Record<string, number> = {};
  for (const [topic, count] of Object.entries(parseObject(text))) {
    if (typeof count !== 'number')
      throw new FaultError('PUBLICATION_CHECKPOINT_DAMAGED', 'a partition count is no number');
    partitions[topic] = count;
  }
  return partitions;
}

function parseObject(text: string): JsonObject {
  const value: unknown = JSON.parse(text);
  if (value === null || typeof value !== 'object' || Array.isArray(value)) {
    throw new FaultError('PUBLICATION_CHECKPOINT_DAMAGED', 'a record is no JSON object');
  }
  // Parsed JSON that is neither null, scalar nor array is a JsonObject.
  return value as JsonObject;
}
