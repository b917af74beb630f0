/** What comes from an unknown identity opens an anonymous customer where it says so; and threads, over channels. */
import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import { createHttpApp } from '@timeline/http';
import { newId } from '@timeline/kernel';
import { verifyBuild } from '@timeline/projecting';
import { Harness } from '../../composing/src/testing/harness.js';
import { productSlices } from './index.js';

type Json = Record<string, unknown>;
interface Answer {
  status: number;
  body: Json & { id: string; position: string };
}

const slices = productSlices({ reportingTimeZone: 'UTC', defaultPhoneRegion: 'DE' });
let harness: Harness;
let app: NestFastifyApplication;
let url: string;

beforeAll(async () => {
  harness = await Harness.start({ slices });
  app = await createHttpApp(harness.product.module({ providers: [], controllers: [] }), {
    openApi: { title: 'test', version: '0' },
  });
  await app.listen(0, '127.0.0.1');
  url = await app.getUrl();
});
afterAll(async () => {
  await app?.close();
  await harness?.dispose();
});

async function send(method: string, path: string, body?: Json, headers: Record<string, string> = {}): Promise<Answer> {
  const answer = await fetch(url + path, {
    method,
    headers: { ...(body && { 'content-type': 'application/json' }), ...headers },
    ...(body && { body: JSON.stringify(body) }),
  });
  return { status: answer.status, body: (await answer.json()) as Answer['body'] };
}
const read = (path: string, position?: string): Promise<Answer> =>
  send('GET', path, undefined, position === undefined ? {} : { 'timeline-position': position });

const unknown = (): { kind: string; value: string } => ({ kind: 'wechat', value: `open-${newId()}` });
const chat = (identity: Json, more: Json = {}): Json => ({
  customer: { identity, ifUnknown: 'open-anonymous' },
  channel: 'wechat',
  direction: 'inbound',
  kind: 'chat',
  body: 'Is it still there?',
  ...more,
});
const customerOf = async ({ body }: Answer): Promise<string> =>
  String((await read(`/v1/interactions/${body.id}`)).body['customerId']);

describe('what comes from an identity that nobody has', () => {
  it('is refused unless it says that a customer may be opened', async () => {
    const identity = unknown();
    for (const customer of [{ identity }, { identity, ifUnknown: 'refuse' }]) {
      const { status, body } = await send('POST', '/v1/interactions', chat(identity, { customer }));
      expect([status, body['code']]).toEqual([404, 'CUSTOMER_NOT_FOUND']);
    }
  });

  it('opens an anonymous customer, whose it is from then on', async () => {
    const identity = unknown();
    const first = await send('POST', '/v1/interactions', chat(identity, { occurredAt: '1931-05-01T00:00:00Z' }));
    const customerId = await customerOf(first);
    const second = await send('POST', '/v1/feedback', {
      customer: { identity, ifUnknown: 'open-anonymous' },
      kind: 'question',
      channel: 'wechat',
      subject: 'Hello?',
    });
    const profile = (await read(`/v1/customers/${customerId}`, second.body.position)).body;
    expect(profile).toMatchObject({
      kind: 'person',
      anonymous: true,
      stage: 'lead',
      firstSeenAt: '1931-05-01T00:00:00.000Z',
      identities: [{ ...identity, primary: true }],
      interactions: { total: 1 },
      cases: { total: 1 },
    });
    const named = await send('PATCH', `/v1/customers/${customerId}`, { name: { full: '李雷' } });
    expect((await read(`/v1/customers/${customerId}`, named.body.position)).body).not.toHaveProperty('anonymous');
  });

  it('opens one customer, however many come at once and are sent again', async () => {
    const identity = unknown();
    const messages = Array.from({ length: 6 }, (_, n) =>
      chat(identity, { source: 'wechat', sourceId: `${newId()}-${n}` }),
    );
    const answers = await Promise.all([...messages, ...messages].map((each) => send('POST', '/v1/interactions', each)));
    expect(answers.map(({ status }) => status)).toEqual(answers.map(() => 201));
    const owners = new Set(await Promise.all(answers.map(customerOf)));
    expect(owners.size).toBe(1);
    expect(new Set(answers.map(({ body }) => body.id)).size).toBe(messages.length);
    const stream = await harness.product.events.readStream(`customer-${[...owners][0] ?? ''}`);
    expect(stream.map(({ type }) => type)).toEqual(['CustomerRegistered']);
  });

  it('opens nobody for a second delivery, whosever the identity is by then', async () => {
    const identity = unknown();
    const message = chat(identity, { source: 'wechat', sourceId: newId() });
    const first = await send('POST', '/v1/interactions', message);
    const customerId = await customerOf(first);
    await send('POST', `/v1/customers/${customerId}/identities/removals`, identity);
    const again = await send('POST', '/v1/interactions', message);
    expect([again.status, again.body.id]).toEqual([201, first.body.id]);
    // A new message is somebody else's, since the identity was taken from the first.
    const next = await send('POST', '/v1/interactions', chat(identity));
    expect(next.status).toBe(201);
    expect(await customerOf(next)).not.toBe(customerId);
  });

  it('is told whom to merge with when the identity is added to a known customer', async () => {
    const identity = unknown();
    const owner = await customerOf(await send('POST', '/v1/interactions', chat(identity)));
    const known = await send('POST', '/v1/customers', { kind: 'person', name: { full: 'Ann' } });
    const { status, body } = await send('POST', `/v1/customers/${known.body.id}/identities`, identity);
    expect([status, body['code'], body['details']]).toEqual([409, 'IDENTITY_TAKEN', { owner }]);
  });

  it('must be an identity that can be somebody’s', async () => {
    const placeholder = chat({ kind: 'wechat', value: 'guest' });
    expect((await send('POST', '/v1/interactions', placeholder)).body['code']).toBe('IDENTITY_REFUSED');
    const byId = chat({}, { customer: { customerId: newId(), ifUnknown: 'open-anonymous' } });
    const { status, body } = await send('POST', '/v1/interactions', byId);
    expect([status, body['errors']]).toEqual([
      422,
      [expect.objectContaining({ pointer: '/customer/ifUnknown', code: 'NEEDS_IDENTITY' })],
    ]);
    const early = chat(unknown(), { occurredAt: '2999-01-01T00:00:00Z' });
    expect((await send('POST', '/v1/interactions', early)).body['code']).toBe('OCCURRED_IN_FUTURE');
  });
});

it('shows a thread over channels, with what caused each entry, and what came from one source', async () => {
  const { body: customer } = await send('POST', '/v1/customers', { kind: 'person', name: { full: 'Bo' } });
  const threadId = newId();
  const say = (channel: string, more: Json = {}, headers = {}): Promise<Answer> =>
    send('POST', '/v1/interactions', { ...chat({}), customer: { customerId: customer.id }, channel, ...more }, headers);
  const channels = ['phone', 'email', 'visit', 'wechat', 'weibo', 'chat', 'app', 'web', 'store', 'event', 'campaign'];
  let last = await say('web');
  let cause = '';
  for (const channel of channels) {
    const source = { threadId, source: `${channel}-system`, sourceId: newId() };
    last = await say(channel, source, cause === '' ? {} : { 'x-causation-id': cause });
    cause = (await harness.product.events.head())?.eventId ?? '';
  }
  const timeline = `/v1/customers/${customer.id}/timeline?order=oldest`;
  const thread = (await read(`${timeline}&threadId=${threadId}`, last.body.position)).body['items'] as Json[];
  expect(thread.map(({ channel }) => channel)).toEqual(channels);
  expect(thread.map((entry) => (entry['cause'] as Json | undefined)?.['id'])).toEqual([
    undefined,
    ...thread.slice(0, -1).map(({ id }) => id),
  ]);
  const weibo = (await read(`${timeline}&source=weibo-system`, last.body.position)).body['items'] as Json[];
  expect(weibo.map(({ channel }) => channel)).toEqual(['weibo']);
});

it('leaves every read model equal to the fold of the log', async () => {
  const { product } = harness;
  const { builds } = product.engine;
  for (const projection of slices.flatMap(({ projections = [] }) => projections)) {
    const pointer = await builds.pointer(projection.name);
    const build = (await builds.list(projection.name)).find(({ _id }) => _id === pointer?.live);
    if (!build) throw new Error(`${projection.name} has no live build`);
    const { events, vault, upcasters } = product;
    const report = await verifyBuild(projection, build, { events, vault, upcasters, builds, discarded: new Set() });
    expect([projection.name, report.differences]).toEqual([projection.name, []]);
  }
});
