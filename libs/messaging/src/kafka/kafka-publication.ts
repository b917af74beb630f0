/**
 * Writes a publication: each `publish` is one Kafka transaction of the messages and the checkpoint.
 *
 * Three things are not as one would expect, all measured:
 * - kafkajs loses acknowledged messages, or doubles them, when it tries a send of several partitions again after a leader
 *   died (it remembers which broker answered, not which partition). So it must not: what it would try again fails, and the
 *   transaction with it. Only the checkpoint, which comes first and goes to one partition, may be sent again.
 * - `connect()` fences nobody; only a transaction that was begun does.
 * - after a failed or timed-out transaction the producer cannot be used again. It is thrown away, and the next `open`
 *   learns from the checkpoint whether the transaction counted.
 */
import type { JsonObject } from '@timeline/kernel';
import { UnavailableError, within } from '@timeline/kernel';
import kafkajs from 'kafkajs';
import type { KafkaConfig, Message, PartitionerArgs, PartitionMetadata, Producer, Transaction } from 'kafkajs';
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

/** What one request holds of each topic. Of one partition it holds messages in order, and later sends hold later ones. */
type Send = Map<string, Message[]>;

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
  /** How many messages kafkajs may still ask a partition for, each time that it begins a send. */
  #mayBeAsked = Infinity;

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
      createPartitioner: () => (asked) => this.#choose(asked),
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
    await this.#commit(records, []);
  }

  /** Says how keys are spread, durably where `records` say so. */
  async begin(partitions: ReadonlyMap<string, number>, records: readonly CheckpointRecord[]): Promise<void> {
    this.#partitions = partitions;
    if (records.length > 0) await this.#commit(records, []);
  }

  async publish(
    messages: readonly PublicMessage[],
    checkpoint: PublicationCheckpoint,
    stateChanges: ReadonlyMap<string, JsonObject | null> = new Map(),
  ): Promise<void> {
    const own = [...stateChanges].map(([key, value]) => stateRecord(key, value));
    await this.#commit([...own, checkpointRecord(checkpoint)], this.#sendsOf(messages));
  }

  async close(): Promise<void> {
    if (this.#ended) return;
    this.#end();
    await this.#client.end(this.#producer.disconnect());
  }

  #sendsOf(messages: readonly PublicMessage[]): Send[] {
    const byPlace = new Map<string, Placed[]>();
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
      const bytes = checkedMessageBytes(message, MAX_SEND_BYTES);
      append(byPlace, `${topic}/${partition}`, { topic, message: { key, value, headers, partition }, bytes });
    }
    return sendsOf([...byPlace.values()].flat());
  }

  async #commit(records: readonly CheckpointRecord[], sends: readonly Send[]): Promise<void> {
    if (this.#ended) throw new UnavailableError('kafka', 'this publication has ended; open it again');
    try {
      await within(TRANSACTION_LIMIT_MS, this.#transact(records, sends), tooLong);
    } catch (error) {
      // Thrown away: what of it is still under way fails, and Kafka gives its transaction up when the next one opens.
      this.#end();
      this.#client.cut();
      throw translate(error, 'publishing');
    }
  }

  async #transact(records: readonly CheckpointRecord[], sends: readonly Send[]): Promise<void> {
    const transaction = await this.#producer.transaction();
    const topic = checkpointTopicOf(this.#id);
    const placed = records.map(({ key, value }) => {
      return { topic, message: { key, value, partition: 0 }, bytes: messageBytes({ key, value, headers: {} }) };
    });
    for (const send of sendsOf(placed)) await this.#send(transaction, send, Infinity);
    for (const send of sends) await this.#send(transaction, send, countOf(send));
    this.#throwIfEnded();
    await transaction.commit();
  }

  async #send(transaction: Transaction, send: Send, mayBeAsked: number): Promise<void> {
    this.#throwIfEnded();
    this.#mayBeAsked = mayBeAsked;
    const topicMessages = [...send].map(([topic, messages]) => ({ topic, messages }));
    const replies = await transaction.sendBatch({ topicMessages, acks: -1 });
    const missing = new Set(
      topicMessages.flatMap(({ topic, messages }) => messages.map(({ partition }) => `${topic}/${partition}`)),
    );
    const isEachOnce = replies.every(
      ({ topicName, partition, errorCode }) => errorCode === 0 && missing.delete(`${topicName}/${partition}`),
    );
    if (!isEachOnce || missing.size > 0)
      throw new UnavailableError('kafka', "Kafka's answer does not say that each partition took its messages, once");
  }

  /** kafkajs asks for every message each time that it begins a send. */
  #choose({ message }: PartitionerArgs): number {
    this.#mayBeAsked -= 1;
    if (this.#mayBeAsked < 0) throw new UnavailableError('kafka', 'a send failed, and could not safely be tried again');
    if (message.partition === undefined) throw new TypeError('every message has its partition already');
    return message.partition;
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

interface Placed {
  topic: string;
  message: Message;
  bytes: number;
}

function append<Item>(to: Map<string, Item[]>, name: string, item: Item): void {
  const items = to.get(name);
  if (items) items.push(item);
  else to.set(name, [item]);
}

function sendsOf(messages: readonly Placed[]): Send[] {
  const sends: Send[] = [];
  let room = 0;
  for (const { topic, message, bytes } of messages) {
    let send = sends.at(-1);
    if (!send || bytes > room) {
      send = new Map();
      sends.push(send);
      room = MAX_SEND_BYTES;
    }
    append(send, topic, message);
    room -= bytes;
  }
  return sends;
}

const countOf = (send: Send): number => [...send.values()].reduce((sum, messages) => sum + messages.length, 0);

const tooLong = (): UnavailableError =>
  new UnavailableError('kafka', `a transaction took more than ${TRANSACTION_LIMIT_MS} ms and was given up`);
