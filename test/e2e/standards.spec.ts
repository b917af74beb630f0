/**
 * Data standards as a service team uses them, on the built product: published, tried, in force for every way in, refusing
 * with a pointer and the rule, and named by the events that they accepted.
 */
import { RunningProduct } from '../support/running-product.js';
import { Api, type Answer, type Json, type Outcome, type Problem } from './api.js';

let product: RunningProduct;
let api: Api;

beforeAll(async () => {
  product = await RunningProduct.create({ DEMO: 'off', DEFAULT_PHONE_REGION: 'CN' });
  await product.start();
  api = new Api(product.url);
});
afterAll(() => product?.dispose());

const RESIDENT = 'external.cn-resident-id';
const CREDIT = 'external.cn-credit-code';
const put = <Body = Outcome>(
  field: string,
  json: unknown,
  headers: Record<string, string> = {},
): Promise<Answer<Body>> => api.send<Body>('PUT', `/v1/standards/${field}`, { json, headers });
const publish = async (field: string, ...rules: Json[]): Promise<void> => {
  const { status, text } = await put(field, { rules });
  if (status >= 300) throw new Error(`${field}: ${status} ${text}`);
};
const external = (system: string, value: string): Json => ({ kind: 'external', system, value });

/** Status, code, and every pointer with its code. */
function refusal({ status, body }: Answer<Problem>): [number, string, [string, string][]] {
  return [status, body.code, (body.errors ?? []).map(({ pointer, code }) => [pointer, code])];
}
const refused = async (method: string, path: string, json: unknown): Promise<ReturnType<typeof refusal>> =>
  refusal(await api.send<Problem>(method, path, { json }));
const standardsOf = async (id: string): Promise<unknown[]> =>
  (await api.events()).filter(({ stream }) => stream === `customer-${id}`).map(({ data }) => data['standards']);

it('ships with none in force, and what is ready-made is published as it stands in the description', async () => {
  expect(await api.read('/v1/standards')).toEqual({ items: [] });
  const { id } = await api.register({ traits: { any: 'thing' }, identities: [external('cn-resident-id', 'whatever')] });
  expect(await standardsOf(id)).toEqual([undefined]);

  interface Described {
    paths: Record<
      string,
      { put: { requestBody: { content: Record<string, { examples: Record<string, { value: Json }> }> } } }
    >;
  }
  const { paths } = await api.read<Described>('/openapi.json');
  const { examples = {} } = paths['/v1/standards/{field}']?.put.requestBody.content['application/json'] ?? {};
  expect(Object.keys(examples)).toEqual([RESIDENT, CREDIT, 'address.postalCode', 'phone']);
  for (const [field, { value }] of Object.entries(examples)) {
    const { status, headers, body } = await put(field, value);
    expect([field, status, body.id, body.revision]).toEqual([field, 201, field, 0]);
    expect(headers.get('location')).toBe(`/v1/standards/${field}`);
    expect((await put(field, value)).body).toEqual(body);
  }
  const { items } = await api.read<{ items: Json[] }>('/v1/standards');
  expect(items.map(({ field, version, inForce }) => [field, version, inForce])).toEqual(
    Object.keys(examples)
      .sort()
      .map((field) => [field, 1, true]),
  );
});

it('tells what it would say of a value, and writes nothing', async () => {
  const before = await api.head();
  const check = async (field: string, json: Json): Promise<Json> => {
    const { status, body } = await api.send('POST', `/v1/standards/${field}/check`, { json });
    expect(status).toBe(200);
    return body;
  };
  expect(await check(RESIDENT, { value: '11010519491231002X' })).toEqual({ accepted: true, version: 1, refusals: [] });
  expect(await check(RESIDENT, { value: '110105194912310021' })).toEqual({
    accepted: false,
    version: 1,
    refusals: [
      {
        rule: 'cn-resident-id',
        index: 0,
        code: 'CN_RESIDENT_ID',
        detail: expect.stringMatching(/check digit is wrong \(GB 11643-1999\)/),
      },
    ],
  });
  expect(await check(CREDIT, { value: '91350100M000100Y44' })).toMatchObject({
    accepted: false,
    refusals: [{ detail: expect.stringMatching(/GB 32100-2015/) }],
  });
  expect(await check(RESIDENT, { value: '11010519491231002X', with: { birthDate: '1950-01-01' } })).toMatchObject({
    accepted: false,
    refusals: [{ detail: expect.stringMatching(/another birth date/) }],
  });
  const postal = { value: 'SW1A 1AA' };
  expect(await check('address.postalCode', { ...postal, with: { 'address.country': 'GB' } })).toMatchObject({
    accepted: true,
  });
  expect(await check('address.postalCode', { ...postal, with: { 'address.country': 'CN' } })).toMatchObject({
    accepted: false,
  });
  expect(await check('traits.none', { value: null })).toEqual({ accepted: true, refusals: [] });
  expect(await refused('POST', '/v1/standards/nothing/check', { value: 1 })).toMatchObject([
    422,
    'VALIDATION_FAILED',
    [['/field', 'NOT_TEXT']],
  ]);
  expect(await refused('POST', `/v1/standards/${RESIDENT}/check`, { value: [], with: { a: {} }, more: 1 })).toEqual([
    422,
    'VALIDATION_FAILED',
    [
      ['/more', 'UNKNOWN_FIELD'],
      ['/value', 'NOT_A_VALUE'],
      ['/with/a', 'NOT_A_VALUE'],
    ],
  ]);
  expect(await api.head()).toBe(before);
});

it('holds every way in to it: what is refused says where and by which rule, what is accepted under which version', async () => {
  await publish('traits.tier', { kind: 'one-of', values: ['gold', 'silver'] });
  await publish('birthDate', { kind: 'before-duration', atLeast: 'P18Y' });
  const before = await api.head();
  const wrong = {
    kind: 'person',
    birthDate: new Date().toISOString().slice(0, 10),
    traits: { tier: 'bronze' },
    address: { country: 'CN', postalCode: '000000' },
    identities: [{ kind: 'phone', value: '010 65551234' }, external('cn-resident-id', '110105194912310021')],
  };
  const answer = await api.send<Problem>('POST', '/v1/customers', { json: wrong });
  expect(refusal(answer)).toEqual([
    422,
    'STANDARD_REFUSED',
    [
      ['/address/postalCode', 'CN_POSTAL_CODE'],
      ['/birthDate', 'BEFORE_DURATION'],
      ['/identities/1/value', 'CN_RESIDENT_ID'],
      ['/identities/0/value', 'CN_MOBILE'],
      ['/traits/tier', 'ONE_OF'],
    ],
  ]);
  expect(answer.headers.get('content-type')).toMatch(/^application\/problem\+json/);
  const resident = answer.body.errors?.find(({ code }) => code === 'CN_RESIDENT_ID');
  expect(resident?.detail).toMatch(/check digit is wrong .*standard external\.cn-resident-id, version 1/);
  expect(answer.body.details?.['standards']).toContainEqual({ field: RESIDENT, version: 1 });
  // What somebody typed is not told again: an answer may be logged.
  expect(answer.text).not.toMatch(/110105194912310021|65551234|bronze/);
  expect(await api.head()).toBe(before);

  const { id } = await api.register({
    birthDate: '1949-12-31',
    traits: { tier: 'gold', other: 1 },
    identities: [external('cn-resident-id', '11010519491231002X')],
  });
  expect(await refused('PATCH', `/v1/customers/${id}`, { traits: { tier: 'tin' }, birthDate: '1949-12-30' })).toEqual([
    422,
    'STANDARD_REFUSED',
    [
      ['/birthDate', 'CN_RESIDENT_ID'],
      ['/traits/tier', 'ONE_OF'],
    ],
  ]);
  expect(
    await refused('POST', `/v1/customers/${id}/identities`, external('cn-credit-code', '91350100M000100Y34')),
  ).toEqual([422, 'STANDARD_REFUSED', [['/value', 'CN_CREDIT_CODE']]]);
  await api.post(`/v1/customers/${id}/identities`, external('cn-credit-code', '91350100M000100Y43'));
  await api.command('PATCH', `/v1/customers/${id}`, { traits: { other: 2 } });
  await api.command('PATCH', `/v1/customers/${id}`, { traits: { tier: 'silver' } });
  expect(await standardsOf(id)).toEqual([
    [
      { field: 'birthDate', version: 1 },
      { field: RESIDENT, version: 1 },
      { field: 'traits.tier', version: 1 },
    ],
    [{ field: CREDIT, version: 1 }],
    undefined,
    [{ field: 'traits.tier', version: 1 }],
  ]);
  // The id is sealed and finds the customer; the version is in the clear.
  expect(JSON.stringify(await api.events())).not.toContain('11010519491231002X');
  await api.post('/v1/interactions', {
    customer: { identity: external('cn-resident-id', '11010519491231002X') },
    channel: 'web',
    direction: 'inbound',
    kind: 'visit',
  });
  const seen = (await api.events()).find(({ type }) => type === 'InteractionRecorded');
  expect(seen?.metadata['customerId']).toBe(id);
  // And it belongs to one customer.
  expect(
    (
      await refused('POST', '/v1/customers', {
        kind: 'person',
        identities: [external('cn-resident-id', '11010519491231002X')],
      })
    )[1],
  ).toBe('IDENTITY_TAKEN');

  const [line] = await api.lines([
    { id: 'l', type: 'RegisterCustomer', data: { kind: 'person', traits: { tier: 'x' } } },
  ]);
  expect([line?.status, line?.problem?.code]).toEqual([422, 'STANDARD_REFUSED']);
});

it('an import tells a refusal as an error of the cell, with line and column; other rows go through', async () => {
  const csv = [
    'ID,Name,Date of birth,traits.tier,external.cn-credit-code,Postal code,Country',
    'R1,Row One,1980-05-05,gold,91350100M000100Y43x,100000,CN',
    'R2,Row Two,1980-05-05,lead,,999999,CN',
    'R3,Row Three,1980-05-05,gold,91110000600037341L,100000,CN',
  ].join('\n');
  const run = async (query: string): Promise<Json[]> => {
    const headers = { 'content-type': 'text/csv' };
    const { text } = await api.send('POST', `/v1/imports?source=crm&name=${query}`, { raw: csv, headers });
    return text
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as Json);
  };
  for (const query of ['dry&dryRun=true', 'wet']) {
    const news = await run(query);
    const errors = news.filter(({ kind }) => kind === 'error').map(({ error }) => error as Json);
    expect(errors.map(({ line, column, name, code }) => [line, column, name, code])).toEqual([
      [2, 5, 'external.cn-credit-code', 'CN_CREDIT_CODE'],
      [3, 6, 'Postal code', 'CN_POSTAL_CODE'],
      [3, 4, 'traits.tier', 'ONE_OF'],
    ]);
    expect(news.at(-1)).toMatchObject({ summary: { counts: { rows: 3, registered: 1, failed: 2 } } });
  }
  const imported = (await api.events()).filter(
    ({ type, metadata }) => type === 'CustomerRegistered' && metadata['source'] === 'crm',
  );
  expect(imported.map(({ data }) => data['standards'])).toEqual([
    [
      { field: 'address.postalCode', version: 1 },
      { field: 'birthDate', version: 1 },
      { field: CREDIT, version: 1 },
      { field: 'traits.tier', version: 1 },
    ],
  ]);
  // The same rows again: what was registered says nothing new, the others are refused again.
  expect((await run('wet')).at(-1)).toMatchObject({ summary: { counts: { unchanged: 1, failed: 2 } } });
});

it('has versions: the old one stays readable, a stale If-Match is refused, and what was accepted stays', async () => {
  const before = await api.register({ traits: { tier: 'gold' } });
  const first = await api.send<Json>('GET', '/v1/standards/traits.tier');
  expect([first.status, first.headers.get('etag'), first.body['version']]).toEqual([200, '"0"', 1]);
  const rules = [{ kind: 'one-of', values: ['platinum'] }, { kind: 'required' }];
  const second = await put('traits.tier', { rules }, { 'If-Match': '"0"' });
  expect([second.status, second.headers.get('etag')]).toEqual([200, '"1"']);
  const stale = await put<Problem>('traits.tier', { rules: [] }, { 'If-Match': '"0"' });
  expect([stale.status, stale.body.code]).toEqual([412, 'PRECONDITION_FAILED']);
  expect(await api.read('/v1/standards/traits.tier/versions/1')).toEqual({ ...first.body, inForce: false });
  expect(await api.read('/v1/standards/traits.tier/versions/2')).toMatchObject({ version: 2, rules, inForce: true });
  for (const path of ['/v1/standards/traits.tier/versions/3', '/v1/standards/weibo']) {
    const { status, body } = await api.send<Problem>('GET', path);
    expect([path, status, body.code]).toEqual([path, 404, 'STANDARD_NOT_FOUND']);
  }
  expect((await api.send('GET', '/v1/standards/traits.tier', { headers: { 'if-none-match': '"1"' } })).status).toBe(
    304,
  );

  expect(await refused('POST', '/v1/customers', { kind: 'person', traits: { tier: 'gold' } })).toEqual([
    422,
    'STANDARD_REFUSED',
    [['/traits/tier', 'ONE_OF']],
  ]);
  expect(await refused('POST', '/v1/customers', { kind: 'person' })).toEqual([
    422,
    'STANDARD_REFUSED',
    [['/traits/tier', 'REQUIRED']],
  ]);
  expect(await api.read(`/v1/customers/${before.id}`, before.position)).toMatchObject({ traits: { tier: 'gold' } });
  const { id } = await api.register({ traits: { tier: 'platinum' } });
  expect(await standardsOf(id)).toEqual([[{ field: 'traits.tier', version: 2 }]]);
  // Out of force.
  await put('traits.tier', { rules: [] });
  expect(
    (await api.read<{ items: Json[] }>('/v1/standards')).items.filter(({ field }) => field === 'traits.tier'),
  ).toMatchObject([{ version: 3, rules: [] }]);
  await api.register({ traits: { tier: 'gold' } });
});

it('refuses definitions that are wrong, with a pointer to every place', async () => {
  const before = await api.head();
  expect(
    await refused('PUT', '/v1/standards/note', {
      rules: [
        { kind: 'nonsense' },
        { kind: 'max-length' },
        { kind: 'max-length', max: 'x', more: 1 },
        { kind: 'before-duration', atLeast: '18 years' },
        { kind: 'required', when: { in: [] } },
        7,
      ],
      from: 'tomorrow',
    }),
  ).toEqual([
    422,
    'VALIDATION_FAILED',
    [
      ['/rules/0/kind', 'NOT_ONE_OF'],
      ['/rules/1/max', 'REQUIRED'],
      ['/rules/2/more', 'UNKNOWN_FIELD'],
      ['/rules/2/max', 'NOT_A_WHOLE_NUMBER'],
      ['/rules/3/atLeast', 'NOT_TEXT'],
      ['/rules/4/when/field', 'REQUIRED'],
      ['/rules/4/when/in', 'WRONG_NUMBER_OF_ITEMS'],
      ['/rules/5', 'NOT_AN_OBJECT'],
      ['/from', 'NOT_AN_INSTANT'],
    ],
  ]);
  expect(
    await refused('PUT', '/v1/standards/note', {
      rules: [
        { kind: 'regex', pattern: '(?=a)' },
        { kind: 'min-number', min: 1 },
        { kind: 'unique' },
        { kind: 'email-blocked-domains', domains: ['a.com', 'b'] },
        { kind: 'required', when: { field: 'nothing' } },
      ],
    }),
  ).toEqual([
    422,
    'RULES_WRONG',
    ['/rules/0/pattern', '/rules/1/kind', '/rules/2/kind', '/rules/3/domains/1', '/rules/4/when/field'].map(
      (pointer) => [pointer, 'RULE_WRONG'],
    ),
  ]);
  const past = { rules: [], from: '2020-01-01T00:00:00Z' };
  expect(await refused('PUT', '/v1/standards/note', past)).toEqual([
    422,
    'STANDARD_FROM_IN_PAST',
    [['/from', 'STANDARD_FROM_IN_PAST']],
  ]);
  expect(await refused('PUT', '/v1/standards/nose', { rules: [] })).toEqual([
    422,
    'VALIDATION_FAILED',
    [['/field', 'NOT_TEXT']],
  ]);
  const { items } = await api.read<{ items: Json[] }>('/v1/standards');
  expect(items.map(({ field }) => field)).not.toContain('note');
  // A field may have been named that has no standard; nothing else is written.
  const written = (await api.writtenSince(before)).map(({ type }) => type);
  expect(written.filter((type) => type !== 'StandardFieldNamed')).toEqual([]);
});

it('is in force again after a restart, and verify finds nothing', async () => {
  await product.kill();
  await product.start();
  expect(
    await refused('POST', '/v1/customers', { kind: 'person', birthDate: new Date().toISOString().slice(0, 10) }),
  ).toEqual([422, 'STANDARD_REFUSED', [['/birthDate', 'BEFORE_DURATION']]]);
  await product.verify();
});
