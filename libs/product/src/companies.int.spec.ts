/** People and the companies they belong to, over HTTP with all slices: both profiles, the list, merges and erasures. */
import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import { createHttpApp } from '@timeline/http';
import { newId } from '@timeline/kernel';
import { Harness } from '../../composing/src/testing/harness.js';
import { Api, type Json } from '../../../test/e2e/api.js';
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
const START = '2024-01-01T00:00:00.000Z';
const registered = async (kind: 'person' | 'company' = 'person', occurredAt = START): Promise<string> =>
  (await api.register({ kind, occurredAt })).id;
const join = (person: string, companyId: string, more: Json = {}, headers: Record<string, string> = {}) =>
  api.post(`/v1/customers/${person}/companies`, { companyId, ...more }, headers);
const leave = (person: string, companyId: string, more: Json = {}) =>
  api.post(`/v1/customers/${person}/companies/${companyId}/departure`, more);
const profile = async (id: string, query = ''): Promise<Json> => api.read(`/v1/customers/${id}${query}`, await head());
const people = async (id: string, query = ''): Promise<Json[]> =>
  api.all<Json>(`/v1/customers/${id}/people?limit=2${query}`, await head());
const typesOf = async (id: string): Promise<unknown[]> =>
  (await api.all<Json>(`/v1/customers/${id}/timeline`, await head())).map(({ type }) => type);

it('shows on both profiles and in the list who belongs to a company, as what, and who left', async () => {
  const company = await registered('company');
  const [ann, bob, cem] = (await Promise.all([registered(), registered(), registered()])).sort();
  if (ann === undefined || bob === undefined || cem === undefined) throw new Error('nobody was registered');
  await join(ann, company, { role: 'buyer', from: '2019-05-01', occurredAt: '2024-02-01T00:00:00Z' });
  await join(bob, company);
  await join(cem, company, { role: 'owner' });
  expect(await profile(ann)).toMatchObject({
    companies: [{ companyId: company, role: 'buyer', from: '2019-05-01' }],
  });
  expect(await profile(company)).toMatchObject({ people: 3 });

  // The same again writes nothing; another role does not make it another person, and what is not said stays.
  const before = await head();
  await join(bob, company);
  expect(await head()).toBe(before);
  await join(ann, company, { role: 'chief buyer' });
  await leave(cem, company, { to: '2024-03-31' });
  expect(await profile(company)).toMatchObject({ people: 2 });
  expect(await people(company)).toEqual([
    { personId: ann, companyId: company, role: 'chief buyer', from: '2019-05-01' },
    { personId: bob, companyId: company },
  ]);
  const left = { role: 'owner', left: true, to: '2024-03-31' };
  expect(await people(company, '&which=left')).toEqual([{ personId: cem, companyId: company, ...left }]);
  expect((await people(company, '&which=all')).map(({ personId }) => personId)).toEqual([ann, bob, cem]);
  expect(await profile(cem)).toMatchObject({ companies: [{ companyId: company, ...left }] });
  await join(cem, company);
  expect(await people(company, '&which=left')).toEqual([]);

  expect(await typesOf(cem)).toEqual([
    'CustomerJoinedCompany',
    'CustomerLeftCompany',
    'CustomerJoinedCompany',
    'CustomerRegistered',
  ]);
  expect((await typesOf(company)).filter((type) => type === 'CustomerJoinedCompany')).toHaveLength(5);
  const then = '?asOf=2024-02-02T00:00:00Z';
  expect(await profile(company, then)).toMatchObject({ people: 1 });
  expect(await profile(ann, then)).toMatchObject({ companies: [{ role: 'buyer' }] });
});

it('goes by source customers, so that merges of people and of companies are undone with nothing lost', async () => {
  const [large, small] = [await registered('company'), await registered('company')];
  const [ann, again, bob] = [await registered(), await registered(), await registered()];
  await join(ann, large, { role: 'buyer' });
  await join(again, large, { role: 'chief' });
  await join(again, small);
  await join(bob, small);
  const apart = [await profile(ann), await profile(again), await profile(large), await people(small)];

  const ofPeople = await api.post('/v1/merges', { survivor: ann, others: [again] });
  const ofCompanies = await api.post('/v1/merges', { survivor: large, others: [small] });
  const companies = [{ companyId: large, role: 'chief' }, { companyId: small }].sort((a, b) =>
    a.companyId < b.companyId ? -1 : 1,
  );
  for (const id of [ann, again]) expect(await profile(id)).toMatchObject({ companies });
  for (const id of [large, small]) {
    expect(await profile(id)).toMatchObject({ people: 4 });
    expect(await people(id)).toHaveLength(4);
  }

  await api.post(`/v1/merges/${ofPeople.id}/unmerge`, {});
  await api.post(`/v1/merges/${ofCompanies.id}/unmerge`, {});
  expect([await profile(ann), await profile(again), await profile(large), await people(small)]).toEqual(apart);
});

it('forgets a person who is erased in what is shown of the company, and the company with all that is its own', async () => {
  const company = await registered('company');
  const [ann, bob, cem] = [await registered(), await registered(), await registered()];
  for (const person of [ann, bob, cem]) await join(person, company);
  await leave(bob, company);
  await api.command('DELETE', `/v1/customers/${ann}`);
  await api.command('DELETE', `/v1/customers/${bob}`);
  expect(await profile(company)).toMatchObject({ people: 1 });
  expect((await people(company, '&which=all')).map(({ personId }) => personId)).toEqual([cem]);
  await api.command('DELETE', `/v1/customers/${company}`);
  expect(await api.send('GET', `/v1/customers/${company}/people`)).toMatchObject({ status: 410 });
});

it('answers a join that is sent again as the first time, whatever became of the company since', async () => {
  const [company, ann] = [await registered('company'), await registered()];
  const headers = { 'idempotency-key': newId() };
  const first = await join(ann, company, {}, headers);
  await api.command('DELETE', `/v1/customers/${company}`);
  expect(await join(ann, company, {}, headers)).toEqual(first);
  const other = await api.send('POST', `/v1/customers/${ann}/companies`, {
    json: { companyId: company, role: 'buyer' },
    headers,
  });
  expect([other.status, (other.body as Json)['code']]).toEqual([422, 'IDEMPOTENCY_KEY_REUSED']);
  // A new one is refused, and told of whom.
  const late = await api.send('POST', `/v1/customers/${ann}/companies`, { json: { companyId: company } });
  expect([late.status, late.body]).toEqual([
    410,
    expect.objectContaining({ code: 'CUSTOMER_ERASED', errors: [expect.objectContaining({ pointer: '/companyId' })] }),
  ]);
});

it('refuses who is no person or company, what is in no order, and what is not there', async () => {
  const [company, person, other] = [await registered('company'), await registered(), await registered()];
  await join(person, company, { from: '2024-02-01', occurredAt: '2024-02-01T00:00:00Z' });
  const joins = (id: string): string => `/v1/customers/${id}/companies`;
  const departs = (id: string): string => `${joins(id)}/${company}/departure`;
  for (const [path, json, status, code, pointer] of [
    [joins(company), { companyId: company }, 422, 'NOT_A_PERSON', undefined],
    [joins(person), { companyId: other }, 422, 'NOT_A_COMPANY', '/companyId'],
    [joins(person), { companyId: newId() }, 404, 'CUSTOMER_NOT_FOUND', '/companyId'],
    [joins(newId()), { companyId: company }, 404, 'CUSTOMER_NOT_FOUND', undefined],
    [joins(person), { companyId: company, from: '2024-02-30' }, 422, 'VALIDATION_FAILED', '/from'],
    [joins(person), { company }, 422, 'VALIDATION_FAILED', '/companyId'],
    [
      joins(person),
      { companyId: company, role: 'r', occurredAt: START },
      422,
      'MEMBERSHIP_OUT_OF_ORDER',
      '/occurredAt',
    ],
    [departs(other), {}, 422, 'NOT_IN_COMPANY', '/companyId'],
    [departs(person), { to: '2024-01-31' }, 422, 'LEFT_BEFORE_JOINED', '/to'],
    [departs(person), { occurredAt: START }, 422, 'MEMBERSHIP_OUT_OF_ORDER', '/occurredAt'],
  ] as const) {
    const answer = await api.send('POST', path, { json });
    expect([json, answer.status, (answer.body as Json)['code']]).toEqual([json, status, code]);
    if (pointer !== undefined)
      expect(answer.body).toMatchObject({ errors: expect.arrayContaining([expect.objectContaining({ pointer })]) });
  }
  expect(await api.send('GET', `/v1/customers/${newId()}/people`)).toMatchObject({ status: 404 });
  expect(await api.send('GET', `/v1/customers/${company}/people?which=x`)).toMatchObject({ status: 422 });
});
