/**
 * An erasure followed over HTTP to its certificate, on the server put together as it runs, with a clock that the test
 * moves: a caller who deletes a customer is told where to look, and finds there in the end what was done.
 */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { readConfig } from '@timeline/composing';
import type { JsonObject } from '@timeline/kernel';
import { pino } from 'pino';
import { TimelineApp } from '../../apps/timeline/src/app.js';
import { TestClock } from '../../libs/composing/src/testing/harness.js';
import { undocumented } from '../../libs/http/src/testing/openapi-truth.js';
import { Api, type Answer, type Json } from './api.js';

let folder: string;
let clock: TestClock;
let app: TimelineApp;
let api: Api;
const answers: Answer<unknown>[] = [];

async function start(env: NodeJS.ProcessEnv = {}): Promise<void> {
  const at = (name: string): string => `sqlite:${path.join(folder, name)}`;
  const config = readConfig({
    PORT: '0',
    EVENT_STORE_URL: at('events.db'),
    READ_STORE_URL: at('reads.db'),
    KEY_STORE_URL: at('keys.db'),
    MASTER_KEY_FILE: path.join(folder, 'master.key'),
    ...env,
  });
  app = await TimelineApp.start({ config, log: pino({ level: 'silent' }), clock });
  api = new Api(app.url, (answer) => answers.push(answer));
}

beforeEach(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'timeline-certificate-'));
  clock = new TestClock();
  answers.length = 0;
});
afterEach(async () => {
  await app?.stop();
  await rm(folder, { recursive: true, force: true });
});

const read = async (location: string): Promise<Json> => (await api.send('GET', location)).body;

async function untilState(location: string, state: string): Promise<Json> {
  for (const end = Date.now() + 30_000; ; await new Promise((resolve) => setTimeout(resolve, 25))) {
    const erasure = await read(location);
    if (erasure['state'] === state) return erasure;
    if (Date.now() > end) throw new Error(`it is still ${JSON.stringify(erasure)}`);
  }
}

async function eraseSomeone(): Promise<string> {
  const { id } = await api.register({ name: { full: 'Zebulon Quirkfeather' } });
  await api.post('/v1/interactions', {
    customer: { customerId: id },
    channel: 'chat',
    direction: 'inbound',
    kind: 'chat',
  });
  const { status, headers } = await api.send('DELETE', `/v1/customers/${id}?reason=asked`);
  expect([status, headers.get('location')]).toEqual([202, `/v1/customers/${id}/erasure`]);
  return headers.get('location') ?? '';
}

it('leads from DELETE to the certificate, over a restart, and every answer is one that is announced', async () => {
  await start({ BACKUP_RETENTION_DAYS: '35' });
  const location = await eraseSomeone();
  const { erasedAt, waitsFor } = await untilState(location, 'carried-out');
  expect(erasedAt).toBe(clock.now().toISOString());
  // Of the wait nothing is remembered but the log.
  await app.stop();
  await start({ BACKUP_RETENTION_DAYS: '35' });
  clock.instant = new Date((waitsFor as { instant: string }).instant);
  const { certificate, certifiedAt } = await untilState(location, 'certified');
  expect(certifiedAt).toBe((waitsFor as { instant: string }).instant);
  expect(certificate).toMatchObject({
    erasedAt,
    carriedOutAt: erasedAt,
    claimsReleased: 0,
    readStoreFiles: 'overwritten',
    backups: { retentionDays: 35, expireAt: expect.stringMatching(/^2026-04-05T12:01:30/) },
  });
  const { builds } = certificate as { builds: { projection: string }[] };
  expect(new Set(builds.map(({ projection }) => projection))).toEqual(
    new Set(app.product.engine.options.projections.map(({ name }) => name)),
  );
  // For those who have only the log, too.
  expect(JSON.stringify(await api.events('&types=CustomerErasureCertified'))).toContain(String(builds[0]?.projection));
  expect(JSON.stringify([certificate, await api.events()])).not.toMatch(/zebulon|quirkfeather/i);

  const nobody = location.replace(/[0-9a-f-]{36}/, '6f9619ff-8b86-4d01-b42d-00cf4fc964ff');
  expect(await read(nobody)).toMatchObject({ status: 404, code: 'CUSTOMER_NOT_FOUND' });
  const { id: kept } = await api.register({});
  expect(await read(`/v1/customers/${kept}/erasure`)).toMatchObject({ status: 404, code: 'ERASURE_NOT_FOUND' });

  const document = await api.read<JsonObject>('/openapi.json');
  const untruths = answers
    .filter(({ path: at }) => at.endsWith('/erasure'))
    .flatMap(({ method, status, headers, body }) =>
      undocumented(document, {
        method,
        route: '/v1/customers/{id}/erasure',
        status,
        contentType: headers.get('content-type'),
        body,
      }),
    );
  expect(untruths).toEqual([]);
});

it('does not say how long backups live where the operator does not', async () => {
  await start();
  const location = await eraseSomeone();
  const { waitsFor } = await untilState(location, 'carried-out');
  clock.instant = new Date((waitsFor as { instant: string }).instant);
  expect((await untilState(location, 'certified'))['certificate']).toMatchObject({ backups: 'not-stated' });
});
