/** Which segments a customer was in, by what was known at a moment: as it was answered then, whatever came since. */
import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import { createHttpApp } from '@timeline/http';
import { Harness } from '../../composing/src/testing/harness.js';
import { Api, type Json, type Problem } from '../../../test/e2e/api.js';
import { productSlices } from './index.js';

let harness: Harness;
let app: NestFastifyApplication;
let api: Api;

beforeAll(async () => {
  harness = await Harness.start({ slices: productSlices({ reportingTimeZone: 'UTC', defaultPhoneRegion: 'DE' }) });
  app = await createHttpApp(harness.product.module({ providers: [], controllers: [] }));
  await app.listen(0, '127.0.0.1');
  api = new Api(await app.getUrl());
  await api.command('PUT', '/v1/surveys/nps', { kind: 'NPS', title: 'Would you?' });
});
afterAll(async () => {
  await app?.close();
  await harness?.dispose();
});

const INSTANTS = ['2024-02-01T00:00:00Z', '2024-03-10T00:00:00Z', '2024-09-01T00:00:00Z'];
const at = (day: string): Json => ({ occurredAt: `${day}T00:00:00Z` });

it('answers as it was answered then: before a purchase that came late, a return, a merge and its undoing', async () => {
  const [a, b] = [await api.register(at('2024-01-01')), await api.register(at('2024-01-01'))].map(({ id }) => id);
  const customer = { customerId: a };
  const lines = [{ lineId: '1', sku: 'a', name: 'A', quantity: '1', unitPrice: '5000' }];
  const bought = { channel: 'web', currency: 'EUR', lines };
  let purchase = '';
  let mergeId = '';
  const steps: (() => Promise<unknown>)[] = [
    () => api.post('/v1/surveys/nps/answers', { customer, score: 10, channel: 'web', ...at('2024-03-01') }),
    async () => (purchase = (await api.post('/v1/purchases', { customer, ...bought, ...at('2024-01-15') })).id),
    () => api.post('/v1/purchases', { customer: { customerId: b }, ...bought, ...at('2024-08-20') }),
    () => api.post('/v1/surveys/nps/answers', { customer, score: 1, channel: 'web', ...at('2024-08-01') }),
    async () => (mergeId = (await api.post('/v1/merges', { survivor: b, others: [a] })).id),
    () =>
      api.post(`/v1/purchases/${purchase}/returns`, { lines: [{ lineId: '1', quantity: '1' }], ...at('2024-08-25') }),
    () => api.post(`/v1/merges/${mergeId}/unmerge`, {}),
  ];
  const told: { path: string; known: string; text: string }[] = [];
  for (const step of steps) {
    await step();
    const position = (await harness.product.events.head())?.position ?? '';
    for (const id of [a, b]) {
      for (const asOf of INSTANTS) {
        const path = `/v1/customers/${id}/segments?asOf=${asOf}`;
        told.push({ path, known: position, text: (await api.send('GET', path, { position })).text });
      }
    }
  }
  expect(new Set(told.map(({ text }) => text)).size).toBeGreaterThan(8);
  for (const { path, known, text } of told)
    expect([path, known, (await api.send('GET', `${path}&knownAt=${known}`)).text]).toEqual([path, known, text]);
});

it('knows nobody who came later, and nothing of whom is erased since', async () => {
  const before = (await harness.product.events.head())?.position ?? '';
  const { id, position } = await api.register();
  const ask = async (known: string): Promise<string> => {
    const answer = await api.send<Problem>('GET', `/v1/customers/${id}/segments?knownAt=${known}`);
    return answer.status === 200 ? '200' : answer.body.code;
  };
  expect([await ask(before), await ask(position), await ask('2020-01-01T00:00:00Z'), await ask('yesterday')]).toEqual([
    'CUSTOMER_NOT_FOUND',
    '200',
    'CUSTOMER_NOT_FOUND',
    'VALIDATION_FAILED',
  ]);
  await api.command('DELETE', `/v1/customers/${id}`);
  expect(await ask(position)).toBe('CUSTOMER_ERASED');
});

it('does not answer for everybody by what was known, and says where it does', async () => {
  for (const path of ['/v1/segments', '/v1/segments/vip/members']) {
    const answer = await api.send<Problem>('GET', `${path}?knownAt=2024-01-01T00:00:00Z`);
    expect([answer.status, answer.body.errors?.[0]?.pointer]).toEqual([422, '/knownAt']);
    expect(answer.body.detail).toContain('/v1/customers/{id}/segments');
  }
});
