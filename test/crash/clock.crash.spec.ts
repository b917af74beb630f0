/**
 * The clock of the server jumps ahead and back while it works, by days: order, resends, reads at a position, what is due
 * and what is given up must not hang on the time of day. The clock is moved by `test/support/moved-clock.mjs`, which the
 * product knows nothing of.
 */
import { spawn } from 'node:child_process';
import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { Api, type Json } from '../e2e/api.js';
import { RunningProduct } from '../support/running-product.js';
import { seedFromEnvironment, Writing } from './support/writing.js';

const SEED = seedFromEnvironment();
const DAY = 86_400_000;
const MOVED_CLOCK = fileURLToPath(new URL('../support/moved-clock.mjs', import.meta.url));
const CLAIM_AND_DIE = fileURLToPath(new URL('./support/claim-and-die.mjs', import.meta.url));

describe(`a clock that jumps (CRASH_SEED=${SEED})`, () => {
  let product: RunningProduct;
  /** Serves beside it and moves no projection. */
  let second: RunningProduct;
  let api: Api;
  let clockFile: string;
  const setClock = (offsetMs: number): Promise<void> => writeFile(clockFile, String(offsetMs));

  beforeAll(async () => {
    product = await RunningProduct.create({ DEMO: 'off' });
    clockFile = path.join(product.folder, 'clock-offset');
    await setClock(0);
    Object.assign(product.env, { NODE_OPTIONS: `--import=${MOVED_CLOCK}`, CLOCK_OFFSET_FILE: clockFile });
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
  });
  afterAll(async () => {
    await second.dispose();
    await product.dispose();
  });

  const recorded = async (): Promise<{ at: string; position: string }[]> =>
    (await api.events()).map((event) => ({
      at: (event as unknown as { recordedAt: string }).recordedAt,
      position: event.position,
    }));

  it('keeps order, resends and reads at a position while the clock jumps to and fro under load', async () => {
    const writing = new Writing({ seed: SEED, url: () => product.url, limit: 1_500 });
    const lights: string[] = [];
    const progress = async (): Promise<void> => {
      const before = writing.acknowledged.size;
      await product.until(() => writing.acknowledged.size >= before + 60, 'commands go on');
      const { status } = await api.send<{ status: string }>('GET', '/health/ready');
      lights.push(String(status));
    };
    writing.start();
    await progress();
    for (const offset of [2 * DAY, -2 * DAY, 400 * DAY, -DAY / 24, DAY / 24, 0]) {
      await setClock(offset);
      await progress();
    }
    await writing.stop();
    await writing.settle();

    // No clock is a reason to refuse what names no time itself.
    expect([...writing.refusals]).toEqual([]);
    expect(lights).toEqual(lights.map(() => '200'));
    expect(await writing.audit(product.url)).toEqual([]);
    const times = (await recorded()).map(({ at }) => at);
    expect(times).not.toEqual([...times].sort());
    // What is sent again is known again, whatever the time is now.
    const [key, first] = [...writing.acknowledged][0] ?? ['', undefined];
    const again = await api.send('POST', '/v1/customers', {
      json: writing.sent.get(key)?.json,
      headers: { 'idempotency-key': key },
    });
    expect(again.body).toMatchObject({ id: first?.id, position: first?.position });
    // Pages by cursor hold every entry once.
    for (const id of writing.customers.slice(0, 5)) {
      const entries = await api.all<Json>(`/v1/customers/${id}/timeline?limit=3`, writing.lastPosition);
      const whole = await api.all<Json>(`/v1/customers/${id}/timeline?limit=200`);
      expect(entries).toEqual(whole);
    }
    await product.verify();
  }, 120_000);

  it('takes what happened now for a customer who was registered before the clock was put back', async () => {
    await setClock(2 * DAY);
    const { id } = await api.register({ name: { full: 'From Tomorrow' } });
    await setClock(0);
    const update = await api.send('PATCH', `/v1/customers/${id}`, { json: { traits: { a: 1 } } });
    expect([update.status, update.body['code']]).toEqual([200, undefined]);
    // Who says a time is held to it.
    const ahead = new Date(Date.now() + DAY).toISOString();
    const claimed = await api.send('PATCH', `/v1/customers/${id}`, { json: { traits: { a: 2 }, occurredAt: ahead } });
    expect([claimed.status, claimed.body['code']]).toEqual([422, 'OCCURRED_IN_FUTURE']);
  });
});
