/**
 * `kill -9` of each role at random instants under load, on servers: EventStoreDB's protocol, MongoDB's protocol and Apache
 * Kafka. Nothing acknowledged is lost, nothing is applied twice, and a consumer that reads committed messages sees every
 * public event once and in order per customer.
 *
 * The log is a server of this test's own, since a product takes no log for its own that holds something already.
 * `CRASH_KILLS`, `CRASH_SEED` and `CRASH_RESULTS` as for `roles.crash.spec.ts`.
 */
import { randomUUID } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { startEventStoreDb, type EventStoreDbServer } from '../support/servers/eventstoredb.mjs';
import { auditLog, auditReadModels, auditTopics } from './support/audit.js';
import { writeFigures } from './support/figures.js';
import { countOf, Fleet } from './support/fleet.js';
import { Load } from './support/load.js';
import { Random } from './support/random.js';

const reads = process.env['READ_STORE_URL'] ?? '';
const broker = process.env['BROKER_URL'] ?? '';
const KILLS = Number(process.env['CRASH_KILLS'] ?? 14);
const SEED = Number(process.env['CRASH_SEED'] ?? Date.now() % 1_000_000);

(reads && broker ? describe : describe.skip)(`the product on servers (CRASH_SEED=${SEED})`, () => {
  if (!reads || !broker)
    process.stderr.write('The product on servers was not tested: READ_STORE_URL or BROKER_URL is not set.\n');
  let folder: string;
  let log: EventStoreDbServer;
  beforeAll(async () => {
    folder = await mkdtemp(path.join(tmpdir(), 'timeline-crash-'));
    log = await startEventStoreDb({ dir: folder });
  });
  afterAll(async () => {
    await log.stop();
    await rm(folder, { recursive: true, force: true });
  });

  /** Databases of its own, so that runs do not meet. */
  const database = (name: string): string => {
    const url = new URL(reads);
    url.pathname = `/${name}_${randomUUID().slice(0, 8)}`;
    return url.toString();
  };

  async function survives(
    processes: Record<string, string>,
    eventStore: object,
    kills: number,
    name: string,
  ): Promise<void> {
    const startedAt = Date.now();
    const env = {
      READ_STORE_URL: database('reads'),
      KEY_STORE_URL: database('keys'),
      BROKER_URL: broker,
      ...eventStore,
    };
    const fleet = await Fleet.start({ processes, env });
    try {
      const load = new Load({ seed: SEED, urls: fleet.urls('commands'), maxCommands: 1_000 * kills });
      await load.start();
      const random = new Random(SEED, 'kills');
      const done = await fleet.restless(kills, random, () => load.progress(random.whole(1, 60)));
      await load.finish();
      await fleet.settled();

      const [reader = ''] = fleet.urls('queries');
      const events = await auditLog(load, reader);
      const models = await auditReadModels(load, reader);
      const topics = await auditTopics(broker, events.events);
      expect([...load.contradictions, ...events.problems, ...models.problems, ...topics.problems]).toEqual([]);
      expect(fleet.liesAfter(done)).toEqual([]);
      await [...fleet.members.values()][0]?.verify();
      expect(countOf(done)).toBe(kills);
      await writeFigures(name, { seed: SEED, startedAt, kills: done, load, audits: [events, models, topics] });
    } finally {
      await fleet.dispose();
    }
  }

  const timeout = 240_000 + KILLS * 60_000;
  it(
    `loses, doubles and reorders nothing when each role is killed, ${KILLS} times in all`,
    async () => {
      const processes = {
        commands: 'commands',
        'more-commands': 'commands',
        queries: 'queries',
        projections: 'projections',
        reactions: 'reactions',
        relay: 'relay',
        'more-relay': 'relay',
      };
      await survives(processes, { EVENT_STORE_URL: log.url }, KILLS, 'roles-servers');
    },
    timeout,
  );

  it(
    'loses, doubles and reorders nothing when it is one process on an embedded log, killed as a whole',
    async () => {
      const roles = 'commands,queries,projections,reactions,relay';
      await survives({ whole: roles }, {}, 3, 'whole-servers');
    },
    timeout,
  );
});
