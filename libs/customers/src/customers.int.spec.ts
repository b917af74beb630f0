/** Customers through HTTP, commands, projections and reactions, on real embedded stores. */
import { copyFile, readdir, readFile, rm } from 'node:fs/promises';
import path from 'node:path';
import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import { CommandProcessor, CustomerDirectory } from '@timeline/deciding';
import { createHttpApp } from '@timeline/http';
import { canonicalJson, errorCode, newId, UnavailableError, Upcasters, type JsonObject } from '@timeline/kernel';
import { contentOf, verifyBuild, type AnyProjection } from '@timeline/projecting';
import { StandardsInForce } from '@timeline/standards';
import { Harness, TestClock } from '../../composing/src/testing/harness.js';
import { compareBodies, undocumented } from '../../http/src/testing/openapi-truth.js';
import { RegisterCustomer, RegisterCustomerHandler } from './commands/register-customer.command.js';
import { customerStream } from './customer.decider.js';
import { CustomersSettings } from './customers-settings.js';
import { IdentityRegistry } from './identities/identity-registry.js';
import { identityStream } from './identities/identity.decider.js';
import { carryOutErasures, customersSlice, registerCustomer } from './index.js';
import { erasureProjection } from './projections/erasure.projection.js';
import { CLAIM_LIFETIME_MS, identityClaimsProjection } from './projections/identity-claims.projection.js';
import { profileProjection } from './projections/profile.projection.js';

const slices = [customersSlice({ defaultPhoneRegion: 'US' })];
const clock = new TestClock();

let harness: Harness;
let app: NestFastifyApplication;
let base: string;
let document: JsonObject;

async function listen(): Promise<void> {
  app = await createHttpApp(harness.product.module({ providers: [], controllers: [] }), {
    openApi: { title: 'test', version: '1' },
  });
  await app.listen(0, '127.0.0.1');
  base = await app.getUrl();
  document = (await (await fetch(`${base}/openapi.json`)).json()) as JsonObject;
}

/** What is injected under an abstract class. */
const provided = <T>(type: abstract new () => T): T => harness.context.get<T>(type, { strict: false });

async function restart(between: (folder: string) => Promise<void>): Promise<void> {
  await app.close();
  await harness.restart(between);
  await listen();
}

beforeAll(async () => {
  harness = await Harness.start({ slices, clock });
  await listen();
});
afterAll(async () => {
  await app?.close();
  await harness?.dispose();
});

interface Answer {
  status: number;
  headers: Headers;
  // Tests look at members of many shapes.
  // eslint-disable-next-line @typescript-eslint/no-explicit-any
  body: any;
}

/** Every answer is one that the API's description announces. */
async function request(
  method: string,
  at: string,
  body?: object,
  headers: Record<string, string> = {},
): Promise<Answer> {
  const answer = await fetch(`${base}/v1/customers${at}`, {
    method,
    headers: { ...(body && { 'content-type': 'application/json' }), ...headers },
    ...(body && { body: JSON.stringify(body) }),
  });
  const text = await answer.text();
  const read: unknown = text === '' ? undefined : JSON.parse(text);
  const route = `/v1/customers${at.split('?')[0]?.replace(/[0-9a-f-]{36}/, '{id}') ?? ''}`;
  const contentType = answer.headers.get('content-type');
  expect(undocumented(document, { method, route, status: answer.status, contentType, body: read })).toEqual([]);
  return { status: answer.status, headers: answer.headers, body: read };
}
const post = (at: string, body: object, headers?: Record<string, string>): Promise<Answer> =>
  request('POST', at, body, headers);
const seen = (position: string): Record<string, string> => ({ 'timeline-position': position });

let count = 0;
const someone = (): { email: string; name: string } => ({
  email: `someone${++count}@example.com`,
  name: `Someone ${count}`,
});
async function register(more: object = {}): Promise<{ id: string; email: string; position: string }> {
  const { email, name } = someone();
  const { status, body } = await post('', {
    kind: 'person',
    name: { full: name },
    identities: [{ kind: 'email', value: email }],
    ...more,
  });
  expect(status).toBe(201);
  return { id: body.id, email, position: body.position };
}

async function until(holds: () => Promise<boolean>): Promise<void> {
  for (const end = Date.now() + 20_000; !(await holds()); await new Promise((resolve) => setTimeout(resolve, 10))) {
    if (Date.now() > end) throw new Error('this did not come about');
  }
}
const typesIn = async (stream: string): Promise<string[]> =>
  (await harness.product.events.readStream(stream)).map(({ type }) => type);
const lastTypeIn = async (stream: string): Promise<string | undefined> => (await typesIn(stream)).at(-1);
const carriedOut = (id: string): Promise<void> =>
  until(async () => (await lastTypeIn(customerStream(id))) === 'CustomerErasureCarriedOut');
const streamOf = (email: string): string =>
  identityStream(harness.get(IdentityRegistry).identify({ kind: 'email', value: email }).hash);

describe('a customer over HTTP', () => {
  it('is registered, changed step by step, and read back after each', async () => {
    const { email, name } = someone();
    const body = {
      kind: 'person',
      name: { full: name },
      identities: [
        { kind: 'email', value: ` ${email.toUpperCase()} ` },
        { kind: 'phone', value: '(650) 253-0000' },
      ],
      birthDate: '1980-02-29',
      address: { lines: ['1 Main St'], city: 'Springfield', country: 'US' },
      language: 'en',
      region: 'West',
      traits: { size: 'L' },
      occurredAt: '2025-01-01T00:00:00Z',
    };
    const registered = await post('', body, { 'idempotency-key': 'register-1' });
    expect(registered).toMatchObject({ status: 201, body: { revision: 0 } });
    const { id, position } = registered.body;
    expect(registered.headers.get('location')).toBe(`/v1/customers/${id}`);
    expect(await post('', body, { 'idempotency-key': 'register-1' })).toMatchObject({
      status: 201,
      body: registered.body,
    });

    const first = await request('GET', `/${id}`, undefined, seen(position));
    expect(first.body).toMatchObject({
      customerId: id,
      name: { full: name },
      stage: 'lead',
      identities: [
        { kind: 'email', value: email, primary: true },
        { kind: 'phone', value: '+16502530000', primary: true },
      ],
      traits: { size: 'L' },
      firstSeenAt: '2025-01-01T00:00:00.000Z',
      purchases: { count: 0, byCurrency: {} },
      provenance: { name: { source: 'local' } },
    });
    expect(first.body).not.toHaveProperty('search');
    const etag = first.headers.get('etag') ?? '';
    expect(await request('GET', `/${id}`, undefined, { 'if-none-match': etag })).toMatchObject({ status: 304 });

    const patched = await request(
      'PATCH',
      `/${id}`,
      { address: null, traits: { size: null, vip: true } },
      { 'if-match': '"0"' },
    );
    expect(patched).toMatchObject({ status: 200, body: { revision: 1 } });
    expect(await request('PATCH', `/${id}`, { language: 'zh' }, { 'if-match': '"0"' })).toMatchObject({ status: 412 });
    expect(await post(`/${id}/identities`, { kind: 'wechat', value: 'oX-1' })).toMatchObject({ status: 200 });
    expect(await post(`/${id}/identities/removals`, { kind: 'phone', value: '+1 650 253 0000' })).toMatchObject({
      status: 200,
    });
    expect(await post(`/${id}/consents`, { purpose: 'newsletter', status: 'granted', textVersion: '3' })).toMatchObject(
      { status: 200 },
    );
    expect(await post(`/${id}/lifecycle`, { to: 'customer' })).toMatchObject({ status: 200 });
    expect(await post(`/${id}/lifecycle`, { to: 'prospect' })).toMatchObject({
      status: 422,
      body: { code: 'STAGE_REASON_REQUIRED' },
    });
    const last = await post(`/${id}/lifecycle`, { to: 'prospect', reason: 'order cancelled' });

    const second = await request('GET', `/${id}`, undefined, { ...seen(last.body.position), 'if-none-match': etag });
    expect(second).toMatchObject({
      status: 200,
      body: {
        stage: 'prospect',
        traits: { vip: true },
        identities: [{ kind: 'email' }, { kind: 'wechat', value: 'oX-1' }],
        consents: [{ purpose: 'newsletter', status: 'granted', at: clock.now().toISOString() }],
      },
    });
    expect(second.body).not.toHaveProperty('address');
  });

  it('is told what is wrong with a request, by pointers', async () => {
    const { email } = await register();
    const identities = [
      { kind: 'member', value: '4711' },
      { kind: 'email', value: email },
    ];
    expect(await post('', { kind: 'person', identities })).toMatchObject({
      status: 409,
      body: { code: 'IDENTITY_TAKEN', errors: [{ pointer: '/identities/1/value' }] },
    });
    expect(await post('', { kind: 'person', identities: [{ kind: 'member', value: 'null' }] })).toMatchObject({
      status: 422,
      body: { code: 'IDENTITY_REFUSED', errors: [{ pointer: '/identities/0/value' }] },
    });
    const twice = [
      { kind: 'email', value: 'a.b@gmail.com' },
      { kind: 'email', value: 'ab+c@googlemail.com' },
    ];
    expect(await post('', { kind: 'person', identities: twice })).toMatchObject({
      status: 422,
      body: { code: 'IDENTITY_REPEATED', errors: [{ pointer: '/identities/1' }] },
    });
    expect(await post('', { kind: 'person', id: newId() })).toMatchObject({
      status: 422,
      body: { errors: [{ pointer: '/id' }] },
    });
    const primary = twice.map((each) => ({ ...each, primary: true }));
    expect(await post('', { kind: 'person', identities: primary })).toMatchObject({
      status: 422,
      body: { errors: [{ code: 'PRIMARY_REPEATED' }] },
    });
    expect(await request('GET', `/${newId()}`)).toMatchObject({ status: 404, body: { code: 'CUSTOMER_NOT_FOUND' } });
    expect(await request('PATCH', `/${newId()}`, { note: 'x' })).toMatchObject({ status: 404 });
    expect(await request('PATCH', `/${newId()}`, { traits: { 'a.b': 1 } })).toMatchObject({
      status: 422,
      body: { errors: [{ pointer: '/traits/a.b' }] },
    });
  });

  it('takes exactly what the API’s description says', () => {
    const comparisons = compareBodies(app, document);
    expect(comparisons.length).toBeGreaterThanOrEqual(6);
    for (const { taken, disagreements } of comparisons) {
      expect(disagreements).toEqual([]);
      expect(taken).toBeGreaterThan(0);
    }
  });
});

describe('the list of customers', () => {
  const list = async (
    query: string,
  ): Promise<{ items: { customerId: string; name?: { full: string } }[]; next?: string }> => {
    const { status, body } = await request('GET', `?${query}`);
    expect(status).toBe(200);
    return body;
  };
  const names = async (query: string): Promise<(string | undefined)[]> =>
    (await list(query)).items.map(({ name }) => name?.full);

  it('finds by the beginnings of words, identity, stage, region, kind and traits, sorted by name', async () => {
    const people = [
      { kind: 'person', name: { full: 'Zoë List-Müller' }, region: 'list-North', traits: { tier: 1 } },
      { kind: 'person', name: { full: '列小明' }, region: 'list-North', stage: 'customer' },
      { kind: 'company', name: { full: 'List & Söhne' }, region: 'list-South', traits: { tier: 'gold' } },
      {
        kind: 'person',
        name: { full: 'adam LIST' },
        region: 'list-South',
        identities: [{ kind: 'external', system: 'CRM', value: 'a:b' }],
      },
    ];
    let position = '';
    for (const person of people) position = (await register({ identities: [], ...person })).position;
    await request('GET', '?limit=1', undefined, seen(position));

    expect(await names('q=list')).toEqual(['adam LIST', 'List & Söhne', 'Zoë List-Müller']);
    expect(await names('q=MULL%20zoe')).toEqual(['Zoë List-Müller']);
    expect(await names(`q=${encodeURIComponent('小')}`)).toEqual(['列小明']);
    expect(await names('q=ist')).toEqual([]);
    expect(await names('q=--')).toEqual([]);
    expect(await names('region=list-North')).toEqual(['Zoë List-Müller', '列小明']);
    expect(await names('region=list-North&stage=customer')).toEqual(['列小明']);
    expect(await names('q=list&kind=company')).toEqual(['List & Söhne']);
    expect(await names('trait.tier=1')).toEqual(['Zoë List-Müller']);
    expect(await names('trait.tier=gold&q=list')).toEqual(['List & Söhne']);
    expect(await names('identity=external:crm:a:b')).toEqual(['adam LIST']);
    expect(await names('identity=external:crm:a:b&kind=company')).toEqual([]);
    expect(await names('identity=email:nobody@example.com')).toEqual([]);
    expect(await request('GET', '?identity=email:guest')).toMatchObject({
      status: 422,
      body: { code: 'IDENTITY_REFUSED' },
    });
    expect(await request('GET', '?identity=fax:1')).toMatchObject({ status: 422 });
    expect(await request('GET', '?trait.a.b=1')).toMatchObject({
      status: 422,
      body: { errors: [{ in: 'query', pointer: '/trait.a.b' }] },
    });
    expect(await request('GET', '?colour=red')).toMatchObject({ status: 422 });
  });

  it('pages without skipping or repeating, also among equal names', async () => {
    let position = '';
    const ids: string[] = [];
    for (let index = 0; index < 7; index += 1) {
      const { id, position: at } = await register({ name: { full: index < 4 ? 'Paging Same' : `Paging ${index}` } });
      ids.push(id);
      position = at;
    }
    await request('GET', '?limit=1', undefined, seen(position));
    const found: string[] = [];
    for (let next: string | undefined = ''; next !== undefined;) {
      const page = await list(`q=paging&limit=2${next ? `&cursor=${next}` : ''}`);
      expect(page.items.length).toBeLessThanOrEqual(2);
      found.push(...page.items.map(({ customerId }) => customerId));
      next = page.next;
    }
    expect(found).toHaveLength(7);
    expect(new Set(found)).toEqual(new Set(ids));
    expect(found.slice(-4)).toEqual(ids.slice(0, 4).sort());
    expect(await request('GET', '?cursor=x')).toMatchObject({ status: 400, body: { code: 'CURSOR_MALFORMED' } });
  });
});

describe('an identity', () => {
  it('has exactly one owner when fifty commands ask for it at once, in several processes', async () => {
    const { events, vault, hashes } = harness.product;
    const email = someone().email;
    // Each with a queue of its own, as several processes on one file would have.
    const handlers = Array.from({ length: 5 }, () => {
      const processor = new CommandProcessor(events, vault, clock);
      return new RegisterCustomerHandler(
        processor,
        new IdentityRegistry(processor, events, hashes, provided<CustomersSettings>(CustomersSettings)),
        new StandardsInForce(events, clock),
      );
    });
    const outcomes = await Promise.all(
      Array.from({ length: 50 }, async (_, index) => {
        const commandId = newId();
        const context = {
          commandId,
          bodyHash: commandId,
          actor: 'test',
          correlationId: commandId,
          causationId: commandId,
        };
        const data = {
          kind: 'person' as const,
          stage: 'lead' as const,
          identities: [{ kind: 'email' as const, value: email }],
        };
        const handler = handlers[index % handlers.length];
        if (!handler) throw new Error('there are five');
        return handler.execute(new RegisterCustomer(data, context)).then(
          ({ id }) => id,
          (error: unknown) => errorCode(error),
        );
      }),
    );
    const owners = outcomes.filter((outcome) => outcome !== 'IDENTITY_TAKEN');
    expect(owners).toHaveLength(1);
    expect(await typesIn(streamOf(email))).toEqual(['IdentityClaimed']);
    const found = await provided<CustomerDirectory>(CustomerDirectory).resolve({
      identity: { kind: 'email', value: email },
    });
    expect(found.customerId).toBe(owners[0]);
  });

  it('comes free when its owner died before registering, and the late owner is refused', async () => {
    const { events } = harness.product;
    const email = someone().email;
    const data = { kind: 'person', stage: 'lead', identities: [{ kind: 'email', value: email }] } as const;
    const late = { ...data, identities: [...data.identities] };
    const append = events.append.bind(events);
    events.append = (stream, ...rest) =>
      stream.startsWith('customer-')
        ? Promise.reject(new UnavailableError('event store', 'gone'))
        : append(stream, ...rest);
    try {
      await expect(harness.dispatch(registerCustomer, late, { idempotencyKey: 'late' })).rejects.toThrow(
        UnavailableError,
      );
    } finally {
      events.append = append;
    }
    expect(await typesIn(streamOf(email))).toEqual(['IdentityClaimed']);
    await expect(harness.dispatch(registerCustomer, late)).rejects.toMatchObject({ code: 'IDENTITY_TAKEN' });

    clock.advance(CLAIM_LIFETIME_MS);
    await until(async () => (await lastTypeIn(streamOf(email))) === 'IdentityReleased');
    await harness.dispatch(registerCustomer, late);
    await expect(harness.dispatch(registerCustomer, late, { idempotencyKey: 'late' })).rejects.toMatchObject({
      code: 'IDENTITY_TAKEN',
    });
  });
});

const PROJECTIONS: readonly AnyProjection[] = [profileProjection, identityClaimsProjection, erasureProjection];

/** Everything that can be read, at the log's head. */
async function readable(): Promise<Record<string, string>> {
  const head = await harness.product.events.head();
  const texts: Record<string, string> = {};
  for (const projection of PROJECTIONS) {
    await harness.read(projection, head?.position, async ({ documents, derived }) => {
      for (const [kind, collection] of [
        ['documents', documents],
        ['derived', derived],
      ] as const) {
        for (const found of await collection.find({}))
          texts[`${projection.name}/${kind}/${found._id}`] = canonicalJson(contentOf(found));
      }
    });
  }
  return texts;
}

async function verified(): Promise<void> {
  const { engine, events, vault } = harness.product;
  for (const projection of PROJECTIONS) {
    const pointer = await engine.builds.pointer(projection.name);
    const build = (await engine.builds.list(projection.name)).find(({ _id }) => _id === pointer?.live);
    if (!build) throw new Error('there is no build');
    const options = { events, vault, upcasters: new Upcasters(), builds: engine.builds, discarded: new Set<string>() };
    expect(await verifyBuild(projection, build, options)).toMatchObject({ differences: [], parked: 0 });
  }
}

describe('an erasure', () => {
  it('ends every way to the person, for good, and a rebuild agrees', async () => {
    const secret = 'Unforgettable Hieronymus';
    const { id, email, position } = await register({ name: { full: secret } });
    const kept = await register();
    await post(`/${id}/identities`, { kind: 'member', value: 'hieronymus-1' });
    expect(await request('GET', `/${id}`, undefined, seen(position))).toMatchObject({ status: 200 });

    const erased = await request('DELETE', `/${id}?reason=gdpr`, undefined, { 'idempotency-key': 'erase-1' });
    expect(erased).toMatchObject({ status: 202, body: { id } });
    expect(await request('DELETE', `/${id}?reason=gdpr`, undefined, { 'idempotency-key': 'erase-1' })).toMatchObject({
      status: 202,
      body: erased.body,
    });
    expect(await request('DELETE', `/${id}`)).toMatchObject({ status: 410, body: { code: 'CUSTOMER_ERASED' } });
    expect(await request('GET', `/${id}`)).toMatchObject({ status: 410 });
    expect(await request('PATCH', `/${id}`, { note: 'x' })).toMatchObject({ status: 410 });
    await carriedOut(id);

    expect((await harness.product.events.readStream(customerStream(id))).at(-1)?.data).toEqual({ claimsReleased: 2 });
    const opened = await harness.product.vault.open(await harness.product.events.readStream(customerStream(id)));
    expect(opened.every(({ personal }) => personal === undefined)).toBe(true);
    expect(await typesIn(streamOf(email))).toEqual(['IdentityClaimed', 'IdentityReleased']);
    await register({ identities: [{ kind: 'email', value: email }] });
    const before = await readable();
    expect(canonicalJson(before)).not.toMatch(/hieronymus/i);
    expect(before[`erasure/documents/${id}`]).toContain('"owed":false');
    expect(before).not.toHaveProperty(`profile/derived/${id}`);
    await verified();

    // A rebuild from nothing, with the keys gone.
    await restart(async (folder) => {
      for (const file of await readdir(folder)) if (file.startsWith('reads.db')) await rm(path.join(folder, file));
    });
    expect(await readable()).toEqual(before);
    expect(await request('GET', `/${id}`)).toMatchObject({ status: 410 });
    expect(await request('GET', `/${kept.id}`)).toMatchObject({ status: 200 });
    await verified();
    for (const file of await readdir(harness.folder)) {
      const bytes = await readFile(path.join(harness.folder, file));
      if (/^(events|keys)/.test(file))
        expect([file, bytes.includes('ieronymus'), bytes.includes(email)]).toEqual([file, false, false]);
    }
  });

  it('is carried out again when the key store is restored from a backup', async () => {
    const { id } = await register();
    const files = async (folder: string, prefix: string): Promise<string[]> =>
      (await readdir(folder)).filter((file) => file.startsWith(prefix));
    await restart(async (folder) => {
      for (const file of await files(folder, 'keys.db'))
        await copyFile(path.join(folder, file), path.join(folder, `backup-${file}`));
    });
    await request('DELETE', `/${id}`);
    await carriedOut(id);
    await restart(async (folder) => {
      for (const file of await files(folder, 'keys.db')) await rm(path.join(folder, file));
      for (const file of await files(folder, 'backup-'))
        await copyFile(path.join(folder, file), path.join(folder, file.slice('backup-'.length)));
    });
    const { events, ring, vault } = harness.product;
    const open = async () => (await vault.open(await events.readStream(customerStream(id))))[0]?.personal;
    expect(await open()).toHaveProperty('name');
    expect(await carryOutErasures(events, ring)).toBe(1);
    expect(await open()).toBeUndefined();
  });
});
