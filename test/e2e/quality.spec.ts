/** How good records are, of one customer and of all by source, on the built product. */
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

interface QualityOf {
  score: number;
  parts: Record<string, number | null>;
  missing: string[];
  values: Json[];
  suspects: string[];
  sources: Record<string, number>;
}
interface Point {
  n: number;
  value: number | null;
  group?: string;
  parts?: Json;
}
const quality = (id: string, query = '', position?: string): Promise<QualityOf> =>
  api.read<QualityOf>(`/v1/customers/${id}/quality${query}`, position);

it('is told of a record at any instant, and of all records by source once it was measured', async () => {
  const register = async (name: string, source: string, more: Json): Promise<{ id: string; position: string }> => {
    const data = { kind: 'person', name: { full: name }, occurredAt: '2024-01-01T00:00:00Z', ...more };
    const [line] = await api.lines([{ id: name, type: 'RegisterCustomer', data }], source);
    if (!line?.outcome) throw new Error(JSON.stringify(line));
    return line.outcome;
  };
  const { id, position } = await register('Annelie Quastenberg', 'crm', {
    identities: [{ kind: 'email', value: 'ann@example.org' }],
    birthDate: '1980-01-01',
    language: 'de',
    region: 'East',
  });
  const then = await quality(id, '?asOf=2024-06-01T00:00:00Z', position);
  expect(then).toMatchObject({
    parts: { completeness: 0.7143, freshness: 1, uniqueness: 1, validity: 0.8 },
    missing: ['address', 'phone'],
    suspects: [],
  });
  expect(then.score).toBe(85);
  expect(await quality(id)).toMatchObject({ score: 60, parts: { freshness: 0 } });
  expect(await quality(id, '?asOf=2023-12-31T00:00:00Z').catch((error: Error) => error.message)).toContain('404');
  const verified = await api.post(`/v1/customers/${id}/verifications`, { field: 'email', method: 'code' });
  expect(await quality(id, '', verified.position)).toMatchObject({ parts: { freshness: 1 } });
  expect(await quality(id, '?asOf=2124-01-01T00:00:00Z')).toMatchObject({ parts: { freshness: 0 } });

  await register('Wei Li', 'shop', {});
  await api.register({ kind: 'company', name: { full: 'Some Company' } });
  const today = new Date().toISOString().slice(0, 10);
  const measured = await api.command('POST', '/v1/metrics/data-quality/measurements');
  const series = async (metric: string, query = ''): Promise<Point[]> =>
    (
      await api.read<{ points: Point[] }>(
        `/v1/metrics/${metric}?from=${measured.id}&to=${measured.id}${query}`,
        measured.position,
      )
    ).points;
  expect([today, new Date().toISOString().slice(0, 10)]).toContain(measured.id);
  const [all] = await series('data-quality');
  expect(all).toMatchObject({ n: 3 });
  const bySource = await series('data-quality', '&by=source');
  const ofSource = (name: string): Point | undefined => bySource.find(({ group }) => group === name);
  expect(ofSource('shop')).toMatchObject({ n: 1, parts: { completeness: expect.closeTo(100 / 7, 5) } });
  expect(ofSource('crm')).toMatchObject({ n: 1, parts: { validity: 75 } });
  const { score } = await quality(id);
  expect(all?.value).toBeGreaterThan(0);
  expect(all?.value).toBeLessThan(score);
  expect(await series('contact-freshness')).toMatchObject([{ n: 1, value: 100 }]);
  expect((await series('contact-freshness', '&by=field')).map(({ group, n }) => [group, n])).toEqual([
    ['address', 0],
    ['email', 1],
    ['phone', 0],
    ['wechat', 0],
  ]);
  expect(await series('data-quality', '&asOf=2024-01-01T00:00:00Z')).toMatchObject([{ n: 0, value: null }]);
  const described = await api.read<Page>('/v1/metrics');
  expect(described.items.map(({ name }) => name)).toEqual(
    expect.arrayContaining(['data-quality', 'contact-freshness']),
  );
});

it('knows whom a customer may be, until they are merged', async () => {
  const same = { name: { full: 'Friederike Überreuter' }, birthDate: '1971-07-07', address: { city: 'Gera' } };
  const { id: a } = await api.register({ ...same });
  const { id: b } = await api.register({ ...same });
  for (const end = Date.now() + 30_000; (await quality(a)).suspects.length === 0;) {
    if (Date.now() > end) throw new Error('the watch finds no duplicate');
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  expect(await quality(a)).toMatchObject({ suspects: [b], parts: { uniqueness: 0.5 } });
  expect((await quality(b, '', (await api.head()) ?? '')).suspects).toEqual([a]);
  const { position } = await api.post('/v1/merges', { survivor: a, others: [b] });
  expect(await quality(b, '', position)).toMatchObject({ suspects: [], parts: { uniqueness: 1 } });
});

it('refuses what it cannot read, and says where', async () => {
  const { id } = await api.register();
  const pointers = async (path: string): Promise<unknown> =>
    (await api.send<Problem>('GET', path)).body.errors?.map(({ pointer }) => pointer);
  expect(await pointers(`/v1/customers/${id}/quality?asOf=now`)).toEqual(['/asOf']);
  expect(await pointers(`/v1/customers/${id}/quality?by=source`)).toEqual(['/by']);
  expect(await pointers('/v1/customers/x/quality')).toEqual(['/id']);
  expect((await api.send<Problem>('GET', '/v1/metrics/data-quality?by=channel')).body.code).toBe(
    'METRIC_BREAKDOWN_UNKNOWN',
  );
  const nobody = '/v1/customers/00000000-0000-4000-8000-000000000000/quality';
  expect((await api.send('GET', nobody)).status).toBe(404);
});
