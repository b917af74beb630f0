/** Purchases over HTTP with all slices: what is cancelled counts nowhere from then on, in nothing that reads purchases. */
import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import { createHttpApp } from '@timeline/http';
import { newId } from '@timeline/kernel';
import { Harness } from '../../composing/src/testing/harness.js';
import { Api, type Json, type Page } from '../../../test/e2e/api.js';
import { productSlices } from './index.js';

let harness: Harness;
let app: NestFastifyApplication;
let api: Api;

beforeAll(async () => {
  harness = await Harness.start({ slices: productSlices({ reportingTimeZone: 'UTC', defaultPhoneRegion: 'DE' }) });
  app = await createHttpApp(harness.product.module({ providers: [], controllers: [] }), {
    openApi: { title: 'test', version: '0' },
  });
  await app.listen(0, '127.0.0.1');
  api = new Api(await app.getUrl());
});
afterAll(async () => {
  await app?.close();
  await harness?.dispose();
});

const head = async (): Promise<string> => (await harness.product.events.head())?.position ?? '';
const registered = async (more: Json = {}): Promise<string> => (await api.register(more)).id;
const at = (day: string): string => `2024-${day}T10:00:00.000Z`;

async function buys(
  customerId: string,
  day: string,
  amounts: Record<string, string>,
  more: Json = {},
): Promise<string> {
  const { id } = await api.post('/v1/purchases', {
    customer: { customerId },
    channel: 'web',
    currency: 'EUR',
    lines: Object.entries(amounts).map(([category, amount], index) => ({
      lineId: String(index),
      sku: 's',
      name: 'n',
      ...(category !== '' && { category }),
      quantity: '2',
      amount,
    })),
    occurredAt: at(day),
    ...more,
  });
  return id;
}
const cancel = (id: string, day: string): Promise<unknown> =>
  api.post(`/v1/purchases/${id}/cancellation`, { occurredAt: at(day), reason: 'sold out' });
const listed = (customerId: string, query = ''): Promise<Json[]> =>
  head().then((position) => api.all<Json>(`/v1/customers/${customerId}/purchases?limit=2${query}`, position));
const idsOf = (purchases: readonly Json[]): unknown[] => purchases.map(({ purchaseId }) => purchaseId);
const mixOf = async (customerId: string, query = ''): Promise<Json> => {
  const { items } = await api.read<{ items: Json[] }>(
    `/v1/customers/${customerId}/purchases/categories${query}`,
    await head(),
  );
  return Object.fromEntries(items.map(({ currency, ...mix }) => [String(currency), mix]));
};

it('is as it was before once a purchase is cancelled: profile, mix, loyalty; and the past stays as it was', async () => {
  const id = await registered({ occurredAt: at('01-01') });
  const kept = await buys(id, '01-10', { Books: '10.005', '': '1' }, { shipping: '4.9' });
  const seen = async (): Promise<Json> => {
    const position = await head();
    const { purchases } = await api.read(`/v1/customers/${id}`, position);
    const loyalty = await api.read(`/v1/loyalty/${id}`, position);
    return { purchases, loyalty: loyalty['purchases'], mix: await mixOf(id) };
  };
  const before = await seen();
  expect(before).toEqual({
    purchases: {
      count: 1,
      repeat: false,
      firstAt: at('01-10'),
      lastAt: at('01-10'),
      byCurrency: { EUR: { count: 1, gross: '15.905', returned: '0', net: '15.905', averageOrder: '15.905' } },
    },
    loyalty: { count: 1, firstAt: at('01-10') },
    mix: {
      EUR: {
        net: '11.005',
        categories: [
          { category: 'Books', purchases: 1, gross: '10.005', returned: '0', net: '10.005', share: '0.909132' },
          { purchases: 1, gross: '1', returned: '0', net: '1', share: '0.090868' },
        ],
      },
    },
  });

  const large = await buys(id, '02-10', { Books: '5000', Games: '20' });
  const foreign = await buys(id, '02-11', { Games: '3' }, { currency: 'USD' });
  expect(await seen()).toMatchObject({
    purchases: { count: 3, repeat: true, lastAt: at('02-11'), byCurrency: { EUR: { averageOrder: '2517.9525' } } },
    loyalty: { count: 3, secondAt: at('02-10') },
    mix: { EUR: { net: '5031.005' }, USD: { net: '3' } },
  });
  await cancel(large, '03-01');
  await cancel(foreign, '03-02');
  expect(await seen()).toEqual(before);

  // VIP from the purchase to the cancellation; who came back, as it was known at the end of each month.
  const segmentsAt = async (day: string): Promise<unknown[]> =>
    (await api.read<Page>(`/v1/customers/${id}/segments?asOf=${at(day)}`, await head())).items.map(
      (each) => each['id'],
    );
  expect([await segmentsAt('02-20'), await segmentsAt('03-03')].map((ids) => ids.includes('vip'))).toEqual([
    true,
    false,
  ]);
  const rate = await api.read<{ points: Json[] }>(
    '/v1/metrics/repeat-purchase-rate?from=2024-01-01&to=2024-03-31&interval=month',
    await head(),
  );
  expect(rate.points.map(({ numerator, denominator }) => [numerator, denominator])).toEqual([
    [0, 1],
    [1, 1],
    [0, 1],
  ]);
  // As of a moment before: a cancellation changes nothing of what was so then.
  const then = await api.read(`/v1/customers/${id}?asOf=${at('02-20')}`, await head());
  expect(then).toMatchObject({ purchases: { count: 3, lastAt: at('02-11') } });

  const entries = await api.all<Json>(`/v1/customers/${id}/timeline?type=PurchaseCancelled`, await head());
  expect(entries.map(({ data }) => (data as Json)['purchaseId'])).toEqual([foreign, large]);
  expect(await listed(id)).toMatchObject([
    { purchaseId: foreign, status: 'cancelled', net: '0', total: '3', cancelledAt: at('03-02'), categories: ['Games'] },
    { purchaseId: large, status: 'cancelled', net: '0', lines: 2, categories: ['Books', 'Games'] },
    { purchaseId: kept, status: 'bought', net: '15.905', total: '15.905', categories: ['Books'] },
  ]);
});

it('lists the purchases of all who are merged, newest first, by time, category and status, and sums what they buy', async () => {
  const [a, b] = [await registered(), await registered()];
  const first = await buys(a, '01-01', { Books: '10' });
  const second = await buys(b, '01-02', { Books: '20', Games: '30' });
  const third = await buys(a, '01-02', { Games: '40' });
  const fourth = await buys(b, '01-04', { Garden: '1' });
  await api.post(`/v1/purchases/${second}/returns`, {
    lines: [{ lineId: '1', quantity: '1' }],
    occurredAt: at('01-05'),
  });
  await api.post(`/v1/purchases/${fourth}/returns`, { occurredAt: at('01-05') });
  await cancel(first, '01-06');
  expect(idsOf(await listed(a))).toEqual([third, first]);

  const { id: mergeId } = await api.post('/v1/merges', { survivor: b, others: [a] });
  for (const who of [a, b]) expect(idsOf(await listed(who))).toEqual([fourth, third, second, first]);
  expect(await listed(a)).toMatchObject([
    { customerId: b, status: 'returned', net: '0', returned: '1' },
    { customerId: a, status: 'bought' },
    { customerId: b, status: 'partly-returned', total: '50', returned: '15', net: '35' },
    { customerId: a, status: 'cancelled' },
  ]);
  for (const [query, expected] of [
    [`&from=${at('01-02')}`, [fourth, third, second]],
    [`&to=${at('01-02')}`, [first]],
    ['&category=Games', [third, second]],
    ['&category=Toys', []],
    ['&status=cancelled,bought', [third, first]],
    ['&status=partly-returned&category=Books', [second]],
  ] as const)
    expect(idsOf(await listed(a, query))).toEqual(expected);
  const games = { category: 'Games', purchases: 2, gross: '70', returned: '15', net: '55', share: '0.733333' };
  const books = { category: 'Books', purchases: 1, gross: '20', returned: '0', net: '20', share: '0.266667' };
  const garden = { category: 'Garden', purchases: 1, gross: '1', returned: '1', net: '0', share: '0' };
  expect(await mixOf(a)).toEqual({ EUR: { net: '75', categories: [games, books, garden] } });
  expect(await mixOf(b, '?top=1')).toEqual({
    EUR: {
      net: '75',
      categories: [games],
      others: { categories: 2, gross: '21', returned: '1', net: '20', share: '0.266667' },
    },
  });

  await api.post(`/v1/merges/${mergeId}/unmerge`, {});
  expect(idsOf(await listed(a))).toEqual([third, first]);
  expect(await mixOf(b)).toMatchObject({ EUR: { net: '35' } });
});

it('refuses what cannot be cancelled, listed or asked for, with a code and a pointer', async () => {
  const id = await registered();
  const returned = await buys(id, '01-01', { Books: '10' });
  const cancelled = await buys(id, '01-02', { Books: '10' });
  await api.post(`/v1/purchases/${returned}/returns`, { lines: [{ lineId: '0', quantity: '1' }] });
  await cancel(cancelled, '01-03');
  for (const [method, path, status, code, pointer, json] of [
    ['POST', `/v1/purchases/${returned}/cancellation`, 422, 'PURCHASE_HAS_RETURNS', undefined, {}],
    ['POST', `/v1/purchases/${cancelled}/cancellation`, 422, 'PURCHASE_CANCELLED', undefined, {}],
    ['POST', `/v1/purchases/${cancelled}/returns`, 422, 'PURCHASE_CANCELLED', undefined, {}],
    ['POST', `/v1/purchases/${newId()}/cancellation`, 404, 'PURCHASE_NOT_FOUND', undefined, {}],
    ['POST', `/v1/purchases/${returned}/cancellation`, 422, 'VALIDATION_FAILED', '/lines', { lines: [] }],
    ['GET', `/v1/customers/${newId()}/purchases`, 404, 'CUSTOMER_NOT_FOUND', undefined],
    ['GET', `/v1/customers/${newId()}/purchases/categories`, 404, 'CUSTOMER_NOT_FOUND', undefined],
    ['GET', `/v1/customers/${id}/purchases?status=open`, 422, 'VALIDATION_FAILED', '/status/0'],
    [
      'GET',
      `/v1/customers/${id}/purchases?from=2024-01-02T00:00:00Z&to=2024-01-02T00:00:00Z`,
      422,
      'VALIDATION_FAILED',
      '/to',
    ],
    ['GET', `/v1/customers/${id}/purchases?cursor=x`, 400, 'CURSOR_MALFORMED', '/cursor'],
    ['GET', `/v1/customers/${id}/purchases/categories?top=0`, 422, 'VALIDATION_FAILED', '/top'],
  ] as const) {
    const answer = await api.send(method, path, json ? { json } : {});
    expect([path, answer.status, (answer.body as Json)['code']]).toEqual([path, status, code]);
    if (pointer !== undefined) expect(answer.body).toMatchObject({ errors: [{ pointer }] });
  }

  await api.command('DELETE', `/v1/customers/${id}`);
  for (const path of ['purchases', 'purchases/categories'])
    expect(await api.send('GET', `/v1/customers/${id}/${path}`)).toMatchObject({ status: 410 });
});
