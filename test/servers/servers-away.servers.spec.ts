/**
 * Each server goes away under load — stopped, killed, hung, slow, cut off in the middle of its answers, heard but not
 * answering — and comes back. The product is not restarted: it says on `/health` that something is away, answers what it
 * cannot do 503 and in time, and goes on by itself. Nothing acknowledged is lost or doubled; read models equal the log;
 * the topics hold each public event once and in order.
 *
 * The servers are this spec's own, since it stops them. `CRASH_LONG=1`: outages of 5 to 60 s, and more rounds.
 */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { auditLog, auditReadModels, auditTopics } from '../crash/support/audit.js';
import { HealthWatch } from '../crash/support/health-watch.js';
import { Load } from '../crash/support/load.js';
import { Random, sleep } from '../crash/support/random.js';
import { Asker } from '../support/asker.js';
import {
  controlledEventStoreDb,
  controlledKafka,
  controlledMongo,
  type ControlledServer,
} from '../support/controlled-servers.js';
import { RunningProduct } from '../support/running-product.js';

const LONG = process.env['CRASH_LONG'] === '1';
const SEED = Number(process.env['CRASH_SEED'] ?? Date.now() % 1_000_000);
const ROUNDS = LONG ? 3 : 1;
const random = new Random(SEED, 'outages');

/** The server by the name that `/health` has for it. */
const STORES = ['eventStore', 'readStore', 'keyStore', 'broker'] as const;
type Store = (typeof STORES)[number];

interface Outage {
  name: string;
  /** Whether health must notice; a server that is slow is still there. */
  isAway: boolean;
  begin(server: ControlledServer): Promise<void>;
  end(server: ControlledServer): Promise<void>;
  /** In the short form. */
  seconds: number;
}

const OUTAGES: readonly Outage[] = [
  {
    name: 'stopped or killed',
    isAway: true,
    begin: (server) => server.end(random.isTrue(0.5) ? 'SIGTERM' : 'SIGKILL'),
    end: (server) => server.start(),
    seconds: 5,
  },
  {
    name: 'hung',
    isAway: true,
    begin: async (server) => server.hang(),
    end: async (server) => server.goOn(),
    seconds: 7,
  },
  {
    name: 'heard but not answering',
    isAway: true,
    begin: ({ proxy }) => proxy.set({ kind: 'unanswered' }),
    end: ({ proxy }) => proxy.set(),
    seconds: 7,
  },
  {
    name: 'slow',
    isAway: false,
    begin: ({ proxy }) => proxy.set({ kind: 'slow', latencyMs: 200 }),
    end: ({ proxy }) => proxy.set(),
    seconds: 5,
  },
  {
    name: 'cut off in the middle of its answers',
    isAway: false,
    begin: ({ proxy }) => proxy.set({ kind: 'cut', afterBytes: () => random.whole(1, 40_000) }),
    end: ({ proxy }) => proxy.set(),
    seconds: 5,
  },
];

/** What was measured, for whoever reads the run. */
const tell = (line: string): boolean => process.stderr.write(`${line}\n`);

describe(`servers that go away (CRASH_SEED=${SEED}${LONG ? ', long' : ''})`, () => {
  let folder: string;
  const servers = new Map<Store, ControlledServer>();
  let product: RunningProduct;
  let watch: HealthWatch;
  let load: Load;
  let asker: Asker;

  beforeAll(async () => {
    folder = await mkdtemp(path.join(tmpdir(), 'timeline-away-'));
    const start: Record<Store, (dir: string) => Promise<ControlledServer>> = {
      eventStore: controlledEventStoreDb,
      readStore: (dir) => controlledMongo(dir, 'reads'),
      keyStore: (dir) => controlledMongo(dir, 'keys'),
      broker: controlledKafka,
    };
    await Promise.all(STORES.map(async (name) => servers.set(name, await start[name](path.join(folder, name)))));
    product = await RunningProduct.create({
      EVENT_STORE_URL: server('eventStore').url,
      READ_STORE_URL: server('readStore').url,
      KEY_STORE_URL: server('keyStore').url,
      BROKER_URL: server('broker').url,
    });
    await product.start();
    watch = new HealthWatch('the product', product.url).start();
    load = new Load({ seed: SEED, urls: [product.url], journeys: 4, pauseMs: 150 });
    await load.start();
    await load.progress(10);
    asker = new Asker(product.url, load);
  }, 180_000);

  afterAll(async () => {
    await watch?.stop();
    await asker?.stop();
    await product?.dispose();
    await Promise.all([...servers.values()].map((each) => each.dispose()));
    await rm(folder, { recursive: true, force: true });
  }, 60_000);

  const server = (name: Store): ControlledServer => {
    const found = servers.get(name);
    if (!found) throw new Error(`${name} was not started`);
    return found;
  };
  /** A product that has ended says nothing any more, but for what it wrote last. */
  const until: HealthWatch['until'] = (...wanted) =>
    Promise.race([
      watch.until(...wanted),
      product.exited().then((code) => {
        throw new Error(`the product ended by itself (${code}):\n${product.log}`);
      }),
    ]);
  const settled = (): Promise<unknown> =>
    until(
      ({ status, head, projections, relay }) =>
        status === 'green' && projections.every(({ position }) => position === head) && relay?.position === head,
      'all is green and at the head of the log',
      120_000,
    );

  describe.each(STORES)('%s', (name) => {
    it.each(OUTAGES)(
      'is $name, and all goes on by itself',
      async ({ name: outage, isAway, begin, end, seconds }) => {
        for (let round = 0; round < ROUNDS; round += 1) {
          const since = asker.answers.length;
          const { pid } = product;
          const awayMs = 1_000 * (LONG ? random.whole(5, 60) : seconds);
          await begin(server(name));
          const away = sleep(awayMs);
          if (isAway) await until(({ stores }) => stores[name]?.status === 'red', `${name} is away`);
          await away;
          await end(server(name));
          const backAt = Date.now();
          await until(({ status }) => status === 'green', 'all is green again', 120_000);
          tell(
            `${name} was ${outage} for ${awayMs} ms; green ${Date.now() - backAt} ms later; ${asker.summary(since)}`,
          );
          await load.progress(10);
          expect(product.pid).toBe(pid);
          expect(asker.unfit(since)).toEqual([]);
          expect(watch.lies).toEqual([]);
        }
      },
      ROUNDS * 200_000,
    );
  });

  it('answered what was asked, or 503 while it could not', () => {
    const statuses = new Set(asker.answers.map(({ status }) => status));
    expect([...statuses].sort()).toEqual([200, 201, 503]);
  });

  it('has lost and doubled nothing in the end', async () => {
    await load.finish();
    await settled();
    const log = await auditLog(load, product.url);
    const models = await auditReadModels(load, product.url);
    const topics = await auditTopics(server('broker').ownUrl, log.events);
    expect([...load.contradictions, ...log.problems, ...models.problems, ...topics.problems]).toEqual([]);
    expect(topics.counts['published']).toBeGreaterThan(100);
    await product.verify();
  }, 300_000);
});
