/**
 * Publications on Apache Kafka. A publication is a `transactionalId`, the topics it writes and a checkpoint topic of
 * its own; `kafka-publication.ts` writes, `checkpoint-topic.ts` remembers.
 */
import { FaultError, UnavailableError } from '@timeline/kernel';
import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import kafkajs from 'kafkajs';
import type { Admin, ITopicConfig, KafkaConfig } from 'kafkajs';
import type { OpenedPublication, PublicationSettings, PublicationWatch } from '../message-log.port.js';
import { MessageLog, publicationWithoutCheckpoint } from '../message-log.port.js';
import { parseBrokerUrl } from './broker-url.js';
import {
  CheckpointReader,
  checkpointTopicConfig,
  checkpointTopicOf,
  nonceRecord,
  topicsRecord,
} from './checkpoint-topic.js';
import { KafkaClient } from './kafka-client.js';
import { translate } from './kafka-errors.js';
import { KafkaPublication, MAX_SEND_BYTES } from './kafka-publication.js';

const READ_WITHIN_MS = 30_000;
const LEADERS_WITHIN_MS = 15_000;

export interface KafkaMessageLogOptions {
  /** `kafka://host:port[,host:port]`; see `broker-url.ts`. */
  url: string;
  /** Names this process in Kafka's own logs. */
  clientId?: string;
  /** What kafkajs itself has to say; what matters of it also comes as an error. */
  debug?(details: Record<string, unknown>, message: string): void;
}

export class KafkaMessageLog extends MessageLog {
  readonly maxMessageBytes = MAX_SEND_BYTES;
  readonly #config: KafkaConfig;
  /** What `close` has to close. */
  readonly #open = new Set<{ close(): Promise<void> }>();

  /** Connects to nothing yet. @throws FaultError CONFIG_INVALID */
  constructor({ url, clientId = 'timeline', debug }: KafkaMessageLogOptions) {
    super();
    this.#config = {
      ...parseBrokerUrl(url),
      clientId,
      connectionTimeout: 3_000,
      requestTimeout: 10_000,
      // For finding brokers and coordinators: about 3 s, then it is for the caller to wait. Also how long what is left of
      // a producer that was thrown away goes on trying.
      retry: { initialRetryTime: 20, multiplier: 2, factor: 0.2, maxRetryTime: 1_000, retries: 8 },
      logLevel: debug ? kafkajs.logLevel.WARN : kafkajs.logLevel.NOTHING,
      logCreator:
        () =>
        ({ namespace, log: { message, timestamp: _, logger: __, ...details } }) =>
          debug?.({ ...details, namespace }, message),
    };
  }

  async open(settings: PublicationSettings): Promise<OpenedPublication> {
    refuseUnusableNames(settings);
    const publication = new KafkaPublication(this.#config, settings.id, () => this.#open.delete(publication));
    this.#open.add(publication);
    try {
      const actual = await this.#withAdmin((admin) => ensureTopics(admin, settings));
      const nonce = randomUUID();
      await publication.takeOver([nonceRecord(nonce)]);
      const read = await this.#read(settings.id, nonce);

      if (!read.partitions) {
        const used = read.checkpoint ? undefined : await this.#withAdmin((admin) => firstUsed(admin, settings));
        if (used !== undefined) throw publicationWithoutCheckpoint(settings.id, used);
      }
      const partitions = keptPartitions(actual, read.partitions);
      const isNew = [...partitions.keys()].some((topic) => !read.partitions?.has(topic));
      await publication.begin(partitions, isNew ? [topicsRecord(partitions)] : []);

      return { publication, checkpoint: read.checkpoint, state: read.state };
    } catch (error) {
      await publication.close();
      throw translate(error, 'opening the publication');
    }
  }

  async watch(publicationId: string): Promise<PublicationWatch> {
    const reader = new CheckpointReader(this.#config, publicationId);
    this.#open.add(reader);
    try {
      await reader.start();
    } catch (error) {
      this.#open.delete(reader);
      throw error;
    }
    return {
      checkpoint: () => {
        reader.throwIfFailed();
        return reader.checkpoint;
      },
      close: async () => {
        this.#open.delete(reader);
        await reader.close();
      },
    };
  }

  async ping(): Promise<void> {
    await this.#withAdmin((admin) => admin.describeCluster(), 0);
  }

  async close(): Promise<void> {
    await Promise.all([...this.#open].map((open) => open.close()));
    this.#open.clear();
  }

  /** What the checkpoint topic held when the nonce was committed. */
  async #read(publicationId: string, nonce: string): Promise<CheckpointReader> {
    const reader = new CheckpointReader(this.#config, publicationId);
    await reader.start();
    try {
      await reader.upTo(nonce, READ_WITHIN_MS);
    } finally {
      await reader.close();
    }
    return reader;
  }

  async #withAdmin<T>(work: (admin: Admin) => Promise<T>, retries?: number): Promise<T> {
    const client = new KafkaClient(this.#config);
    const admin = client.kafka.admin(retries === undefined ? {} : { retry: { retries } });
    try {
      await admin.connect();
      return await work(admin);
    } catch (error) {
      throw translate(error, 'asking Kafka');
    } finally {
      await client.end(admin.disconnect());
    }
  }
}

function refuseUnusableNames({ id, topics }: PublicationSettings): void {
  for (const name of [checkpointTopicOf(id), ...topics.map((topic) => topic.name)]) {
    if (!/^[A-Za-z0-9._-]{1,249}$/.test(name) || name === '.' || name === '..') {
      throw new FaultError(
        'TOPIC_NAME_INVALID',
        `"${name}" cannot name a Kafka topic: letters, digits, ".", "_", "-" only`,
      );
    }
  }
}

/** Creates what is missing and answers each topic's number of partitions once every one of them has a leader. */
async function ensureTopics(admin: Admin, settings: PublicationSettings): Promise<Map<string, number>> {
  const there = new Set(await admin.listTopics());
  const wanted: ITopicConfig[] = [checkpointTopicConfig(settings.id), ...settings.topics.map(topicConfig)];
  const missing = wanted.filter(({ topic }) => !there.has(topic));
  if (missing.length > 0) await admin.createTopics({ topics: missing, waitForLeaders: true, timeout: 10_000 });

  const names = wanted.map(({ topic }) => topic);
  for (const until = performance.now() + LEADERS_WITHIN_MS; ; await sleep(50)) {
    const counts = await admin.fetchTopicMetadata({ topics: names }).then(
      ({ topics }) =>
        topics.every(({ partitions }) => partitions.length > 0 && partitions.every(({ leader }) => leader >= 0))
          ? new Map(topics.map(({ name, partitions }) => [name, partitions.length]))
          : undefined,
      (error: unknown) => {
        // A topic just made is unknown to some brokers for a moment.
        if (performance.now() > until) throw error;
        return undefined;
      },
    );
    if (counts) return new Map(settings.topics.map(({ name }) => [name, counts.get(name) ?? 1]));
    if (performance.now() > until)
      throw new UnavailableError('kafka', `not every partition of ${names.join(', ')} has a leader`);
  }
}

const topicConfig = ({ name, partitions, compacted }: PublicationSettings['topics'][number]): ITopicConfig => ({
  topic: name,
  numPartitions: partitions,
  configEntries: compacted
    ? [
        { name: 'cleanup.policy', value: 'compact' },
        // A day at most until a tombstone has erased what it stands for.
        { name: 'max.compaction.lag.ms', value: '86400000' },
      ]
    : [],
});

/** Any message ever, also one that retention has removed since. */
async function firstUsed(admin: Admin, { topics }: PublicationSettings): Promise<string | undefined> {
  for (const { name } of topics) {
    const offsets = await admin.fetchTopicOffsets(name);
    if (offsets.some(({ high }) => high !== '0')) return name;
  }
  return undefined;
}

/** Keys stay on the partitions they began on, so that adding partitions to a topic does not reorder a customer. */
function keptPartitions(actual: Map<string, number>, began: Map<string, number> | undefined): Map<string, number> {
  const kept = new Map(began);
  for (const [topic, count] of actual) {
    const before = kept.get(topic) ?? count;
    if (count < before) {
      throw new FaultError(
        'PUBLICATION_TOPIC_SHRUNK',
        `${topic} had ${before} partitions and has ${count}: it was made anew; restore it, or publish under new topic names`,
      );
    }
    kept.set(topic, before);
  }
  return kept;
}
