/**
 * Merging as a service team does it, on the built product: the same person twice becomes one under both ids, two again
 * when it was a mistake, and gone as a whole when the person asks. No stored event changes, and `verify` finds nothing.
 */
import { createHash } from 'node:crypto';
import { RunningProduct } from '../support/running-product.js';
import { Api, SseClient, type Json, type Page, type Problem } from './api.js';

let product: RunningProduct;
let api: Api;

beforeAll(async () => {
  product = await RunningProduct.create({ DEMO: 'off', MERGE_SOURCE_RANK: 'crm' });
  await product.start();
  api = new Api(product.url);
});
afterAll(() => product?.dispose());

const head = async (): Promise<string> => (await api.head()) ?? '';

async function person(name: string, phone: string, day: number): Promise<string> {
  const at = { occurredAt: `2024-05-${String(day).padStart(2, '0')}T10:00:00Z` };
  const identities = [{ kind: 'phone', value: phone }];
  const { id } = await api.register({ name: { full: name }, identities, ...at });
  const customer = { customerId: id };
  await api.post('/v1/interactions', { customer, channel: 'phone', direction: 'inbound', kind: 'call', ...at });
  const lines = [{ sku: 'A', name: 'A', quantity: '1', unitPrice: '10' }];
  await api.post('/v1/purchases', { customer, channel: 'web', currency: 'EUR', lines, ...at });
  await api.post(`/v1/loyalty/${id}/earnings`, { points: day, reason: 'r', ...at });
  return id;
}

/** All that is read about a customer, without the id that it is asked under. */
async function seen(id: string): Promise<Json> {
  const position = await head();
  const { customerId: _profile, ...profile } = await api.read(`/v1/customers/${id}`, position);
  const { customerId: _loyalty, asOf: _at, ...loyalty } = await api.read(`/v1/loyalty/${id}`, position);
  const segments = await api.read<Page>(`/v1/customers/${id}/segments?asOf=2024-05-20T00:00:00Z`, position);
  return {
    profile,
    loyalty,
    segments: segments.items,
    timeline: await api.all(`/v1/customers/${id}/timeline`, position),
  };
}

/** By stream, of everything that is stored now. */
async function hashes(): Promise<Map<string, string[]>> {
  const streams = new Map<string, string[]>();
  for (const event of await api.events()) {
    const hash = createHash('sha256').update(JSON.stringify(event)).digest('hex');
    streams.set(event.stream, [...(streams.get(event.stream) ?? []), hash]);
  }
  return streams;
}

it('one person under two ids becomes one, two again, one again, and is erased as one', async () => {
  const a = await person('Li Wei', '+4915100000001', 1);
  const b = await person('Wei Li', '+4915100000002', 2);
  const bystander = await person('Someone Else', '+4915100000003', 3);
  const before = { a: await seen(a), b: await seen(b), bystander: await seen(bystander) };
  const stored = await hashes();

  const live = await SseClient.open(`${product.url}/v1/customers/${a}/timeline/stream`);
  const [line] = await api.lines([
    { id: 'm', type: 'MergeCustomers', data: { survivor: a, others: [b], reason: 'same person' } },
  ]);
  expect(line?.problem).toBeUndefined();
  const mergeId = String(line?.outcome?.id);
  expect(await seen(a)).toEqual(await seen(b));
  expect(await seen(a)).toMatchObject({
    profile: { survivor: a, members: [a, b].sort(), name: { full: 'Wei Li' }, purchases: { count: 2 }, points: 3 },
    loyalty: { balance: 3, purchases: { count: 2 } },
  });
  expect(await api.read(`/v1/merges/${mergeId}`)).toMatchObject({ state: 'open', sourceRank: ['crm'] });
  expect(await seen(bystander)).toEqual(before.bystander);
  // Who follows one of them hears of the other from the merge on.
  await api.post('/v1/interactions', {
    customer: { identity: { kind: 'phone', value: '+4915100000002' } },
    channel: 'wechat',
    direction: 'inbound',
    kind: 'chat',
    occurredAt: '2024-05-10T10:00:00Z',
  });
  const heard = await live.take(2);
  expect(heard.map(({ data }) => (data as Json)['type'])).toEqual(['CustomersMerged', 'InteractionRecorded']);
  live.close();

  await api.post(`/v1/merges/${mergeId}/unmerge`, { reason: 'father and son' });
  const parted = { a: await seen(a), b: await seen(b) };
  const withoutMerges = ({ timeline, ...rest }: Json): Json => ({
    ...rest,
    timeline: (timeline as Json[]).filter(({ type }) => !/^Customers(M|Unm)erged$/.test(String(type))),
  });
  expect(withoutMerges(parted.a)).toEqual(before.a);
  // What came in meanwhile stays with whom it came in under.
  expect(parted.b).toMatchObject({ profile: { members: [b], interactions: { total: 2 } } });
  const now = await hashes();
  for (const [stream, all] of stored) expect([stream, now.get(stream)?.slice(0, all.length)]).toEqual([stream, all]);
  await product.verify();

  await api.post('/v1/merges', { survivor: b, others: [a] });
  await api.command('DELETE', `/v1/customers/${a}`);
  for (const id of [a, b]) {
    await product.until(
      async () => (await api.send<Json>('GET', `/v1/customers/${id}/erasure`)).body['state'] === 'carried-out',
      `the erasure of ${id} is carried out`,
    );
    for (const path of [
      `/v1/customers/${id}`,
      `/v1/customers/${id}/timeline`,
      `/v1/customers/${id}/merges`,
      `/v1/loyalty/${id}`,
    ]) {
      const { status, body } = await api.send<Problem>('GET', path, { position: await head() });
      expect([path, status, body.code]).toEqual([path, 410, 'CUSTOMER_ERASED']);
    }
  }
  expect(await api.read(`/v1/customers/${b}/erasure`)).toMatchObject({ erasedWith: a });
  expect(await seen(bystander)).toEqual(before.bystander);
  await product.verify();
}, 120_000);
