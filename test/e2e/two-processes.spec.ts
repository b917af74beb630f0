/**
 * Two processes of the built product on the same stores, one of which moves the projections: what is written
 * through either is read through both, and commands that meet on one customer lose nothing.
 */
import { RunningProduct } from '../support/running-product.js';
import { openStores } from '../support/stores.js';
import { Api, sideBySide, SseClient, type Answer, type Json, type Outcome, type Page } from './api.js';

let whole: RunningProduct;
let second: RunningProduct;
let apis: readonly [Api, Api];

beforeAll(async () => {
  whole = await RunningProduct.create({ DEMO: 'off', ROLES: 'commands,queries,projections,reactions' }, openStores);
  second = await RunningProduct.create({ DEMO: 'off', ROLES: 'commands,queries', ...whole.stores.envElsewhere });
  // Together, on stores in which there is nothing yet: one makes the stores, the other takes them as they are.
  await Promise.all([whole.start(), second.start()]);
  apis = [new Api(whole.url), new Api(second.url)];
});
afterAll(async () => {
  await second.dispose();
  await whole.dispose();
});

it('shows through both what was written through either, at the position that the command answered', async () => {
  const [first, other] = apis;
  for (const [round, writer] of [other, first, other].entries()) {
    const { id, position } = await writer.register({ name: { full: `Round ${round}` } });
    for (const reader of apis) {
      expect(await reader.read(`/v1/customers/${id}`, position)).toMatchObject({ name: { full: `Round ${round}` } });
      expect((await reader.read<Page>(`/v1/customers/${id}/timeline`, position)).items).toHaveLength(1);
    }
    const earned = await writer.post(`/v1/loyalty/${id}/earnings`, { points: 3, reason: 'r' });
    for (const reader of apis)
      expect(await reader.read(`/v1/loyalty/${id}`, earned.position)).toMatchObject({ balance: 3 });
  }
});

it('streams through both what was written through either', async () => {
  const { id } = await apis[0].register();
  const streams = await Promise.all(apis.map((api) => SseClient.open(`${api.url}/v1/customers/${id}/timeline/stream`)));
  const written = [];
  for (const api of [...apis, ...apis]) {
    written.push(await api.post(`/v1/loyalty/${id}/earnings`, { points: 1, reason: 'r' }));
  }
  for (const stream of streams) {
    expect((await stream.take(4)).map((message) => message.id)).toEqual(written.map(({ position }) => position));
    stream.close();
  }
});

it('loses none of 200 commands that go to both at once for one customer', async () => {
  const { id } = await apis[0].register({ occurredAt: '2024-01-01T00:00:00Z' });
  const commands = Array.from({ length: 200 }, (_, index) => index);
  // Each with its key: what is not answered well would be sent again by a client, and here it is.
  const send = async (index: number): Promise<Answer<Outcome>> => {
    const api = apis[index % 2] ?? apis[0];
    const headers = { 'idempotency-key': `both-${index}` };
    const earning = { points: 1, reason: 'r' };
    const update = { traits: { [`t${index % 40}`]: index } };
    return index % 4 < 2
      ? api.send<Outcome>('POST', `/v1/loyalty/${id}/earnings`, { json: earning, headers })
      : api.send<Outcome>('PATCH', `/v1/customers/${id}`, { json: update, headers });
  };
  const answers = await sideBySide(commands, 16, send);
  expect(answers.map(({ status, text }) => (status === 200 ? 200 : text)).filter((told) => told !== 200)).toEqual([]);

  const position =
    answers
      .map(({ body }) => body.position)
      .sort()
      .at(-1) ?? '';
  for (const api of apis) {
    expect(await api.read(`/v1/loyalty/${id}`, position)).toMatchObject({ balance: 100, earned: 100 });
    const entries = await api.all<Json & { type: string }>(`/v1/customers/${id}/timeline?limit=200`, position);
    const count = (type: string): number => entries.filter((entry) => entry.type === type).length;
    expect([count('PointsEarned'), count('CustomerUpdated')]).toEqual([100, 100]);
  }
  // Every revision once, each an answer's.
  const inOrder = (stream: string): Promise<number[]> =>
    apis[1]
      .events('&types=PointsEarned,CustomerUpdated,CustomerRegistered')
      .then((events) => events.filter((event) => event.stream === `${stream}-${id}`).map(({ revision }) => revision));
  expect(await inOrder('loyalty')).toEqual(Array.from({ length: 100 }, (_, revision) => revision));
  expect(await inOrder('customer')).toEqual(Array.from({ length: 101 }, (_, revision) => revision));
  const told = answers.map(({ body, path: address }) => `${address} ${body.revision}`);
  expect(new Set(told).size).toBe(200);
  // The latest of each trait is what stands in the log last.
  const profile = await apis[1].read<{ traits: Record<string, number> }>(`/v1/customers/${id}`, position);
  const updates = (await apis[0].events('&types=CustomerUpdated')).filter(
    ({ metadata }) => metadata['customerId'] === id,
  );
  expect(profile.traits).toEqual(Object.assign({}, ...updates.map(({ data }) => data['traits'])));
});

it('gives an identity that both are asked for to one', async () => {
  const identities = [{ kind: 'email', value: 'both@processes.example' }];
  const answers = await Promise.all(
    Array.from({ length: 20 }, (_, index) =>
      (apis[index % 2] ?? apis[0]).send<Outcome>('POST', '/v1/customers', { json: { kind: 'person', identities } }),
    ),
  );
  expect(answers.map(({ status }) => status).sort()).toEqual([201, ...Array.from({ length: 19 }, () => 409)]);
});

it('answers 503 while nobody moves the projections, and at once when somebody does again', async () => {
  const [, other] = apis;
  const { id } = await other.register({ name: { full: 'Left Alone' } });
  expect(await whole.kill('SIGTERM')).toBe(0);
  const renamed = await other.command('PATCH', `/v1/customers/${id}`, { name: { full: 'Still Alone' } });
  const behind = await other.send('GET', `/v1/customers/${id}`, { position: renamed.position });
  expect([behind.status, behind.body['code'], behind.headers.get('retry-after')]).toEqual([
    503,
    'POSITION_NOT_REACHED',
    expect.stringMatching(/^\d+$/),
  ]);
  await whole.start();
  for (const api of apis)
    expect(await api.read(`/v1/customers/${id}`, renamed.position)).toMatchObject({ name: { full: 'Still Alone' } });
  await whole.verify();
});
