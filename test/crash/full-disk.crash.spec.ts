/**
 * Stores that cannot be written any more: a disk that is full, a file that may not grow, a file system that is read-only.
 * What is acknowledged stays, nothing is half written, commands are told what the matter is, `/health` tells it too, and
 * once there is room the product goes on by itself. Each store in turn on a small disk of its own.
 */
import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { Api, type Problem } from '../e2e/api.js';
import { RunningProduct } from '../support/running-product.js';
import { auditLog, auditReadModels } from './support/audit.js';
import { HealthWatch, type Sample } from './support/health-watch.js';
import { Load } from './support/load.js';
import { run, SmallDisk } from './support/small-disk.js';

const SEED = Number(process.env['CRASH_SEED'] ?? Date.now() % 1_000_000);
const ROUNDS = process.env['CRASH_LONG'] ? 10 : 1;
const STORES = ['eventStore', 'readStore', 'keyStore'] as const;
const VARIABLES = { eventStore: 'EVENT_STORE_URL', readStore: 'READ_STORE_URL', keyStore: 'KEY_STORE_URL' } as const;

const lacked = await SmallDisk.lacks();
const lacksPrlimit = await run('prlimit', ['--version']).then(
  () => false,
  () => true,
);

/** A product under load, watched, until `dispose`. */
class Scene {
  readonly watch: HealthWatch;
  readonly api: Api;
  readonly load: Load;
  #registrations = 0;

  private constructor(readonly product: RunningProduct) {
    this.watch = new HealthWatch('product', product.url).start();
    this.api = new Api(product.url);
    this.load = new Load({ seed: SEED, urls: [product.url], journeys: 5 });
  }

  static async start(env: NodeJS.ProcessEnv): Promise<Scene> {
    const product = await RunningProduct.create({ DEMO: 'off', ...env });
    await product.start();
    return new Scene(product);
  }

  /** What a new customer's registration is answered with: it writes to the log, and a key. */
  async register(): Promise<Problem & { headers: Headers }> {
    const key = `extra-${(this.#registrations += 1)}`;
    // No two like each other, so that nobody suspects them.
    const json = { kind: 'company', name: { full: createHash('sha256').update(key).digest('hex') } };
    const answer = await this.api.send<Problem>('POST', '/v1/customers', { json, headers: { 'idempotency-key': key } });
    return { ...answer.body, status: answer.status, headers: answer.headers };
  }

  /** Writes to it until it says that it is full: it may have room of its own left, in its write-ahead log. */
  async untilRed(store: (typeof STORES)[number]): Promise<Sample> {
    let isRed = false;
    const writing = (async () => {
      while (!isRed) await this.register();
    })();
    try {
      return await this.watch.until(({ stores }) => stores[store]?.status === 'red', `the ${store} is red`, 180_000);
    } finally {
      isRed = true;
      await writing;
    }
  }

  /** What it is refused with. A small write may still fit where a large one did not. */
  async refused(): Promise<Problem & { headers: Headers }> {
    for (let tries = 0; tries < 1_000; tries += 1) {
      const answer = await this.register();
      if (answer.status !== 201) return answer;
    }
    throw new Error('nothing is refused');
  }

  /** Nothing lost, nothing twice, nothing half; read models equal the log; health told no lie. */
  async audit(): Promise<void> {
    await this.load.finish();
    await this.watch.until(
      ({ status, head, projections }) => status === 'green' && projections.every(({ position }) => position === head),
      'it is green and at the head of the log',
    );
    const log = await auditLog(this.load, this.product.url);
    const reads = await auditReadModels(this.load, this.product.url);
    // Registrations of the scene itself are in nobody's ledger.
    const problems = log.problems.filter((problem) => !problem.includes('nobody was told of CustomerRegistered'));
    expect([...problems, ...reads.problems, ...this.load.contradictions, ...this.watch.lies]).toEqual([]);
    await this.product.verify();
  }

  async dispose(): Promise<void> {
    await this.watch.stop();
    await this.product.dispose();
  }
}

describe(`a disk that is full (CRASH_SEED=${SEED})`, () => {
  if (lacked) process.stderr.write(`Full disks were not tested: ${lacked}.\n`);
  const test = lacked ? it.skip : it;

  test('of each store in turn: told as it is, gone on from by itself, and no reason to call a store damaged', async () => {
    // Larger than the write-ahead logs grow by themselves: 8,000 pages of 4 KiB, and 1,000.
    const disks = {
      eventStore: await SmallDisk.create(96),
      readStore: await SmallDisk.create(96),
      keyStore: await SmallDisk.create(16),
    };
    const scene = await Scene.start(
      Object.fromEntries(
        STORES.map((store) => [VARIABLES[store], `sqlite:${path.join(disks[store].folder, 'store.db')}`]),
      ),
    );
    const { product, watch, load } = scene;
    try {
      await load.start();
      for (const store of Array.from({ length: ROUNDS }, () => STORES).flat()) {
        await load.progress(30);
        await disks[store].fill();
        const { told } = await scene.untilRed(store);
        expect(told).toMatchObject({ status: 'red', stores: { [store]: { error: 'STORE_FULL' } } });
        if (store === 'readStore') {
          expect(await scene.register()).toMatchObject({ status: 201 });
          await watch.until(({ waiting }) => waiting?.code === 'STORE_FULL', 'projections wait for the read store');
        } else {
          const refused = await scene.refused();
          expect(refused).toMatchObject({ status: 503, code: 'STORE_FULL', detail: expect.stringContaining('disk') });
          expect(refused.headers.get('content-type')).toMatch(/^application\/problem\+json/);
          expect(refused.headers.get('retry-after')).not.toBeNull();
        }
        // What is there can be read.
        expect((await scene.api.send('GET', '/v1/customers?limit=1')).status).toBe(200);

        await disks[store].free();
        await load.progress(30);
        await watch.until(({ status }) => status === 'green', 'it is green again');
      }

      // Killed on full disks: whether it can start there or not, nothing is damaged.
      for (const store of STORES) {
        await disks[store].fill();
        await scene.untilRed(store);
        await product.kill('SIGKILL');
        product.log = '';
        product.spawn();
        const ended = product.exited().then(() => true);
        const isEnded = await Promise.race([ended, watch.until(() => true, 'it answers').then(() => false)]);
        expect(product.log).not.toMatch(/DAMAGED|FOREIGN|UNREADABLE/);
        if (isEnded) expect(product.log).toMatch(/^STORE_FULL: .*make room/m);
        await disks[store].free();
        if (isEnded) product.spawn();
        await load.progress(10);
      }
      await scene.audit();
    } finally {
      await scene.dispose();
      for (const disk of Object.values(disks)) await disk.dispose();
    }
  }, 600_000);
});

describe(`files that may not grow (CRASH_SEED=${SEED})`, () => {
  // `prlimit` sets the limit of a running process; of its own child, so that no root is needed.
  const test = lacksPrlimit ? it.skip : it;
  if (lacksPrlimit) process.stderr.write('Files that may not grow were not tested: there is no `prlimit` here.\n');

  test('hold up every write, lose none, and nobody starts anew when they may again', async () => {
    const scene = await Scene.start({});
    const { product, watch, load } = scene;
    const mayGrowTo = (bytes: string): Promise<unknown> =>
      run('prlimit', ['--pid', String(product.pid), `--fsize=${bytes}:unlimited`]);
    try {
      await load.start();
      const pid = product.pid;
      for (let round = 0; round < ROUNDS; round += 1) {
        await load.progress(30);
        await mayGrowTo('8192');
        const { told } = await watch.until(({ stores }) => stores['eventStore']?.status === 'red', 'the log is red');
        expect(told?.stores['eventStore']).toMatchObject({ error: 'STORE_UNAVAILABLE' });
        expect(await scene.register()).toMatchObject({ status: 503, code: 'STORE_UNAVAILABLE' });
        await mayGrowTo('unlimited');
        await load.progress(30);
        await watch.until(({ status }) => status === 'green', 'it is green again');
      }
      expect(product.pid).toBe(pid);
      await scene.audit();
    } finally {
      await scene.dispose();
    }
  }, 120_000);
});

describe('a file system that is read-only', () => {
  const test = lacked ? it.skip : it;

  test.each(STORES)(
    'with the %s on it: a start says so, changes nothing, and succeeds once it may write',
    async (store) => {
      const disk = await SmallDisk.create(8);
      const file = path.join(disk.folder, 'store.db');
      const product = await RunningProduct.create({ DEMO: 'off', [VARIABLES[store]]: `sqlite:${file}` });
      try {
        await product.start();
        const api = new Api(product.url);
        const { id, position } = await api.register({ name: { full: 'Ann Example' } });
        await api.read(`/v1/customers/${id}`, position);
        await product.kill('SIGTERM');
        const before = await readFile(file);

        await disk.remount('ro');
        product.log = '';
        product.spawn();
        expect(await product.exited()).toBe(1);
        expect(product.log).toMatch(/^(EVENT|READ|KEY)_STORE_UNREADABLE: .*may read and write/m);
        expect((await readFile(file)).equals(before)).toBe(true);

        await disk.remount('rw');
        await product.start();
        expect(await api.read(`/v1/customers/${id}`, position)).toMatchObject({ name: { full: 'Ann Example' } });
      } finally {
        await product.dispose();
        await disk.dispose();
      }
    },
    240_000,
  );
});
