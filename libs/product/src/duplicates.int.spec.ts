/** The review queue follows what happens to those it is about: merges, unmerges, what is taken back, erasures. */
import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import { CustomerGroups } from '@timeline/deciding';
import { createHttpApp, type Page } from '@timeline/http';
import { delay, newId, toInstant } from '@timeline/kernel';
import { Harness } from '../../composing/src/testing/harness.js';
import { Api, type Json } from '../../../test/e2e/api.js';
import { productSlices } from './index.js';

interface Reviewed {
  pairId: string;
  customers: string[];
}

let harness: Harness;
let app: NestFastifyApplication;
let api: Api;

beforeAll(async () => {
  harness = await Harness.start({ slices: productSlices({ reportingTimeZone: 'UTC', defaultPhoneRegion: 'CN' }) });
  app = await createHttpApp(harness.product.module({ providers: [], controllers: [] }));
  await app.listen(0, '127.0.0.1');
  api = new Api(await app.getUrl());
});
afterAll(async () => {
  await app?.close();
  await harness?.dispose();
});

const head = async (): Promise<string> => (await harness.product.events.head())?.position ?? '';
const pairOf = (...customers: string[]): string => customers.sort().join('.');
const queue = async (): Promise<string[]> =>
  (await api.read<{ items: Reviewed[] }>('/v1/duplicates?limit=200', await head())).items.map(({ pairId }) => pairId);
const likely = async (customerId: string): Promise<string[]> =>
  (
    await api.read<{ items: { customerId: string }[] }>(`/v1/customers/${customerId}/duplicates`, await head())
  ).items.map((found) => found.customerId);

/** How often queries read groups from here on. */
function groupReads(): () => number {
  const groups = app.get(CustomerGroups, { strict: false });
  const read = groups.membersOfAll.bind(groups);
  let times = 0;
  groups.membersOfAll = (...args) => {
    times += 1;
    return read(...args);
  };
  return () => times;
}

async function untilQueued(...pairs: string[]): Promise<void> {
  for (let shown = await queue(); !pairs.every((pair) => shown.includes(pair)); shown = await queue()) await delay(20);
}

let count = 0;
/** Somebody whom nobody else is like. */
const somebody = (): Json => {
  const letters = String((count += 1))
    .split('')
    .map((digit) => 'abcdefghij'[Number(digit)])
    .join('');
  return {
    name: { full: `${letters}quist ${letters}berg` },
    birthDate: `19${40 + count}-03-12`,
    address: { lines: [`${letters}gata ${count}`] },
  };
};
const register = async (record: Json): Promise<string> => (await api.register(record)).id;
const alike = async (times: number): Promise<string[]> => {
  const record = somebody();
  return Promise.all(Array.from({ length: times }, () => register(record)));
};

it('drops a pair that was merged, by whomever, and has it again once they are parted', async () => {
  const [a = '', b = ''] = await alike(2);
  await untilQueued(pairOf(a, b));
  expect(await likely(a)).toEqual([b]);
  const { id } = await api.post('/v1/merges', { survivor: a, others: [b] });
  expect(await queue()).not.toContain(pairOf(a, b));
  expect(await likely(a)).toEqual([]);
  await api.post(`/v1/merges/${id}/unmerge`, {});
  expect(await queue()).toContain(pairOf(a, b));
});

it('asks of a group once: not about its own members, merged through a third, and not about what is merged with it', async () => {
  const [a = '', b = '', c = ''] = await alike(3);
  await untilQueued(pairOf(a, b), pairOf(a, c), pairOf(b, c));
  await api.post('/v1/merges', { survivor: b, others: [a] });
  await api.post(`/v1/duplicates/${pairOf(b, c)}/confirmation`, {});
  const reads = groupReads();
  const shown = await queue();
  // Of all pairs of the page together.
  expect(reads()).toBe(1);
  for (const pair of [pairOf(a, b), pairOf(a, c), pairOf(b, c)]) expect(shown).not.toContain(pair);
});

it('does not suspect who is merged already, and does when a record changes after they were parted', async () => {
  const record = somebody();
  const [a, b] = [
    await register({ ...record, name: { full: 'Xx Yy' }, birthDate: '1901-01-01' }),
    await register(record),
  ];
  const { id } = await api.post('/v1/merges', { survivor: a, others: [b] });
  await api.command('PATCH', `/v1/customers/${a}`, record);
  // Whoever is looked at after them is in the queue: they have been looked at.
  const [c = '', d = ''] = await alike(2);
  await untilQueued(pairOf(c, d));
  const suspicions = async (): Promise<number> =>
    (await harness.product.events.readStream(`duplicate-${pairOf(a, b)}`)).length;
  expect(await suspicions()).toBe(0);
  await api.post(`/v1/merges/${id}/unmerge`, {});
  await api.command('PATCH', `/v1/customers/${a}`, { address: { lines: ['Storgata 1'] } });
  await untilQueued(pairOf(a, b));
});

it('drops a pair when what made it one is taken back', async () => {
  const record = somebody();
  const { name, birthDate } = record as { name: { full: string }; birthDate: string };
  const a = await register(record);
  const b = await register({ name: { full: 'Oo Uu' } });
  const file = `Member,Name,Birth date\nM-1,${name.full},${birthDate}\n`;
  await api.post(`/v1/customers/${b}/identities`, { kind: 'member', value: 'M-1' });
  const imported = await api.send('POST', '/v1/imports?source=crm&name=first', {
    raw: file,
    headers: { 'content-type': 'text/csv' },
  });
  expect(imported.text).toContain('"updated":1');
  await untilQueued(pairOf(a, b));
  const answer = await api.send('POST', '/v1/provenance/revert', { json: { source: 'crm' } });
  expect([answer.status, answer.text]).toEqual([200, answer.text]);
  expect(await queue()).not.toContain(pairOf(a, b));
  expect(await likely(a)).toEqual([]);
});

it('drops a pair of which one is erased', async () => {
  const [a = '', b = ''] = await alike(2);
  await untilQueued(pairOf(a, b));
  await api.command('DELETE', `/v1/customers/${a}`);
  expect(await queue()).not.toContain(pairOf(a, b));
  expect(await likely(b)).toEqual([]);
});

it('answers a short page rather than search through all that is settled, and goes on from there', async () => {
  const [a = '', b = ''] = await alike(2);
  await untilQueued(pairOf(a, b));
  const before = await queue();
  const { events } = harness.product;
  // Of customers whom nobody knows any more, before all others.
  const settled = Array.from({ length: 1_500 }, () => [newId(), newId()].sort());
  const suspected = settled.map((customers) => ({
    id: newId(),
    type: 'DuplicateSuspected',
    data: { pairId: customers.join('.'), customers, probability: 1, namesakes: 1, model: 'test', asOf: ['', ''] },
    metadata: {
      schemaVersion: 1,
      occurredAt: toInstant(Date.now()),
      actor: 'test',
      commandId: newId(),
      bodyHash: 'test',
      correlationId: 'test',
      causationId: 'test',
    },
  }));
  await events.append('duplicate-settled', suspected, { expectedRevision: 'no-stream' });
  const position = await head();
  const pages: Page<Reviewed>[] = [];
  for (let next: string | undefined = ''; next !== undefined; next = pages.at(-1)?.next)
    pages.push(await api.read(`/v1/duplicates?limit=200${next && `&cursor=${next}`}`, position));
  expect(pages.map(({ items }) => items.map(({ pairId }) => pairId))).toEqual([[], before]);
});
