/**
 * Servers that come back as an older copy of themselves, as after a restore, under a product that keeps running: the read
 * store forgets what projections have written, and the log what they were folded from.
 *
 * The servers are this spec's own, since their data are exchanged.
 */
import { cp, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { auditLog, auditReadModels } from '../crash/support/audit.js';
import type { HealthTold } from '../crash/support/health-watch.js';
import { Load } from '../crash/support/load.js';
import { Api } from '../e2e/api.js';
import { controlledEventStoreDb, controlledMongo, type ControlledServer } from '../support/controlled-servers.js';
import { RunningProduct } from '../support/running-product.js';

const SEED = Number(process.env['CRASH_SEED'] ?? Date.now() % 1_000_000);

describe(`servers that come back as an older copy (CRASH_SEED=${SEED})`, () => {
  let folder: string;
  let log: ControlledServer;
  let reads: ControlledServer;
  let product: RunningProduct;
  let api: Api;
  const dirOf = (name: string): string => path.join(folder, name);

  beforeAll(async () => {
    folder = await mkdtemp(path.join(tmpdir(), 'timeline-restored-'));
    log = await controlledEventStoreDb(dirOf('log'));
    reads = await controlledMongo(dirOf('reads'), 'reads');
    product = await RunningProduct.create({ DEMO: 'off', EVENT_STORE_URL: log.url, READ_STORE_URL: reads.url });
    await product.start();
    api = new Api(product.url);
  }, 180_000);
  afterAll(async () => {
    await product?.dispose();
    await log?.dispose();
    await reads?.dispose();
    await rm(folder, { recursive: true, force: true });
  }, 60_000);

  /** While it is stopped its files hold all by themselves. */
  async function backUp(server: ControlledServer, name: string): Promise<void> {
    await server.end('SIGTERM');
    await cp(dirOf(name), dirOf(`${name}-backup`), { recursive: true });
    await server.start();
  }
  async function restore(server: ControlledServer, name: string): Promise<void> {
    await server.end('SIGTERM');
    await rm(dirOf(name), { recursive: true });
    await cp(dirOf(`${name}-backup`), dirOf(name), { recursive: true });
    await server.start();
  }
  type Health = Omit<HealthTold, 'projections'> & {
    projections: (HealthTold['projections'][number] & { fault?: { code: string } })[];
  };
  const health = async (): Promise<Health> => (await api.send<Health>('GET', '/health/ready')).body;
  async function settled(): Promise<void> {
    let last: unknown;
    const isSettled = async (): Promise<boolean> => {
      const { status, head, projections } = await health();
      last = { status, head, projections };
      return status === 'green' && projections.every(({ position }) => position === head);
    };
    await product.until(isSettled, 'all is green and at the head of the log').catch((error: unknown) => {
      throw new Error(`last was told ${JSON.stringify(last)}`, { cause: error });
    });
  }

  it('the read store: projections do again what it has forgotten', async () => {
    const load = new Load({ seed: SEED, urls: [product.url], journeys: 3 });
    await load.start();
    await load.progress(30);
    await backUp(reads, 'reads');
    await load.progress(30);
    await restore(reads, 'reads');
    await load.progress(30);
    await load.finish();
    await settled();
    const audits = [await auditLog(load, product.url), await auditReadModels(load, product.url)];
    expect([...audits.flatMap(({ problems }) => problems), ...load.contradictions]).toEqual([]);
    await product.verify();
  }, 300_000);

  it('the log: what was folded from the lost part stops, says so, and is mended by a rebuild', async () => {
    const kept = await api.register({ name: { full: 'Kept' } });
    await settled();
    await backUp(log, 'log');
    await settled();
    const lost = await api.register({ name: { full: 'Lost Later' } });
    await settled();
    await restore(log, 'log');
    // The log grows past the place: what stands there now is another event.
    const json = { kind: 'person', name: { full: 'After' } };
    let after = '';
    for (let n = 0; n < 6; n += 1)
      await product.until(async () => {
        const answer = await api.send<{ id: string }>('POST', '/v1/customers', { json });
        after = answer.body.id;
        return answer.status === 201;
      }, 'commands are taken again');
    await product.until(
      async () => (await health()).projections.every(({ fault }) => fault?.code === 'CHECKPOINT_OF_ANOTHER_LOG'),
      'every projection has stopped',
    );
    const rebuilt = await product.cli('--json', 'rebuild', '--all');
    expect([rebuilt.code, rebuilt.err]).toEqual([0, '']);
    await product.kill('SIGTERM');
    await product.start();
    await settled();
    expect((await api.send('GET', `/v1/customers/${lost.id}`)).status).toBe(404);
    for (const id of [kept.id, after]) expect((await api.send('GET', `/v1/customers/${id}`)).status).toBe(200);
    await product.verify();
  }, 300_000);
});
