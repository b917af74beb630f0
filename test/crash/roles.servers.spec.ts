/**
 * `kill -9` of each role at random instants under load, on servers: EventStoreDB's protocol, MongoDB's protocol and Apache
 * Kafka. Nothing acknowledged is lost, nothing is applied twice, and a consumer that reads committed messages sees every
 * public event once and in order per customer.
 *
 * Logs, databases and topics are this test's own, since a product takes none that hold something of another.
 * `CRASH_KILLS`, `CRASH_SEED` and `CRASH_RESULTS` as for `roles.crash.spec.ts`.
 */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { ServerStores } from '../support/stores.js';
import { auditLog, auditReadModels, auditTopics } from './support/audit.js';
import { writeFigures } from './support/figures.js';
import { countOf, Fleet } from './support/fleet.js';
import { Load } from './support/load.js';
import { Random } from './support/random.js';

const KILLS = Number(process.env['CRASH_KILLS'] ?? 14);
const SEED = Number(process.env['CRASH_SEED'] ?? Date.now() % 1_000_000);

describe(`the product on servers (CRASH_SEED=${SEED})`, () => {
  let folder: string;
  let stores: ServerStores;
  beforeEach(async () => {
    folder = await mkdtemp(path.join(tmpdir(), 'timeline-crash-'));
    stores = await ServerStores.openWithOwnLog(folder);
  });
  afterEach(async () => {
    await stores.dispose();
    await rm(folder, { recursive: true, force: true });
  });

  async function survives(
    processes: Record<string, string>,
    env: NodeJS.ProcessEnv,
    kills: number,
    name: string,
  ): Promise<void> {
    const startedAt = Date.now();
    const fleet = await Fleet.start({ processes, env });
    const load = new Load({ seed: SEED, urls: fleet.urls('commands'), maxCommands: 1_000 * kills });
    try {
      await load.start();
      const random = new Random(SEED, 'kills');
      const done = await fleet.restless(kills, random, () => load.progress(random.whole(1, 60)));
      await load.finish();
      await fleet.settled();

      const [reader = ''] = fleet.urls('queries');
      const events = await auditLog(load, reader);
      const models = await auditReadModels(load, reader);
      const topics = await auditTopics(stores.env.BROKER_URL, events.events);
      expect([...load.contradictions, ...events.problems, ...models.problems, ...topics.problems]).toEqual([]);
      expect(fleet.liesAfter(done)).toEqual([]);
      await [...fleet.members.values()][0]?.verify();
      expect(countOf(done)).toBe(kills);
      await writeFigures(name, { seed: SEED, startedAt, kills: done, load, audits: [events, models, topics] });
    } finally {
      load.abandon();
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
      await survives(processes, stores.env, KILLS, 'roles-servers');
    },
    timeout,
  );

  it(
    'loses, doubles and reorders nothing when it is one process on an embedded log, killed as a whole',
    async () => {
      const roles = 'commands,queries,projections,reactions,relay';
      const { EVENT_STORE_URL: _, ...others } = stores.env;
      await survives({ whole: roles }, others, 3, 'whole-servers');
    },
    timeout,
  );
});
