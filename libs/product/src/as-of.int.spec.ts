/**
 * The past of a customer, as of what had happened and what was known: equal, byte for byte, to folding the part of the log
 * that it is made of. Histories are random: late arrivals, imported dates, ties, and a clock that jumps back.
 */
import { readdirSync, readFileSync } from 'node:fs';
import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import { createHttpApp } from '@timeline/http';
import { addDays, canonicalJson, customersOf, toInstant, type Fact, type Recorded } from '@timeline/kernel';
import { PureFold, type AnyProjection } from '@timeline/projecting';
import fc from 'fast-check';
import { Harness, TestClock } from '../../composing/src/testing/harness.js';
import { productSlices } from './index.js';

type Json = Record<string, unknown>;

const START = '2026-03-01T12:00:00.000Z';
const clock = new TestClock(new Date(START));
const slices = productSlices({ reportingTimeZone: 'UTC', defaultPhoneRegion: 'DE' });
const projection = (name: string): AnyProjection => {
  const found = slices.flatMap(({ projections = [] }) => projections).find((each) => each.name === name);
  if (!found) throw new Error(`there is no projection ${name}`);
  return found;
};

let harness: Harness;
let app: NestFastifyApplication;
let url: string;

beforeAll(async () => {
  harness = await Harness.start({ slices, clock });
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

async function send(
  method: string,
  path: string,
  body: Json,
  more: Record<string, string> = {},
): Promise<{ id: string; position: string } | undefined> {
  const headers = { 'content-type': 'application/json', ...more };
  const answer = await fetch(url + path, { method, headers, body: JSON.stringify(body) });
  const text = await answer.text();
  if (answer.ok) return JSON.parse(text) as { id: string; position: string };
  // Random commands are refused now and then: a date before the customer's first, a stage that cannot follow.
  if (answer.status === 409 || answer.status === 422) return undefined;
  throw new Error(`${method} ${path} was answered ${answer.status}: ${text}`);
}

async function read(path: string, position?: string): Promise<{ status: number; text: string }> {
  const answer = await fetch(url + path, { headers: position === undefined ? {} : { 'timeline-position': position } });
  return { status: answer.status, text: await answer.text() };
}

let counter = 0;
const unique = (): string => `n${(counter += 1)}`;

/** What is done with one of two customers: the address and body, the day before now when it happened. */
type Step = (customerId: string, occurredAt: string) => [method: string, path: string, body: Json];
const identityAdded: Step = (id, occurredAt) => [
  'POST',
  `/v1/customers/${id}/identities`,
  { kind: 'email', value: `${unique()}@example.com`, primary: true, occurredAt },
];
const pointsEarned: Step = (id, occurredAt) => [
  'POST',
  `/v1/loyalty/${id}/earnings`,
  { points: (counter += 1), reason: 'goodwill', occurredAt },
];
const STEPS: Step[] = [
  (id, occurredAt) => ['PATCH', `/v1/customers/${id}`, { name: { full: `Ann ${unique()}` }, occurredAt }],
  (id, occurredAt) => ['PATCH', `/v1/customers/${id}`, { region: unique(), note: null, occurredAt }],
  (id, occurredAt) => ['POST', `/v1/customers/${id}/lifecycle`, { to: 'customer', occurredAt }],
  identityAdded,
  pointsEarned,
  (id, occurredAt) => [
    'POST',
    `/v1/customers/${id}/consents`,
    { purpose: 'news', status: 'granted', textVersion: unique(), occurredAt },
  ],
  (customerId, occurredAt) => [
    'POST',
    '/v1/interactions',
    {
      customer: { customerId },
      channel: 'wechat',
      direction: 'inbound',
      kind: 'chat',
      body: `Parcel 丢了 ${unique()}`,
      occurredAt,
    },
  ],
  (customerId, occurredAt) => [
    'POST',
    '/v1/purchases',
    {
      customer: { customerId },
      channel: 'web',
      currency: 'USD',
      lines: [{ sku: 'B', name: 'Bookcase', quantity: '1', unitPrice: '130.98' }],
      occurredAt,
    },
  ],
  (customerId, occurredAt) => [
    'POST',
    '/v1/feedback',
    { customer: { customerId }, kind: 'complaint', channel: 'phone', subject: unique(), occurredAt },
  ],
];

const step = fc.record({
  customer: fc.nat(1),
  // Those where the order of the log decides more often.
  what: fc.constantFrom(...STEPS, identityAdded, pointsEarned),
  daysAgo: fc.integer({ min: 0, max: 6 }),
  /** Of the clock, before it; the clock of a server that was set right jumps back. */
  jumpMs: fc.constantFrom(0, 0, 1, 1_000, 86_400_000, -3_600_000),
});

async function openedLog(): Promise<Recorded<Fact>[]> {
  const log: Recorded<Fact>[] = [];
  for await (const batch of harness.product.events.readAll()) log.push(...(await harness.product.vault.open(batch)));
  return log;
}

async function wholeTimeline(customerId: string, query: string): Promise<Json[]> {
  const items: Json[] = [];
  let cursor = '';
  do {
    const { status, text } = await read(`/v1/customers/${customerId}/timeline?limit=3&${query}${cursor}`);
    if (status !== 200) throw new Error(`${status}: ${text}`);
    const page = JSON.parse(text) as { items: Json[]; next?: string };
    items.push(...page.items);
    cursor = page.next === undefined ? '' : `&cursor=${page.next}`;
  } while (cursor !== '');
  return items;
}

const isOf = (customerId: string) => (event: Recorded<Fact>) => customersOf(event).includes(customerId);

function folded(name: string, log: readonly Recorded<Fact>[]): PureFold {
  const fold = new PureFold(projection(name));
  for (const event of log) fold.apply(event);
  return fold;
}

it('equals the fold of the log as it was known, of what had happened', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(step, { minLength: 6, maxLength: 20 }),
      fc.array(fc.tuple(fc.option(fc.integer({ min: -1, max: 8 })), fc.option(fc.nat(1_000))), {
        minLength: 3,
        maxLength: 5,
      }),
      async (steps, moments) => {
        const from = toInstant(clock.now());
        const ids: string[] = [];
        for (let n = 0; n < 2; n += 1) {
          const person = { kind: 'person', note: unique(), occurredAt: addDays(from, -7) };
          ids.push((await send('POST', '/v1/customers', person))?.id ?? '');
        }
        for (const { customer, what, daysAgo, jumpMs } of steps) {
          clock.advance(jumpMs);
          // Caused by what came before it, of this customer or the other.
          const cause = (await harness.product.events.head())?.eventId ?? '';
          const command = what(ids[customer] ?? '', addDays(toInstant(clock.now()), -daysAgo));
          await send(...command, { 'x-causation-id': cause });
        }
        const log = await openedLog();
        for (const [daysAgo, share] of moments) {
          const asOf = daysAgo === null ? undefined : addDays(toInstant(clock.now()), -daysAgo);
          // Instants at which something was recorded: where ties are.
          const own = log.filter((event) => ids.some((id) => isOf(id)(event)));
          const knownAt = share === null ? undefined : own[Math.floor((share / 1_001) * own.length)]?.recordedAt;
          const firstUnknown = knownAt === undefined ? -1 : log.findIndex(({ recordedAt }) => recordedAt > knownAt);
          const known = firstUnknown < 0 ? log : log.slice(0, firstUnknown);
          const past = known.filter(({ metadata }) => asOf === undefined || metadata.occurredAt <= asOf);
          const query = new URLSearchParams({
            ...(asOf !== undefined && { asOf }),
            ...(knownAt !== undefined && { knownAt }),
          }).toString();
          const last = known.at(-1)?.position;
          for (const id of ids) {
            const profile = folded('profile', past).derivedText(id);
            // Where there is no bound on what was known, the read model must have come as far as the log.
            const answer = await read(`/v1/customers/${id}?${query}`, last);
            if (profile === undefined) expect(answer.status).toBe(404);
            else {
              const {
                search: _search,
                isSurvivor: _isSurvivor,
                outbound: _outbound,
                ...shown
              } = JSON.parse(profile) as Json;
              expect(canonicalJson(JSON.parse(answer.text))).toBe(canonicalJson(shown));
            }
            const entries = entriesOf(id, past);
            const listed = await wholeTimeline(id, query);
            expect(listed.map((entry) => canonicalJson(entry))).toEqual(entries.map((entry) => canonicalJson(entry)));
            for (const [text, says] of [
              ['parc', /Parcel/],
              ['丢了 Pa', /Parcel/],
              ['bookc', /Bookcase/],
            ] as const) {
              const found = await wholeTimeline(id, `text=${text}&${query}`);
              expect(found).toEqual(listed.filter((entry) => says.test(JSON.stringify(entry))));
            }
            const oldest = await wholeTimeline(id, `order=oldest&${query}`);
            expect(oldest).toEqual(listed.toReversed());
          }
        }
      },
    ),
    // The log goes on growing: what failed once cannot be tried again in a smaller way.
    { numRuns: 12, endOnFailure: true },
  );
});

/** Newest first, as they are shown. */
function entriesOf(customerId: string, past: readonly Recorded<Fact>[]): Json[] {
  const entries = [...folded('timeline', past).texts()]
    .map(([, text]) => (JSON.parse(text) as { content: Json }).content)
    .filter((entry) => entry['customerId'] === customerId)
    .sort((a, b) => (orderOf(a) < orderOf(b) ? 1 : -1));
  return entries.map(({ words: _words, isCaused: _isCaused, ...entry }) => {
    const cause = entries.find(({ id }) => id === entry['causationId']);
    if (!cause) return entry;
    const { id, type, at, position } = cause;
    return { ...entry, cause: { id, type, at, position } };
  });
}

const orderOf = ({ at, position }: Json): string => `${String(at)} ${String(position)}`;

it('is, byte for byte, what is read now, where all of it is known', async () => {
  const registered = await send('POST', '/v1/customers', { kind: 'person', name: { full: '王小明' } });
  const id = registered?.id ?? '';
  const last = await send('POST', '/v1/interactions', {
    customer: { customerId: id },
    channel: 'phone',
    direction: 'inbound',
    kind: 'call',
    body: 'Where is it?',
  });
  const knownAt = last?.position ?? '';
  const now = await read(`/v1/customers/${id}`, knownAt);
  expect(await read(`/v1/customers/${id}?knownAt=${knownAt}`)).toEqual(now);
  const timeline = await read(`/v1/customers/${id}/timeline`, knownAt);
  expect(await read(`/v1/customers/${id}/timeline?knownAt=${knownAt}&asOf=2100-01-01T00:00:00Z`)).toEqual(timeline);
  const before = await read(`/v1/customers/${id}?knownAt=${registered?.position ?? ''}`);
  expect(JSON.parse(before.text)).toMatchObject({ interactions: { total: 0 }, name: { full: '王小明' } });
});

it('says what is wrong with a moment', async () => {
  const { id = '' } = (await send('POST', '/v1/customers', { kind: 'person' })) ?? {};
  for (const path of [`/v1/customers/${id}`, `/v1/customers/${id}/timeline`]) {
    for (const [query, status, pointer] of [
      ['asOf=yesterday', 422, '/asOf'],
      ['knownAt=2026-02-30T00:00:00Z', 422, '/knownAt'],
      ['knownAt=ffffffffffff:0000000000000001', 400, undefined],
      ['known=2026-02-03T00:00:00Z', 422, '/known'],
    ] as const) {
      const { status: answered, text } = await read(`${path}?${query}`);
      const { errors = [] } = JSON.parse(text) as { errors?: { pointer: string }[] };
      expect([path, query, answered, errors[0]?.pointer]).toEqual([path, query, status, pointer]);
    }
  }
});

it('does not bring back who was erased', async () => {
  const { id = '', position = '' } = (await send('POST', '/v1/customers', { kind: 'person' })) ?? {};
  const answer = await fetch(`${url}/v1/customers/${id}`, { method: 'DELETE' });
  expect(answer.status).toBe(202);
  expect((await read(`/v1/customers/${id}?knownAt=${position}`)).status).toBe(410);
  expect((await read(`/v1/customers/${id}/timeline?knownAt=${position}`)).status).toBe(410);
});

it('has every type of event on the map of what was recorded when', () => {
  const libs = new URL('../../', import.meta.url);
  const declared = readdirSync(libs, { recursive: true, encoding: 'utf8' })
    .filter((file) => file.endsWith('.events.ts'))
    .flatMap((file) => [...readFileSync(new URL(file, libs), 'utf8').matchAll(/\bFact<\s*'(\w+)'/g)])
    .map(([, type]) => type);
  const handled = slices.flatMap(({ projections = [] }) => projections.flatMap(({ handles }) => handles));
  // Types that no projection handles are found in the source alone; those that one handles say whether all were found.
  expect(handled.filter((type) => !declared.includes(type))).toEqual([]);
  const mapped = new Set(projection('log-stretches').handles);
  expect(declared.filter((type) => !mapped.has(type ?? ''))).toEqual([]);
});
