/** Provenance and reverts on real embedded stores: imports, people and purchases have to do with the same customers. */
import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import { CustomerDirectory } from '@timeline/deciding';
import { createHttpApp } from '@timeline/http';
import type { Position } from '@timeline/kernel';
import { verifyBuild } from '@timeline/projecting';
import { productSlices } from './slices.js';
import { Harness } from '../../composing/src/testing/harness.js';
import { updateCustomer } from '../../customers/src/commands/update-customer.command.js';
import { verifyField } from '../../customers/src/commands/verify-field.command.js';
import { joinCompany } from '../../customers/src/companies/join-company.command.js';
import { customerStream } from '../../customers/src/customer.decider.js';
import { proposeEnrichment } from '../../customers/src/enrichment/enrich-customer.command.js';
import { CustomerImports, type ImportSummary } from '../../customers/src/imports/customer-imports.js';
import type { RevertNews } from '../../customers/src/provenance/reverts.js';

let harness: Harness;
let app: NestFastifyApplication;
let base: string;
beforeAll(async () => {
  harness = await Harness.start({ slices: productSlices({ reportingTimeZone: 'UTC', defaultPhoneRegion: 'US' }) });
  app = await createHttpApp(harness.product.module({ providers: [], controllers: [] }));
  await app.listen(0, '127.0.0.1');
  base = await app.getUrl();
});
afterAll(async () => {
  await app?.close();
  await harness?.dispose();
});

async function* once(text: string): AsyncGenerator<string> {
  yield text;
}
async function run(source: string, name: string, text: string): Promise<ImportSummary> {
  for await (const news of harness.get(CustomerImports).run(once(text), { source, name, format: 'csv' }))
    if (news.kind === 'ended') return news.summary;
  throw new Error('the import did not end');
}
const headers = async (): Promise<Record<string, string>> => ({
  'timeline-position': (await harness.product.events.head())?.position ?? '',
});
// Tests look at members of many shapes.
// eslint-disable-next-line @typescript-eslint/no-explicit-any
async function get(path: string): Promise<{ status: number; body: any }> {
  const answer = await fetch(`${base}${path}`, { headers: await headers() });
  return { status: answer.status, body: await answer.json() };
}
async function revert(path: string, body?: object): Promise<RevertNews> {
  const answer = await fetch(`${base}${path}`, {
    method: 'POST',
    ...(body && { headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) }),
  });
  expect(answer.status).toBe(200);
  return JSON.parse((await answer.text()).trim().split('\n').at(-1) ?? '') as RevertNews;
}
const find = async (identity: string): Promise<{ customerId: string } | undefined> =>
  (await get(`/v1/customers?identity=${encodeURIComponent(identity)}`)).body.items[0];
const idOf = async (source: string, externalId: string): Promise<string> =>
  (await find(`external:${source}:${externalId}`))?.customerId ?? '';
const head = async (): Promise<string | undefined> => (await harness.product.events.head())?.position;

describe('what an import said', () => {
  it('is one call: all phones that came from it, with what holds and who said so', async () => {
    await run('crm', 'p1', 'ID,Phone,Region\nP1,+1 650 253 0001,West\nP2,+1 650 253 0002,West\nP3,,West\n');
    const { importId } = await run('crm', 'p2', 'ID,Phone,Region\nP1,+1 650 253 0003,West\nP3,+1 650 253 0004,East\n');
    const phones = await get(`/v1/provenance?import=${importId}&field=phone`);
    expect(phones.body.items.map(({ values }: { values: object[] }) => values)).toEqual(
      expect.arrayContaining([
        [expect.objectContaining({ field: 'phone', value: '+16502530003', holds: true, source: 'crm', importId })],
        [expect.objectContaining({ field: 'phone', value: '+16502530004' })],
      ]),
    );
    expect(phones.body.items).toHaveLength(2);
    const customerId = await idOf('crm', 'P3');
    expect((await get(`/v1/customers/${customerId}`)).body.provenance.region).toMatchObject({
      source: 'crm',
      importId,
      losing: [{ value: 'West', source: 'crm' }],
    });
  });

  it.each([
    '/v1/provenance',
    '/v1/provenance?source=a&import=b7a4927c-31c5-5955-8ac0-9f9b3d1b5a8b',
    '/v1/provenance?import=x',
  ])('is not asked for by %s', async (path) => expect((await get(path)).status).toBe(422));
});

describe('a revert', () => {
  it('of an import withdraws whom nobody else knows, and gives others back what was before', async () => {
    await run('crm', 'r1', 'ID,E-mail,Region\nR1,r1@r.example,West\n');
    const file =
      'ID,E-mail,Region,traits.size\nR1,,East,L\nR2,r2@r.example,East,M\nR3,r3@r.example,East,S\nR4,,East,S\n';
    const { importId } = await run('crm', 'r2', file);
    const [r1, r2, r3, r4] = await Promise.all(['R1', 'R2', 'R3', 'R4'].map((each) => idOf('crm', each)));
    // Somebody works with the third, and the fourth buys.
    await harness.dispatch(updateCustomer, { customerId: r3 ?? '', note: 'called' });
    const purchase = await fetch(`${base}/v1/purchases`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({
        customer: { customerId: r4 },
        channel: 'web',
        currency: 'USD',
        lines: [{ sku: 'a', name: 'a', quantity: '1', unitPrice: '1' }],
      }),
    });
    expect(purchase.status).toBe(201);
    const before = await harness.product.events.readStream(customerStream(r2 ?? ''));

    expect(await revert(`/v1/imports/${importId}/revert`)).toMatchObject({
      kind: 'ended',
      counts: { customers: 4, withdrawn: 1, retracted: 3, unchanged: 0 },
    });
    expect((await get(`/v1/customers/${r1}`)).body).toMatchObject({ region: 'West', traits: {} });
    expect((await get(`/v1/customers/${r2}`)).status).toBe(404);
    expect(await find('email:r2@r.example')).toBeUndefined();
    const third = (await get(`/v1/customers/${r3}`)).body;
    expect(third).toMatchObject({ note: 'called', identities: [], traits: {} });
    expect(third.region).toBeUndefined();
    expect((await get(`/v1/customers/${r4}`)).body).toMatchObject({ purchases: { count: 1 }, traits: {} });
    // Whoever stays is of some kind and in some stage, and nobody else said which.
    const left = (await get(`/v1/provenance?import=${importId}`)).body.items as { values: { field: string }[] }[];
    expect(left.map(({ values }) => values.map(({ field }) => field))).toEqual([
      ['kind', 'stage'],
      ['kind', 'stage'],
    ]);
    expect((await get(`/v1/imports/${importId}`)).body.state).toBe('reverted');
    // No stored event is another.
    expect((await harness.product.events.readStream(customerStream(r2 ?? ''))).slice(0, before.length)).toEqual(before);

    const at = await head();
    expect((await revert(`/v1/imports/${importId}/revert`)).counts).toMatchObject({ withdrawn: 0, retracted: 0 });
    expect(await head()).toBe(at);

    // An identity that was given up is free for others.
    const other = await run('web', 'r3', 'ID,E-mail\nX,r2@r.example\n');
    expect(other.counts).toMatchObject({ registered: 1 });
    // The same import again says it anew, under the same id; the address is another's by now.
    expect((await run('crm', 'r2', file)).counts).toEqual({
      rows: 4,
      registered: 0,
      updated: 3,
      unchanged: 0,
      failed: 1,
    });
    expect((await get(`/v1/customers/${r1}`)).body).toMatchObject({ region: 'East', traits: { size: 'L' } });
  });

  it('registers anew whom it withdrew', async () => {
    const { importId } = await run('crm', 's1', 'ID,E-mail\nS1,s1@s.example\n');
    const id = await idOf('crm', 'S1');
    await revert('/v1/provenance/revert', { import: importId });
    expect((await get(`/v1/customers/${id}`)).status).toBe(404);
    expect((await run('crm', 's2', 'ID,E-mail\nS1,s1@s.example\n')).counts).toMatchObject({ registered: 1 });
    expect((await get(`/v1/customers/${id}`)).body.identities).toHaveLength(2);
  });

  it('is known at once to commands about a customer who was withdrawn', async () => {
    const { importId } = await run('crm', 'w1', 'ID,E-mail\nW1,w1@w.example\n');
    const customer = { customerId: await idOf('crm', 'W1') };
    const directory = app.get<CustomerDirectory>(CustomerDirectory, { strict: false });
    await directory.resolveLately(customer);
    expect((await revert(`/v1/imports/${importId}/revert`)).counts).toMatchObject({ withdrawn: 1 });
    await expect(directory.resolveLately(customer)).rejects.toMatchObject({ code: 'CUSTOMER_NOT_FOUND' });
  });

  it('takes with a registration what was proposed about the customer', async () => {
    const { importId } = await run('crm', 't1', 'ID,E-mail\nT1,t1@t.example\n');
    const id = await idOf('crm', 'T1');
    const proposal = { customerId: id, provider: 'register', legalBasis: 'consent' as const };
    await harness.dispatch(proposeEnrichment, { ...proposal, confidence: 0.5, values: { birthDate: '1980-01-01' } });
    expect((await get(`/v1/customers/${id}/enrichments`)).body.items).toMatchObject([{ values: {} }]);
    expect((await revert('/v1/provenance/revert', { import: importId })).counts).toMatchObject({ withdrawn: 1 });
    await run('crm', 't2', 'ID,E-mail\nT1,t1@t.example\n');
    const [item] = (await get(`/v1/customers/${id}/enrichments`)).body.items;
    expect(item.fields).toEqual([{ field: 'birthDate', state: 'rejected' }]);
    expect(JSON.stringify(item)).not.toContain('1980');
  });

  it('withdraws no company that people belong to', async () => {
    const { importId } = await run('crm', 'c1', 'ID,Kind,Region\nC1,company,West\nC2,company,West\n');
    const [c1, c2] = await Promise.all(['C1', 'C2'].map((each) => idOf('crm', each)));
    await run('crm', 'c2', 'ID,Region\nC3,West\n');
    await harness.dispatch(joinCompany, { customerId: await idOf('crm', 'C3'), companyId: c1 ?? '' });
    expect((await revert(`/v1/imports/${importId}/revert`)).counts).toMatchObject({ withdrawn: 1, retracted: 1 });
    expect((await get(`/v1/customers/${c1}`)).body).toMatchObject({ kind: 'company', identities: [] });
    expect((await get(`/v1/customers/${c2}`)).status).toBe(404);
  });

  it('of one field of a source leaves the rest, and what was verified since', async () => {
    await run('erp', 'v1', 'ID,Region,Phone,traits.size\nV1,West,+1 650 253 0011,L\nV2,West,+1 650 253 0012,L\n');
    const [v1, v2] = await Promise.all(['V1', 'V2'].map((each) => idOf('erp', each)));
    await harness.dispatch(verifyField, { customerId: v1 ?? '', field: 'phone', method: 'call' });
    expect((await revert('/v1/provenance/revert', { source: 'erp', field: 'phone' })).counts).toMatchObject({
      retracted: 1,
      unchanged: 1,
    });
    expect((await get(`/v1/customers/${v1}`)).body).toMatchObject({
      region: 'West',
      identities: [{ kind: 'external' }, { kind: 'phone', provenance: { verified: { by: 'test', method: 'call' } } }],
    });
    expect((await get(`/v1/customers/${v2}`)).body.identities).toMatchObject([{ kind: 'external' }]);
  });

  it('leaves every read model equal to the log', async () => {
    const { events, vault, upcasters, engine } = harness.product;
    const position = await head();
    for (const projection of engine.options.projections) {
      // It has come that far.
      await harness.read(projection, position as Position, async () => undefined);
      const { builds } = engine;
      const live = (await builds.pointer(projection.name))?.live;
      const build = (await builds.list(projection.name)).find(({ _id }) => _id === live);
      if (!build) throw new Error(`${projection.name} has no build`);
      const found = await verifyBuild(projection, build, { events, vault, upcasters, builds, discarded: new Set() });
      expect([projection.name, found.differences, found.parked]).toEqual([projection.name, [], 0]);
    }
  });
});
