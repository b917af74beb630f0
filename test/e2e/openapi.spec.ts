/**
 * Is `/openapi.json` of the built product true? Its structure is OpenAPI 3.1, every documented body takes and refuses
 * what the server does, and every answer that the main job gets, refusals included, is one that it announces.
 */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { readConfig } from '@timeline/composing';
import type { JsonObject } from '@timeline/kernel';
import { pino } from 'pino';
import { TimelineApp } from '../../apps/timeline/src/app.js';
import { compareBodies, documentAjv, undocumented } from '../../libs/http/src/testing/openapi-truth.js';
import { RunningProduct } from '../support/running-product.js';
import { Api, SseClient, type Answer, type Json } from './api.js';
import { doMainJob, type MainJob } from './main-job.js';

/** Commands that say all there is to say by their path. */
const WITHOUT_BODY = new Set(['post /v1/imports/{id}/revert', 'post /v1/metrics/data-quality/measurements']);
const METHODS = ['get', 'put', 'post', 'patch', 'delete'];

interface Operation extends Json {
  operationId: string;
  summary: string;
  parameters: (Json & { name: string; in: string; required?: boolean; schema: Json })[];
  requestBody?: { required: boolean; content: Record<string, { schema: Json }> };
  responses: Record<string, { description: string; content?: Record<string, { schema: Json }> }>;
}

interface Document extends Json {
  openapi: string;
  info: Json;
  paths: Record<string, Record<string, Operation>>;
  components: { schemas: Record<string, Json> };
}

let product: RunningProduct;
let api: Api;
let document: Document;
const answers: Answer<unknown>[] = [];

beforeAll(async () => {
  product = await RunningProduct.create({ DEMO: 'off' });
  await product.start();
  document = await new Api(product.url).read<Document>('/openapi.json');
  api = new Api(product.url, (answer) => answers.push(answer));
});
afterAll(() => product.dispose());

const operations = (): [name: string, operation: Operation, route: string][] =>
  Object.entries(document.paths).flatMap(([route, methods]) =>
    Object.entries(methods).map(([method, operation]): [string, Operation, string] => [
      `${method} ${route}`,
      operation,
      route,
    ]),
  );

function* valuesIn(value: unknown): Iterable<Json> {
  if (Array.isArray(value)) for (const item of value) yield* valuesIn(item);
  else if (typeof value === 'object' && value !== null) {
    yield value as Json;
    for (const member of Object.values(value)) yield* valuesIn(member);
  }
}

describe('the structure of /openapi.json', () => {
  it('is OpenAPI 3.1 with a title, a version and paths', () => {
    expect(document.openapi).toMatch(/^3\.1\.\d+$/);
    expect(document.info).toMatchObject({ title: expect.stringMatching(/./), version: expect.stringMatching(/./) });
    const known = ['openapi', 'info', 'paths', 'components', 'security', 'tags', 'servers', 'jsonSchemaDialect'];
    expect(Object.keys(document).filter((member) => !known.includes(member))).toEqual([]);
    for (const [route, methods] of Object.entries(document.paths)) {
      expect(route).toMatch(/^\/[^?#\s]*$/);
      expect(Object.keys(methods).filter((method) => !METHODS.includes(method))).toEqual([]);
    }
  });

  it('names every operation once and says what it does', () => {
    const ids = operations().map(([, { operationId }]) => operationId);
    expect(new Set(ids).size).toBe(ids.length);
    expect(
      operations()
        .filter(([, { summary }]) => !summary)
        .map(([name]) => name),
    ).toEqual([]);
  });

  it('declares every parameter of a path, and each parameter once', () => {
    for (const [name, { parameters }, route] of operations()) {
      const inPath = parameters.filter((parameter) => parameter.in === 'path');
      expect([name, inPath.map((parameter) => parameter.name).sort()]).toEqual([
        name,
        [...route.matchAll(/\{([^}]+)\}/g)].map(([, parameter]) => parameter).sort(),
      ]);
      expect(inPath.every(({ required }) => required === true)).toBe(true);
      const keys = parameters.map((parameter) => `${parameter.in} ${parameter.name.toLowerCase()}`);
      expect(new Set(keys).size).toBe(keys.length);
      for (const parameter of parameters) {
        expect(['path', 'query', 'header']).toContain(parameter.in);
        expect(typeof parameter.schema).toBe('object');
      }
    }
  });

  it('describes every answer, a good one and problems of every operation among them', () => {
    for (const [name, { responses }] of operations()) {
      const statuses = Object.keys(responses);
      expect([name, statuses.filter((status) => !/^([1-5]\d\d|default)$/.test(status))]).toEqual([name, []]);
      expect([name, statuses.some((status) => status.startsWith('2'))]).toEqual([name, true]);
      for (const [status, { description, content }] of Object.entries(responses)) {
        expect(description).toMatch(/./);
        if (/^[45]|default/.test(status) && !(name === 'get /health/ready' && status === '503'))
          expect(Object.keys(content ?? {})).toEqual(['application/problem+json']);
      }
    }
  });

  it('has a body where and only where one is taken', () => {
    for (const [name, { requestBody }] of operations()) {
      const takesBody = /^(post|put|patch) /.test(name) && !WITHOUT_BODY.has(name);
      expect([name, requestBody !== undefined]).toEqual([name, takesBody]);
      if (requestBody) expect(requestBody.required).toBe(true);
    }
  });

  it('points at nothing that is not there', () => {
    const refs = [...valuesIn(document)].flatMap(({ $ref }) => (typeof $ref === 'string' ? [$ref] : []));
    expect(refs.length).toBeGreaterThan(20);
    for (const ref of new Set(refs)) {
      expect(ref).toMatch(/^#\/components\/schemas\/[A-Za-z0-9._-]+$/);
      expect(Object.keys(document.components.schemas)).toContain(ref.split('/').at(-1));
    }
  });

  it('consists of JSON Schemas of 2020-12', () => {
    const ajv = documentAjv();
    ajv.addSchema(document, 'document');
    for (const name of Object.keys(document.components.schemas)) {
      expect(() => ajv.compile({ $ref: `document#/components/schemas/${name}` })).not.toThrow();
      expect([name, ajv.validateSchema(document.components.schemas[name] ?? {})]).toEqual([name, true]);
    }
    for (const [name, { parameters }] of operations())
      for (const { schema } of parameters) expect([name, ajv.validateSchema(schema)]).toEqual([name, true]);
  });

  it('says nothing of the page, which is no part of the API, and everything of the rest', () => {
    const routes = Object.keys(document.paths);
    expect(routes.filter((route) => !/^\/(v1\/|health\/|metrics$)/.test(route))).toEqual([]);
    expect(routes).toEqual(expect.arrayContaining(['/v1/commands', '/v1/events/stream', '/health/ready', '/metrics']));
  });
});

describe('the bodies in /openapi.json', () => {
  const customer = { customerId: '6f9619ff-8b86-4d01-b42d-00cf4fc964ff' };
  /** Of classes with rules that a schema cannot say. */
  const GOOD_BODIES = {
    RecordInteractionData: {
      customer,
      channel: 'web',
      direction: 'inbound',
      kind: 'visit',
      attachments: [{ name: 'a', url: 'https://media.example.org/a' }],
      durationSeconds: 1,
      occurredAt: '2024-02-29T12:00:00Z',
      source: 's',
      sourceId: '1',
    },
    RecordPurchaseData: {
      customer,
      channel: 'web',
      currency: 'EUR',
      lines: [{ lineId: 'a', sku: 'A', name: 'A', category: 'c', quantity: '1.5', unitPrice: '2', discount: '1' }],
      shipping: '4.9',
      tax: '1',
      shipTo: { city: 'Ulm', country: 'DE' },
      region: 'r',
    },
    OpenCaseData: { customer, kind: 'complaint', channel: 'web', subject: 's', body: 'b', source: 's', sourceId: '1' },
    RecordAnswerBody: { customer, score: 5, channel: 'web', comment: 'c', source: 's', sourceId: '1' },
    ProposeEnrichmentBody: {
      provider: 'register',
      confidence: 0.5,
      legalBasis: 'consent',
      values: { birthDate: '1980-01-01', language: 'de', traits: { size: 5 } },
    },
    ChangePreferencesBody: {
      channels: ['email'],
      refused: ['phone'],
      hours: { timeZone: 'UTC', windows: [{ days: [1], from: '09:00', to: '18:00' }] },
      frequency: { atMost: 1, days: 7 },
      language: 'de',
    },
    RateCaseBody: { score: 4, scale: { min: 0, max: 10 }, comment: 'c' },
  };

  it('are taken and refused as the server takes and refuses them', async () => {
    const folder = await mkdtemp(path.join(tmpdir(), 'timeline-openapi-'));
    const at = (name: string): string => `sqlite:${path.join(folder, name)}`;
    const config = readConfig({
      PORT: '0',
      EVENT_STORE_URL: at('events.db'),
      READ_STORE_URL: at('reads.db'),
      KEY_STORE_URL: at('keys.db'),
      MASTER_KEY_FILE: path.join(folder, 'master.key'),
    });
    const app = await TimelineApp.start({ config, log: pino({ level: 'silent' }) });
    try {
      // The document of the built product, the classes of the source.
      const comparisons = compareBodies(app.http, document as unknown as JsonObject, GOOD_BODIES);
      expect(comparisons.length).toBeGreaterThanOrEqual(20);
      expect(comparisons.flatMap(({ disagreements }) => disagreements)).toEqual([]);
      // Where all were refused, or nearly, nothing would have been compared but refusals.
      // One body has a single optional field, of which there is no more to try.
      expect(comparisons.filter(({ compared }) => compared <= 200).length).toBeLessThanOrEqual(1);
      // Of a map whose names follow a rule, nearly all that is tried is refused.
      expect(comparisons.filter(({ compared, taken }) => compared <= 100 || taken < 15)).toEqual([]);
      expect(comparisons.filter(({ taken }) => taken < 40).length).toBeLessThanOrEqual(1);
    } finally {
      await app.stop();
      await rm(folder, { recursive: true, force: true });
    }
  });
});

describe('every answer that the main job gets', () => {
  /** The route of the document that an address belongs to; words before parameters. */
  function routeOf(address: string): string {
    const given = address.split('?', 1)[0]?.split('/') ?? [];
    const fits = (route: string): boolean => {
      const parts = route.split('/');
      return parts.length === given.length && parts.every((part, at) => part.startsWith('{') || part === given[at]);
    };
    const found = Object.keys(document.paths).filter(fits);
    return found.sort((a, b) => a.split('{').length - b.split('{').length)[0] ?? address;
  }

  const untruths = (): string[] =>
    answers.flatMap((answer) => {
      const route = routeOf(answer.path);
      const { method, status, text, body } = answer;
      const contentType = answer.headers.get('content-type');
      // `default` covers problems that can happen anywhere; those of the main job are to be named.
      return undocumented(document as unknown as JsonObject, {
        method,
        route,
        status,
        contentType,
        body: text === '' ? undefined : body,
      }).map((untruth) => `${method} ${answer.path}: ${untruth}`);
    });

  let job: MainJob;
  let mergeId: string;
  let companyId: string;
  it('is announced: what is written', async () => {
    job = await doMainJob(api, 'documented');
    const standard = {
      rules: [
        { kind: 'one-of', values: ['a', 'b'] },
        { kind: 'required', when: { field: 'traits.other' } },
      ],
    };
    await api.command('PUT', '/v1/standards/traits.documented', standard);
    await api.command('PUT', '/v1/standards/traits.documented', {
      rules: [...standard.rules, { kind: 'max-length', max: 5 }],
    });
    await api.send('POST', '/v1/standards/traits.documented/check', {
      json: { value: 'c', with: { 'traits.other': 'x' } },
    });
    const other = await api.register({ name: { full: 'Annelie' } });
    const merge = { survivor: job.customerId, others: [other.id], reason: 'same phone', sourceRank: ['crm'] };
    const choices = [{ field: 'note', from: other.id }];
    ({ id: mergeId } = await api.post('/v1/merges', { ...merge, choices }));
    await api.send('GET', `/v1/customers/${other.id}`, { position: (await api.head()) ?? '' });
    ({ position: job.position } = await api.post(`/v1/merges/${mergeId}/unmerge`, { reason: 'another person' }));
    const { id: cancelled } = await api.post('/v1/purchases', {
      customer: { customerId: other.id },
      channel: 'web',
      currency: 'EUR',
      lines: [{ sku: 'A', name: 'A', category: 'c', quantity: '1', unitPrice: '2' }],
      shipping: '1',
      tax: '0.5',
    });
    await api.post(`/v1/purchases/${cancelled}/cancellation`, { reason: 'sold out' });
    await api.read(`/v1/purchases/${cancelled}`);
    ({ id: companyId } = await api.register({ kind: 'company' }));
    for (const id of [job.customerId, other.id])
      await api.post(`/v1/customers/${id}/companies`, { companyId, role: 'buyer', from: '2024-01-01' });
    ({ position: job.position } = await api.post(`/v1/customers/${other.id}/companies/${companyId}/departure`, {
      to: '2024-05-31',
    }));
    await api.lines([
      { id: '1', type: 'RegisterCustomer', data: { kind: 'company' } },
      { id: '2', type: 'Nonsense', data: {} },
    ]);
    expect(answers.length).toBeGreaterThan(35);
    expect(untruths()).toEqual([]);
  });

  it('is announced: what is read', async () => {
    answers.length = 0;
    const { customerId, caseId, position } = job;
    const location = job.answered.headers.get('location') ?? '';
    const metrics = await api.read<{ items: { name: string; breakdowns: string[] }[] }>('/v1/metrics');
    const imported = await api.send('POST', '/v1/imports?source=documented&name=one', {
      raw: 'ID,Phone,Region\n1,+1 650 253 0000,West\n',
      headers: { 'content-type': 'text/csv' },
    });
    const { summary } = JSON.parse(imported.text) as { summary: { importId: string; position: string } };
    await api.read(`/v1/provenance?import=${summary.importId}&field=phone`, summary.position);
    const said = {
      customer: { customerId },
      channel: 'chat',
      direction: 'inbound',
      kind: 'chat',
      threadId: 'documented',
    };
    const { position: saidAt } = await api.post('/v1/interactions', said);
    await api.read('/v1/threads/documented?limit=1&order=newest', saidAt);
    const addresses = [
      `/v1/imports/${summary.importId}`,
      '/v1/provenance?source=documented',
      '/v1/customers?limit=1',
      '/v1/customers?q=ann&trait.plan=platinum',
      `/v1/customers/${customerId}`,
      `/v1/customers/${customerId}/duplicates`,
      `/v1/customers/${customerId}?asOf=2024-03-15T00:00:00Z&knownAt=2100-01-01T00:00:00Z`,
      `/v1/customers/${customerId}/merges`,
      `/v1/customers/${customerId}/purchases?status=bought,partly-returned&category=Furniture&limit=1`,
      `/v1/customers/${customerId}/purchases?from=2024-01-01T00:00:00Z&to=2030-01-01T00:00:00Z`,
      `/v1/customers/${customerId}/purchases/categories?top=1`,
      `/v1/customers/${companyId}/people?which=all`,
      `/v1/customers/${companyId}`,
      `/v1/customers/${customerId}/segments?asOf=2024-04-01T00:00:00Z&knownAt=2100-01-01T00:00:00Z`,
      `/v1/customers/${customerId}/quality`,
      `/v1/customers/${customerId}/enrichments`,
      `/v1/customers/${customerId}/permissions?purpose=newsletter&channel=email`,
      `/v1/merges/${mergeId}`,
      `/v1/customers/${customerId}/timeline?limit=5`,
      `/v1/customers/${customerId}/timeline?text=box&source=shop&threadId=t&knownAt=2100-01-01T00:00:00Z`,
      '/v1/duplicates',
      '/v1/duplicates?status=dismissed&limit=1',
      `/v1/customers/${customerId}/timeline?limit=200&order=oldest&channel=web,email&type=SurveyAnswered`,
      '/v1/feedback?status=all&order=severity',
      `/v1/interactions/${job.interactionId}`,
      `/v1/purchases/${job.purchaseId}`,
      `/v1/feedback/${caseId}`,
      '/v1/surveys?limit=1',
      '/v1/surveys/documented-nps',
      '/v1/surveys/documented-nps/answers?limit=2',
      location,
      `/v1/loyalty/${customerId}`,
      `/v1/loyalty/${customerId}?asOf=2030-01-01T00:00:00Z`,
      '/v1/freshness/policies',
      '/v1/freshness/reviews?limit=1',
      '/v1/segments',
      '/v1/standards',
      '/v1/standards/traits.documented',
      '/v1/standards/traits.documented/versions/1',
      '/v1/segments/vip/members?asOf=2024-04-01T00:00:00Z',
      '/v1/events?limit=1000',
      '/v1/events?types=SurveyDefined',
      '/health/live',
      '/health/ready',
      '/metrics',
      ...metrics.items.flatMap(({ name, breakdowns }) =>
        ['', ...breakdowns.map((by) => `&by=${by}`)].map(
          (more) => `/v1/metrics/${name}?from=2024-01-01&to=2024-06-30&interval=month${more}`,
        ),
      ),
    ];
    for (const address of addresses) await api.send('GET', address, { position });
    await api.send('POST', '/v1/customers/duplicates/search', {
      position,
      json: { name: { full: 'Annelie Quastenberg' } },
    });
    const { id } = await api.register();
    const erased = await api.send('DELETE', `/v1/customers/${id}`);
    await api.send('GET', erased.headers.get('location') ?? '');
    for (const address of addresses.filter((each) =>
      /^\/v1\/(customers|interactions|merges|purchases|feedback|loyalty)\/[^/?]+$/.test(each),
    )) {
      const etag = answers.find((answer) => answer.path === address)?.headers.get('etag') ?? '';
      expect((await api.send('GET', address, { position, headers: { 'if-none-match': etag } })).status).toBe(304);
    }
    expect(answers.filter(({ status }) => ![200, 201, 202, 304].includes(status)).map(({ path: at }) => at)).toEqual(
      [],
    );
    expect(untruths()).toEqual([]);
    const got = answers.filter(({ method }) => method === 'GET');
    const covered = new Set(got.map(({ path: at }) => `get ${routeOf(at)}`));
    const reads = operations()
      .map(([name]) => name)
      .filter((name) => name.startsWith('get ') && !name.endsWith('/stream'));
    expect(reads.filter((name) => !covered.has(name))).toEqual([]);
  });

  it('is announced: streams', async () => {
    for (const address of ['/v1/events/stream', `/v1/customers/${job.customerId}/timeline/stream`]) {
      const stream = await SseClient.open(`${product.url}${address}`);
      stream.close();
      const untruth = undocumented(document as unknown as JsonObject, {
        method: 'GET',
        route: routeOf(address),
        status: stream.response.status,
        contentType: stream.response.headers.get('content-type'),
        body: '',
      });
      expect(untruth).toEqual([]);
    }
  });

  it('is announced: refusals', async () => {
    answers.length = 0;
    const { customerId, caseId, purchaseId, position } = job;
    const customer = { customerId };
    const nobody = '6f9619ff-8b86-4d01-b42d-00cf4fc964ff';
    const send = (method: string, address: string, json?: unknown, headers: Record<string, string> = {}) =>
      api.send(method, address, { ...(json !== undefined && { json }), headers });
    await send('POST', '/v1/customers', { kind: 'alien' });
    await send('POST', '/v1/customers', { kind: 'person', identities: [{ kind: 'member', value: 'null' }] });
    await send('POST', '/v1/customers', {
      kind: 'person',
      identities: [{ kind: 'email', value: 'annelie.quastenberg@example.org' }],
    });
    await send('POST', '/v1/customers', { kind: 'person', birthDate: '2999-01-01' });
    await send('POST', '/v1/customers', { kind: 'person', occurredAt: '2999-01-01T00:00:00Z' });
    await send('POST', '/v1/customers', { kind: 'person' }, { 'content-type': 'text/plain' });
    await send('POST', '/v1/customers', { kind: 'person', note: 'x'.repeat(300_000) });
    await send('PATCH', `/v1/customers/${customerId}`, { language: 'en' }, { 'if-match': '"0"' });
    await send('PATCH', `/v1/customers/${customerId}`, { language: 'en' }, { 'if-match': '*' });
    await send('PATCH', `/v1/customers/${customerId}`, { occurredAt: '2020-01-01T00:00:00Z', language: 'en' });
    await send('PATCH', `/v1/customers/${nobody}`, {});
    await send('PATCH', '/v1/customers/abc', {});
    await send('GET', `/v1/customers/${nobody}/erasure`);
    await send('GET', `/v1/customers/${customerId}/erasure`);
    await send('POST', `/v1/customers/${customerId}/identities/removals`, { kind: 'member', value: 'x-1' });
    await send('POST', `/v1/customers/${customerId}/lifecycle`, { to: 'lead' });
    await send('POST', '/v1/interactions', { customer, channel: 'web', direction: 'inbound', kind: 'k', source: 's' });
    await send('POST', '/v1/interactions', {
      customer,
      channel: 'chat',
      direction: 'inbound',
      kind: 'call',
      source: 'telephony',
      sourceId: 'documented-call-1',
    });
    await send('POST', `/v1/purchases/${purchaseId}/returns`, { lines: [{ lineId: 'chairs', quantity: '9' }] });
    await send('POST', `/v1/purchases/${nobody}/returns`, {});
    await send('POST', `/v1/purchases/${purchaseId}/cancellation`, {});
    await send('POST', `/v1/purchases/${nobody}/cancellation`, {});
    await send('POST', `/v1/customers/${customerId}/companies`, { companyId: nobody });
    await send('POST', `/v1/customers/${customerId}/companies`, { companyId: customerId });
    await send('POST', `/v1/customers/${customerId}/companies/${nobody}/departure`, {});
    await send('POST', `/v1/feedback/${caseId}/resolution`, { resolution: 'x' });
    await send('POST', `/v1/feedback/${caseId}/rating`, { score: 9 });
    await send('POST', `/v1/feedback/${nobody}/rating`, { score: 1 });
    await send('PUT', '/v1/surveys/documented-nps', { kind: 'CES', title: 't' });
    await send('PUT', '/v1/surveys/other', { kind: 'NPS', title: 't', scale: { min: 1, max: 5 } });
    await send('POST', '/v1/surveys/documented-nps/answers', { customer, score: 11, channel: 'web' });
    await send('POST', '/v1/surveys/nowhere/answers', { customer, score: 1, channel: 'web' });
    await send('POST', `/v1/loyalty/${customerId}/redemptions`, { points: 1_000_000, reason: 'r' });
    await send('POST', `/v1/loyalty/${nobody}/earnings`, { points: 1, reason: 'r' });
    await send('POST', '/v1/merges', { survivor: nobody, others: [customerId] });
    await send('POST', '/v1/merges', { survivor: customerId, others: [customerId] });
    await send('POST', '/v1/merges', { survivor: customerId, others: [], more: 1 });
    await send('POST', `/v1/merges/${nobody}/unmerge`, {});
    await send('POST', `/v1/merges/${mergeId}/unmerge`, {});
    await send('PUT', '/v1/standards/traits.documented', { rules: [{ kind: 'luck' }] });
    await send('PUT', '/v1/standards/note', { rules: [{ kind: 'regex', pattern: '(' }] });
    await send('POST', '/v1/standards/note/check', {});
    await send('POST', '/v1/customers', { kind: 'person', traits: { documented: 'c' } });
    await send('PATCH', `/v1/customers/${customerId}`, { traits: { documented: 'c' } });
    await send('POST', '/v1/commands', {});
    for (const address of [
      '/v1/customers?limit=0',
      '/v1/customers?cursor=x',
      '/v1/customers?identity=email:x',
      `/v1/customers/${nobody}`,
      '/v1/customers/abc',
      `/v1/customers/${nobody}/merges`,
      `/v1/customers/${customerId}/merges?cursor=x`,
      `/v1/customers/${nobody}/segments`,
      `/v1/customers/${nobody}/purchases`,
      `/v1/customers/${customerId}/purchases?status=x`,
      `/v1/customers/${nobody}/purchases/categories`,
      `/v1/customers/${nobody}/people`,
      `/v1/customers/${companyId}/people?cursor=x`,
      `/v1/customers/${nobody}/quality`,
      `/v1/customers/${nobody}/permissions?purpose=a&channel=b`,
      `/v1/merges/${nobody}`,
      '/v1/merges/abc',
      `/v1/customers/${nobody}/timeline`,
      `/v1/customers/${customerId}/timeline?type=x`,
      `/v1/customers/${nobody}/timeline/stream`,
      '/v1/feedback?order=x',
      '/v1/feedback?cursor=x',
      `/v1/interactions/${nobody}`,
      '/v1/interactions/abc',
      `/v1/purchases/${nobody}`,
      '/v1/purchases/abc',
      `/v1/feedback/${nobody}`,
      '/v1/surveys/nowhere',
      `/v1/surveys/documented-nps/answers/${nobody}`,
      `/v1/loyalty/${nobody}`,
      `/v1/loyalty/${customerId}?asOf=2020-01-01T00:00:00Z`,
      '/v1/segments/rich/members',
      '/v1/standards/note',
      '/v1/standards/traits.documented/versions/9',
      '/v1/standards/nothing',
      '/v1/metrics/luck',
      '/v1/metrics/nps?by=luck',
      '/v1/events?from=x',
      '/v1/events/stream?from=x',
    ])
      await send('GET', address);
    for (const bad of ['x', `aaaaaaaaaaaa:${position.slice(13)}`])
      await api.send('GET', `/v1/customers/${customerId}`, { position: bad });
    await send('DELETE', `/v1/customers/${nobody}`);
    await send('DELETE', `/v1/customers/${customerId}?why=x`);

    expect(answers.filter(({ status }) => status < 400).map(({ path: at }) => at)).toEqual([]);
    expect(untruths()).toEqual([]);
  });

  it('is announced: an erasure and what comes after', async () => {
    answers.length = 0;
    const { customerId, caseId, purchaseId } = job;
    const erased = await api.command('DELETE', `/v1/customers/${customerId}`);
    const location = job.answered.headers.get('location') ?? '';
    const reads = [
      `/v1/customers/${customerId}`,
      `/v1/customers/${customerId}/timeline`,
      `/v1/feedback/${caseId}`,
      `/v1/interactions/${job.interactionId}`,
      `/v1/purchases/${purchaseId}`,
      `/v1/feedback?customerId=${customerId}`,
      `/v1/loyalty/${customerId}`,
      `/v1/customers/${customerId}/merges`,
      `/v1/customers/${customerId}/segments`,
      `/v1/customers/${customerId}/purchases`,
      `/v1/customers/${customerId}/purchases/categories`,
      `/v1/customers/${customerId}/people`,
      `/v1/merges/${mergeId}`,
      location,
    ];
    for (const address of reads) await api.send('GET', address, { position: erased.position });
    await api.send('PATCH', `/v1/customers/${customerId}`, { json: { language: 'en' } });
    await api.send('POST', `/v1/purchases/${purchaseId}/returns`, { json: {} });
    await api.send('POST', `/v1/purchases/${purchaseId}/cancellation`, { json: {} });
    await api.send('POST', `/v1/customers/${customerId}/companies`, { json: { companyId } });
    await api.send('POST', `/v1/feedback/${caseId}/classification`, {
      json: { topic: 't', severity: 'low', sentiment: 'neutral', urgency: 'low' },
    });
    expect(answers.map(({ status }) => status)).toEqual([202, ...Array.from({ length: 19 }, () => 410)]);
    expect(untruths()).toEqual([]);
  });
});
