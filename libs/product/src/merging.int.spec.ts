/** Merging over HTTP with all slices: one customer under every member's id, two again after it, and what is refused. */
import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import { createHttpApp } from '@timeline/http';
import { newId } from '@timeline/kernel';
import { Harness } from '../../composing/src/testing/harness.js';
import { Api, type Json, type Outcome, type Page, type Problem } from '../../../test/e2e/api.js';
import { productSlices } from './index.js';

let harness: Harness;
let app: NestFastifyApplication;
let api: Api;
let count = 0;

beforeAll(async () => {
  harness = await Harness.start({ slices: productSlices({ reportingTimeZone: 'UTC', defaultPhoneRegion: 'DE' }) });
  app = await createHttpApp(harness.product.module({ providers: [], controllers: [] }), {
    openApi: { title: 'test', version: '0' },
  });
  await app.listen(0, '127.0.0.1');
  api = new Api(await app.getUrl());
  await api.command('PUT', '/v1/surveys/nps', { kind: 'NPS', title: 'Would you?' });
});
afterAll(async () => {
  await app?.close();
  await harness?.dispose();
});

const registered = async (more: Json = {}): Promise<string> => (await api.register(more)).id;
const head = async (): Promise<string> => (await harness.product.events.head())?.position ?? '';
const email = (): Json => ({ kind: 'email', value: `merged${++count}@example.com` });
const merge = (survivor: string, others: string[], more: Json = {}): Promise<Outcome> =>
  api.post('/v1/merges', { survivor, others, ...more });
const unmerge = (mergeId: string): Promise<Outcome> => api.post(`/v1/merges/${mergeId}/unmerge`, {});

/** Something in every read model. */
async function lives(customer: Json, day: number): Promise<void> {
  const at = { occurredAt: `2024-03-${String(day).padStart(2, '0')}T00:00:00Z` };
  const lines = [{ sku: 'a', name: 'A', quantity: '1', unitPrice: String(day) }];
  await api.post('/v1/interactions', { customer, channel: 'web', direction: 'inbound', kind: 'visit', ...at });
  await api.post('/v1/purchases', { customer, channel: 'web', currency: 'EUR', lines, ...at });
  await api.post('/v1/feedback', { customer, channel: 'web', kind: 'complaint', subject: 'Late', ...at });
  await api.post('/v1/surveys/nps/answers', { customer, score: 9, channel: 'web', ...at });
}

interface Seen {
  profile: Json;
  timeline: Json[];
  segments: Json[];
  loyalty: Json;
  cases: Json[];
}

/** Everything there is to read about a customer, but for under whom it is asked and for when. */
async function seen(customerId: string): Promise<Seen> {
  const position = await head();
  const { customerId: _id, ...profile } = await api.read(`/v1/customers/${customerId}`, position);
  const { customerId: _of, asOf: _at, ...loyalty } = await api.read(`/v1/loyalty/${customerId}`, position);
  const { items: segments } = await api.read<Page>(`/v1/customers/${customerId}/segments?asOf=2024-03-20T00:00:00Z`);
  return {
    profile,
    timeline: await api.all(`/v1/customers/${customerId}/timeline?limit=3`, position),
    segments,
    loyalty,
    cases: await api.all(`/v1/feedback?customerId=${customerId}&limit=1`, position),
  };
}

it('shows merged customers as one under every id, and as two again once it is undone, with what came since', async () => {
  const [mail, other] = [email(), email()];
  const a = await registered({ name: { full: 'Ann Quillon' }, identities: [mail] });
  const b = await registered({ name: { full: 'Ann Lee' }, identities: [other] });
  await lives({ customerId: a }, 1);
  await lives({ customerId: b }, 2);
  await api.post(`/v1/loyalty/${a}/earnings`, { points: 5, reason: 'r' });
  await api.post(`/v1/loyalty/${b}/earnings`, { points: 7, reason: 'r' });
  const [onlyA, onlyB] = [await seen(a), await seen(b)];

  const apart = await head();
  const { id: mergeId, position: merged } = await merge(b, [a], { reason: 'same phone' });
  const [asA, asB] = [await seen(a), await seen(b)];
  expect(asA).toEqual(asB);
  expect(asA.profile).toMatchObject({
    survivor: b,
    members: [a, b].sort(),
    name: { full: 'Ann Lee' },
    purchases: { count: 2, byCurrency: { EUR: { gross: '3', returned: '0', net: '3' } } },
    cases: { total: 2 },
    points: 12,
    provenance: { name: { candidates: [{ customerId: a, value: { full: 'Ann Quillon' } }] } },
  });
  expect(asA.loyalty).toMatchObject({ balance: 12, members: [a, b].sort(), purchases: { count: 2 } });
  expect(asA.cases).toHaveLength(2);
  // The merge itself is one entry.
  expect(asA.timeline).toHaveLength(onlyA.timeline.length + onlyB.timeline.length + 1);
  const names = (await api.all<Json>('/v1/customers?q=ann', await head())).map(({ customerId }) => customerId);
  expect(names).toContain(b);
  expect(names).not.toContain(a);
  // By the name that is not shown too.
  const known = await api.all<Json>('/v1/customers?q=quillon', await head());
  expect(known.map(({ customerId }) => customerId)).toEqual([b]);
  const promoters = await api.all<Json>('/v1/segments/promoter/members', await head());
  expect(promoters.map(({ customerId }) => customerId).filter((id) => id === a || id === b)).toEqual([b]);

  // What comes in goes on under whom it comes in, by id and by identity.
  await lives({ identity: mail }, 3);
  await lives({ customerId: b }, 4);
  expect((await seen(a)).profile).toMatchObject({ purchases: { count: 4 }, interactions: { total: 4 } });

  await unmerge(mergeId);
  const [partedA, partedB] = [await seen(a), await seen(b)];
  expect(partedA.profile).toMatchObject({
    members: [a],
    survivor: a,
    name: { full: 'Ann Quillon' },
    purchases: { count: 2 },
    points: 5,
  });
  expect(partedB.profile).toMatchObject({ members: [b], survivor: b, purchases: { count: 2 }, points: 7 });
  expect(partedA.loyalty).toMatchObject({ balance: 5, members: [a], purchases: { count: 2 } });
  const purchasesOf = ({ timeline }: Seen): unknown[] =>
    timeline.flatMap(({ type, data }) => (type === 'PurchaseRecorded' ? [(data as Json)['total']] : []));
  expect(purchasesOf(partedA)).toEqual(['3', '1']);
  expect(purchasesOf(partedB)).toEqual(['4', '2']);
  expect(partedA.cases).toHaveLength(2);

  // Whom they were merged with goes by what was known then.
  const asOf = (knownAt: string): Promise<Json> => api.read(`/v1/customers/${a}?knownAt=${knownAt}`);
  expect(await asOf(apart)).toMatchObject({ members: [a], purchases: { count: 1 }, points: 5 });
  expect(await asOf(merged)).toMatchObject({
    members: [a, b].sort(),
    survivor: b,
    purchases: { count: 2 },
    points: 12,
  });
  const thenA = await api.all<Json>(`/v1/customers/${a}/timeline?limit=3&knownAt=${merged}`);
  expect(thenA).toEqual(await api.all<Json>(`/v1/customers/${b}/timeline?limit=200&knownAt=${merged}`));
  expect(thenA).toHaveLength(onlyA.timeline.length + onlyB.timeline.length + 1);
  expect(await asOf(await head())).toMatchObject({ members: [a], purchases: { count: 2 } });
});

it('merges a pair of duplicates that a person confirms, once', async () => {
  const record = { name: { full: 'Clementine Birdwhistle' }, birthDate: '1944-04-14' };
  const [a, b] = [await registered(record), await registered(record)].sort();
  const pair = `${a}.${b}`;
  const isFound = async (): Promise<boolean> =>
    (await api.all<Json>('/v1/duplicates?status=suspected&limit=200')).some(({ pairId }) => pairId === pair);
  while (!(await isFound())) await new Promise((resolve) => setTimeout(resolve, 50));
  for (let times = 0; times < 2; times += 1) {
    const headers = { 'idempotency-key': 'confirmed' };
    await api.send('POST', `/v1/duplicates/${pair}/confirmation`, { json: { survivor: b }, headers });
  }
  expect(await api.read(`/v1/customers/${a}`, await head())).toMatchObject({ survivor: b, members: [a, b] });
  expect(await api.all<Json>(`/v1/customers/${a}/merges`, await head())).toHaveLength(1);
});

it('lets merges be laid over each other and undone in any order', async () => {
  const [a, b, c] = [await registered(), await registered(), await registered()];
  const { id: first } = await merge(a, [b]);
  const { id: second } = await merge(c, [b]);
  const { id: third } = await merge(a, [c]);
  const groupOf = async (id: string): Promise<unknown> => {
    const { survivor, members } = await api.read(`/v1/customers/${id}`, await head());
    return { survivor, members };
  };
  const all = [a, b, c].sort();
  expect(await groupOf(b)).toEqual({ survivor: a, members: all });
  await unmerge(first);
  expect(await groupOf(b)).toEqual({ survivor: a, members: all });
  await unmerge(third);
  expect([await groupOf(a), await groupOf(b)]).toEqual([
    { survivor: a, members: [a] },
    { survivor: c, members: [b, c].sort() },
  ]);
  const merges = await api.all<Json>(`/v1/customers/${a}/merges?limit=1`, await head());
  expect(merges.map(({ mergeId, state }) => [mergeId, state])).toEqual([
    [third, 'undone'],
    [first, 'undone'],
  ]);
  expect(await api.read(`/v1/merges/${second}`)).toMatchObject({ state: 'open', survivor: c, others: [b] });
});

it('answers a merge and its undoing that are sent again as the first time', async () => {
  const [a, b] = [await registered(), await registered()];
  const headers = { 'idempotency-key': 'once' };
  const send = (): Promise<Outcome> => api.post('/v1/merges', { survivor: a, others: [b] }, headers);
  const merged = await send();
  expect(await send()).toEqual(merged);
  const undo = (): Promise<Outcome> => api.post(`/v1/merges/${merged.id}/unmerge`, {}, headers);
  const undone = await undo();
  expect(await undo()).toEqual(undone);
  const again = await api.send<Problem>('POST', `/v1/merges/${merged.id}/unmerge`, { json: {} });
  expect(again).toMatchObject({ status: 409, body: { code: 'MERGE_ALREADY_UNDONE' } });
  // Sent again, the merge stays undone.
  expect(await send()).toEqual(merged);
  expect(await api.read(`/v1/merges/${merged.id}`)).toMatchObject({ state: 'undone' });
});

it('refuses what cannot be merged and says where', async () => {
  const [a, b, gone] = [await registered(), await registered(), await registered()];
  await api.command('DELETE', `/v1/customers/${gone}`);
  const nobody = newId();
  const refused = async (json: Json, status: number, code: string, pointer?: string): Promise<void> => {
    const { status: answered, body } = await api.send<Problem>('POST', '/v1/merges', { json });
    expect({ answered, code: body.code }).toEqual({ answered: status, code });
    if (pointer !== undefined) expect(body.errors?.map((error) => error.pointer)).toContain(pointer);
  };
  const before = await head();
  await refused({ survivor: nobody, others: [a] }, 404, 'CUSTOMER_NOT_FOUND', '/survivor');
  await refused({ survivor: a, others: [b, nobody] }, 404, 'CUSTOMER_NOT_FOUND', '/others/1');
  await refused({ survivor: a, others: [gone] }, 410, 'CUSTOMER_ERASED', '/others/0');
  await refused({ survivor: a, others: [b, a] }, 422, 'MERGE_WITH_ITSELF', '/others/1');
  await refused({ survivor: a, others: [b, b] }, 422, 'VALIDATION_FAILED', '/others/1');
  await refused({ survivor: a, others: [] }, 422, 'VALIDATION_FAILED', '/others');
  await refused({ survivor: a, others: [b], more: 1 }, 422, 'VALIDATION_FAILED', '/more');
  const choices = [{ field: 'name', from: nobody }];
  await refused({ survivor: a, others: [b], choices }, 422, 'CHOICE_NOT_A_MEMBER', '/choices/0/from');
  await refused(
    { survivor: a, others: [b], choices: [{ field: 'x', from: a }] },
    422,
    'VALIDATION_FAILED',
    '/choices/0/field',
  );
  for (const path of [`/v1/merges/${nobody}`, `/v1/customers/${nobody}/merges`])
    expect((await api.send('GET', path)).status).toBe(404);
  expect((await api.send('POST', `/v1/merges/${nobody}/unmerge`, { json: {} })).status).toBe(404);
  const log = await api.read<Page>(`/v1/events?from=${before}`);
  expect(log.items.filter(({ type }) => type === 'CustomersMerged')).toEqual([]);
});
