/**
 * Bad input on the built product: each hole that a lenient server has, closed. Every refusal is RFC 9457 problem+json
 * with the right status, code and pointer, names no value, and leaves the log's head where it was.
 */
import { RunningProduct } from '../support/running-product.js';
import { openStores } from '../support/stores.js';
import { Api, sendRaw, type Answer, type Json, type Outcome, type Page, type Problem, type Sending } from './api.js';

let product: RunningProduct;
let api: Api;
/** Somebody who is there, with a purchase of 2, an open case, a resolved one, and 10 points. */
let customerId: string;
let purchaseId: string;
let caseId: string;
let resolvedId: string;
let position: string;

beforeAll(async () => {
  product = await RunningProduct.create({ DEMO: 'off' }, openStores);
  await product.start();
  api = new Api(product.url);
  ({ id: customerId } = await api.register({
    identities: [{ kind: 'email', value: 'somebody@example.org' }],
    stage: 'prospect',
    occurredAt: '2024-01-01T00:00:00Z',
  }));
  const customer = { customerId };
  ({ id: purchaseId } = await api.post('/v1/purchases', {
    customer,
    channel: 'web',
    currency: 'EUR',
    lines: [{ lineId: 'a', sku: 'A', name: 'A', quantity: '2', amount: '10.00' }],
    occurredAt: '2024-01-02T00:00:00Z',
  }));
  const open = { customer, kind: 'question', channel: 'web', subject: 'Why?', occurredAt: '2024-01-03T00:00:00Z' };
  ({ id: caseId } = await api.post('/v1/feedback', open));
  ({ id: resolvedId } = await api.post('/v1/feedback', open));
  await api.post(`/v1/feedback/${resolvedId}/resolution`, { resolution: 'told', occurredAt: '2024-01-04T00:00:00Z' });
  await api.command('PUT', '/v1/surveys/known', { kind: 'CSAT', title: 'Known?' });
  ({ position } = await api.post(`/v1/loyalty/${customerId}/earnings`, {
    points: 10,
    reason: 'start',
    occurredAt: '2024-01-05T00:00:00Z',
  }));
});
afterAll(() => product.dispose());

interface Expected {
  status: number;
  code: string;
  /** Each violation as `pointer code`; of a parameter, `in pointer code`. */
  errors?: string[];
}

const errorsOf = ({ errors = [] }: Problem): string[] =>
  errors.map(({ in: where, pointer, code }) => `${where ? `${where} ` : ''}${pointer} ${code}`);

function expectProblem(answer: Answer<Problem>, { status, code, errors }: Expected): void {
  const { body } = answer;
  expect({ status: answer.status, code: body.code, ...(errors && { errors: errorsOf(body) }) }).toEqual({
    status,
    code,
    ...(errors && { errors }),
  });
  expect(answer.headers.get('content-type')).toBe('application/problem+json; charset=utf-8');
  expect(body).toMatchObject({
    type: `/problems/${code.toLowerCase().replaceAll('_', '-')}`,
    title: expect.stringMatching(/./),
    status,
    detail: expect.stringMatching(/./),
    instance: `urn:uuid:${answer.headers.get('x-request-id')}`,
  });
}

/** The request is refused as expected, and nothing is written. */
async function refused(method: string, path: string, sending: Sending, expected: Expected): Promise<Answer<Problem>> {
  const head = await api.head();
  const answer = await api.send<Problem>(method, path, sending);
  expectProblem(answer, expected);
  expect(await api.writtenSince(head)).toEqual([]);
  return answer;
}

const invalid = (...errors: string[]): Expected => ({ status: 422, code: 'VALIDATION_FAILED', errors });
const unreadable = (code: string): Expected => ({ status: 400, code });

const register = '/v1/customers';
const ofCustomer = (rest = ''): string => `/v1/customers/${customerId}${rest}`;
const withName = (name: string): string => `{"kind":"person","name":{"full":"${name}"}}`;
const json = { 'content-type': 'application/json' };

describe('a body that cannot be read', () => {
  const deep = `{"kind":"person","name":${'['.repeat(100)}${']'.repeat(100)}}`;
  it.each<[what: string, body: string | Uint8Array, code: string, pointer?: string]>([
    ['cut off', '{"kind":"person"', 'MALFORMED_JSON', ''],
    ['with single quotes', "{'kind':'person'}", 'MALFORMED_JSON', ''],
    ['with a comma too many', '{"kind":"person",}', 'MALFORMED_JSON', ''],
    ['with text after its end', '{"kind":"person"} {}', 'MALFORMED_JSON', ''],
    ['with a comment', '{"kind":"person" /* who */}', 'MALFORMED_JSON', ''],
    ['with NaN', '{"kind":NaN}', 'MALFORMED_JSON', '/kind'],
    ['with Infinity', '{"kind":-Infinity}', 'MALFORMED_JSON', '/kind'],
    ['with a leading zero', '{"traits":{"seats":007}}', 'MALFORMED_JSON', '/traits'],
    ['with a number too large', '{"traits":{"seats":1e400}}', 'NUMBER_NOT_EXACT', '/traits/seats'],
    [
      'with a whole number that is not exact',
      '{"traits":{"seats":9007199254740993}}',
      'NUMBER_NOT_EXACT',
      '/traits/seats',
    ],
    ['with a member twice', '{"kind":"person","kind":"company"}', 'DUPLICATE_KEY', '/kind'],
    ['with a member twice, once escaped', '{"kind":"person","\\u006bind":"company"}', 'DUPLICATE_KEY', '/kind'],
    ['with a nested member twice', '{"name":{"full":"A","full":"B"}}', 'DUPLICATE_KEY', '/name/full'],
    ['with an escaped NUL', withName('A\\u0000B'), 'TEXT_HOLDS_NUL', '/name/full'],
    ['with half a surrogate pair', withName('\\ud83d'), 'TEXT_NOT_UNICODE', '/name/full'],
    ['with a pair the wrong way round', withName('\\ude00\\ud83d'), 'TEXT_NOT_UNICODE', '/name/full'],
    ['with a raw NUL', withName('A\0B'), 'MALFORMED_JSON', '/name/full'],
    ['with a raw line break in a string', withName('A\nB'), 'MALFORMED_JSON', '/name/full'],
    ['nested too deep', deep, 'JSON_TOO_DEEP', `/name${'/0'.repeat(63)}`],
    ['that is Latin-1', Buffer.from(withName('Jürgen'), 'latin1'), 'BODY_NOT_UTF8'],
    ['that is UTF-16', Buffer.from(withName('Ann'), 'utf16le'), 'MALFORMED_JSON', ''],
  ])('%s is refused', async (_what, raw, code, ...[pointer]) => {
    const errors = pointer === undefined ? {} : { errors: [`${pointer} ${code}`] };
    await refused('POST', register, { raw, headers: json }, { ...unreadable(code), ...errors });
  });

  it('of more than 256 KiB is answered 413', async () => {
    const raw = withName('x'.repeat(300 * 1024));
    await refused('POST', register, { raw, headers: json }, { status: 413, code: 'BODY_TOO_LARGE' });
  });

  it.each([
    ['text/plain', withName('Ann')],
    ['text/plain;application/json', withName('Ann')],
    ['application/x-www-form-urlencoded', 'kind=person'],
    ['multipart/form-data; boundary=x', '--x--'],
    ['application/json; charset=utf-16', withName('Ann')],
    ['application/json; charset=iso-8859-1', withName('Ann')],
    ['application/jsonp', withName('Ann')],
    ['application/x-ndjson', withName('Ann')],
    ['application/octet-stream', withName('Ann')],
  ])('of the media type %s is answered 415', async (type, raw) => {
    await refused(
      'POST',
      register,
      { raw, headers: { 'content-type': type } },
      { status: 415, code: 'UNSUPPORTED_MEDIA_TYPE' },
    );
  });

  it('without a media type is answered 415', async () => {
    const raw = Buffer.from(withName('Ann'));
    await refused('POST', register, { raw }, { status: 415, code: 'UNSUPPORTED_MEDIA_TYPE' });
  });

  it('of JSON to the NDJSON route is answered 415', async () => {
    await refused(
      'POST',
      '/v1/commands',
      { json: { id: '1', type: 'RegisterCustomer', data: { kind: 'person' } } },
      { status: 415, code: 'UNSUPPORTED_MEDIA_TYPE' },
    );
  });
});

describe('a body of the wrong shape', () => {
  it.each(['null', '[]', '[{"kind":"person"}]', '"person"', '5', 'true', ''])(
    '%j instead of an object is refused',
    async (raw) => {
      await refused('POST', register, { raw, headers: json }, invalid(' NOT_AN_OBJECT'));
    },
  );

  it.each<[what: string, body: Json, ...errors: string[]]>([
    ['nothing of what is required', {}, '/kind REQUIRED'],
    ['an array for a nested object', { kind: 'person', name: [] }, '/name NOT_AN_OBJECT'],
    ['an array of one for a nested object', { kind: 'person', name: [{ full: 'Ann' }] }, '/name NOT_AN_OBJECT'],
    ['a string for a nested object', { kind: 'person', name: 'Ann' }, '/name NOT_AN_OBJECT'],
    ['an object for an array', { kind: 'person', identities: { 0: {} } }, '/identities NOT_AN_ARRAY'],
    ['null in an array', { kind: 'person', identities: [null] }, '/identities/0 NOT_AN_OBJECT'],
    ['null for an optional member', { kind: 'person', note: null }, '/note NULL'],
    ['null for an optional object', { kind: 'person', name: null }, '/name NULL'],
    ['null for an optional instant', { kind: 'person', occurredAt: null }, '/occurredAt NULL'],
    ['null for a required member', { kind: null }, '/kind NULL'],
    ['an unknown member', { kind: 'person', nmae: 'Ann' }, '/nmae UNKNOWN_FIELD'],
    ['an unknown nested member', { kind: 'person', name: { full: 'A', nick: 'B' } }, '/name/nick UNKNOWN_FIELD'],
    ['the unknown member toString', { kind: 'person', toString: 'x' }, '/toString UNKNOWN_FIELD'],
    ['the unknown member constructor', { kind: 'person', constructor: {} }, '/constructor UNKNOWN_FIELD'],
    [
      'the unknown member valueOf in an object',
      { kind: 'person', name: { full: 'A', valueOf: 1 } },
      '/name/valueOf UNKNOWN_FIELD',
    ],
    ['a member of another command', { kind: 'person', customerId: 'x' }, '/customerId UNKNOWN_FIELD'],
    ['a number for text', { kind: 'person', note: 5 }, '/note NOT_TEXT'],
    ['an array for text', { kind: 'person', note: ['x'] }, '/note NOT_TEXT'],
    ['a word that is not one of the list', { kind: 'alien' }, '/kind NOT_ONE_OF'],
    [
      'text for a flag',
      { kind: 'person', identities: [{ kind: 'member', value: 'm-1', primary: 'true' }] },
      '/identities/0/primary NOT_A_BOOLEAN',
    ],
    ['text of blanks', { kind: 'person', note: ' \u200b' }, '/note NOT_TEXT'],
    ['text with a control character', { kind: 'person', note: 'a\u0007' }, '/note NOT_TEXT'],
    ['text too long', { kind: 'person', note: 'x'.repeat(2001) }, '/note NOT_TEXT'],
    ['a trait that is an object', { kind: 'person', traits: { plan: { a: 1 } } }, '/traits/plan NOT_A_TRAIT'],
    ['a trait that is null', { kind: 'person', traits: { plan: null } }, '/traits/plan NOT_A_TRAIT'],
    ['a trait named like an operator', { kind: 'person', traits: { $gt: 1 } }, '/traits/$gt KEY_NOT_ALLOWED'],
    ['a trait named like a path', { kind: 'person', traits: { 'a.b': 1 } }, '/traits/a.b KEY_NOT_ALLOWED'],
    [
      'several things wrong, all told',
      { kind: 'robot', birthDate: 'soon', region: '', extra: 1 },
      '/extra UNKNOWN_FIELD',
      '/kind NOT_ONE_OF',
      '/birthDate NOT_A_DATE',
      '/region NOT_TEXT',
    ],
    [
      'two primary identities of a kind',
      {
        kind: 'person',
        identities: [
          { kind: 'member', value: 'a1', primary: true },
          { kind: 'member', value: 'a2', primary: true },
        ],
      },
      '/identities PRIMARY_REPEATED',
    ],
  ])('with %s is refused', async (_what, body, ...errors) => {
    await refused('POST', register, { json: body }, invalid(...errors));
  });

  it.each(['__proto__', 'constructor', 'toString', 'hasOwnProperty'])(
    'with the unknown member %s, wherever it stands, is refused',
    async (name) => {
      const send = (raw: string, error: string): Promise<unknown> =>
        refused('POST', register, { raw, headers: json }, invalid(error));
      await send(`{"kind":"person","${name}":{"stage":"loyal"}}`, `/${name} UNKNOWN_FIELD`);
      await send(`{"kind":"person","name":{"full":"A","${name}":1}}`, `/name/${name} UNKNOWN_FIELD`);
    },
  );

  it('with __proto__ for a trait is refused', async () => {
    await refused(
      'POST',
      register,
      { raw: '{"kind":"person","traits":{"__proto__":"x"}}', headers: json },
      invalid('/traits/__proto__ KEY_NOT_ALLOWED'),
    );
  });

  it('does not have its values quoted in the answer', async () => {
    const secret = 'hidden@example.org';
    for (const body of [
      { kind: secret },
      { kind: 'person', birthDate: secret },
      { kind: 'person', note: `${secret}\u0007` },
      { kind: 'person', identities: [{ kind: 'phone', value: secret }] },
      { kind: 'person', identities: [{ kind: 'email', value: `${secret}@` }] },
    ]) {
      const answer = await api.send('POST', register, { json: body });
      expect([answer.status, answer.text.includes('hidden')]).toEqual([422, false]);
    }
    expect(product.log).not.toContain('hidden');
  });
});

describe('a date', () => {
  it.each([
    '2026-02-30T10:00:00Z',
    '2023-02-29T10:00:00Z',
    '2026-04-31T10:00:00Z',
    '2026-01-01T25:00:00Z',
    '2026-01-01T24:00:00Z',
    '2026-01-01T10:60:00Z',
    '2026-13-01T10:00:00Z',
    '2026-01-01T10:00:00',
    '2026-01-01',
    'yesterday',
    1_700_000_000_000,
  ])('%j is not an instant', async (occurredAt) => {
    await refused('POST', register, { json: { kind: 'person', occurredAt } }, invalid('/occurredAt NOT_AN_INSTANT'));
  });

  it.each(['2026-02-30', '2023-02-29', '2026-1-1', '01.01.2026', '2026-01-01T00:00:00Z'])(
    '%j is not a day',
    async (birthDate) => {
      await refused('POST', register, { json: { kind: 'person', birthDate } }, invalid('/birthDate NOT_A_DATE'));
    },
  );

  const inMinutes = (minutes: number): string => new Date(Date.now() + minutes * 60_000).toISOString();

  it('more than five minutes ahead is refused, one of a clock that is a little fast is not', async () => {
    const body = { customer: { customerId }, channel: 'web', direction: 'inbound', kind: 'visit' };
    for (const [address, json] of [
      ['/v1/interactions', body],
      [register, { kind: 'person' }],
      [ofCustomer('/consents'), { purpose: 'p', status: 'granted', textVersion: '1' }],
    ] as const) {
      await refused(
        'POST',
        address,
        { json: { ...json, occurredAt: inMinutes(7) } },
        { status: 422, code: 'OCCURRED_IN_FUTURE', errors: ['/occurredAt OCCURRED_IN_FUTURE'] },
      );
    }
    await api.post('/v1/interactions', { ...body, occurredAt: inMinutes(3) });
  });

  it('before the first of its stream is refused', async () => {
    const occurredAt = '2023-12-31T23:59:59Z';
    const expected = { status: 422, code: 'OCCURRED_BEFORE_START', errors: ['/occurredAt OCCURRED_BEFORE_START'] };
    await refused('PATCH', ofCustomer(), { json: { language: 'fr', occurredAt } }, expected);
    await refused('POST', `/v1/purchases/${purchaseId}/returns`, { json: { occurredAt } }, expected);
  });

  it('of birth that is yet to come is refused', async () => {
    await refused(
      'POST',
      register,
      { json: { kind: 'person', birthDate: '2999-01-01' } },
      { status: 422, code: 'BIRTH_DATE_IN_FUTURE', errors: ['/birthDate BIRTH_DATE_IN_FUTURE'] },
    );
  });
});

describe('money', () => {
  const buy = (line: Json, more: Json = {}): Json => ({
    customer: { customerId },
    channel: 'web',
    currency: 'EUR',
    lines: [{ sku: 'A', name: 'A', quantity: '1', ...line }],
    ...more,
  });

  it.each([
    12.5,
    1,
    '1e5',
    '1E2',
    '12.12345678901',
    'NaN',
    'Infinity',
    '-1',
    '+1',
    '1,5',
    '.5',
    '1.',
    '',
    ' 1',
    '٣',
    '0x10',
    true,
  ])('%j is not an amount', async (amount) => {
    await refused('POST', '/v1/purchases', { json: buy({ amount }) }, invalid('/lines/0/amount NOT_A_DECIMAL'));
  });

  it.each(['0.00001', '0', '-1', 1, '1e1'])('%j is not a quantity', async (quantity) => {
    const body = buy({ amount: '1', quantity });
    await refused('POST', '/v1/purchases', { json: body }, invalid('/lines/0/quantity NOT_A_DECIMAL'));
  });

  it.each(['EURO', 'eur', 'ZZZ', '', 978])('of the currency %j is refused', async (currency) => {
    const body = buy({ amount: '1' }, { currency });
    await refused('POST', '/v1/purchases', { json: body }, invalid('/currency NOT_A_CURRENCY'));
  });

  it.each<[what: string, body: () => Json, expected: Expected]>([
    ['both amount and unit price', () => buy({ amount: '1', unitPrice: '1' }), invalid('/lines/0 ONE_OF')],
    ['neither amount nor unit price', () => buy({}), invalid('/lines/0 ONE_OF')],
    ['no line', () => buy({}, { lines: [] }), invalid('/lines WRONG_NUMBER_OF_ITEMS')],
    [
      'a discount of more than there is',
      () => buy({ unitPrice: '1', discount: '1.01' }),
      { status: 422, code: 'DISCOUNT_TOO_LARGE', errors: ['/lines/0/discount DISCOUNT_TOO_LARGE'] },
    ],
    [
      'a line twice',
      () =>
        buy({}, { lines: ['a', 'a'].map((lineId) => ({ lineId, sku: 'A', name: 'A', quantity: '1', amount: '1' })) }),
      { status: 422, code: 'DUPLICATE_LINE' },
    ],
    ['a source without its id', () => buy({ amount: '1' }, { source: 'shop' }), invalid('/sourceId REQUIRED')],
    [
      'a customer named twice',
      () => buy({ amount: '1' }, { customer: { customerId, identity: { kind: 'email', value: 'a@example.org' } } }),
      invalid('/customer ONE_OF'),
    ],
  ])('with %s is refused', async (_what, body, expected) => {
    await refused('POST', '/v1/purchases', { json: body() }, expected);
  });
});

describe('what is not there', () => {
  const nobody = '6f9619ff-8b86-4d01-b42d-00cf4fc964ff';
  const visit = { channel: 'web', direction: 'inbound', kind: 'visit' };
  const buy = { channel: 'web', currency: 'EUR', lines: [{ sku: 'A', name: 'A', quantity: '1', amount: '1' }] };
  const customer = { customerId: nobody };

  it.each<[method: string, path: string, code: string, body?: Json, error?: string]>([
    ['GET', `/v1/customers/${nobody}`, 'CUSTOMER_NOT_FOUND'],
    ['GET', `/v1/customers/${nobody}/timeline`, 'CUSTOMER_NOT_FOUND'],
    ['GET', `/v1/customers/${nobody}/timeline/stream`, 'CUSTOMER_NOT_FOUND'],
    ['GET', `/v1/customers/${nobody}/merges`, 'CUSTOMER_NOT_FOUND'],
    ['GET', `/v1/customers/${nobody}/segments`, 'CUSTOMER_NOT_FOUND'],
    ['POST', '/v1/merges', 'CUSTOMER_NOT_FOUND', { survivor: nobody, others: [customer.customerId] }, '/survivor'],
    ['POST', `/v1/merges/${nobody}/unmerge`, 'MERGE_NOT_FOUND', {}],
    ['GET', `/v1/merges/${nobody}`, 'MERGE_NOT_FOUND'],
    ['GET', `/v1/loyalty/${nobody}`, 'CUSTOMER_NOT_FOUND'],
    ['PATCH', `/v1/customers/${nobody}`, 'CUSTOMER_NOT_FOUND', { language: 'en' }],
    ['DELETE', `/v1/customers/${nobody}`, 'CUSTOMER_NOT_FOUND'],
    ['POST', `/v1/customers/${nobody}/identities`, 'CUSTOMER_NOT_FOUND', { kind: 'member', value: 'm-77' }],
    ['POST', `/v1/customers/${nobody}/identities/removals`, 'CUSTOMER_NOT_FOUND', { kind: 'member', value: 'm-77' }],
    ['POST', `/v1/customers/${nobody}/lifecycle`, 'CUSTOMER_NOT_FOUND', { to: 'customer' }],
    ['POST', `/v1/loyalty/${nobody}/earnings`, 'CUSTOMER_NOT_FOUND', { points: 1, reason: 'r' }],
    ['POST', '/v1/interactions', 'CUSTOMER_NOT_FOUND', { customer, ...visit }, '/customer/customerId'],
    ['POST', '/v1/purchases', 'CUSTOMER_NOT_FOUND', { customer, ...buy }, '/customer/customerId'],
    [
      'POST',
      '/v1/interactions',
      'CUSTOMER_NOT_FOUND',
      { customer: { identity: { kind: 'email', value: 'nobody.there@example.org' } }, ...visit },
      '/customer/identity',
    ],
    [
      'POST',
      '/v1/surveys/known/answers',
      'CUSTOMER_NOT_FOUND',
      { customer, score: 1, channel: 'web' },
      '/customer/customerId',
    ],
    ['POST', `/v1/purchases/${nobody}/returns`, 'PURCHASE_NOT_FOUND', {}],
    ['POST', `/v1/purchases/${nobody}/cancellation`, 'PURCHASE_NOT_FOUND', {}],
    ['GET', `/v1/customers/${nobody}/purchases`, 'CUSTOMER_NOT_FOUND'],
    ['GET', `/v1/customers/${nobody}/purchases/categories`, 'CUSTOMER_NOT_FOUND'],
    ['GET', `/v1/customers/${nobody}/people`, 'CUSTOMER_NOT_FOUND'],
    ['POST', `/v1/customers/${nobody}/companies`, 'CUSTOMER_NOT_FOUND', { companyId: nobody }, '/companyId'],
    ['POST', `/v1/customers/${nobody}/companies/${nobody}/departure`, 'CUSTOMER_NOT_FOUND', {}],
    ['GET', `/v1/interactions/${nobody}`, 'INTERACTION_NOT_FOUND'],
    ['GET', `/v1/purchases/${nobody}`, 'PURCHASE_NOT_FOUND'],
    ['GET', `/v1/feedback/${nobody}`, 'FEEDBACK_NOT_FOUND'],
    ['POST', `/v1/feedback/${nobody}/resolution`, 'FEEDBACK_NOT_FOUND', { resolution: 'x' }],
    ['GET', '/v1/surveys/unknown', 'SURVEY_NOT_FOUND'],
    ['GET', `/v1/surveys/known/answers/${nobody}`, 'SURVEY_ANSWER_NOT_FOUND'],
    ['GET', '/v1/metrics/happiness', 'METRIC_NOT_FOUND'],
    ['GET', '/v1/segments/rich/members', 'SEGMENT_NOT_FOUND'],
    ['GET', '/v1/customer', 'NOT_FOUND'],
    ['PUT', '/v1/customers', 'NOT_FOUND', { kind: 'person' }],
    ['GET', '/v1/customers/', 'NOT_FOUND'],
    ['GET', '/console/../package.json', 'NOT_FOUND'],
  ])('%s %s is answered 404 %s', async (method, path, code, ...[body, pointer]) => {
    await refused(
      method,
      path,
      { ...(body && { json: body }), ...(method === 'GET' && path.startsWith('/v1/') && { position }) },
      { status: 404, code, ...(pointer !== undefined && { errors: [`${pointer} ${code}`] }) },
    );
  });

  it('is a survey that nobody defined', async () => {
    await refused(
      'POST',
      '/v1/surveys/unknown/answers',
      { json: { customer: { customerId }, score: 1, channel: 'web' } },
      { status: 404, code: 'SURVEY_NOT_FOUND' },
    );
  });

  it.each(['abc', '123', '6f9619ff8b864d01b42d00cf4fc964ff', 'null', '%00', '../known'])(
    'is a customer whose id is %j, which is no id',
    async (id) => {
      const expected = invalid('path /id NOT_AN_ID');
      await refused('GET', `/v1/customers/${encodeURIComponent(decodeURIComponent(id))}`, {}, expected);
      await refused('PATCH', `/v1/customers/${encodeURIComponent(decodeURIComponent(id))}`, { json: {} }, expected);
    },
  );

  it('is an address that cannot be decoded', async () => {
    await refused('GET', '/v1/customers/%ZZ', {}, { status: 400, code: 'BAD_REQUEST' });
  });

  it('is a survey under an id that is none', async () => {
    const body = { kind: 'NPS', title: 't' };
    for (const id of ['Nps', 'a_b', 'answer-1', 'x'.repeat(61)])
      await refused('PUT', `/v1/surveys/${id}`, { json: body }, invalid('path /id NOT_TEXT'));
  });
});

describe('a header', () => {
  it.each(['*', 'W/"0"', '0', '"x"', '"0", "1"', '""', '"-1"', '"1'])('If-Match: %s is refused', async (tag) => {
    await refused(
      'PATCH',
      ofCustomer(),
      { json: { language: 'en' }, headers: { 'if-match': tag } },
      unreadable('HEADER_MALFORMED'),
    );
  });

  it('If-Match of a revision that is over, or yet to come, or of what is only made now, is answered 412', async () => {
    const { id } = await api.register();
    await api.command('PATCH', `/v1/customers/${id}`, { language: 'en' });
    const expected = { status: 412, code: 'PRECONDITION_FAILED' };
    for (const tag of ['"0"', '"2"', '"999999999999999"'])
      await refused(
        'PATCH',
        `/v1/customers/${id}`,
        { json: { language: 'fr' }, headers: { 'if-match': tag } },
        expected,
      );
    await refused('POST', register, { json: { kind: 'person' }, headers: { 'if-match': '"0"' } }, expected);
    // Of several that ask for the same revision, one gets it.
    const answers = await Promise.all(
      Array.from({ length: 10 }, (_, index) =>
        api.send('PATCH', `/v1/customers/${id}`, {
          json: { language: 'de', region: `r${index}` },
          headers: { 'if-match': '"1"' },
        }),
      ),
    );
    expect(answers.map(({ status }) => status).sort()).toEqual([200, ...Array.from({ length: 9 }, () => 412)]);
  });

  it.each([
    ['Idempotency-Key', ''],
    ['Idempotency-Key', 'two words'],
    ['Idempotency-Key', 'x'.repeat(201)],
    ['Idempotency-Key', 'schlüssel'],
    ['X-Actor', 'Ann Smith'],
    ['X-Correlation-Id', 'x'.repeat(201)],
  ])('%s: %j is refused', async (name, value) => {
    const raw = { [name]: Buffer.from(value).toString('latin1') };
    await refused('POST', register, { json: { kind: 'person' }, headers: raw }, unreadable('HEADER_MALFORMED'));
  });

  it('Idempotency-Key with another body is refused', async () => {
    const headers = { 'idempotency-key': 'used-before' };
    await api.post(register, { kind: 'person', language: 'en' }, headers);
    await refused(
      'POST',
      register,
      { json: { kind: 'person', language: 'fr' }, headers },
      { status: 422, code: 'IDEMPOTENCY_KEY_REUSED' },
    );
  });

  it('Timeline-Position that is malformed or of another log is refused', async () => {
    const others = `aaaaaaaaaaaa:${position.slice(13)}`;
    for (const path of [
      ofCustomer(),
      ofCustomer('/timeline'),
      ofCustomer('/merges'),
      ofCustomer('/segments'),
      '/v1/customers',
      '/v1/feedback',
      `/v1/loyalty/${customerId}`,
      '/v1/metrics/nps',
      '/v1/segments',
      '/v1/surveys/known',
    ]) {
      await refused('GET', path, { position: others }, unreadable('POSITION_OF_ANOTHER_LOG'));
      await refused('GET', path, { position: '42' }, unreadable('POSITION_MALFORMED'));
      await refused('GET', path, { position: 'a b' }, unreadable('HEADER_MALFORMED'));
    }
    await refused('GET', `/v1/events?from=${others}`, {}, unreadable('POSITION_OF_ANOTHER_LOG'));
    await refused('GET', '/v1/events?from=now', {}, unreadable('POSITION_MALFORMED'));
    for (const path of [ofCustomer('/timeline/stream'), '/v1/events/stream']) {
      await refused('GET', path, { headers: { 'last-event-id': others } }, unreadable('POSITION_OF_ANOTHER_LOG'));
      await refused('GET', path, { headers: { 'last-event-id': 'x' } }, unreadable('POSITION_MALFORMED'));
    }
  });

  it('Timeline-Position that lies ahead of the log is answered 503 with Retry-After', async () => {
    const ahead = `${position.slice(0, 13)}${'9'.repeat(16)}`;
    const answer = await refused(
      'GET',
      ofCustomer(),
      { position: ahead },
      { status: 503, code: 'POSITION_NOT_REACHED' },
    );
    expect(answer.headers.get('retry-after')).toMatch(/^\d+$/);
  });
});

describe('a query', () => {
  const query = (...errors: string[]): Expected => invalid(...errors.map((error) => `query ${error}`));
  it.each([
    ['/v1/customers?page=2', '/page UNKNOWN_PARAMETER'],
    ['/v1/customers?toString=x', '/toString UNKNOWN_PARAMETER'],
    ['/v1/customers?__proto__=x', '/__proto__ UNKNOWN_PARAMETER'],
    ['/v1/customers?limit=1&limit=2', '/limit REPEATED_PARAMETER'],
    ['/v1/customers?trait.a=1&trait.a=2', '/trait.a REPEATED_PARAMETER'],
    ['/v1/customers?trait.$gt=1', '/trait.$gt UNKNOWN_PARAMETER'],
    ['/v1/customers?limit=0', '/limit NOT_A_WHOLE_NUMBER'],
    ['/v1/customers?limit=201', '/limit NOT_A_WHOLE_NUMBER'],
    ['/v1/customers?limit=1e1', '/limit NOT_A_WHOLE_NUMBER'],
    ['/v1/customers?limit=', '/limit NOT_A_WHOLE_NUMBER'],
    ['/v1/customers?q=a%00', '/q NOT_TEXT'],
    ['/v1/customers?kind=alien', '/kind NOT_ONE_OF'],
    ['/v1/customers?identity=email', '/identity NOT_TEXT'],
    ['/v1/feedback?order=random', '/order NOT_ONE_OF'],
    ['/v1/feedback?customerId=7', '/customerId NOT_AN_ID'],
    ['/v1/feedback?limit[$gt]=1', '/limit[$gt] UNKNOWN_PARAMETER'],
    ['/v1/segments?asOf=2026-02-30T00:00:00Z', '/asOf NOT_AN_INSTANT'],
    ['/v1/segments?asOf=2026-02-20T00:00:00+01:00', '/asOf NOT_AN_INSTANT'],
    ['/v1/metrics/nps?from=2026-02-30', '/from NOT_A_DATE'],
    ['/v1/metrics/nps?interval=hour', '/interval NOT_ONE_OF'],
    ['/v1/events?limit=1001', '/limit NOT_A_WHOLE_NUMBER'],
    ['/v1/events?after=1', '/after UNKNOWN_PARAMETER'],
  ])('%s is refused', async (path, error) => {
    await refused('GET', path, {}, query(error));
  });

  it('of a timeline is refused when it is unknown, of an unknown type, or of an empty range', async () => {
    await refused('GET', ofCustomer('/timeline?types=x'), {}, query('/types UNKNOWN_PARAMETER'));
    await refused('GET', ofCustomer('/timeline?type=Moved'), {}, query('/type/0 NOT_ONE_OF'));
    const range = 'from=2024-02-01T00:00:00Z&to=2024-02-01T00:00:00Z';
    await refused('GET', ofCustomer(`/timeline?${range}`), {}, query('/to RANGE_EMPTY'));
  });

  it('of a metric is refused when it cannot be answered', async () => {
    const metric = (path: string, code: string): Promise<unknown> =>
      refused('GET', `/v1/metrics/nps?${path}`, {}, { status: 422, code });
    await metric('by=weather', 'METRIC_BREAKDOWN_UNKNOWN');
    await metric('from=2026-02-02&to=2026-02-01', 'METRIC_RANGE_EMPTY');
    await metric('from=1990-01-01&to=2026-02-01&interval=day', 'METRIC_RANGE_TOO_LONG');
  });

  it('with a cursor that this list did not make is refused', async () => {
    await api.register({ name: { full: 'Aa' } });
    await api.register({ name: { full: 'Bb' } });
    const { next } = await api.read<Page>('/v1/customers?limit=1');
    const malformed = { ...unreadable('CURSOR_MALFORMED'), errors: ['query /cursor CURSOR_MALFORMED'] };
    const wrong = ['abc', '!', 'x'.repeat(3000), Buffer.from('[1,{"$gt":""}]').toString('base64url'), next ?? ''];
    for (const cursor of wrong) {
      for (const list of ['/v1/feedback', '/v1/surveys', ofCustomer('/timeline'), '/v1/surveys/known/answers']) {
        await refused('GET', `${list}?cursor=${cursor}`, {}, malformed);
      }
    }
    for (const filter of ['&q=b', '&region=North', '&trait.plan=gold'])
      await refused('GET', `/v1/customers?cursor=${next}${filter}`, {}, malformed);
    const inbox = await api.read<Page>('/v1/feedback?status=all&limit=1', position);
    await refused('GET', `/v1/feedback?status=all&limit=1&order=newest&cursor=${inbox.next}`, {}, malformed);
  });
});

describe('an identity', () => {
  const taken = { kind: 'email', value: 'somebody@example.org' };
  const withIdentity = (...identities: Json[]): Sending => ({ json: { kind: 'person', identities } });

  it('that belongs to somebody is refused with 409, however it is written', async () => {
    for (const value of [
      'somebody@example.org',
      'SomeBody@EXAMPLE.org',
      ' somebody@example.org ',
      'ｓomebody@example．org',
    ]) {
      const expected = { status: 409, code: 'IDENTITY_TAKEN', errors: ['/identities/0/value IDENTITY_TAKEN'] };
      await refused('POST', register, withIdentity({ kind: 'email', value }), expected);
    }
    const { id } = await api.register();
    await refused(
      'POST',
      `/v1/customers/${id}/identities`,
      { json: taken },
      { status: 409, code: 'IDENTITY_TAKEN', errors: ['/value IDENTITY_TAKEN'] },
    );
  });

  it('beside one that is taken stays free, and nobody is registered', async () => {
    const free = { kind: 'member', value: 'free-after-all' };
    const registrations = async (): Promise<number> => (await api.events('&types=CustomerRegistered')).length;
    const before = await registrations();
    for (const identities of [
      [free, taken],
      [taken, free],
    ]) {
      const answer = await api.send<Problem>('POST', register, withIdentity(...identities));
      expectProblem(answer, { status: 409, code: 'IDENTITY_TAKEN' });
    }
    expect(await registrations()).toBe(before);
    expect((await api.send('POST', register, withIdentity(free))).status).toBe(201);
  });

  it('given twice in one registration is refused', async () => {
    await refused(
      'POST',
      register,
      withIdentity({ kind: 'email', value: 'twice@example.org' }, { kind: 'email', value: 'TWICE@example.org' }),
      { status: 422, code: 'IDENTITY_REPEATED', errors: ['/identities/1 IDENTITY_REPEATED'] },
    );
  });

  it('that 50 registrations race for goes to exactly one', async () => {
    const race = { kind: 'email', value: 'race@example.org' };
    const answers = await Promise.all(
      Array.from({ length: 50 }, () => api.send<Outcome>('POST', register, withIdentity(race))),
    );
    const winners = answers.filter(({ status }) => status === 201);
    expect(winners).toHaveLength(1);
    expect(answers.filter(({ status }) => status === 409)).toHaveLength(49);
    const winner = winners[0]?.body;
    const found = await api.read<Page>('/v1/customers?identity=email:race@example.org', winner?.position);
    expect(found.items.map((item) => item['customerId'])).toEqual([winner?.id]);
  });

  it.each<[kind: string, value: string]>([
    ...['null', 'NULL', 'guest', '000000', 'undefined', 'N/A', '-', 'anonymous', 'none', '[object Object]', '匿名'].map(
      (value): [string, string] => ['member', value],
    ),
    ['email', 'null@example.org'],
    ['email', 'guest'],
    ['email', 'somebody'],
    ['email', '@example.org'],
    ['email', 'a@'],
    ['email', 'a@b'],
    ['email', 'a b@example.org'],
    ['email', 'a@example..org'],
    ['email', 'a@-example.org'],
    ['email', 'a@example.org/b'],
    ['email', 'a@127.0.0.1'],
    ['email', '.a@example.org'],
    ['email', `${'x'.repeat(65)}@example.org`],
    ['phone', '12'],
    ['phone', '0000000000'],
    ['phone', '+999123456789'],
    ['phone', 'call me'],
    ['phone', '+1 415 555 0199 ext. 5'],
  ])('of kind %s and value %j identifies nobody', async (kind, value) => {
    await refused('POST', register, withIdentity({ kind, value }), {
      status: 422,
      code: 'IDENTITY_REFUSED',
      errors: ['/identities/0/value IDENTITY_REFUSED'],
    });
  });

  it('that is only unique within a system needs it, and others must not have one', async () => {
    const expected = { status: 422, code: 'IDENTITY_REFUSED', errors: ['/identities/0/system IDENTITY_REFUSED'] };
    await refused('POST', register, withIdentity({ kind: 'external', value: '4711' }), expected);
    await refused('POST', register, withIdentity({ kind: 'external', value: '4711', system: 'null' }), expected);
    await refused('POST', register, withIdentity({ kind: 'member', value: '4711', system: 'crm' }), expected);
  });

  it('that the customer does not have cannot be removed', async () => {
    await refused(
      'POST',
      ofCustomer('/identities/removals'),
      { json: { kind: 'email', value: 'other@example.org' } },
      { status: 404, code: 'IDENTITY_NOT_FOUND' },
    );
  });
});

describe('what the rules forbid', () => {
  const send = (path: string, json: Json, expected: Expected): Promise<unknown> =>
    refused('POST', path, { json }, expected);
  const rule = (status: number, code: string, ...pointers: string[]): Expected => ({
    status,
    code,
    ...(pointers.length > 0 && { errors: pointers.map((pointer) => `${pointer} ${code}`) }),
  });

  it('returning more than was bought, or what was not', async () => {
    const back = (line: Json): Json => ({ lines: [{ lineId: 'a', quantity: '1', ...line }] });
    const returns = `/v1/purchases/${purchaseId}/returns`;
    await send(returns, back({ quantity: '2.0001' }), rule(422, 'RETURN_EXCEEDS_PURCHASE', '/lines/0/quantity'));
    await send(returns, back({ amount: '10.01' }), rule(422, 'RETURN_EXCEEDS_PURCHASE', '/lines/0/amount'));
    await send(returns, back({ lineId: 'z' }), rule(422, 'UNKNOWN_LINE', '/lines/0/lineId'));
    await send(returns, { lines: [] }, invalid('/lines WRONG_NUMBER_OF_ITEMS'));
    await api.post(returns, { lines: [{ lineId: 'a', quantity: '1.5' }] });
    await send(returns, back({}), rule(422, 'RETURN_EXCEEDS_PURCHASE', '/lines/0/quantity'));
    await api.post(returns, {});
    await send(returns, {}, rule(422, 'PURCHASE_FULLY_RETURNED'));
    await send(returns, { tax: '0.01' }, rule(422, 'RETURN_EXCEEDS_PURCHASE', '/tax'));
    await send(`/v1/purchases/${purchaseId}/cancellation`, {}, rule(422, 'PURCHASE_HAS_RETURNS'));
    await send(`/v1/purchases/${purchaseId}/cancellation`, { lines: [] }, invalid('/lines UNKNOWN_FIELD'));
  });

  it('spending more points than there are, or no whole number of them', async () => {
    const points = `/v1/loyalty/${customerId}`;
    const spend = { points: 11, reason: 'voucher' };
    await send(`${points}/redemptions`, spend, rule(409, 'INSUFFICIENT_POINTS', '/points'));
    // Before they were earned there were none.
    await send(
      `${points}/redemptions`,
      { ...spend, points: 1, occurredAt: '2024-01-04T23:00:00Z' },
      rule(409, 'INSUFFICIENT_POINTS', '/points'),
    );
    for (const amount of [0, -1, 1.5, '5', 1_000_000_001, null])
      await send(
        `${points}/redemptions`,
        { ...spend, points: amount },
        invalid(`/points ${amount === null ? 'NULL' : 'NOT_A_WHOLE_NUMBER'}`),
      );
    const early = { points: 1, reason: 'r', expiresAt: '2024-01-06T00:00:00Z', occurredAt: '2024-01-06T00:00:00Z' };
    await send(`${points}/earnings`, early, rule(422, 'EXPIRES_BEFORE_EARNED', '/expiresAt'));
    await refused(
      'GET',
      `${points}?asOf=2020-01-01T00:00:00Z`,
      { position },
      { status: 422, code: 'AS_OF_TOO_EARLY', errors: ['/asOf AS_OF_TOO_EARLY'] },
    );
  });

  it('rating before the resolution, twice, or off the scale; resolving twice; going back in time', async () => {
    const step = (id: string, name: string): string => `/v1/feedback/${id}/${name}`;
    await send(step(caseId, 'rating'), { score: 5 }, rule(422, 'CASE_NOT_RESOLVED'));
    await send(step(caseId, 'reopening'), { reason: 'r' }, rule(422, 'CASE_NOT_RESOLVED'));
    await send(step(resolvedId, 'resolution'), { resolution: 'x' }, rule(409, 'CASE_ALREADY_RESOLVED'));
    await send(step(resolvedId, 'assignment'), { agent: 'Kim' }, rule(409, 'CASE_ALREADY_RESOLVED'));
    for (const score of [0, 6])
      await send(step(resolvedId, 'rating'), { score }, rule(422, 'SCORE_OUT_OF_SCALE', '/score'));
    await send(step(resolvedId, 'rating'), { score: 1.5 }, invalid('/score NOT_A_WHOLE_NUMBER'));
    await send(
      step(resolvedId, 'rating'),
      { score: 1, scale: { min: 1, max: 2 } },
      invalid('/scale/max SCALE_TOO_SHORT'),
    );
    await send(
      step(resolvedId, 'rating'),
      { score: 1, occurredAt: '2024-01-03T12:00:00Z' },
      rule(422, 'OCCURRED_BEFORE_LAST_CHANGE', '/occurredAt'),
    );
    await api.post(step(resolvedId, 'rating'), { score: 5 });
    await send(step(resolvedId, 'rating'), { score: 5 }, rule(409, 'CASE_ALREADY_RATED'));
  });

  it('an answer off the scale, and a survey that turns into another kind', async () => {
    const answers = '/v1/surveys/known/answers';
    for (const score of [0, 6])
      await send(
        answers,
        { customer: { customerId }, score, channel: 'web' },
        rule(422, 'SCORE_OUT_OF_SCALE', '/score'),
      );
    const define = (id: string, json: Json, code: string, pointer: string): Promise<unknown> =>
      refused('PUT', `/v1/surveys/${id}`, { json }, rule(422, code, pointer));
    await define('known', { kind: 'NPS', title: 'Known?' }, 'SURVEY_KIND_FIXED', '/kind');
    await define('new', { kind: 'NPS', title: 't', scale: { min: 0, max: 5 } }, 'SURVEY_SCALE_WRONG', '/scale');
    await define('new', { kind: 'CSAT', title: 't', scale: { min: 5, max: 1 } }, 'SURVEY_SCALE_WRONG', '/scale/max');
  });

  it('stages that cannot follow each other', async () => {
    const lifecycle = ofCustomer('/lifecycle');
    await send(lifecycle, { to: 'loyal' }, rule(422, 'STAGE_MOVE_REFUSED', '/to'));
    await send(lifecycle, { to: 'lead' }, rule(422, 'STAGE_REASON_REQUIRED', '/reason'));
    await send(lifecycle, { to: 'friend' }, invalid('/to NOT_ONE_OF'));
    const { id } = await api.register();
    await send(`/v1/customers/${id}/lifecycle`, { to: 'customer' }, rule(422, 'STAGE_GUARD_FAILED', '/to'));
  });

  it('the same interaction of a source with another content', async () => {
    const call = {
      customer: { customerId },
      channel: 'phone',
      direction: 'inbound',
      kind: 'call',
      source: 'telephony',
      sourceId: 'call-9',
    };
    const { id } = await api.post('/v1/interactions', call);
    const answer = await refused(
      'POST',
      '/v1/interactions',
      { json: { ...call, channel: 'chat', agent: 'Kim' } },
      { status: 409, code: 'INTERACTION_CONFLICT' },
    );
    expect(answer.body.details).toEqual({ differing: ['/agent', '/channel'], id });
  });
});

describe('NDJSON with bad lines', () => {
  const line = (id: string, more: Json = {}): Json => ({
    id,
    type: 'RegisterCustomer',
    data: { kind: 'person', ...more },
  });

  it('answers each bad line with its number and problem, and lets the others go through', async () => {
    const before = (await api.events('&types=CustomerRegistered')).length;
    const outcomes = await api.lines([
      line('good-1'),
      '{"id":"cut',
      '',
      line('bad-data', { kind: 'alien' }),
      { ...line('no-type'), type: 'DestroyCustomer' },
      { type: 'RegisterCustomer', data: { kind: 'person' } },
      { ...line('extra'), more: 1 },
      { ...line('array'), data: [] },
      '[]',
      'null',
      { ...line('nul-id'), id: '' },
      '{"id":"dup","id":"dup","type":"RegisterCustomer","data":{"kind":"person"}}',
      '{"id":"nul","type":"RegisterCustomer","data":{"kind":"person","note":"a\\u0000"}}',
      '{"id":"proto","type":"RegisterCustomer","data":{"kind":"person","__proto__":{"stage":"loyal"}}}',
      line('taken', { identities: [{ kind: 'email', value: 'somebody@example.org' }] }),
      line('good-2'),
    ]);
    expect(
      outcomes.map(({ line: number, id, status, problem }) => [
        number,
        id,
        status,
        problem?.code,
        ...(problem ? errorsOf(problem) : []),
      ]),
    ).toEqual([
      [1, 'good-1', 200, undefined],
      [2, undefined, 400, 'MALFORMED_JSON', '/id MALFORMED_JSON'],
      [4, 'bad-data', 422, 'VALIDATION_FAILED', '/data/kind NOT_ONE_OF'],
      [5, 'no-type', 422, 'VALIDATION_FAILED', '/type COMMAND_UNKNOWN'],
      [6, undefined, 422, 'VALIDATION_FAILED', '/id REQUIRED'],
      [7, undefined, 422, 'VALIDATION_FAILED', '/more UNKNOWN_FIELD'],
      [8, undefined, 422, 'VALIDATION_FAILED', '/data NOT_AN_OBJECT'],
      [9, undefined, 422, 'VALIDATION_FAILED', ' NOT_AN_OBJECT'],
      [10, undefined, 422, 'VALIDATION_FAILED', ' NOT_AN_OBJECT'],
      [11, undefined, 422, 'VALIDATION_FAILED', '/id NOT_TEXT'],
      [12, undefined, 400, 'DUPLICATE_KEY', '/id DUPLICATE_KEY'],
      [13, undefined, 400, 'TEXT_HOLDS_NUL', '/data/note TEXT_HOLDS_NUL'],
      [14, undefined, 422, 'VALIDATION_FAILED', '/data KEY_NOT_ALLOWED'],
      [15, 'taken', 409, 'IDENTITY_TAKEN', '/identities/0/value IDENTITY_TAKEN'],
      [16, 'good-2', 200, undefined],
    ]);
    expect((await api.events('&types=CustomerRegistered')).length).toBe(before + 2);
  });

  it('does not read a line that is too long, nor one that is not UTF-8, and goes on behind it', async () => {
    const outcomes = await api.rawLines(
      Buffer.concat([
        Buffer.from(`${JSON.stringify(line('long', { note: 'x'.repeat(300 * 1024) }))}\n`),
        Buffer.from(`${JSON.stringify(line('latin', { note: 'Jürgen' }))}\n`, 'latin1'),
        Buffer.from(`${JSON.stringify(line('fine'))}\r\n`),
        // Without a line break at its end.
        Buffer.from(JSON.stringify(line('last'))),
      ]),
    );
    expect(outcomes.map(({ line: number, id, status, problem }) => [number, id, status, problem?.code])).toEqual([
      [1, undefined, 413, 'BODY_TOO_LARGE'],
      [2, undefined, 400, 'BODY_NOT_UTF8'],
      [3, 'fine', 200, undefined],
      [4, 'last', 200, undefined],
    ]);
  });

  it('carries out a command that is there twice once, and refuses the same id with another content', async () => {
    const outcomes = await api.lines([
      line('same', { language: 'en' }),
      line('same', { language: 'en' }),
      line('same', { language: 'fr' }),
    ]);
    const [first, second, third] = outcomes;
    expect(first).toMatchObject({ status: 200, outcome: { resent: false } });
    expect(second).toEqual({ ...first, line: 2, outcome: { ...first?.outcome, resent: true } });
    expect(third).toMatchObject({ line: 3, status: 422, problem: { code: 'IDEMPOTENCY_KEY_REUSED' } });
  });

  it('is answered nothing when there is nothing in it', async () => {
    const head = await api.head();
    expect(await api.rawLines('')).toEqual([]);
    expect(await api.rawLines('\n\n')).toEqual([]);
    expect(await api.writtenSince(head)).toEqual([]);
  });

  it('keeps lines that belong together in their order', async () => {
    const outcomes = await api.lines([
      line('order-0', { identities: [{ kind: 'member', value: 'order-1' }] }),
      ...Array.from({ length: 60 }, (_, index) => ({
        id: `order-${index + 1}`,
        type: 'EarnPoints',
        data: { customer: { identity: { kind: 'member', value: 'order-1' } }, points: index + 1, reason: 'order' },
      })),
    ]);
    expect(outcomes.map(({ status }) => status)).toEqual(outcomes.map(() => 200));
    const id = outcomes[0]?.outcome?.id ?? '';
    const entries = await api.all<{ data: { points: number } }>(
      `/v1/customers/${id}/timeline?type=PointsEarned&limit=200`,
      outcomes.at(-1)?.outcome?.position,
    );
    const inLog = (await api.events('&types=PointsEarned')).filter(({ metadata }) => metadata['customerId'] === id);
    expect(inLog.map(({ data }) => data['points'])).toEqual(Array.from({ length: 60 }, (_, index) => index + 1));
    expect(entries).toHaveLength(60);
  });
});

describe('another site', () => {
  const body = JSON.stringify({ kind: 'person' });
  const own = (): string => new URL(product.url).host;
  const post = (headers: Record<string, string>) =>
    sendRaw(product.url, 'POST', register, { ...json, host: own(), ...headers }, body);

  it.each(['evil.example', 'localhost.evil.example', '127.0.0.1.evil.example', '10.0.0.1', '0.0.0.0', '[::2]'])(
    'that points its name %j at this machine is refused',
    async (host) => {
      const head = await api.head();
      for (const [method, path] of [
        ['GET', '/v1/customers'],
        ['POST', register],
      ] as const) {
        const answer = await sendRaw(
          product.url,
          method,
          path,
          { ...json, host },
          method === 'POST' ? body : undefined,
        );
        expect([answer.status, answer.headers['content-type'], JSON.parse(answer.text).code]).toEqual([
          403,
          'application/problem+json; charset=utf-8',
          'HOST_NOT_ALLOWED',
        ]);
      }
      expect(await api.writtenSince(head)).toEqual([]);
    },
  );

  it.each<[what: string, headers: Record<string, string>]>([
    ['by its origin', { origin: 'https://evil.example' }],
    ['from a file', { origin: 'null' }],
    ['on another port', { origin: 'http://127.0.0.1:1' }],
    ['by https of the same name', { origin: 'https://127.0.0.1' }],
    ['by what the browser says of the site', { 'sec-fetch-site': 'cross-site' }],
    ['from a sibling', { 'sec-fetch-site': 'same-site' }],
  ])('that writes here, told %s, is refused', async (_what, headers) => {
    const head = await api.head();
    const answer = await post(headers);
    expect([answer.status, JSON.parse(answer.text).code]).toEqual([403, 'CROSS_SITE_REQUEST']);
    expect(await api.writtenSince(head)).toEqual([]);
  });

  it('is not the page itself, nor a program', async () => {
    expect((await post({ origin: product.url, 'sec-fetch-site': 'same-origin' })).status).toBe(201);
    expect((await post({ host: `localhost:${new URL(product.url).port}` })).status).toBe(201);
    expect((await post({})).status).toBe(201);
  });
});

describe('what is not HTTP', () => {
  it('is answered with a problem too, and the server goes on', async () => {
    const huge = await sendRaw(product.url, 'GET', '/v1/customers', { 'x-much': 'x'.repeat(40_000) }).catch(
      (error: NodeJS.ErrnoException) => ({ status: error.code ?? '', text: '', headers: {} }),
    );
    expect([431, 'ECONNRESET', 'EPIPE']).toContain(huge.status);
    await refused('GET', `/v1/customers/${'a'.repeat(600)}`, {}, { status: 414, code: 'URI_TOO_LONG' });
    expect((await api.send('GET', '/health/live')).status).toBe(200);
  });
});

it('leaves the read models equal to the log after all that', async () => {
  await product.verify();
});
