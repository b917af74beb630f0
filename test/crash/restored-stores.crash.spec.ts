/**
 * Stores that come from different moments, as after a restore: a log older than the read models that were folded from it,
 * a key store older than the log, and one newer. Nothing is served silently as if it were right; what a person must do is
 * said, and does it.
 */
import { cp, mkdir, rm } from 'node:fs/promises';
import path from 'node:path';
import { Api } from '../e2e/api.js';
import { RunningProduct } from '../support/running-product.js';
import { auditLog } from './support/audit.js';
import { Load } from './support/load.js';
import type { HealthTold } from './support/health-watch.js';

const SEED = Number(process.env['CRASH_SEED'] ?? Date.now() % 1_000_000);

let product: RunningProduct;
let api: Api;
beforeAll(async () => {
  product = await RunningProduct.create({ DEMO: 'off' });
  api = new Api(product.url);
});
afterAll(() => product.dispose());

const at = (...names: string[]): string => path.join(product.folder, ...names);
/** Of the stopped product's file, which holds all by itself. */
const backUp = (store: string): Promise<void> =>
  mkdir(at('backup'), { recursive: true }).then(() => cp(at('data', store), at('backup', store)));
async function restore(store: string): Promise<void> {
  for (const end of ['-wal', '-shm']) await rm(at('data', `${store}${end}`), { force: true });
  await cp(at('backup', store), at('data', store));
}
type Health = Omit<HealthTold, 'projections'> & {
  projections: (HealthTold['projections'][number] & { fault?: { code: string; message: string } })[];
};
const health = async (): Promise<{ status: number; told: Health }> => {
  const { status, body } = await api.send<Health>('GET', '/health/ready');
  return { status, told: body };
};
const isCaughtUp = async (): Promise<boolean> => {
  const { told } = await health();
  return told.status === 'green' && told.projections.every(({ position }) => position === told.head);
};

describe(`a log restored under newer read models (CRASH_SEED=${SEED})`, () => {
  it('stops what was folded from the lost part, says so, and is mended by a rebuild', async () => {
    await product.start();
    const before = new Load({ seed: SEED, urls: [product.url], journeys: 3 });
    await before.start();
    await before.progress(40);
    await before.finish();
    await product.kill('SIGTERM');
    await backUp('events.db');

    await product.start();
    const lost = await api.register({ name: { full: 'Lost Later' } });
    await product.until(isCaughtUp, 'it is caught up');
    await product.kill('SIGTERM');
    await restore('events.db');

    // Also when the log has grown past the place meanwhile: what stands there now is another event.
    await product.start();
    for (let n = 0; n < 5; n += 1) await api.register({ name: { full: `After ${n}` } });
    const { status, told } = await health();
    expect([status, told.status]).toEqual([503, 'red']);
    for (const projection of told.projections) {
      expect(projection).toMatchObject({ status: 'red', state: 'stopped' });
      expect(projection.fault).toMatchObject({ code: 'CHECKPOINT_OF_ANOTHER_LOG' });
      expect(projection.fault?.message).toContain(`timeline rebuild ${projection.projection}`);
    }
    const rebuilt = await product.cli('--json', 'rebuild', '--all');
    expect([rebuilt.code, rebuilt.err]).toEqual([0, '']);
    await product.until(
      async () => (await health()).told.projections.some(({ state }) => state === 'live'),
      'it moves',
    );
    await product.kill('SIGTERM');
    await product.start();
    await product.until(isCaughtUp, 'it is caught up');
    expect((await api.send('GET', `/v1/customers/${lost.id}`)).status).toBe(404);
    expect((await auditLog(before, product.url)).problems.filter((text) => text.startsWith('lost'))).toEqual([]);
    await product.verify();
  }, 400_000);
});

describe('a key store of another moment than the log', () => {
  it('older: keys that were destroyed are destroyed again before anybody is served', async () => {
    const ann = await api.register({ name: { full: 'Ann Example' } });
    await product.until(isCaughtUp, 'it is caught up');
    await product.kill('SIGTERM');
    await backUp('keys.db');
    await product.start();
    expect((await api.send('DELETE', `/v1/customers/${ann.id}`)).status).toBeLessThan(300);
    const isCarriedOut = async (): Promise<boolean> =>
      (await api.events('&types=CustomerErasureCarriedOut')).some(({ stream }) => stream === `customer-${ann.id}`);
    await product.until(isCarriedOut, 'the erasure is carried out');
    await product.kill('SIGTERM');

    await restore('keys.db');
    await product.start();
    expect((await api.send('GET', `/v1/customers/${ann.id}`)).status).toBe(410);
    await product.kill('SIGTERM');
    // A fold of the log with the keys as they are now: her name is in no event any more.
    const replayed = await product.cli('--json', 'replay', '--personal');
    expect([replayed.code, replayed.err]).toEqual([0, '']);
    expect(replayed.out).toContain(ann.id);
    expect(replayed.out).not.toContain('Ann Example');
    await product.start();
    await product.until(isCaughtUp, 'it is caught up');
    await product.verify();
  }, 400_000);

  it('older, with keys missing: what needs them stops and says which backup is wanted; the others go on', async () => {
    await product.kill('SIGTERM');
    await backUp('keys.db');
    await product.start();
    const late = await api.register({ name: { full: 'Late Comer' } });
    await product.until(isCaughtUp, 'it is caught up');
    await product.kill('SIGTERM');
    await cp(at('data', 'keys.db'), at('backup', 'keys-newest.db'));
    await restore('keys.db');
    // Folded anew, so that every key is needed.
    for (const end of ['', '-wal', '-shm']) await rm(at('data', `reads.db${end}`), { force: true });
    await product.start();
    await product.until(async () => (await health()).told.status === 'red', 'it is red');
    await product.until(
      async () =>
        (await health()).told.projections.some(({ position, state }) => state === 'live' && position !== null),
      'others go on',
    );
    const { told } = await health();
    const stopped = told.projections.filter(({ state }) => state === 'stopped');
    expect(stopped.map(({ fault }) => fault?.code)).toEqual(stopped.map(() => 'KEY_MISSING'));
    expect(stopped[0]?.fault?.message).toMatch(/restore its newest backup/);

    await product.kill('SIGTERM');
    await cp(at('backup', 'keys-newest.db'), at('backup', 'keys.db'));
    await restore('keys.db');
    await product.start();
    await product.until(isCaughtUp, 'it is caught up');
    expect(await api.read(`/v1/customers/${late.id}`)).toMatchObject({ name: { full: 'Late Comer' } });
    await product.verify();
  }, 400_000);

  it('newer: somebody whose erasure the log has lost stays without a name, and the product runs', async () => {
    const bob = await api.register({ name: { full: 'Bob Example' } });
    await product.until(isCaughtUp, 'it is caught up');
    await product.kill('SIGTERM');
    await backUp('events.db');
    await product.start();
    expect((await api.send('DELETE', `/v1/customers/${bob.id}`)).status).toBeLessThan(300);
    await product.until(
      async () =>
        (await api.events('&types=CustomerErasureCarriedOut')).some(({ stream }) => stream === `customer-${bob.id}`),
      'the erasure is carried out',
    );
    await product.kill('SIGTERM');
    await restore('events.db');
    for (const end of ['', '-wal', '-shm']) await rm(at('data', `reads.db${end}`), { force: true });
    await product.start();
    await product.until(isCaughtUp, 'it is caught up');
    const read = await api.send('GET', `/v1/customers/${bob.id}`);
    expect([200, 410]).toContain(read.status);
    expect(read.text).not.toContain('Bob Example');
    // Nothing new can be sealed for him; that is a refusal, not a failure.
    const update = await api.send('PATCH', `/v1/customers/${bob.id}`, { json: { name: { full: 'Bob Again' } } });
    expect([update.status, update.body['code']]).toEqual([410, 'CUSTOMER_ERASED']);
    await product.verify();
  }, 400_000);
});
