/** Values that are to be verified, as a service team meets them on the built product. */
import { RunningProduct } from '../support/running-product.js';
import { Api, type Json, type Page, type Problem } from './api.js';

let product: RunningProduct;
let api: Api;

beforeAll(async () => {
  product = await RunningProduct.create({ DEMO: 'off' });
  await product.start();
  api = new Api(product.url);
});
afterAll(() => product?.dispose());

interface Reviewed {
  customerId: string;
  state: string;
  reviews: { field: string; since: string; dueAt: string; state: string }[];
}
const reviews = async (query = ''): Promise<Reviewed[]> =>
  api.all<Reviewed>(`/v1/freshness/reviews${query}`, (await api.head()) ?? '');
async function until<T>(read: () => Promise<T>, holds: (read: T) => boolean): Promise<T> {
  for (const end = Date.now() + 30_000; ; await new Promise((resolve) => setTimeout(resolve, 20))) {
    const found = await read();
    if (holds(found)) return found;
    if (Date.now() > end) throw new Error(`this did not come about; last seen: ${JSON.stringify(found)}`);
  }
}

it('falls due by a policy, is listed and told, and is answered by a verification', async () => {
  const old = { occurredAt: '2024-01-01T00:00:00Z' };
  const phone = (value: string): Json => ({ identities: [{ kind: 'phone', value }] });
  const { id: a } = await api.register({ ...phone('+4915100000011'), ...old });
  const { id: vip } = await api.register({ ...phone('+4915100000012'), traits: { tier: 'vip' }, ...old });
  const { id: fresh } = await api.register({ ...phone('+4915100000013'), traits: { tier: 'vip' } });
  const path = '/v1/freshness/policies/phone';
  const set = await api.command('PUT', path, { everyDays: 20_000, tiers: { vip: 30 } });
  const [first] = await until(reviews, (items) => items.length > 0);
  expect(first).toMatchObject({
    customerId: vip,
    survivor: vip,
    state: 'reminder',
    reviews: [{ field: 'phone', since: '2024-01-01T00:00:00.000Z', state: 'reminder' }],
  });
  const policies = await api.read<Page>('/v1/freshness/policies', set.position);
  expect(policies.items).toEqual([
    {
      field: 'phone',
      everyDays: 20_000,
      tiers: { vip: 30 },
      taskAfterDays: 7,
      escalateAfterDays: 14,
      setAt: first?.reviews[0]?.dueAt,
      revision: set.revision,
    },
  ]);
  // The same again is no news; another one needs to know what it replaces, where it says so.
  expect((await api.command('PUT', path, { everyDays: 20_000, tiers: { vip: 30 } })).revision).toBe(set.revision);
  const stale = { json: { everyDays: 30 }, headers: { 'if-match': `"${set.revision + 1}"` } };
  expect((await api.send('PUT', path, stale)).status).toBe(412);
  await api.command('PUT', path, { everyDays: 30 }, { 'if-match': `"${set.revision}"` });
  const both = await until(reviews, (items) => items.length === 2);
  expect(both.map(({ customerId }) => customerId).sort()).toEqual([a, vip].sort());
  expect(await reviews('?state=reminder&limit=1')).toEqual(both);
  expect(await reviews('?state=task')).toEqual([]);

  const { position } = await api.post(`/v1/customers/${a}/verifications`, { field: 'phone', method: 'call' });
  expect((await reviews()).map(({ customerId }) => customerId)).toEqual([vip]);
  const told = await api.read<Page>(`/v1/customers/${a}/timeline?limit=2`, position);
  expect(told.items.map(({ type }) => type)).toEqual(['CustomerFieldVerified', 'FieldReviewDue']);
  await api.command('DELETE', `/v1/customers/${vip}?reason=asked`);
  expect(await reviews()).toEqual([]);
  const quiet = await api.all<Json>(`/v1/customers/${fresh}/timeline`, (await api.head()) ?? '');
  expect(quiet.map(({ type }) => type)).toEqual(['CustomerRegistered']);

  await api.command('DELETE', path);
  expect((await api.read<Page>('/v1/freshness/policies', (await api.head()) ?? '')).items).toEqual([]);
  expect((await api.send('DELETE', path)).status).toBe(404);
});

it('falls due sooner for members of a segment, whose entry is told', async () => {
  const old = { occurredAt: '2024-01-01T00:00:00Z', birthDate: '1980-01-01' };
  const [{ id: vip }, { id: plain }] = [await api.register(old), await api.register(old)];
  const path = '/v1/freshness/policies/birthDate';
  const set = await api.command('PUT', path, { segments: { vip: 30 } });
  const policies = await api.read<Page>('/v1/freshness/policies', set.position);
  expect(policies.items).toMatchObject([{ field: 'birthDate', tiers: {}, segments: { vip: 30 } }]);
  expect((await api.command('PUT', path, { segments: { vip: 30 } })).revision).toBe(set.revision);
  await api.post('/v1/purchases', {
    customer: { customerId: vip },
    channel: 'web',
    currency: 'EUR',
    lines: [{ sku: 'a', name: 'A', quantity: '1', unitPrice: '5000' }],
  });
  const ofVip = ({ customerId }: Reviewed): boolean => customerId === vip;
  const found = await until(reviews, (items) => items.some(ofVip));
  expect(found.find(ofVip)).toMatchObject({ survivor: vip, reviews: [{ field: 'birthDate' }] });
  const told = async (id: string): Promise<Json[]> =>
    (await api.all<Json>(`/v1/customers/${id}/timeline`, (await api.head()) ?? '')).filter(({ type }) =>
      ['SegmentEntered', 'FieldReviewDue'].includes(String(type)),
    );
  expect((await told(vip)).map(({ type, data }) => [type, data]).sort()).toMatchObject([
    ['FieldReviewDue', { field: 'birthDate', everyDays: 30, segment: 'vip' }],
    ['SegmentEntered', { segment: 'vip' }],
  ]);
  expect(await told(plain)).toEqual([]);
  await api.command('DELETE', path);
});

it('refuses what it cannot read, and says where', async () => {
  const wrong: [string, Json, string[]][] = [
    ['phone', {}, ['/everyDays']],
    [
      'phone',
      { everyDays: 0, taskAfterDays: '7', escalateAfterDays: 0.5 },
      ['/escalateAfterDays', '/everyDays', '/taskAfterDays'],
    ],
    ['phone', { tiers: {} }, ['/everyDays']],
    ['phone', { tiers: { vip: 'often', 'v p': 3 } }, ['/tiers/v p', '/tiers/vip']],
    ['phone', { everyDays: 30, segment: 'vip' }, ['/segment']],
    ['phone', { segments: {} }, ['/everyDays']],
    ['phone', { segments: ['vip'] }, ['/segments']],
    [
      'phone',
      { segments: { VIP: 30, vips: 30, vip: 0, 'at-risk': '60' } },
      ['/segments/VIP', '/segments/at-risk', '/segments/vip', '/segments/vips'],
    ],
    ['note', { everyDays: 30 }, ['/field']],
  ];
  for (const [field, json, pointers] of wrong) {
    const { status, body } = await api.send<Problem>('PUT', `/v1/freshness/policies/${field}`, { json });
    expect([status, body.errors?.map(({ pointer }) => pointer).sort()]).toEqual([422, pointers]);
  }
  const asked = await api.send<Problem>('GET', '/v1/freshness/reviews?state=late&limit=0');
  expect(asked.body.errors?.map(({ pointer }) => pointer).sort()).toEqual(['/limit', '/state']);
  expect((await api.send<Problem>('GET', '/v1/freshness/reviews?cursor=abc')).body.code).toBe('CURSOR_MALFORMED');
});
