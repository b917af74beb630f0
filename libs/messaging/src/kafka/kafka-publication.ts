/**
 * Writes a publication: each `publish` is one Kafka transaction of the messages and the checkpoint.
 *
 * Three things are not as one would expect, all measured:
 * - kafkajs loses acknowledged messages when a leader dies if one `send` holds several partitions (it remembers which
 *   broker answered, not which partition). So every `send` here holds one partition, and its reply must name it.
 * - `connect()` fences nobody; only a transaction that was begun does.
 * - after a failed or timed-out transaction the producer cannot be used again. It is thrown away, and the next `open`
 *   learns from the checkpoint whether the transaction counted.
 */
import type { JsonObject } from '@timeline/kernel';
import { UnavailableError, within } from '@timeline/kernel';
import kafkajs from 'kafkajs';
import type { KafkaConfig, Message, PartitionMetadata, Producer, Transaction } from 'kafkajs';
import type { Publication, PublicationCheckpoint, PublicMessage } from '../message-log.port.js';
import { checkedMessageBytes, messageBytes } from '../message-log.port.js';
import type { CheckpointRecord } from './checkpoint-topic.js';
import { checkpointRecord, checkpointTopicOf, stateRecord } from './checkpoint-topic.js';
import { KafkaClient } from './kafka-client.js';
import { translate } from './kafka-errors.js';

const { Partitioners } = kafkajs;

/** One `send` and so one message: 1,100 messages of 1,000 bytes in one send are refused by a broker's defaults. */
export const MAX_SEND_BYTES = 512 * 1024;
/** Longest time a transaction may take here, in milliseconds; Kafka gives it up a little later by itself. */
const TRANSACTION_LIMIT_MS = 10_000;
const TRANSACTION_TIMEOUT_MS = 15_000;

/** What goes to one partition, in order, cut into sends. */
interface PartitionSends {
  topic: string;
  partition: number;
  sends: Message[][];
  /** Of the last send. */
  bytes: number;
}

const partitionOf = Partitioners.DefaultPartitioner();
const metadataOf = new Map<number, PartitionMetadata[]>();

/** The partition that a Java producer would choose (murmur2 of the key), over the first `partitions` of the topic. */
export function choosePartition(topic: string, key: string, partitions: number): number {
  let partitionMetadata = metadataOf.get(partitions);
  if (!partitionMetadata) {
    // Of a message with a key the partitioner wants to know nothing but how many partitions there are.
    const any = { partitionErrorCode: 0, leader: 0, replicas: [], isr: [] };
    partitionMetadata = Array.from({ length: partitions }, (_, partitionId) => ({ ...any, partitionId }));
    metadataOf.set(partitions, partitionMetadata);
  }
  return partitionOf({ topic, partitionMetadata, message: { key, value: null } });
}

export class KafkaPublication implements Publication {
  readonly #id: string;
  readonly #client: KafkaClient;
  readonly #producer: Producer;
  readonly #onEnd: () => void;
  /** Partitions that the keys of each topic are spread over. */
  #partitions: ReadonlyMap<string, number> = new Map();
  #ended = false;

  constructor(config: KafkaConfig, id: string, onEnd: () => void) {
    this.#id = id;
    this.#onEnd = onEnd;
    this.#client = new KafkaClient(config);
    this.#producer = this.#client.kafka.producer({
      transactionalId: id,
      idempotent: true,
      maxInFlightRequests: 1,
      transactionTimeout: TRANSACTION_TIMEOUT_MS,
      allowAutoTopicCreation: false,
      createPartitioner: Partitioners.DefaultPartitioner,
      // The first send after a commit often meets "concurrent transactions" for some milliseconds, so tries start close
      // together (20 ms); the last ones reach past the 6 to 10 s that replacing a leader takes.
      retry: { retries: 15 },
    });
  }

  /** Connects and commits `records` to the checkpoint topic: from then on every older writer is fenced. */
  async takeOver(records: readonly CheckpointRecord[]): Promise<void> {
    try {
      await this.#producer.connect();
    } catch (error) {
      throw translate(error, 'connecting to Kafka');
    }
    await this.#commit([this.#checkpointSends(records)]);
  }

  /** Says how keys are spread, durably where `records` say so. */
  async begin(partitions: ReadonlyMap<string, number>, records: readonly CheckpointRecord[]): Promise<void> {
    this.#partitions = partitions;
    if (records.length > 0) await this.#commit([this.#checkpointSends(records)]);
  }

  async publish(
    messages: readonly PublicMessage[],
    checkpoint: PublicationCheckpoint,
    stateChanges: ReadonlyMap<string, JsonObject | null> = new Map(),
  ): Promise<void> {
    const own = [...stateChanges].map(([key, value]) => stateRecord(key, value));
    await this.#commit([
      ...this.#messageSends(messages),
      this.#checkpointSends([...own, checkpointRecord(checkpoint)]),
    ]);
  }

  async close(): Promise<void> {
    if (this.#ended) return;
    this.#end();
    await this.#client.end(this.#producer.disconnect());
  }

  #messageSends(messages: readonly PublicMessage[]): PartitionSends[] {
    const byPartition = new Map<string, PartitionSends>();
    const chosen = new Map<string, number>();
    for (const message of messages) {
      const { topic, key, value, headers } = message;
      const keyed = `${topic}/${key}`;
      let partition = chosen.get(keyed);
      if (partition === undefined) {
        const partitions = this.#partitions.get(topic);
        if (partitions === undefined) throw new TypeError(`${topic} is none of the publication's topics`);
        partition = choosePartition(topic, key, partitions);
        chosen.set(keyed, partition);
      }
      const place = `${topic}/${partition}`;
      let sends = byPartition.get(place);
      if (!sends) {
        sends = { topic, partition, sends: [], bytes: 0 };
        byPartition.set(place, sends);
      }
      add(sends, { key, value, headers, partition }, checkedMessageBytes(message, MAX_SEND_BYTES));
    }
    return [...byPartition.values()];
  }

  #checkpointSends(records: readonly CheckpointRecord[]): PartitionSends {
    const sends: PartitionSends = { topic: checkpointTopicOf(this.#id), partition: 0, sends: [], bytes: 0 };
    for (const { key, value } of records) {
      add(sends, { key, value, partition: 0 }, messageBytes({ key, value, headers: {} }));
    }
    return sends;
  }

  async #commit(partitions: readonly PartitionSends[]): Promise<void> {
    if (this.#ended) throw new UnavailableError('kafka', 'this publication has ended; open it again');
    try {
      await within(TRANSACTION_LIMIT_MS, this.#transact(partitions), tooLong);
    } catch (error) {
      // Thrown away: what of it is still under way fails, and Kafka gives its transaction up when the next one opens.
      this.#end();
      this.#client.cut();
      throw translate(error, 'publishing');
    }
  }

  async #transact(partitions: readonly PartitionSends[]): Promise<void> {
    const transaction = await this.#producer.transaction();
    try {
      // All settle before anything is decided, so that no send is under way when the transaction is given up.
      const outcomes = await Promise.allSettled(partitions.map((sends) => this.#send(transaction, sends)));
      for (const outcome of outcomes) if (outcome.status === 'rejected') throw outcome.reason;
      this.#throwIfEnded();
      await transaction.commit();
    } catch (error) {
      if (transaction.isActive()) await transaction.abort().catch(() => undefined);
      throw error;
    }
  }

  async #send(transaction: Transaction, { topic, partition, sends }: PartitionSends): Promise<void> {
    for (const messages of sends) {
      this.#throwIfEnded();
      const replies = await transaction.send({ topic, messages, acks: -1 });
      const [reply] = replies;
      if (
        replies.length !== 1 ||
        reply?.topicName !== topic ||
        reply.partition !== partition ||
        reply.errorCode !== 0
      ) {
        throw new UnavailableError('kafka', `Kafka's answer does not say that ${topic}/${partition} took the messages`);
      }
    }
  }

  #end(): void {
    this.#ended = true;
    this.#onEnd();
  }

  /** Keeps a transaction that was given up for its time from being committed after all. */
  #throwIfEnded(): void {
    if (this.#ended) throw new UnavailableError('kafka', 'the transaction was given up');
  }
}

function add(to: PartitionSends, message: Message, bytes: number): void {
  const last = to.sends.at(-1);
  if (last && to.bytes + bytes <= MAX_SEND_BYTES) {
    last.push(message);
    to.bytes += bytes;
  } else {
    to.sends.push([message]);
    to.bytes = bytes;
  }
}

const tooLong = (): UnavailableError =>
  new UnavailableError('kafka', `a transaction took more than ${TRANSACTION_LIMIT_MS} ms and was given up`);
