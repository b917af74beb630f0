/** Feedback cases through HTTP, commands and projections, on real embedded stores. */
import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import type { Slice } from '@timeline/composing';
import { CustomerDirectory, type CustomerRef } from '@timeline/deciding';
import { createHttpApp } from '@timeline/http';
import { DomainError, newId } from '@timeline/kernel';
import { Harness } from '../../composing/src/testing/harness.js';
import { feedbackSlice } from './index.js';

const ADA = newId();
const ERASED = newId();

/** Stands for the customers slice: knows Ada, and who was erased. */
class Directory extends CustomerDirectory {
  override resolve({ customerId, identity }: CustomerRef): Promise<{ customerId: string }> {
    if (customerId === ERASED) return Promise.reject(new DomainError('CUSTOMER_ERASED', 'erased'));
    if (customerId === ADA || identity?.value === 'ada@example.com') return Promise.resolve({ customerId: ADA });
    return Promise.reject(new DomainError('CUSTOMER_NOT_FOUND', 'unknown'));
  }
}
const customers: Slice = { name: 'customers', commandProviders: [{ provide: CustomerDirectory, useClass: Directory }] };

let harness: Harness;
let app: NestFastifyApplication;
let base: string;

beforeAll(async () => {
  harness = await Harness.start({ slices: [customers, feedbackSlice] });
  app = await createHttpApp(harness.product.module({ providers: [], controllers: [] }), {
    openApi: { title: 'test', version: '1' },
  });
  await app.listen(0, '127.0.0.1');
  base = await app.getUrl();
});
afterAll(async () => {
  await app?.close();
  await harness?.dispose();
});

interface Answer {
  status: number;
  headers: Headers;
  // Tests look at members of many shapes.
  // eslint-disable-next-line @typescript-eslint/no-explicit-any
  body: any;
}

async function request(
  method: string,
  path: string,
  body?: object,
  headers: Record<string, string> = {},
): Promise<Answer> {
  const answer = await fetch(`${base}${path}`, {
    method,
    headers: { ...(body && { 'content-type': 'application/json' }), ...headers },
    ...(body && { body: JSON.stringify(body) }),
  });
  const text = await answer.text();
  return { status: answer.status, headers: answer.headers, body: text === '' ? undefined : JSON.parse(text) };
}

const post = (path: string, body: object, headers?: Record<string, string>): Promise<Answer> =>
  request('POST', `/v1/feedback${path}`, body, headers);
const get = (path: string, position?: string): Promise<Answer> =>
  request('GET', `/v1/feedback${path}`, undefined, position === undefined ? {} : { 'timeline-position': position });

const complaint = {
  customer: { customerId: ADA },
  kind: 'complaint',
  channel: 'phone',
  subject: 'Parcel lost',
  body: 'Where is it?',
};

async function openCase(more: object = {}): Promise<{ id: string; position: string }> {
  const { status, body } = await post('', { ...complaint, ...more });
  expect(status).toBe(201);
  return body;
}

describe('A feedback case over HTTP', () => {
  it('goes from intake to rating and back, and every answer can be read after', async () => {
    const opened = await post('', { ...complaint, occurredAt: '2024-05-01T08:00:00Z' });
    expect(opened).toMatchObject({
      status: 201,
      body: { id: expect.any(String), revision: 0, position: expect.any(String) },
    });
    expect(opened.headers.get('location')).toBe(`/v1/feedback/${opened.body.id}`);
    const { id } = opened.body;
    const steps: [string, object][] = [
      [
        'classification',
        {
          topic: 'delivery',
          severity: 'critical',
          sentiment: 'negative',
          urgency: 'high',
          occurredAt: '2024-05-01T08:05:00Z',
        },
      ],
      ['assignment', { agent: 'li', team: 'parcels', reason: 'fewest open cases', occurredAt: '2024-05-01T08:10:00Z' }],
      ['responses', { message: 'We look into it', occurredAt: '2024-05-01T08:15:00Z' }],
      ['resolution', { resolution: 'delivered', note: 'to the neighbour', occurredAt: '2024-05-01T09:00:00Z' }],
      ['rating', { score: 5, comment: 'quick', occurredAt: '2024-05-02T09:00:00Z' }],
      ['reopening', { reason: 'broken', occurredAt: '2024-05-03T09:00:00Z' }],
    ];
    let position = '';
    for (const [index, [step, body]] of steps.entries()) {
      const answer = await post(`/${id}/${step}`, body);
      expect([step, answer.status, answer.body.revision]).toEqual([step, 200, index + 1]);
      position = answer.body.position;
    }
    const shown = await get(`/${id}`, position);
    expect(shown).toMatchObject({
      status: 200,
      body: {
        caseId: id,
        customerId: ADA,
        revision: 6,
        status: 'open',
        subject: 'Parcel lost',
        body: 'Where is it?',
        severity: 'critical',
        agent: 'li',
        openedAt: '2024-05-01T08:00:00.000Z',
        firstRespondedAt: '2024-05-01T08:15:00.000Z',
        reopenedTimes: 1,
        rating: { score: 5, top: true },
      },
    });
    expect(shown.body).not.toHaveProperty('resolvedAt');
    const etag = shown.headers.get('etag') ?? '';
    expect((await request('GET', `/v1/feedback/${id}`, undefined, { 'if-none-match': etag })).status).toBe(304);
  });

  it('is opened once per source id: again is the same answer, another payload a conflict without its words', async () => {
    const delivery = { ...complaint, source: 'zendesk', sourceId: 'z-1' };
    const first = await post('', delivery);
    const again = await post('', delivery);
    expect(again).toMatchObject({ status: 201, body: first.body });
    const byIdentity = await post('', {
      ...delivery,
      customer: { identity: { kind: 'email', value: 'ada@example.com' } },
    });
    expect(byIdentity).toMatchObject({ status: 201, body: first.body });
    const other = await post('', { ...delivery, subject: 'Parcel found', kind: 'praise' });
    expect(other).toMatchObject({
      status: 409,
      body: { code: 'FEEDBACK_CONFLICT', details: { differing: ['/kind', '/subject'] } },
    });
    expect(JSON.stringify(other.body)).not.toContain('Parcel');
    expect((await harness.product.events.readStream(`feedback-${first.body.id}`)).length).toBe(1);
  });

  it('is opened once per idempotency key, and keeps what was said out of the log in the clear', async () => {
    const headers = { 'idempotency-key': 'k-1' };
    const [first, again] = [await post('', complaint, headers), await post('', complaint, headers)];
    expect(again.body).toEqual(first.body);
    expect(await post('', { ...complaint, subject: 'Other' }, headers)).toMatchObject({
      status: 422,
      body: { code: 'IDEMPOTENCY_KEY_REUSED' },
    });
    expect(JSON.stringify(await harness.product.events.readStream(`feedback-${first.body.id}`))).not.toContain(
      'Parcel',
    );
  });

  it('refuses what its state does not allow, and says which', async () => {
    const { id } = await openCase();
    const refused = async (step: string, body: object): Promise<unknown[]> => {
      const answer = await post(`/${id}/${step}`, body);
      return [answer.status, answer.body.code];
    };
    expect(await refused('rating', { score: 5 })).toEqual([422, 'CASE_NOT_RESOLVED']);
    expect(await refused('reopening', { reason: 'x' })).toEqual([422, 'CASE_NOT_RESOLVED']);
    expect((await post(`/${id}/resolution`, { resolution: 'done' })).status).toBe(200);
    expect(await refused('resolution', { resolution: 'done' })).toEqual([409, 'CASE_ALREADY_RESOLVED']);
    expect(await refused('assignment', { agent: 'li' })).toEqual([409, 'CASE_ALREADY_RESOLVED']);
    expect(await refused('rating', { score: 11, scale: { min: 0, max: 10 } })).toEqual([422, 'SCORE_OUT_OF_SCALE']);
    expect(await refused('rating', { score: 1, scale: { min: 0, max: 1 } })).toEqual([422, 'VALIDATION_FAILED']);
    expect((await post(`/${id}/rating`, { score: 10, scale: { min: 0, max: 10 } })).status).toBe(200);
    expect(await refused('rating', { score: 5 })).toEqual([409, 'CASE_ALREADY_RATED']);
  });

  it('must exist, for a customer who does', async () => {
    expect(await post(`/${newId()}/resolution`, { resolution: 'done' })).toMatchObject({
      status: 404,
      body: { code: 'FEEDBACK_NOT_FOUND' },
    });
    expect(await get(`/${newId()}`)).toMatchObject({ status: 404, body: { code: 'FEEDBACK_NOT_FOUND' } });
    expect(await post('', { ...complaint, customer: { customerId: newId() } })).toMatchObject({
      status: 404,
      body: { code: 'CUSTOMER_NOT_FOUND' },
    });
    expect(await post('', { ...complaint, customer: { customerId: ERASED } })).toMatchObject({
      status: 410,
      body: { code: 'CUSTOMER_ERASED' },
    });
  });

  it('tells every wrong field at once and writes nothing', async () => {
    const head = await harness.product.events.head();
    const { status, body } = await post('', {
      customer: {},
      kind: 'rant',
      channel: 'phone',
      subject: ' ',
      colour: 'red',
      sourceId: 'x',
    });
    expect([status, body.code]).toEqual([422, 'VALIDATION_FAILED']);
    expect(body.errors.map((error: { pointer: string }) => error.pointer).sort()).toEqual([
      '/colour',
      '/customer',
      '/kind',
      '/subject',
    ]);
    expect(await post('', { ...complaint, sourceId: 'x' })).toMatchObject({
      status: 422,
      body: { errors: [{ pointer: '/source' }] },
    });
    expect(await harness.product.events.head()).toEqual(head);
  });
});

describe('The case inbox over HTTP', () => {
  const pages = async (query: string, limit: number): Promise<string[]> => {
    const subjects: string[] = [];
    let cursor = '';
    do {
      const { status, body } = await get(`?${query}&limit=${limit}${cursor}`);
      expect(status).toBe(200);
      subjects.push(...body.items.map((item: { subject: string }) => item.subject));
      cursor = body.next === undefined ? '' : `&cursor=${body.next}`;
    } while (cursor !== '');
    return subjects;
  };

  it('lists open cases, the longest waiting first; the newest or the most severe first when asked; page by page', async () => {
    const at = (minute: number): object => ({ occurredAt: `2024-03-01T08:0${minute}:00Z`, channel: 'weibo' });
    const a = await openCase({ subject: 'a', ...at(1) });
    const b = await openCase({ subject: 'b', ...at(2), kind: 'praise' });
    const c = await openCase({ subject: 'c', ...at(2) });
    const d = await openCase({ subject: 'd', ...at(4) });
    const e = await openCase({ subject: 'e', ...at(5) });
    // Two of the same minute come in the order of their ids.
    const tied = b.id < c.id ? ['b', 'c'] : ['c', 'b'];
    const classify = (id: string, severity: string): Promise<Answer> =>
      post(`/${id}/classification`, { topic: 'x', severity, sentiment: 'neutral', urgency: 'low' });
    await classify(a.id, 'normal');
    await classify(d.id, 'high');
    await post(`/${b.id}/assignment`, { agent: 'inbox-agent' });
    const { body } = await post(`/${e.id}/resolution`, { resolution: 'done' });
    await get(`?channel=weibo`, body.position);

    for (const limit of [1, 2, 50]) {
      expect(await pages('channel=weibo', limit)).toEqual(['a', ...tied, 'd']);
      expect(await pages('channel=weibo&order=newest', limit)).toEqual(['d', ...[...tied].reverse(), 'a']);
      expect(await pages('channel=weibo&order=severity', limit)).toEqual(['d', ...tied, 'a']);
      expect(await pages('channel=weibo&status=all', limit)).toEqual(['a', ...tied, 'd', 'e']);
    }
    expect(await pages('channel=weibo&status=resolved', 50)).toEqual(['e']);
    expect(await pages('channel=weibo&severity=high', 50)).toEqual(['d']);
    expect(await pages('agent=inbox-agent', 50)).toEqual(['b']);
    expect(await pages('channel=weibo&kind=praise', 50)).toEqual(['b']);
    expect(await pages(`channel=weibo&customerId=${newId()}`, 50)).toEqual([]);
  });

  it('refuses a cursor of another order or of another list', async () => {
    const { body } = await get('?limit=1');
    expect(await get(`?limit=1&order=newest&cursor=${body.next}`)).toMatchObject({
      status: 400,
      body: { code: 'CURSOR_MALFORMED' },
    });
    expect(await get('?cursor=WzEsMV0')).toMatchObject({ status: 400, body: { code: 'CURSOR_MALFORMED' } });
  });
});
