/**
 * A store that hangs (takes connections and requests, answers nothing) while the product runs on it: health says so
 * quickly, and a stop is not held up for ever. The event log is the stand-in for EventStoreDB, stopped by SIGSTOP.
 */
import path from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { startEventStoreDb } from '../support/servers/eventstoredb.mjs';
import { RunningProduct } from '../support/running-product.js';
import { Api, type Json } from './api.js';

let product: RunningProduct;
let server: Awaited<ReturnType<typeof startEventStoreDb>>;
let api: Api;

beforeAll(async () => {
  product = await RunningProduct.create({ DEMO: 'off', STOP_WITHIN_SECONDS: '2' });
  server = await startEventStoreDb({ dir: path.join(product.folder, 'eventstoredb') });
  product.env['EVENT_STORE_URL'] = server.url;
  await product.start();
  api = new Api(product.url);
});
afterAll(async () => {
  process.kill(server.pid, 'SIGCONT');
  await product.dispose();
  await server.kill();
});

it('with more commands under way than the client takes at once, refuses them and goes on when it is back', async () => {
  const { id: customerId } = await api.register();
  // So large that most of them wait in this process, not in sockets.
  const told = { channel: 'phone', direction: 'inbound', kind: 'call', body: 'x'.repeat(50_000) };
  const record = async (): Promise<number> => {
    const json = { customer: { customerId }, ...told };
    return (await api.send('POST', '/v1/interactions', { json }).catch(() => ({ status: 0 }))).status;
  };
  expect(await record()).toBe(201);
  process.kill(server.pid, 'SIGSTOP');
  try {
    const statuses = await Promise.all(Array.from({ length: 150 }, record));
    expect(new Set(statuses)).toEqual(new Set([503]));
    // Until the client has given its connection up, 10 to 20 s after it heard nothing any more.
    await delay(10_000);
  } finally {
    process.kill(server.pid, 'SIGCONT');
  }
  await product.until(async () => (await record()) === 201, 'commands are taken again');
}, 90_000);

it('shows in health at once, and a stop ends within its bound, telling what hung', async () => {
  const { id, position } = await api.register();
  await api.read(`/v1/customers/${id}`, position);
  await product.until(async () => (await api.send('GET', '/health/ready')).status === 200, 'it is green');

  process.kill(server.pid, 'SIGSTOP');
  const health = await api.send<{ stores: Json; status: string }>('GET', '/health/ready');
  expect([health.status, health.body.stores]).toEqual([
    503,
    {
      eventStore: { status: 'red', error: 'NO_ANSWER' },
      readStore: { status: 'green' },
      keyStore: { status: 'green' },
    },
  ]);
  const metrics = await api.send('GET', '/metrics');
  expect(metrics.text).toContain('timeline_store_up{store="eventStore"} 0');
  expect(metrics.text).toContain('timeline_health 2');

  // A command that will not be answered before the stop.
  const hanging = api.send('POST', '/v1/customers', { json: { kind: 'person' } }).catch(() => undefined);
  await product.until(async () => (await api.send('GET', '/health/live')).status === 200, 'it was sent');
  expect(await product.kill('SIGTERM')).toBe(1);
  await hanging;
  const last = product.out
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as Json)
    .at(-1);
  expect(last).toMatchObject({ level: 50, code: 'STOP_TIMED_OUT', part: 'requests' });
});
