/** Proposals of providers about a customer, over HTTP on the built product. */
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

const proposal = {
  provider: 'register',
  confidence: 0.97,
  legalBasis: 'legitimate-interests',
  values: { birthDate: '1980-01-01', address: { city: 'Gera' } },
};

it('are accepted by itself where nothing is known, and by a person where something is', async () => {
  const { id } = await api.register({ name: { full: 'Annelie Quastenberg' }, birthDate: '1980-01-02' });
  const path = `/v1/customers/${id}/enrichments`;
  const proposed = await api.post(path, proposal);
  const [item] = (await api.read<Page>(path, proposed.position)).items;
  expect(item).toEqual({
    ...proposal,
    enrichmentId: proposed.id,
    customerId: id,
    proposedAt: expect.any(String),
    fields: [
      { field: 'birthDate', state: 'open' },
      { field: 'address', state: 'accepted-by-rule' },
    ],
  });
  expect(await api.read(`/v1/customers/${id}`)).toMatchObject({ birthDate: '1980-01-02', address: { city: 'Gera' } });
  const accepted = await api.post(`${path}/${proposed.id}/acceptance`, { fields: ['birthDate'] });
  expect(await api.read(`/v1/customers/${id}`, accepted.position)).toMatchObject({ birthDate: '1980-01-01' });
  const told = await api.read<Page>(`/v1/customers/${id}/timeline`, accepted.position);
  expect(told.items.map(({ type }) => type)).toEqual([
    'CustomerUpdated',
    'EnrichmentAccepted',
    'CustomerUpdated',
    'EnrichmentAccepted',
    'EnrichmentProposed',
    'CustomerRegistered',
  ]);
  // What is personal is the customer's: gone with the key, never in the log in the clear.
  expect(JSON.stringify(await api.events())).not.toMatch(/Gera|1980-01-0/);
  const rejected = await api.send<Problem>('POST', `${path}/${proposed.id}/rejection`, { json: {} });
  expect([rejected.status, rejected.body.code]).toEqual([404, 'ENRICHMENT_NOT_FOUND']);
  await api.command('DELETE', `/v1/customers/${id}?reason=asked`);
  expect((await api.send('GET', path)).status).toBe(410);
  expect((await api.send('POST', path, { json: proposal })).status).toBe(410);
});

it('are refused where they cannot be read, and told where', async () => {
  const { id } = await api.register();
  const path = `/v1/customers/${id}/enrichments`;
  const wrong: [Json, string[]][] = [
    [{}, ['/provider']],
    [{ provider: 'r', confidence: 0.5 }, ['/legalBasis', '/values']],
    [{ ...proposal, confidence: 1.5, legalBasis: 'because' }, ['/confidence', '/legalBasis']],
    [{ ...proposal, values: {} }, ['/values']],
    [{ ...proposal, values: { birthDate: '1980-02-30', identities: [] } }, ['/values/birthDate', '/values/identities']],
    [{ ...proposal, force: true }, ['/force']],
  ];
  for (const [json, pointers] of wrong) {
    const { status, body } = await api.send<Problem>('POST', path, { json });
    expect([status, body.errors?.map(({ pointer }) => pointer).sort()]).toEqual([422, pointers]);
  }
  const nobody = await api.send<Problem>('POST', path, { json: { provider: 'oracle' } });
  expect([nobody.status, nobody.body.code]).toEqual([404, 'ENRICHMENT_PROVIDER_NOT_FOUND']);
  const { id: enrichmentId } = await api.post(path, { ...proposal, confidence: 0.5 });
  const field = await api.send<Problem>('POST', `${path}/${enrichmentId}/acceptance`, {
    json: { fields: ['address', 'name'] },
  });
  expect([field.status, field.body.code, field.body.errors?.[0]?.pointer]).toEqual([
    422,
    'ENRICHMENT_FIELD_NOT_OPEN',
    '/fields/1',
  ]);
  const rejected = await api.send('POST', `${path}/${enrichmentId}/rejection`, { json: { reason: 'another person' } });
  expect(rejected.status).toBe(200);
});
