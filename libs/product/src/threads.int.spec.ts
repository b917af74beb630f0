/** A conversation over channels and customers: whole, in order, paged, as of a moment, and without whom is erased. */
import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import { createHttpApp } from '@timeline/http';
import { Harness } from '../../composing/src/testing/harness.js';
import { Api, type Json, type Problem } from '../../../test/e2e/api.js';
import { productSlices } from './index.js';

let harness: Harness;
let app: NestFastifyApplication;
let api: Api;

beforeAll(async () => {
  harness = await Harness.start({ slices: productSlices({ reportingTimeZone: 'UTC', defaultPhoneRegion: 'DE' }) });
  app = await createHttpApp(harness.product.module({ providers: [], controllers: [] }));
  await app.listen(0, '127.0.0.1');
  api = new Api(await app.getUrl());
});
afterAll(async () => {
  await app?.close();
  await harness?.dispose();
});

interface Entry {
  customerId: string;
  channel: string;
  at: string;
  position: string;
  personal?: { subject?: string };
}

const head = async (): Promise<string> => (await harness.product.events.head())?.position ?? '';
const thread = async (path: string): Promise<Entry[]> => api.all(`/v1/threads/${path}`, await head()) as never;
const say = (customerId: string, channel: string, day: string, more: Json = {}): Promise<{ position: string }> =>
  api.post('/v1/interactions', {
    customer: { customerId },
    channel,
    direction: 'inbound',
    kind: 'message',
    occurredAt: `2024-03-${day}T00:00:00Z`,
    ...more,
  });

it('is one over channels and customers, oldest first, paged without a gap or a repetition under ties', async () => {
  const registered = { occurredAt: '2024-01-01T00:00:00Z' };
  const [ann = '', bob = ''] = [await api.register(registered), await api.register(registered)].map(({ id }) => id);
  const threadId = 'Re: Liefer/ung 你好';
  const more = { threadId };
  await say(ann, 'email', '03', { ...more, subject: 'third' });
  const { position } = await say(bob, 'wechat', '02', { ...more, subject: 'second' });
  await say(ann, 'phone', '01', { ...more, subject: 'first' });
  await say(bob, 'chat', '03', { ...more, subject: 'fourth' });
  await say(ann, 'web', '03', { ...more, subject: 'fifth', source: 'crm', sourceId: '1' });
  await say(ann, 'web', '02', { threadId: 'another' });
  await say(ann, 'web', '02');
  const at = encodeURIComponent(threadId);
  const subjects = async (query: string): Promise<(string | undefined)[]> =>
    (await thread(`${at}?${query}`)).map(({ personal }) => personal?.subject);

  const all = ['first', 'second', 'third', 'fourth', 'fifth'];
  for (const limit of [1, 2, 50]) {
    expect(await subjects(`limit=${limit}`)).toEqual(all);
    expect(await subjects(`limit=${limit}&order=newest`)).toEqual(all.toReversed());
  }
  expect((await thread(at)).map(({ customerId, channel }) => [customerId, channel])).toEqual([
    [ann, 'phone'],
    [bob, 'wechat'],
    [ann, 'email'],
    [bob, 'chat'],
    [ann, 'web'],
  ]);
  expect(await subjects('source=crm')).toEqual(['fifth']);
  expect(await subjects('asOf=2024-03-02T00:00:00Z')).toEqual(['first', 'second']);
  expect(await subjects(`knownAt=${position}`)).toEqual(['second', 'third']);

  await api.command('DELETE', `/v1/customers/${ann}`);
  expect(await subjects('')).toEqual(['second', 'fourth']);
});

it('is not found where there is none, and refuses what it does not know', async () => {
  const refused = async (path: string): Promise<[number, string]> => {
    const { status, body } = await api.send<Problem>('GET', `/v1/threads/${path}`);
    return [status, body.code];
  };
  expect(await refused('nothing')).toEqual([404, 'THREAD_NOT_FOUND']);
  expect(await refused('nothing?order=best')).toEqual([422, 'VALIDATION_FAILED']);
  expect(await refused('nothing?channel=web')).toEqual([422, 'VALIDATION_FAILED']);
  expect(await refused('nothing?cursor=abc')).toEqual([400, 'CURSOR_MALFORMED']);
  expect(await refused('x'.repeat(201))).toEqual([422, 'VALIDATION_FAILED']);
});
