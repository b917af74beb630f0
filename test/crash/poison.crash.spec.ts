/**
 * Events that a projection cannot apply, written straight into the log while two processes project under load: the
 * document is blocked and nothing else, health is yellow, an operator retries or discards, and in the end every read model
 * equals the log.
 */
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { Api } from '../e2e/api.js';
import { auditLog, auditReadModels } from './support/audit.js';
import { Fleet } from './support/fleet.js';
import type { HealthTold } from './support/health-watch.js';
import { Load } from './support/load.js';
import { run } from './support/small-disk.js';

const SEED = Number(process.env['CRASH_SEED'] ?? Date.now() % 1_000_000);
const APPEND = fileURLToPath(new URL('./support/append-event.mjs', import.meta.url));

interface Parked {
  projection: string;
  key: string;
  eventId: string;
  position: string;
  code: string;
}

describe(`poison in the log (CRASH_SEED=${SEED})`, () => {
  let fleet: Fleet;
  let api: Api;
  beforeAll(async () => {
    const projecting = 'projections,reactions';
    fleet = await Fleet.start({ processes: { api: 'commands,queries', one: projecting, two: projecting } });
    api = new Api(fleet.member('api').url);
  }, 120_000);
  afterAll(() => fleet.dispose());

  const append = async (stream: string, event: object): Promise<{ id: string; position: string }> => {
    const url = fleet.member('api').env['EVENT_STORE_URL'] ?? '';
    const { stdout } = await run(process.execPath, [APPEND, url, stream, JSON.stringify(event)], {
      cwd: path.dirname(APPEND),
    });
    return JSON.parse(stdout) as { id: string; position: string };
  };
  const cli = async <T>(...args: string[]): Promise<T> => {
    const { code, out, err } = await fleet.member('api').cli('--json', ...args);
    if (code !== 0) throw new Error(`timeline ${args.join(' ')} ended with ${code}: ${err}`);
    return JSON.parse(out) as T;
  };
  const isPast = (position: string) => (told: HealthTold) =>
    told.projections.every((build) => (build.position ?? '') >= position);

  it('blocks the documents that it touches and no others, and is discarded on record', async () => {
    const load = new Load({ seed: SEED, urls: fleet.urls('commands'), journeys: 4 });
    await load.start();
    await load.progress(30);
    const victim = await api.register({ name: { full: 'Victim' } });
    // A purchase whose sums are none. What it touches can be told: where not, a projection stops as a whole.
    const metadata = { customerId: victim.id, channel: 'web' };
    const data = { purchaseId: 'poison', currency: 'USD', lines: [] };
    const poison = await append('purchase-poison', { type: 'PurchaseRecorded', data, metadata });
    await fleet.member('one').kill('SIGKILL');
    await fleet.watch('two').until(isPast(poison.position), 'the poison is passed');
    await fleet.member('one').start();
    await load.progress(30);
    const { told } = await fleet.watch('one').until(isPast(poison.position), 'the poison is passed');
    expect(told).toMatchObject({ status: 'yellow' });
    expect(told?.parked).toBeGreaterThan(0);
    expect(told?.projections.filter(({ state }) => state === 'stopped')).toEqual([]);

    const { parked } = await cli<{ parked: Parked[] }>('parked', 'list');
    expect(new Set(parked.map(({ eventId }) => eventId))).toEqual(new Set([poison.id]));
    // What comes later for a blocked document waits; other documents of the same customer go on.
    const earned = await api.post(`/v1/loyalty/${victim.id}/earnings`, { points: 7, reason: 'r' });
    expect(await api.read(`/v1/loyalty/${victim.id}`, earned.position)).toMatchObject({ balance: 7 });
    await load.finish();
    expect((await auditReadModels(load, api.url)).problems).toEqual([]);
    const { retried } = await cli<{ retried: { free: boolean }[] }>('parked', 'retry');
    expect(retried.map(({ free }) => free)).toEqual(parked.map(() => false));

    for (const { projection, key } of parked) await cli('parked', 'discard', projection, key);
    await fleet.settled();
    expect((await cli<{ parked: Parked[] }>('parked', 'list')).parked).toEqual([]);
    expect(await api.read(`/v1/customers/${victim.id}`)).toMatchObject({ points: 7 });
    const { problems } = await auditLog(load, api.url);
    expect(problems.filter((text) => text.startsWith('lost'))).toEqual([]);
    await fleet.member('api').verify();
  }, 400_000);
});
