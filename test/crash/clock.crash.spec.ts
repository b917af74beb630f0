/**
 * The clock of the server jumps ahead and back while it works, by days: order, resends, reads at a position, what is due
 * and what is given up must not hang on the time of day. The clock is moved by `test/support/moved-clock.mjs`, which the
 * product knows nothing of.
 */
import path from 'node:path';
import { Api, type Json, type LoggedEvent } from '../e2e/api.js';
import { RunningProduct } from '../support/running-product.js';
import { auditLog, auditReadModels } from './support/audit.js';
import { HealthWatch } from './support/health-watch.js';
import { Load } from './support/load.js';
import { MovedClock } from './support/moved-clock.js';

const SEED = Number(process.env['CRASH_SEED'] ?? Date.now() % 1_000_000);
const DAY = 86_400_000;

describe(`a clock that jumps (CRASH_SEED=${SEED})`, () => {
  let product: RunningProduct;
  /** Serves beside it and moves no projection. */
  let second: RunningProduct;
  let api: Api;
  let clock: MovedClock;

  beforeAll(async () => {
    product = await RunningProduct.create({ DEMO: 'off' });
    clock = new MovedClock(path.join(product.folder, 'clock-offset'));
    Object.assign(product.env, clock.env);
    second = await RunningProduct.create({ ...product.env, PORT: undefined, ROLES: 'commands,queries' });
    const file = (name: string): string => path.join(product.folder, 'data', name);
    Object.assign(second.env, {
      PORT: String(second.port),
      EVENT_STORE_URL: `sqlite:${file('events.db')}`,
      READ_STORE_URL: `sqlite:${file('reads.db')}`,
      KEY_STORE_URL: `sqlite:${file('keys.db')}`,
      MASTER_KEY_FILE: file('master.key'),
    });
    await product.start();
    await second.start();
    api = new Api(product.url);
  }, 180_000);
  afterAll(async () => {
    await second.dispose();
    await product.dispose();
  });

  it('keeps order, resends and reads at a position while the clock jumps to and fro under load', async () => {
    // Every tenth command is sent once more, and must be answered as the first time.
    const load = new Load({ seed: SEED, urls: [product.url, second.url], journeys: 5, spends: false });
    const watch = new HealthWatch('product', product.url).start();
    try {
      await load.start();
      await load.progress(20);
      for (const offset of [2 * DAY, -2 * DAY, 400 * DAY, -DAY / 24, DAY / 24, 0]) {
        clock.set(offset);
        await load.progress(20);
      }
      await load.finish();
      expect(watch.lights().filter((light) => light !== 'green')).toEqual([]);
    } finally {
      await watch.stop();
    }
    const log = await auditLog(load, product.url);
    const reads = await auditReadModels(load, product.url);
    // The latest in a profile is what occurred last, by the times that the events tell: here those of a wrong clock.
    const isOfTime = (text: string): boolean => /^(traits|latest score) of /.test(text);
    const problems = [...log.problems, ...reads.problems.filter((text) => !isOfTime(text))];
    expect([...problems, ...load.contradictions, ...watch.lies]).toEqual([]);
    // What `/v1/events` answers, see its description.
    const times = log.events.map((event) => (event as LoggedEvent & { recordedAt: string }).recordedAt);
    expect(times).not.toEqual([...times].sort());
    for (const { customerId } of load.journeys) {
      const paged = await api.all<Json>(`/v1/customers/${customerId}/timeline?limit=3`);
      expect(paged).toEqual(await api.all<Json>(`/v1/customers/${customerId}/timeline?limit=200`));
    }
    await product.verify();
  }, 240_000);

  it('takes what happened now for a customer who was registered before the clock was put back', async () => {
    clock.set(2 * DAY);
    const { id } = await api.register({ name: { full: 'From Tomorrow' } });
    clock.set(0);
    const update = await api.send('PATCH', `/v1/customers/${id}`, { json: { traits: { a: 1 } } });
    expect([update.status, update.body['code']]).toEqual([200, undefined]);
    // Who says a time is held to it.
    const ahead = new Date(Date.now() + DAY).toISOString();
    const claimed = await api.send('PATCH', `/v1/customers/${id}`, { json: { traits: { a: 2 }, occurredAt: ahead } });
    expect([claimed.status, claimed.body['code']]).toEqual([422, 'OCCURRED_IN_FUTURE']);
  }, 180_000);

  it('waits for a position no longer when the clock is put back meanwhile', async () => {
    clock.set(0);
    const { id } = await new Api(second.url).register();
    await product.until(async () => (await api.send('GET', `/v1/customers/${id}`)).status === 200, 'it is read');
    // Whoever moves the projections does not, so that the read has to wait.
    process.kill(product.pid, 'SIGSTOP');
    try {
      const { position } = await new Api(second.url).register();
      const reading = new Api(second.url).send('GET', `/v1/customers/${id}`, { position });
      await new Promise((resolve) => setTimeout(resolve, 500));
      clock.set(-DAY);
      const answer = await Promise.race([
        reading,
        new Promise<undefined>((resolve) => setTimeout(() => resolve(undefined), 30_000).unref()),
      ]);
      expect([answer?.status, answer?.body['code']]).toEqual([503, 'POSITION_NOT_REACHED']);
    } finally {
      process.kill(product.pid, 'SIGCONT');
      clock.set(0);
    }
  }, 180_000);

  it('carries out what is owed, whatever the time of day is', async () => {
    clock.set(0);
    const { id } = await api.register({ name: { full: 'Leaving' } });
    clock.set(-30 * DAY);
    expect((await api.send('DELETE', `/v1/customers/${id}`)).status).toBeLessThan(300);
    const isCarriedOut = async (): Promise<boolean> =>
      (await api.events('&types=CustomerErasureCarriedOut')).some(({ stream }) => stream === `customer-${id}`);
    await product.until(isCarriedOut, 'the erasure is carried out');
    expect((await api.send('GET', `/v1/customers/${id}`)).status).toBe(410);
    clock.set(0);
    await product.verify();
  }, 180_000);
});
