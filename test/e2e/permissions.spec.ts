/** May this customer be contacted? As a campaign asks it, on the built product: of now, of the past, of tomorrow. */
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

const ask = async (id: string, query: string, position?: string): Promise<Json & { refusals: { code: string }[] }> =>
  api.read(`/v1/customers/${id}/permissions?purpose=newsletter&channel=email${query}`, position);
const codes = async (id: string, query: string, position?: string): Promise<string[]> =>
  (await ask(id, query, position)).refusals.map(({ code }) => code);
const email = (value: string): Json => ({ identities: [{ kind: 'email', value }] });
const consent = (status: string, occurredAt: string): Json => ({
  purpose: 'newsletter',
  status,
  textVersion: '2',
  occurredAt,
});

it('is answered as of any instant, from consents, preferences and what was sent', async () => {
  const { id } = await api.register({ ...email('p1@example.org'), occurredAt: '2024-01-01T00:00:00Z' });
  const on = `/v1/customers/${id}`;
  await api.post(`${on}/consents`, consent('granted', '2024-02-01T00:00:00Z'));
  const { position: before } = await api.post(`${on}/consents`, consent('withdrawn', '2024-03-01T00:00:00Z'));
  const { position } = await api.post(`${on}/consents`, consent('granted', '2024-04-01T00:00:00Z'));
  expect(await codes(id, '&asOf=2024-01-15T00:00:00Z', position)).toEqual(['CONSENT_MISSING']);
  expect(await codes(id, '&asOf=2024-02-15T00:00:00Z')).toEqual([]);
  expect(await codes(id, '&asOf=2024-03-15T00:00:00Z')).toEqual(['CONSENT_WITHDRAWN']);
  expect(await codes(id, '')).toEqual([]);
  // What was known when the mail went out.
  expect(await codes(id, `&asOf=2024-05-01T00:00:00Z&knownAt=${encodeURIComponent(before)}`)).toEqual([
    'CONSENT_WITHDRAWN',
  ]);

  const preferences = {
    channels: ['email'],
    hours: { timeZone: 'Asia/Shanghai', windows: [{ from: '09:00', to: '18:00' }] },
    frequency: { atMost: 1, days: 7 },
    language: 'zh-Hans',
  };
  const changed = await api.command('PATCH', `${on}/preferences`, {
    ...preferences,
    occurredAt: '2024-05-01T00:00:00Z',
  });
  const sent = { channel: 'email', direction: 'outbound', kind: 'newsletter', occurredAt: '2024-06-03T02:00:00Z' };
  const { position: last } = await api.post('/v1/interactions', { customer: { customerId: id }, ...sent });
  expect(await api.read(on, last)).toMatchObject({ preferences });
  expect(await ask(id, '&asOf=2024-06-04T02:00:00Z')).toMatchObject({
    allowed: false,
    preferred: true,
    language: 'zh-Hans',
    refusals: [{ code: 'TOO_OFTEN', until: '2024-06-10T02:00:00.000Z' }],
  });
  expect(await codes(id, '&asOf=2024-06-10T02:00:00Z')).toEqual([]);
  expect(await codes(id, '&asOf=2024-06-10T12:00:00Z')).toEqual(['OUTSIDE_HOURS']);
  expect(await codes(id, '&asOf=9000-01-01T02:00:00Z')).toEqual([]);
  expect(await codes(id, '&asOf=9000-01-01T12:00:00Z')).toEqual(['OUTSIDE_HOURS']);

  // The same again is no news; null removes; the timeline tells.
  const again = await api.command('PATCH', `${on}/preferences`, { language: 'zh-Hans' });
  expect(again.revision).toBe(changed.revision);
  const cleared = await api.command('PATCH', `${on}/preferences`, { hours: null, refused: ['email'] });
  expect(await codes(id, '', cleared.position)).toEqual(['CHANNEL_REFUSED']);
  const timeline = await api.read<Page>(`${on}/timeline?type=CustomerPreferencesChanged`, cleared.position);
  expect(timeline.items.map(({ data }) => (data as Json)['changed'])).toEqual([
    ['preferences.refused', 'preferences.hours'],
    ['preferences.channels', 'preferences.hours', 'preferences.frequency', 'preferences.language'],
  ]);
  const profile = await api.read<{ provenance: Json }>(on, cleared.position);
  expect(profile.provenance).toHaveProperty(['preferences.refused', 'actor']);
});

it('follows merges and erasure', async () => {
  const { id: a } = await api.register({ occurredAt: '2024-01-01T00:00:00Z' });
  const { id: b } = await api.register({ ...email('p2@example.org'), occurredAt: '2024-01-01T00:00:00Z' });
  await api.post(`/v1/customers/${b}/consents`, consent('granted', '2024-02-01T00:00:00Z'));
  await api.command('PATCH', `/v1/customers/${a}/preferences`, { refused: ['phone'] });
  expect(await codes(a, '', (await api.head()) ?? '')).toEqual(['CONSENT_MISSING', 'NOT_REACHABLE']);
  const merge = await api.post('/v1/merges', { survivor: a, others: [b] });
  expect(await codes(a, '', merge.position)).toEqual([]);
  expect(await api.read(`/v1/customers/${b}`)).toMatchObject({ preferences: { refused: ['phone'] } });
  const { position } = await api.post(`/v1/merges/${merge.id}/unmerge`, {});
  expect(await codes(a, '', position)).toEqual(['CONSENT_MISSING', 'NOT_REACHABLE']);
  expect(await codes(b, '')).toEqual([]);
  await api.command('DELETE', `/v1/customers/${b}?reason=asked`);
  const gone = await api.send('GET', `/v1/customers/${b}/permissions?purpose=newsletter&channel=email`);
  expect(gone.status).toBe(410);
});

it('refuses what it cannot read, and says where', async () => {
  const { id } = await api.register();
  const wrong: [Json, string[]][] = [
    [{ channels: 'email' }, ['/channels']],
    [{ channels: ['email'], refused: ['sms', 'email'] }, ['/refused/1']],
    [{ hours: { timeZone: 'Mars/Base', windows: [] } }, ['/hours/timeZone', '/hours/windows']],
    [
      { hours: { timeZone: 'UTC', windows: [{ from: '9:00', to: '25:00', days: [0] }] } },
      ['/hours/windows/0/days/0', '/hours/windows/0/from', '/hours/windows/0/to'],
    ],
    [{ frequency: { atMost: 31, days: 0 } }, ['/frequency/atMost', '/frequency/days']],
    [{ language: 'English!' }, ['/language']],
    [{ colour: 'red' }, ['/colour']],
  ];
  for (const [json, pointers] of wrong) {
    const { status, body } = await api.send<Problem>('PATCH', `/v1/customers/${id}/preferences`, { json });
    expect([status, body.errors?.map(({ pointer }) => pointer).sort()]).toEqual([422, pointers]);
  }
  const pointersOf = async (query: string): Promise<string[] | undefined> =>
    (await api.send<Problem>('GET', `/v1/customers/${id}/permissions?${query}`)).body.errors?.map(
      ({ pointer }) => pointer,
    );
  expect((await pointersOf(''))?.sort()).toEqual(['/channel', '/purpose']);
  expect(await pointersOf('purpose=a&channel=b&asOf=yesterday')).toEqual(['/asOf']);
  expect(await pointersOf('purpose=a&channel=b&asof=2024-01-01T00:00:00Z')).toEqual(['/asof']);
  const nobody = '/v1/customers/00000000-0000-4000-8000-000000000000/preferences';
  expect((await api.send('PATCH', nobody, { json: { language: 'en' } })).status).toBe(404);
});
