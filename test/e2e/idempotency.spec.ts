/**
 * What is sent again changes nothing, on the built product: every writing route with its Idempotency-Key, NDJSON by the
 * ids of its lines, intakes by source and source id, whichever way they come in; and after a restart too.
 */
import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import { RunningProduct } from '../support/running-product.js';
import { openStores } from '../support/stores.js';
import { Api, type Answer, type Json, type Outcome, type Page, type Problem } from './api.js';

let product: RunningProduct;
let api: Api;

beforeAll(async () => {
  product = await RunningProduct.create({ DEMO: 'off' }, openStores);
  await product.start();
  api = new Api(product.url);
  await api.command('PUT', '/v1/surveys/known', { kind: 'NPS', title: 'Known?' });
});
afterAll(() => product.dispose());

interface Prepared {
  path: string;
  json?: Json;
  /** Another body, where the route has one. */
  other?: Json;
}

const email = (value: string): Json => ({ kind: 'email', value: `${value}@idempotency.example` });
const visit = { channel: 'web', direction: 'inbound', kind: 'visit' };
const line = { sku: 'A', name: 'A', quantity: '2', amount: '10' };

async function openCase(customerId: string): Promise<string> {
  const body = { customer: { customerId }, kind: 'question', channel: 'web', subject: 'Why?' };
  return (await api.post('/v1/feedback', body)).id;
}
async function resolvedCase(customerId: string): Promise<string> {
  const id = await openCase(customerId);
  await api.post(`/v1/feedback/${id}/resolution`, { resolution: 'told' });
  return id;
}

const proposal = {
  provider: 'register',
  confidence: 0.5,
  legalBasis: 'contract',
  values: { region: 'West', language: 'en' },
};
const proposed = async (id: string): Promise<string> =>
  (await api.post(`/v1/customers/${id}/enrichments`, proposal)).id;

let namesakes = 0;
/** Two customers that look like one, once the queue shows them. */
async function suspectedPair(): Promise<{ pairId: string; one: string; other: string }> {
  const record = {
    name: { full: `Clementine Birdwhistle the ${(namesakes += 1)}.` },
    birthDate: `1944-04-${10 + namesakes}`,
  };
  const [one = '', other = ''] = [(await api.register(record)).id, (await api.register(record)).id].sort();
  const pairId = `${one}.${other}`;
  for (;;) {
    const queue = await api.all<Json>('/v1/duplicates?limit=200');
    if (queue.some((pair) => pair['pairId'] === pairId)) return { pairId, one, other };
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

/** Every route that writes, as `/openapi.json` names it, and a request to it for a customer who is there. */
const ROUTES: Record<string, (customerId: string) => Prepared | Promise<Prepared>> = {
  'post /v1/customers': () => ({
    path: '/v1/customers',
    json: { kind: 'person', identities: [email('registered')] },
    other: { kind: 'company', identities: [email('registered')] },
  }),
  'patch /v1/customers/{id}': (id) => ({
    path: `/v1/customers/${id}`,
    json: { language: 'en' },
    other: { language: 'fr' },
  }),
  'delete /v1/customers/{id}': (id) => ({ path: `/v1/customers/${id}?reason=asked` }),
  'post /v1/customers/{id}/identities': (id) => ({
    path: `/v1/customers/${id}/identities`,
    json: email('added'),
    other: email('another'),
  }),
  'post /v1/customers/{id}/identities/removals': async (id) => {
    await api.post(`/v1/customers/${id}/identities`, email('removed'));
    return { path: `/v1/customers/${id}/identities/removals`, json: email('removed') };
  },
  'post /v1/customers/{id}/consents': (id) => ({
    path: `/v1/customers/${id}/consents`,
    json: { purpose: 'news', status: 'granted', textVersion: '1' },
    other: { purpose: 'news', status: 'withdrawn', textVersion: '1' },
  }),
  'post /v1/customers/{id}/lifecycle': (id) => ({
    path: `/v1/customers/${id}/lifecycle`,
    json: { to: 'prospect' },
    other: { to: 'lost' },
  }),
  'post /v1/customers/{id}/verifications': async (id) => {
    await api.command('PATCH', `/v1/customers/${id}`, { region: 'West' });
    return {
      path: `/v1/customers/${id}/verifications`,
      json: { field: 'region', method: 'call' },
      other: { field: 'region', method: 'letter' },
    };
  },
  'patch /v1/customers/{id}/preferences': (id) => ({
    path: `/v1/customers/${id}/preferences`,
    json: { language: 'en' },
    other: { language: 'fr' },
  }),
  'post /v1/customers/{id}/enrichments': (id) => ({
    path: `/v1/customers/${id}/enrichments`,
    json: proposal,
    other: { ...proposal, confidence: 0.6 },
  }),
  'post /v1/customers/{id}/enrichments/{enrichmentId}/acceptance': async (id) => ({
    path: `/v1/customers/${id}/enrichments/${await proposed(id)}/acceptance`,
    json: { fields: ['region'] },
    other: { fields: ['language'] },
  }),
  'post /v1/customers/{id}/enrichments/{enrichmentId}/rejection': async (id) => ({
    path: `/v1/customers/${id}/enrichments/${await proposed(id)}/rejection`,
    json: { reason: 'wrong' },
    other: { reason: 'old' },
  }),
  'put /v1/freshness/policies/{field}': () => ({
    path: '/v1/freshness/policies/phone',
    json: { everyDays: 180 },
    other: { everyDays: 30 },
  }),
  'delete /v1/freshness/policies/{field}': async () => {
    await api.command('PUT', '/v1/freshness/policies/address', { everyDays: 180 });
    return { path: '/v1/freshness/policies/address' };
  },
  'post /v1/metrics/data-quality/measurements': () => ({ path: '/v1/metrics/data-quality/measurements' }),
  'post /v1/interactions': (customerId) => ({
    path: '/v1/interactions',
    json: { customer: { customerId }, ...visit },
    other: { customer: { customerId }, ...visit, kind: 'call' },
  }),
  'post /v1/purchases': (customerId) => ({
    path: '/v1/purchases',
    json: { customer: { customerId }, channel: 'web', currency: 'EUR', lines: [line] },
    other: { customer: { customerId }, channel: 'web', currency: 'USD', lines: [line] },
  }),
  'post /v1/purchases/{id}/returns': async (customerId) => {
    const body = { customer: { customerId }, channel: 'web', currency: 'EUR', lines: [{ ...line, lineId: 'a' }] };
    const { id } = await api.post('/v1/purchases', body);
    const back = (quantity: string): Json => ({ lines: [{ lineId: 'a', quantity }] });
    return { path: `/v1/purchases/${id}/returns`, json: back('1'), other: back('0.5') };
  },
  'post /v1/purchases/{id}/cancellation': async (customerId) => {
    const body = { customer: { customerId }, channel: 'web', currency: 'EUR', lines: [line] };
    const { id } = await api.post('/v1/purchases', body);
    return { path: `/v1/purchases/${id}/cancellation`, json: { reason: 'a' }, other: { reason: 'b' } };
  },
  'post /v1/customers/{id}/companies': async (id) => {
    const { id: companyId } = await api.register({ kind: 'company' });
    return {
      path: `/v1/customers/${id}/companies`,
      json: { companyId, role: 'buyer' },
      other: { companyId, role: 'owner' },
    };
  },
  'post /v1/customers/{id}/companies/{companyId}/departure': async (id) => {
    const { id: companyId } = await api.register({ kind: 'company' });
    await api.post(`/v1/customers/${id}/companies`, { companyId });
    return {
      path: `/v1/customers/${id}/companies/${companyId}/departure`,
      json: { to: '2024-01-01' },
      other: { to: '2024-01-02' },
    };
  },
  'post /v1/feedback': (customerId) => ({
    path: '/v1/feedback',
    json: { customer: { customerId }, kind: 'praise', channel: 'web', subject: 'Good' },
    other: { customer: { customerId }, kind: 'praise', channel: 'web', subject: 'Better' },
  }),
  'post /v1/feedback/{id}/classification': async (id) => ({
    path: `/v1/feedback/${await openCase(id)}/classification`,
    json: { topic: 't', severity: 'low', sentiment: 'neutral', urgency: 'low' },
    other: { topic: 't', severity: 'high', sentiment: 'neutral', urgency: 'low' },
  }),
  'post /v1/feedback/{id}/assignment': async (id) => ({
    path: `/v1/feedback/${await openCase(id)}/assignment`,
    json: { agent: 'Kim' },
    other: { agent: 'Lee' },
  }),
  'post /v1/feedback/{id}/responses': async (id) => ({
    path: `/v1/feedback/${await openCase(id)}/responses`,
    json: { message: 'So.' },
    other: { message: 'Otherwise.' },
  }),
  'post /v1/feedback/{id}/resolution': async (id) => ({
    path: `/v1/feedback/${await openCase(id)}/resolution`,
    json: { resolution: 'told' },
    other: { resolution: 'paid' },
  }),
  'post /v1/feedback/{id}/rating': async (id) => ({
    path: `/v1/feedback/${await resolvedCase(id)}/rating`,
    json: { score: 4 },
    other: { score: 5 },
  }),
  'post /v1/feedback/{id}/reopening': async (id) => ({
    path: `/v1/feedback/${await resolvedCase(id)}/reopening`,
    json: { reason: 'not solved' },
    other: { reason: 'again' },
  }),
  'put /v1/standards/{field}': () => ({
    path: '/v1/standards/traits.once',
    json: { rules: [{ kind: 'max-length', max: 5 }] },
    other: { rules: [{ kind: 'max-length', max: 6 }] },
  }),
  'put /v1/surveys/{id}': () => ({
    path: '/v1/surveys/defined-once',
    json: { kind: 'CSAT', title: 'Once?' },
    other: { kind: 'CSAT', title: 'Twice?' },
  }),
  'post /v1/surveys/{id}/answers': (customerId) => ({
    path: '/v1/surveys/known/answers',
    json: { customer: { customerId }, score: 9, channel: 'web' },
    other: { customer: { customerId }, score: 8, channel: 'web' },
  }),
  'post /v1/duplicates/{id}/confirmation': async () => {
    const { pairId, one, other } = await suspectedPair();
    return { path: `/v1/duplicates/${pairId}/confirmation`, json: { survivor: one }, other: { survivor: other } };
  },
  'post /v1/duplicates/{id}/dismissal': async () => {
    const { pairId } = await suspectedPair();
    return { path: `/v1/duplicates/${pairId}/dismissal`, json: { reason: 'twins' }, other: { reason: 'namesakes' } };
  },
  'post /v1/merges': async (survivor) => {
    const [one, other] = [await api.register(), await api.register()];
    return {
      path: '/v1/merges',
      json: { survivor, others: [one.id] },
      other: { survivor, others: [other.id] },
    };
  },
  'post /v1/merges/{id}/unmerge': async (survivor) => {
    const { id } = await api.post('/v1/merges', { survivor, others: [(await api.register()).id] });
    return { path: `/v1/merges/${id}/unmerge`, json: { reason: 'wrong' }, other: { reason: 'other' } };
  },
  'post /v1/loyalty/{customerId}/earnings': (id) => ({
    path: `/v1/loyalty/${id}/earnings`,
    json: { points: 5, reason: 'r' },
    other: { points: 6, reason: 'r' },
  }),
  'post /v1/loyalty/{customerId}/redemptions': async (id) => {
    await api.post(`/v1/loyalty/${id}/earnings`, { points: 20, reason: 'r' });
    return {
      path: `/v1/loyalty/${id}/redemptions`,
      json: { points: 15, reason: 'r' },
      other: { points: 1, reason: 'r' },
    };
  },
};

const shown = ({ status, headers, body }: Answer<unknown>): unknown => ({
  status,
  body,
  ...Object.fromEntries(['etag', 'location', 'timeline-position'].map((name) => [name, headers.get(name)])),
});

it('knows every route that writes', async () => {
  const document = await api.read<{ paths: Record<string, Json> }>('/openapi.json');
  const writing = Object.entries(document.paths).flatMap(([route, methods]) =>
    Object.keys(methods)
      .filter((method) => method !== 'get')
      .map((method) => `${method} ${route}`),
  );
  // Many commands each: what makes those the same again is in the lines, or in what is there already.
  const many = ['post /v1/commands', 'post /v1/imports', 'post /v1/imports/{id}/revert', 'post /v1/provenance/revert'];
  const reading = ['post /v1/customers/duplicates/search', 'post /v1/standards/{field}/check'];
  expect(writing.filter((route) => !many.includes(route) && !reading.includes(route)).sort()).toEqual(
    Object.keys(ROUTES).sort(),
  );
});

describe('sent again with the same Idempotency-Key', () => {
  const key = 'the-same-key';

  it.each(Object.keys(ROUTES))('%s answers as the first time and writes nothing', async (route) => {
    const method = (route.split(' ')[0] ?? '').toUpperCase();
    const { id } = await api.register();
    const prepared = await ROUTES[route]?.(id);
    if (!prepared) throw new Error(`no request for ${route}`);
    const send = (json: Json | undefined, more: Record<string, string> = {}): Promise<Answer<unknown>> =>
      api.send(method, prepared.path, { ...(json && { json }), headers: { 'idempotency-key': key, ...more } });

    const first = await send(prepared.json);
    expect(first.status).toBeLessThan(300);
    if (route === 'delete /v1/customers/{id}') {
      // Until the reaction has written what it has to, the head moves by itself.
      await product.until(
        async () =>
          (await api.events('&types=CustomerErasureCarriedOut')).some(({ metadata }) => metadata['customerId'] === id),
        'the erasure is carried out',
      );
    }
    const head = await api.head();
    // At once and together; as JSON with its members in another order; under an If-Match that is over by now.
    const again = await Promise.all([send(prepared.json), send(prepared.json), send(prepared.json)]);
    const turned = prepared.json && Object.fromEntries(Object.entries(prepared.json).reverse());
    again.push(await send(turned), await send(prepared.json, { 'if-match': '"99"' }));
    for (const answer of again) expect(shown(answer)).toEqual(shown(first));
    if (prepared.other) {
      const reused = (await send(prepared.other)) as Answer<Problem>;
      expect([reused.status, reused.body.code]).toEqual([422, 'IDEMPOTENCY_KEY_REUSED']);
    }
    expect(await api.writtenSince(head)).toEqual([]);
  });

  it('by many at the same time is one command', async () => {
    const { id } = await api.register();
    const answers = await Promise.all(
      Array.from({ length: 40 }, () =>
        api.send('POST', `/v1/loyalty/${id}/earnings`, {
          json: { points: 7, reason: 'r' },
          headers: { 'idempotency-key': 'together' },
        }),
      ),
    );
    expect(new Set(answers.map((answer) => JSON.stringify(shown(answer)))).size).toBe(1);
    const { position } = answers[0]?.body as unknown as Outcome;
    expect(await api.read(`/v1/loyalty/${id}`, position)).toMatchObject({ balance: 7, earned: 7 });
  });

  it('but to another target, or for another command, is a command of its own', async () => {
    const [one, other] = [await api.register(), await api.register()];
    const headers = { 'idempotency-key': 'shared' };
    const earn = (id: string): Promise<Outcome> =>
      api.post(`/v1/loyalty/${id}/earnings`, { points: 3, reason: 'r' }, headers);
    await earn(one.id);
    await earn(other.id);
    const { position } = await api.post(`/v1/loyalty/${one.id}/redemptions`, { points: 3, reason: 'r' }, headers);
    expect(await api.read(`/v1/loyalty/${one.id}`, position)).toMatchObject({ balance: 0 });
    expect(await api.read(`/v1/loyalty/${other.id}`, position)).toMatchObject({ balance: 3 });
  });

  it('but refused the first time is tried anew', async () => {
    const { id } = await api.register();
    const spend = (): Promise<Answer> =>
      api.send('POST', `/v1/loyalty/${id}/redemptions`, {
        json: { points: 3, reason: 'r' },
        headers: { 'idempotency-key': 'tried' },
      });
    expect((await spend()).status).toBe(409);
    await api.post(`/v1/loyalty/${id}/earnings`, { points: 3, reason: 'r' });
    expect((await spend()).status).toBe(200);
    expect((await spend()).status).toBe(200);
    expect(await api.read(`/v1/loyalty/${id}`, (await api.head()) ?? '')).toMatchObject({ balance: 0 });
  });

  it('and without a key is a command of its own each time', async () => {
    const { id } = await api.register();
    for (let times = 0; times < 2; times += 1) await api.post(`/v1/loyalty/${id}/earnings`, { points: 1, reason: 'r' });
    expect(await api.read(`/v1/loyalty/${id}`, (await api.head()) ?? '')).toMatchObject({ balance: 2 });
  });
});

describe('NDJSON sent again', () => {
  const commands = (tag: string): Json[] => [
    { id: `${tag}-1`, type: 'RegisterCustomer', data: { kind: 'person', identities: [email(`line-${tag}`)] } },
    {
      id: `${tag}-2`,
      type: 'RecordInteraction',
      data: { customer: { identity: email(`line-${tag}`) }, ...visit },
    },
    {
      id: `${tag}-3`,
      type: 'EarnPoints',
      data: { customer: { identity: email(`line-${tag}`) }, points: 5, reason: 'r' },
    },
  ];

  it('answers the same outcomes, told as resent, and writes nothing', async () => {
    const first = await api.lines(commands('a'), 'crm');
    expect(first.map(({ status, outcome }) => [status, outcome?.resent])).toEqual(first.map(() => [200, false]));
    const head = await api.head();
    const again = await api.lines(commands('a'), 'crm');
    expect(again).toEqual(first.map((each) => ({ ...each, outcome: { ...each.outcome, resent: true } })));
    expect(await api.writtenSince(head)).toEqual([]);
  });

  it('stands in the log in the order of the lines of each customer, however many are under way', async () => {
    const ids = [(await api.register()).id, (await api.register()).id];
    const since = (await api.head()) ?? '';
    const told = Array.from({ length: 150 }, (_, n) => ({
      customerId: ids[n % 3 === 0 ? 1 : 0],
      kind: `number-${n}`,
      // What is refused in between holds up nobody.
      channel: n % 7 === 3 ? 'nowhere' : 'web',
    }));
    const outcomes = await api.lines(
      told.map(({ customerId, ...data }, n) => ({
        id: `ordered-${n}`,
        type: 'RecordInteraction',
        data: { ...visit, ...data, customer: { customerId } },
      })),
    );
    expect(outcomes.map(({ status }) => status)).toEqual(told.map(({ channel }) => (channel === 'web' ? 200 : 422)));
    const recorded = await api.events('&types=InteractionRecorded', since);
    for (const id of ids) {
      const own = recorded.filter(({ metadata }) => metadata['customerId'] === id).map(({ data }) => data['kind']);
      expect(own).toEqual(
        told.filter(({ customerId, channel }) => customerId === id && channel === 'web').map(({ kind }) => kind),
      );
    }
  });

  it('from another source is another import', async () => {
    await api.lines(commands('b'), 'crm');
    const other = await api.lines(commands('b'), 'shop');
    expect(other.map(({ status, outcome }) => outcome?.resent ?? status)).toEqual([409, false, false]);
  });

  it('by the command line, from the same source, is the same import', async () => {
    await api.lines(commands('c'), 'crm');
    const head = await api.head();
    const file = path.join(product.folder, 'commands.ndjson');
    await writeFile(
      file,
      commands('c')
        .map((command) => `${JSON.stringify(command)}\n`)
        .join(''),
    );
    const imported = await product.cli('--json', 'import', 'commands', file, '--source', 'crm');
    expect({ code: imported.code, ...JSON.parse(imported.out) }).toEqual({
      code: 0,
      recorded: 0,
      resent: 3,
      failed: 0,
      problems: [],
    });
    expect(await api.writtenSince(head)).toEqual([]);
  });
});

describe('an intake of a source', () => {
  const intakes: [what: string, type: string, path: string, more: Json, other: Json, differing: string][] = [
    ['interaction', 'RecordInteraction', '/v1/interactions', visit, { ...visit, kind: 'call' }, 'kind'],
    [
      'purchase',
      'RecordPurchase',
      '/v1/purchases',
      { channel: 'web', currency: 'EUR', lines: [line] },
      { channel: 'web', currency: 'USD', lines: [line] },
      'currency',
    ],
    [
      'case',
      'OpenFeedbackCase',
      '/v1/feedback',
      { kind: 'praise', channel: 'web', subject: 'Good' },
      { kind: 'praise', channel: 'web', subject: 'Better' },
      'subject',
    ],
    [
      'survey answer',
      'RecordSurveyAnswer',
      '/v1/surveys/known/answers',
      { score: 9, channel: 'web' },
      { score: 8, channel: 'web' },
      'score',
    ],
  ];

  it.each(intakes)('%s is one, by HTTP and by NDJSON, and with another payload a conflict', async (...intake) => {
    const [what, type, address, more, other, differing] = intake;
    const { id: customerId } = await api.register();
    const sourceId = `${what}-1`;
    const body = { customer: { customerId }, source: 'crm', sourceId, ...more };
    const first = await api.post(address, body, { 'idempotency-key': 'one' });
    const head = await api.head();

    const asLine = (data: Json): Json => ({
      id: 'another-id',
      type,
      data: { ...data, ...(type === 'RecordSurveyAnswer' && { surveyId: 'known' }) },
    });
    // Another key, none, and as a line of the source's own export.
    expect(await api.post(address, body, { 'idempotency-key': 'two' })).toEqual(first);
    expect(await api.post(address, body)).toEqual(first);
    const [outcome] = await api.lines([asLine(body)], 'crm');
    expect(outcome).toMatchObject({ status: 200, outcome: first });

    const conflicting = { ...body, ...other };
    const answer = await api.send<Problem>('POST', address, { json: conflicting });
    expect([answer.status, answer.body.code.endsWith('_CONFLICT')]).toEqual([409, true]);
    expect(answer.body.details).toEqual({ differing: [`/${differing}`], id: first.id });
    const [refused] = await api.lines([{ ...asLine(conflicting), id: 'a-third-id' }], 'crm');
    expect([refused?.status, refused?.problem?.code]).toEqual([409, answer.body.code]);
    expect(await api.writtenSince(head)).toEqual([]);
  });

  it('is one when both ways carry it at the same time', async () => {
    const { id: customerId } = await api.register();
    const data = { customer: { customerId }, ...visit, source: 'crm', sourceId: 'race' };
    const [lines, ...posted] = await Promise.all([
      api.lines(
        Array.from({ length: 5 }, (_, index) => ({ id: `race-${index}`, type: 'RecordInteraction', data })),
        'crm',
      ),
      ...Array.from({ length: 5 }, () => api.post('/v1/interactions', data)),
    ]);
    const outcomes = [...lines.map(({ outcome }) => outcome), ...posted];
    expect(new Set(outcomes.map((outcome) => `${outcome?.id} ${outcome?.position}`)).size).toBe(1);
    const page = await api.read<Page>(
      `/v1/customers/${customerId}/timeline?type=InteractionRecorded`,
      outcomes[0]?.position,
    );
    expect(page.items).toHaveLength(1);
  });
});

it('knows the commands again after a restart', async () => {
  const headers = { 'idempotency-key': 'before-the-restart' };
  const body = { kind: 'person', identities: [email('restart')] };
  const first = await api.send('POST', '/v1/customers', { json: body, headers });
  const lines = [{ id: 'restart-1', type: 'RegisterCustomer', data: { kind: 'person' } }];
  const [outcome] = await api.lines(lines, 'crm');
  expect(await product.kill('SIGTERM')).toBe(0);
  await product.start();
  const head = await api.head();
  expect(shown(await api.send('POST', '/v1/customers', { json: body, headers }))).toEqual(shown(first));
  expect(await api.lines(lines, 'crm')).toEqual([{ ...outcome, outcome: { ...outcome?.outcome, resent: true } }]);
  const reused = await api.send('POST', '/v1/customers', { json: { kind: 'person' }, headers });
  expect(reused.status).toBe(422);
  expect(await api.writtenSince(head)).toEqual([]);
});
