/**
 * A broker, and a read store, ten times slower than the log grows (their connections are throttled). The product keeps
 * nothing for them that is in the log already: its memory under the load is that of the same load without. What they were
 * behind by they get afterwards, each event once.
 *
 * The servers are this spec's own, since it makes them slow.
 */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { Api } from '../e2e/api.js';
import { controlledKafka, controlledMongo, type ControlledServer } from '../support/controlled-servers.js';
import { RunningProduct } from '../support/running-product.js';
import { auditTopics } from './support/audit.js';
import { HeavyPurchases } from './support/heavy-purchases.js';
import { sleep } from './support/random.js';

/** In each phase; what is not taken must weigh more than what memory may differ by. */
const EVENTS = process.env['CRASH_LONG'] === '1' ? 8_000 : 2_000;
const EVENT_KB = 26;
const TOLERANCE_MB = 40;
/** Where the heap may grow as it likes, its size says little about what is held. */
const HEAP_MB = 160;

interface Slow {
  name: string;
  start(dir: string): Promise<ControlledServer>;
  env(url: string): Record<string, string>;
  /** Where whoever is slowed down stands. */
  position(health: Health): string | undefined;
}

interface Health {
  status: string;
  head: string;
  projections: { position: string }[];
  relay?: { position?: string };
}

const SLOW: readonly Slow[] = [
  {
    name: 'a broker',
    start: controlledKafka,
    env: (BROKER_URL) => ({ BROKER_URL }),
    position: ({ relay }) => relay?.position,
  },
  {
    name: 'a read store',
    start: (dir) => controlledMongo(dir, 'reads'),
    env: (READ_STORE_URL) => ({ READ_STORE_URL }),
    position: ({ projections }) => projections.map(({ position }) => position).sort()[0],
  },
];

describe.each(SLOW)('$name that is slow', ({ start, env, position }) => {
  let folder: string;
  let server: ControlledServer;
  let product: RunningProduct;
  let api: Api;

  beforeAll(async () => {
    folder = await mkdtemp(path.join(tmpdir(), 'timeline-slow-'));
    server = await start(path.join(folder, 'server'));
    product = await RunningProduct.create({ DEMO: 'off', ...env(server.url) });
    await product.start({ NODE_OPTIONS: `--max-old-space-size=${HEAP_MB}` });
    api = new Api(product.url);
  }, 180_000);
  afterAll(async () => {
    await product?.dispose();
    await server?.dispose();
    await rm(folder, { recursive: true, force: true });
  }, 60_000);

  const health = async (): Promise<Health> => (await api.send<Health>('GET', '/health/ready')).body;
  const settled = async (): Promise<void> => {
    for (;;) {
      const told = await health();
      if (position(told) === told.head && told.status !== 'red') return;
      await sleep(200);
    }
  };

  it(
    'costs no memory, and gets in the end what it was behind by',
    async () => {
      const purchases = await HeavyPurchases.of(product);
      const quickly = async (): Promise<number> => {
        const maxMb = await purchases.send(EVENTS);
        await settled();
        return maxMb;
      };
      const before = await quickly();

      const from = (await health()).head;
      await server.proxy.set({ kind: 'slow', bytesPerSecond: 200_000 });
      const slowMb = await purchases.send(EVENTS);
      const behind = position(await health()) ?? from;
      const waiting = (await api.events('', behind)).length;
      await server.proxy.set();
      await settled();
      const after = await quickly();
      process.stderr.write(
        `${EVENTS} events at its own pace: at most ${before} MB before and ${after} MB after; ` +
          `slow, ${waiting} of them behind, ${slowMb} MB\n`,
      );
      // Far enough behind that keeping it all would show.
      expect(waiting).toBeGreaterThan(EVENTS / 2);
      expect((waiting * EVENT_KB) / 1_000).toBeGreaterThan(TOLERANCE_MB);
      expect(slowMb).toBeLessThan(Math.max(before, after) + TOLERANCE_MB);
      await product.verify();
      if (product.env['BROKER_URL']) {
        const { problems, counts } = await auditTopics(server.url, await api.events());
        expect(problems).toEqual([]);
        expect(counts['seen']).toBeGreaterThan(EVENTS * 3);
      }
    },
    EVENTS * 300,
  );
});
