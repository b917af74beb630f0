/**
 * Paging through any list of the API while documents are written, ties among them: what was there all the time comes
 * exactly once, whatever comes before and after it. And a cursor is of its own list, with its own filters, only.
 */
import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import { createHttpApp } from '@timeline/http';
import { newId, type JsonObject } from '@timeline/kernel';
import fc from 'fast-check';
import { Harness } from '../../composing/src/testing/harness.js';
import { productSlices } from './index.js';

type Json = Record<string, unknown>;
interface Page {
  items: Json[];
  next?: string;
}
interface Listed {
  /** The route in the API's description. */
  route: string;
  addresses: string[];
  /** Writes one more document for the list, at one of few places in its order; answers the position. */
  add(place: number): Promise<string>;
  idOf(item: Json): string;
}

let harness: Harness;
let app: NestFastifyApplication;
let url: string;

beforeAll(async () => {
  harness = await Harness.start({ slices: productSlices({ reportingTimeZone: 'UTC', defaultPhoneRegion: 'DE' }) });
  const http = { providers: [], controllers: [] };
  app = await createHttpApp(harness.product.module(http), { openApi: { title: 'test', version: '0' } });
  await app.listen(0, '127.0.0.1');
  url = await app.getUrl();
  ann = (await send('POST', '/v1/customers', { kind: 'person', name: { full: 'Ann' } })).id;
  acme = (await send('POST', '/v1/customers', { kind: 'company', name: { full: 'Acme' } })).id;
  await send('PUT', '/v1/surveys/nps', { kind: 'NPS', title: 'Would you?' });
  // A thread is none before somebody has said something.
  await addToThread(0);
});
afterAll(async () => {
  await app?.close();
  await harness?.dispose();
});

let ann: string;
let acme: string;
const NAMES = ['Bo', 'Émile', '李雷', 'anna'];
const dayOf = (place: number): { occurredAt: string } => ({ occurredAt: `2024-03-0${place + 1}T00:00:00Z` });

async function send(method: string, path: string, body: Json): Promise<{ id: string; position: string }> {
  const headers = { 'content-type': 'application/json' };
  const answer = await fetch(url + path, { method, headers, body: JSON.stringify(body) });
  const text = await answer.text();
  if (!answer.ok) throw new Error(`${method} ${path} was answered ${answer.status}: ${text}`);
  return JSON.parse(text) as { id: string; position: string };
}

async function read(address: string, cursor?: string, position?: string): Promise<{ status: number; body: Page }> {
  const where = `${url}${address}${cursor === undefined ? '' : `${address.includes('?') ? '&' : '?'}cursor=${cursor}`}`;
  const answer = await fetch(where, { headers: position === undefined ? {} : { 'timeline-position': position } });
  return { status: answer.status, body: (await answer.json()) as Page };
}

const addCustomer = async (place: number): Promise<string> =>
  (await send('POST', '/v1/customers', { kind: 'person', name: { full: NAMES[place] }, region: 'North' })).position;

const addToThread = async (place: number): Promise<string> => {
  const chat = { channel: 'chat', direction: 'inbound', kind: 'chat', threadId: 'paging', ...dayOf(place) };
  return (await send('POST', '/v1/interactions', { customer: { customerId: ann }, ...chat })).position;
};

/** What no command records. */
async function append(stream: string, type: string, data: JsonObject, customerIds: string[]): Promise<string> {
  const id = newId();
  const metadata = {
    schemaVersion: 1,
    occurredAt: new Date().toISOString(),
    customerId: customerIds[0] ?? '',
    customerIds,
    actor: 'test',
    commandId: id,
    bodyHash: '',
    correlationId: id,
    causationId: id,
  };
  const { position } = await harness.product.events.append(stream, [{ id, type, data, metadata }], {
    expectedRevision: 'no-stream',
  });
  return position;
}

const LISTS: Listed[] = [
  {
    route: '/v1/customers',
    addresses: ['/v1/customers', '/v1/customers?region=North&kind=person'],
    add: addCustomer,
    idOf: (item) => String(item['customerId']),
  },
  {
    route: '/v1/segments/{id}/members',
    addresses: ['/v1/segments/new/members'],
    add: addCustomer,
    idOf: (item) => String(item['customerId']),
  },
  {
    route: '/v1/customers/{id}/timeline',
    addresses: [
      '/v1/customers/ANN/timeline',
      '/v1/customers/ANN/timeline?order=oldest&channel=web',
      '/v1/customers/ANN/timeline?text=see+no',
      '/v1/customers/ANN/timeline?order=oldest&source=crm&asOf=2100-01-01T00:00:00Z&knownAt=2100-01-01T00:00:00Z',
    ],
    add: async (place) => {
      const visit = {
        customer: { customerId: ann },
        channel: 'web',
        direction: 'inbound',
        kind: 'visit',
        subject: 'Now seen',
        source: 'crm',
        sourceId: newId(),
      };
      return (await send('POST', '/v1/interactions', { ...visit, ...dayOf(place) })).position;
    },
    idOf: (item) => String(item['position']),
  },
  {
    route: '/v1/provenance',
    addresses: ['/v1/provenance?source=paging&field=region', '/v1/provenance?source=paging'],
    add: async (place) => {
      const answer = await fetch(`${url}/v1/imports?source=paging&name=${newId()}`, {
        method: 'POST',
        headers: { 'content-type': 'text/csv' },
        body: `Name,Region\nSomeone,R${place}\n`,
      });
      const ended = (await answer.text()).trim().split('\n').at(-1) ?? '';
      return (JSON.parse(ended) as { summary: { position: string } }).summary.position;
    },
    idOf: (item) => String(item['customerId']),
  },
  {
    route: '/v1/customers/{id}/merges',
    addresses: ['/v1/customers/ANN/merges'],
    add: async () => {
      const { id } = await send('POST', '/v1/customers', { kind: 'person' });
      return (await send('POST', '/v1/merges', { survivor: ann, others: [id] })).position;
    },
    idOf: (item) => String(item['mergeId']),
  },
  {
    route: '/v1/customers/{id}/purchases',
    addresses: ['/v1/customers/ANN/purchases', '/v1/customers/ANN/purchases?status=bought&category=Books'],
    add: async (place) => {
      const lines = [{ sku: 'a', name: 'A', category: 'Books', quantity: '1', amount: '1' }];
      const bought = { customer: { customerId: ann }, channel: 'web', currency: 'EUR', lines, ...dayOf(place) };
      return (await send('POST', '/v1/purchases', bought)).position;
    },
    idOf: (item) => String(item['purchaseId']),
  },
  {
    route: '/v1/customers/{id}/enrichments',
    addresses: ['/v1/customers/ANN/enrichments'],
    add: async (place) => {
      // Sure, so that it is accepted by itself: only so many may wait.
      const sure = { provider: 'paging', confidence: 1, legalBasis: 'consent', values: { traits: { place } } };
      return (await send('POST', `/v1/customers/${ann}/enrichments`, sure)).position;
    },
    idOf: (item) => String(item['enrichmentId']),
  },
  {
    route: '/v1/customers/{id}/people',
    addresses: ['/v1/customers/ACME/people'],
    add: async () => {
      const { id } = await send('POST', '/v1/customers', { kind: 'person' });
      return (await send('POST', `/v1/customers/${id}/companies`, { companyId: acme })).position;
    },
    idOf: (item) => String(item['personId']),
  },
  {
    route: '/v1/duplicates',
    // What nothing speaks for is not shown before somebody has looked at it.
    addresses: ['/v1/duplicates?status=dismissed'],
    add: async (place) => {
      const person = (): Promise<{ id: string; position: string }> => send('POST', '/v1/customers', { kind: 'person' });
      const [a, b] = [await person(), await person()].sort((x, y) => (x.id < y.id ? -1 : 1));
      if (!a || !b) throw new Error('nobody was registered');
      const pairId = `${a.id}.${b.id}`;
      const data = {
        pairId,
        customers: [a.id, b.id],
        probability: 0.3 + place / 10,
        namesakes: 0,
        model: 'test',
        asOf: [a.position, b.position],
      };
      await append(`duplicate-${pairId}`, 'DuplicateSuspected', data, data.customers);
      return (await send('POST', `/v1/duplicates/${pairId}/dismissal`, { reason: 'others' })).position;
    },
    idOf: (item) => String(item['pairId']),
  },
  {
    route: '/v1/freshness/reviews',
    addresses: ['/v1/freshness/reviews', '/v1/freshness/reviews?state=reminder'],
    add: async (place) => {
      const identities = [{ kind: 'email', value: `${newId()}@example.org` }];
      const since = '2024-01-01T00:00:00.000Z';
      const { id } = await send('POST', '/v1/customers', { kind: 'person', identities, occurredAt: since });
      const dueAt = `2024-03-0${place + 1}T00:00:00.000Z`;
      const data = { field: 'email', since, dueAt, everyDays: 60, taskAt: '2124-01-01', escalateAt: '2124-01-02' };
      return append(`reviews-${id}`, 'FieldReviewDue', data, [id]);
    },
    idOf: (item) => String(item['customerId']),
  },
  {
    route: '/v1/threads/{id}',
    addresses: ['/v1/threads/paging', '/v1/threads/paging?order=newest'],
    add: addToThread,
    idOf: (item) => String(item['position']),
  },
  {
    route: '/v1/feedback',
    addresses: ['oldest', 'newest', 'severity'].map((order) => `/v1/feedback?status=all&order=${order}`),
    add: async (place) => {
      const opened = { customer: { customerId: ann }, channel: 'web', kind: 'complaint', subject: 'Late' };
      const { id, position } = await send('POST', '/v1/feedback', { ...opened, ...dayOf(place) });
      const severity = [undefined, 'low', 'high', 'critical'][place];
      if (severity === undefined) return position;
      const found = { topic: 't', severity, sentiment: 'neutral', urgency: 'low' };
      return (await send('POST', `/v1/feedback/${id}/classification`, found)).position;
    },
    idOf: (item) => String(item['caseId']),
  },
  {
    route: '/v1/surveys',
    addresses: ['/v1/surveys'],
    add: async (place) => (await send('PUT', `/v1/surveys/${place}-${newId()}`, { kind: 'NPS', title: 't' })).position,
    idOf: (item) => String(item['surveyId']),
  },
  {
    route: '/v1/surveys/{id}/answers',
    addresses: ['/v1/surveys/nps/answers'],
    add: async (place) => {
      const answer = { customer: { customerId: ann }, score: place, channel: 'web', ...dayOf(place) };
      return (await send('POST', '/v1/surveys/nps/answers', answer)).position;
    },
    idOf: (item) => String(item['answerId']),
  },
];
const everyAddress = (): string[] =>
  LISTS.flatMap(({ addresses }) => addresses).map((each) => each.replace('ANN', ann).replace('ACME', acme));

it('is tried with every list of the API that has a cursor', async () => {
  const description = (await (await fetch(`${url}/openapi.json`)).json()) as {
    paths: Record<string, Record<string, { parameters?: { name: string }[] }>>;
  };
  const paged = Object.entries(description.paths).flatMap(([route, { get }]) =>
    get?.parameters?.some(({ name }) => name === 'cursor') ? [route] : [],
  );
  expect(LISTS.map(({ route }) => route).sort()).toEqual(paged.sort());
});

describe.each(LISTS)('$route', ({ addresses, add, idOf }) => {
  it('comes with what was there all the time exactly once, whatever is written meanwhile', async () => {
    const place = fc.integer({ min: 0, max: 3 });
    await fc.assert(
      fc.asyncProperty(
        fc.constantFrom(...addresses),
        fc.array(place, { minLength: 3, maxLength: 8 }),
        fc.array(fc.tuple(fc.integer({ min: 1, max: 4 }), fc.array(place, { maxLength: 3 })), {
          minLength: 1,
          maxLength: 6,
        }),
        async (template, before, pages) => {
          const address = template.replace('ANN', ann).replace('ACME', acme);
          let position: string | undefined;
          for (const at of before) position = await add(at);
          const withLimit = (limit: number): string => `${address}${address.includes('?') ? '&' : '?'}limit=${limit}`;
          const there: string[] = [];
          let cursor: string | undefined;
          do {
            const { body } = await read(withLimit(200), cursor, position);
            there.push(...body.items.map(idOf));
            cursor = body.next;
          } while (cursor !== undefined);

          const seen: string[] = [];
          let turn = 0;
          do {
            const [limit, written] = pages[turn % pages.length] ?? [1, []];
            // The first turns only: else the list would grow as fast as it is read.
            if (turn > 0 && turn <= pages.length) for (const at of written) position = await add(at);
            const { status, body } = await read(withLimit(limit + (turn > pages.length ? 20 : 0)), cursor, position);
            expect(status).toBe(200);
            seen.push(...body.items.map(idOf));
            cursor = body.next;
            turn += 1;
          } while (cursor !== undefined);
          // In the same order, each once; what came in between may be there or not, but not twice.
          expect(seen.filter((id) => there.includes(id))).toEqual(there);
          expect(new Set(seen).size).toBe(seen.length);
        },
      ),
      { numRuns: 8 },
    );
  });
});

it('is a cursor of one list, with its filters and order, and of no other', async () => {
  const of = new Map<string, string>();
  for (const address of everyAddress()) {
    const { body } = await read(`${address}${address.includes('?') ? '&' : '?'}limit=1`);
    if (body.next === undefined) throw new Error(`${address} has no second page`);
    of.set(address, body.next);
  }
  for (const [made, cursor] of of) {
    for (const address of of.keys()) {
      const { status, body } = await read(address, cursor);
      const expected = address === made ? 200 : 400;
      expect([made, address, status]).toEqual([made, address, expected]);
      if (expected === 400) {
        const errors = [expect.objectContaining({ in: 'query', pointer: '/cursor', code: 'CURSOR_MALFORMED' })];
        expect(body).toMatchObject({ code: 'CURSOR_MALFORMED', errors });
      }
    }
  }
  // The instant of a segment's first page holds for all; another one is another list.
  const members = of.get('/v1/segments/new/members');
  const { asOf } = (await read('/v1/segments/new/members', members)).body as Page & { asOf: string };
  expect((await read(`/v1/segments/new/members?asOf=${asOf}`, members)).status).toBe(200);
  const earlier = new Date(Date.parse(asOf) - 1).toISOString();
  expect((await read(`/v1/segments/new/members?asOf=${earlier}`, members)).status).toBe(400);
});

it('has no cursor that tells a name', async () => {
  const { body } = await read('/v1/customers?limit=1');
  expect(body.next).toBeDefined();
  expect(Buffer.from(body.next ?? '', 'base64url').toString('latin1')).not.toMatch(/ann|bo|mile/i);
});
