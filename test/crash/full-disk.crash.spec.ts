/**
 * Stores that cannot be written any more: a disk that is full, a file that may not grow, a file system that is read-only.
 * What is acknowledged stays, nothing is half written, commands are told what the matter is, `/health` tells it too, and
 * once there is room the product goes on by itself. Each store in turn on a small disk of its own.
 */
import path from 'node:path';
import { Api, type Problem } from '../e2e/api.js';
import { RunningProduct } from '../support/running-product.js';
import { auditLog, auditReadModels } from './support/audit.js';
import { HealthWatch } from './support/health-watch.js';
import { Load } from './support/load.js';
import { run, SmallDisk } from './support/small-disk.js';

const SEED = Number(process.env['CRASH_SEED'] ?? Date.now() % 1_000_000);
const ROUNDS = process.env['CRASH_LONG'] ? 10 : 1;
const STORES = { eventStore: 'EVENT_STORE_URL', readStore: 'READ_STORE_URL', keyStore: 'KEY_STORE_URL' } as const;
type Store = keyof typeof STORES;

const lacked = await SmallDisk.lacks();

/** A product under load, watched, until `dispose`. */
class Scene {
  readonly watch: HealthWatch;
  readonly api: Api;
  readonly load: Load;
  #registrations = 0;

  private constructor(readonly product: RunningProduct) {
    this.watch = new HealthWatch('product', product.url);
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
    const json = { kind: 'company', name: { full: key } };
    const answer = await this.api.send<Problem>('POST', '/v1/customers', { json, headers: { 'idempotency-key': key } });
    return { ...answer.body, status: answer.status, headers: answer.headers };
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

  test.each(Object.keys(STORES) as Store[])(
    'of the %s: told as it is, gone on from by itself, and no reason to call the store damaged',
    async (store) => {
      const disk = await SmallDisk.create(24);
      const scene = await Scene.start({ [STORES[store]]: `sqlite:${path.join(disk.folder, 'store.db')}` });
      const { product, watch, load } = scene;
      try {
        await load.start();
        for (let round = 0; round < ROUNDS; round += 1) {
          await load.progress(60);
          await disk.fill();
          const { told } = await watch.until(({ stores }) => stores[store]?.status === 'red', `the ${store} is red`);
          expect(told).toMatchObject({ status: 'red', stores: { [store]: { error: 'STORE_FULL' } } });
          if (store === 'readStore') {
            expect(await scene.register()).toMatchObject({ status: 201 });
            await watch.until(({ waiting }) => waiting?.code === 'STORE_FULL', 'projections wait for the read store');
          } else {
            const refused = await scene.register();
            expect(refused).toMatchObject({ status: 503, code: 'STORE_FULL', detail: expect.stringContaining("disk") });
            expect(refused.headers.get('content-type')).toMatch(/^application\/problem\+json/);
            expect(refused.headers.get('retry-after')).not.toBeNull();
          }
          // What is there can be read.
          expect((await scene.api.send('GET', '/v1/customers?limit=1')).status).toBe(200);

          await disk.free();
          await load.progress(60);
          await watch.until(({ status }) => status === 'green', 'it is green again');
        }

        // Killed on the full disk: whether it can start there or not, nothing is damaged.
        await disk.fill();
        await watch.until(({ stores }) => stores[store]?.status === 'red', `the ${store} is red`);
        await product.kill('SIGKILL');
        product.log = '';
        product.spawn();
        const started = await Promise.race([
          product.exited().then(() => false),
          watch.until(() => true, 'it answers').then(() => true),
        ]);
        expect(product.log).not.toMatch(/DAMAGED|FOREIGN|UNREADABLE/);
        if (!started) expect(product.log).toMatch(/STORE_FULL/);
        await disk.free();
        if (!started) product.spawn();
        await load.progress(40);
        await scene.audit();
      } finally {
        await scene.dispose();
        await disk.dispose();
      }
    },
    240_000,
  );
});
