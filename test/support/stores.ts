/**
 * What a product under test keeps its data in: the embedded files that it makes in its folder, or, in
 * `npm run test:servers`, that run's servers: MongoDB's protocol with databases of its own, Kafka, and EventStoreDB. That
 * has no databases, and the product wants a whole log: the first product gets the run's, which is then not empty any more,
 * and each that follows a stand-in for EventStoreDB of its own. Nor does the relay publish two logs to the same topics: a
 * product's topics are deleted after it, so on servers only one runs at a time.
 */
import { randomUUID } from 'node:crypto';
import { readdir, readFile, rm } from 'node:fs/promises';
import path from 'node:path';
import { MongoClient } from 'mongodb';
import { parseBrokerUrl } from '../../libs/messaging/src/kafka/broker-url.js';
import type { EventStoreDbServer } from './servers/eventstoredb.mjs';
import { isUnused, startEventStoreDb } from './servers/eventstoredb.mjs';
import { deleteTopics, topicsOf } from './servers/kafka.mjs';
import { dropDatabase, withDatabase } from './servers/mongodb.mjs';

export interface Stores {
  /** By which the product finds them. */
  readonly env: NodeJS.ProcessEnv;
  /** By which another process, in another folder, finds the same. */
  readonly envElsewhere: NodeJS.ProcessEnv;
  /** Where one of the words (in lower case) stands in the clear, and which. */
  placesWith(words: readonly string[]): Promise<string[]>;
  /** Only while the product does not run. */
  dropReadModels(): Promise<void>;
  dispose(): Promise<void>;
}

/** Whether this run is one on servers; what is only true of embedded files is not tested then. */
export const isOnServers = process.env['PRODUCT_ON'] === 'servers';

/** `folder`: the product's. */
export const openStores = (folder: string): Stores | Promise<Stores> =>
  isOnServers ? ServerStores.open(folder) : new FileStores(folder);

/** In the ways of the version that docker-compose.yml names; the contract suite runs against those of 23.10. */
const LOG = { version: '24.6' } as const;

const masterKeyIn = (folder: string): string => path.join(folder, 'data', 'master.key');

async function filesWith(folder: string, words: readonly string[]): Promise<string[]> {
  const found: string[] = [];
  for (const entry of await readdir(folder, { recursive: true, withFileTypes: true })) {
    if (!entry.isFile()) continue;
    const bytes = (await readFile(path.join(entry.parentPath, entry.name))).toString('latin1').toLowerCase();
    found.push(...words.filter((word) => bytes.includes(word)).map((word) => `${entry.name}: ${word}`));
  }
  return found;
}

export class FileStores implements Stores {
  /** Where they are by default. */
  readonly env = {};

  constructor(private readonly folder: string) {}

  get envElsewhere(): NodeJS.ProcessEnv {
    const url = (name: string): string => `sqlite:${path.join(this.folder, 'data', name)}`;
    return {
      EVENT_STORE_URL: url('events.db'),
      READ_STORE_URL: url('reads.db'),
      KEY_STORE_URL: url('keys.db'),
      MASTER_KEY_FILE: masterKeyIn(this.folder),
    };
  }

  placesWith(words: readonly string[]): Promise<string[]> {
    return filesWith(this.folder, words);
  }

  async dropReadModels(): Promise<void> {
    for (const end of ['', '-wal', '-shm']) await rm(path.join(this.folder, 'data', `reads.db${end}`), { force: true });
  }

  async dispose(): Promise<void> {
    // They go with the folder.
  }
}

/** Those that a test makes on the run's broker: deleted after it, since a relay refuses topics that hold another log. */
export class OwnTopics {
  private constructor(private readonly before: readonly string[]) {}

  static async open(): Promise<OwnTopics> {
    return new OwnTopics(await topicsOf(broker()));
  }

  async dispose(): Promise<void> {
    const topics = await topicsOf(broker());
    await deleteTopics(
      broker(),
      topics.filter((topic) => !this.before.includes(topic)),
    );
  }
}

/** Also for tests that do something to the log's server. */
export class ServerStores implements Stores {
  readonly env: Record<'EVENT_STORE_URL' | 'READ_STORE_URL' | 'KEY_STORE_URL' | 'BROKER_URL', string>;

  private constructor(
    private readonly folder: string,
    log: string,
    private standIn: EventStoreDbServer | undefined,
    private readonly topics: OwnTopics,
  ) {
    const database = `timeline_test_${randomUUID().slice(0, 8)}`;
    this.env = {
      EVENT_STORE_URL: log,
      READ_STORE_URL: withDatabase(given('READ_STORE_URL'), database),
      KEY_STORE_URL: withDatabase(given('KEY_STORE_URL'), `${database}_keys`),
      BROKER_URL: given('BROKER_URL'),
    };
  }

  static async open(folder: string): Promise<ServerStores> {
    const log = given('EVENT_STORE_URL');
    if (!(await isUnused(log))) return ServerStores.openWithOwnLog(folder);
    return new ServerStores(folder, log, undefined, await OwnTopics.open());
  }

  /** With a log whose server may be killed. */
  static async openWithOwnLog(folder: string): Promise<ServerStores> {
    const standIn = await startEventStoreDb({ ...LOG, dir: path.join(folder, 'log') });
    return new ServerStores(folder, standIn.url, standIn, await OwnTopics.open());
  }

  get envElsewhere(): NodeJS.ProcessEnv {
    return { ...this.env, MASTER_KEY_FILE: masterKeyIn(this.folder) };
  }

  /** Files are the stand-in's log and the master key; a server's files are its own business, so its documents are read. */
  async placesWith(words: readonly string[]): Promise<string[]> {
    const found = await filesWith(this.folder, words);
    for (const url of [this.env.READ_STORE_URL, this.env.KEY_STORE_URL]) {
      const client = new MongoClient(url);
      for (const collection of await client.db().collections()) {
        for await (const document of collection.find()) {
          const text = JSON.stringify(document).toLowerCase();
          found.push(...words.filter((word) => text.includes(word)).map((word) => `${collection.namespace}: ${word}`));
        }
      }
      await client.close();
    }
    return found;
  }

  dropReadModels(): Promise<void> {
    return dropDatabase(this.env.READ_STORE_URL);
  }

  /** Kills the log's server and starts it again on what it has. */
  async killAndRestartLog(): Promise<void> {
    if (!this.standIn) throw new Error('the server of the log is not ours to kill');
    await this.standIn.kill();
    const port = Number(new URL(this.standIn.url).port);
    this.standIn = await startEventStoreDb({ ...LOG, dir: path.join(this.folder, 'log'), port });
  }

  async dispose(): Promise<void> {
    await dropDatabase(this.env.READ_STORE_URL);
    await dropDatabase(this.env.KEY_STORE_URL);
    await this.topics.dispose();
    await this.standIn?.kill();
  }
}

const broker = (): ReturnType<typeof parseBrokerUrl> => parseBrokerUrl(given('BROKER_URL'));

function given(name: string): string {
  const value = process.env[name];
  if (!value) throw new Error(`${name} is not set; run this with \`npm run test:servers\``);
  return value;
}
