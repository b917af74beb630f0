/**
 * Where the answer to a command says that something is, there it is, at once: every `Location` that the API answers is
 * followed, and no route of the document that announces one is left out.
 */
import { RunningProduct } from '../support/running-product.js';
import { Api, type Answer, type Json, type Outcome } from './api.js';
import { doMainJob } from './main-job.js';

interface Document {
  paths: Record<string, Record<string, { responses: Json }>>;
}

interface Followed {
  made: Answer<Outcome>;
  location: string;
  read: Answer;
  /** With `If-None-Match`, where it has an ETag. */
  again: Answer | undefined;
}

let product: RunningProduct;
let api: Api;
let erased: Outcome;
const followed: Followed[] = [];
/** Locations of what concerns nobody who was erased. */
const staying: string[] = [];

beforeAll(async () => {
  product = await RunningProduct.create({ DEMO: 'off' });
  await product.start();
  api = new Api(product.url);
  const created: Answer<Outcome>[] = [];
  const watched = new Api(product.url, (answer) => {
    // Only commands are answered 201, and all with an outcome.
    if (answer.status === 201) created.push(answer as Answer<Outcome>);
  });
  const { customerId } = await doMainJob(watched);
  const other = await api.register();
  await watched.post('/v1/merges', { survivor: customerId, others: [other.id] });
  await watched.command('PUT', '/v1/standards/traits.located', { rules: [{ kind: 'max-length', max: 5 }] });
  for (const made of created) {
    const location = made.headers.get('location') ?? '/none';
    if (made.method === 'PUT') staying.push(location);
    const read = await api.send('GET', location, { position: made.body.position });
    const etag = read.headers.get('etag');
    const again = etag === null ? undefined : await api.send('GET', location, { headers: { 'if-none-match': etag } });
    followed.push({ made, location, read, again });
  }
  erased = await api.command('DELETE', `/v1/customers/${customerId}`);
});
afterAll(() => product?.dispose());

const isOf = (route: string, address: string): boolean =>
  new RegExp(`^${route.replaceAll(/\{[^}]+\}/g, '[^/]+')}$`).test(address);

it('is announced by no route that was not tried', async () => {
  const { paths } = await api.read<Document>('/openapi.json');
  const announced = Object.entries(paths).flatMap(([route, methods]) =>
    Object.entries(methods).flatMap(([method, { responses }]) =>
      responses['201'] === undefined ? [] : [{ method: method.toUpperCase(), route }],
    ),
  );
  expect(announced.length).toBeGreaterThanOrEqual(6);
  const untried = announced.filter(
    ({ method, route }) => !followed.some(({ made }) => made.method === method && isOf(route, made.path)),
  );
  expect(untried).toEqual([]);
});

it('leads to what was made, seen at least as far as the command', () => {
  for (const { made, location, read } of followed) {
    expect([location, read.status]).toEqual([location, 200]);
    expect(Object.values(read.body)).toContain(made.body.id);
  }
});

it('has an ETag, where it has one, that is answered 304 when it is sent back', () => {
  const answers = followed.flatMap(({ again }) => again ?? []);
  expect(answers.length).toBeGreaterThanOrEqual(4);
  for (const { path, status, text } of answers) expect([path, status, text]).toEqual([path, 304, '']);
});

it('is 410 once the customer was erased, and 404 where there never was anything', async () => {
  for (const { made, location } of followed) {
    if (staying.includes(location)) {
      expect([location, (await api.send('GET', location)).status]).toEqual([location, 200]);
      continue;
    }
    const gone = await api.send('GET', location, { position: erased.position });
    expect([location, gone.status]).toEqual([location, 410]);
    const other = location.replace(made.body.id, '6f9619ff-8b86-4d01-b42d-00cf4fc964ff');
    expect([other, (await api.send('GET', other)).status]).toEqual([other, 404]);
  }
});
