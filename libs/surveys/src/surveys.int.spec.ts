/** Surveys and answers through HTTP, commands and projections, on real embedded stores. */
import type { AddressInfo } from 'node:net';
import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import type { Slice } from '@timeline/composing';
import { CustomerDirectory, type CustomerRef } from '@timeline/deciding';
import { createHttpApp } from '@timeline/http';
import { DomainError, newId } from '@timeline/kernel';
import { Harness } from '../../composing/src/testing/harness.js';
import { surveysSlice } from './index.js';

const ADA = newId();
/** Stands for the customers slice: knows only Ada. */
class Directory extends CustomerDirectory {
  override resolve({ customerId }: CustomerRef): Promise<{ customerId: string }> {
    return customerId === ADA
      ? Promise.resolve({ customerId: ADA })
      : Promise.reject(new DomainError('CUSTOMER_NOT_FOUND', 'unknown'));
  }
}
const customers: Slice = { name: 'customers', commandProviders: [{ provide: CustomerDirectory, useClass: Directory }] };

let harness: Harness;
let app: NestFastifyApplication;
let base: string;

beforeAll(async () => {
  harness = await Harness.start({ slices: [customers, surveysSlice] });
  app = await createHttpApp(harness.product.module({ providers: [], controllers: [] }));
  await app.listen(0, '127.0.0.1');
  // Listening on a port, so the address is not a path.
  base = `http://127.0.0.1:${(app.getHttpServer().address() as AddressInfo).port}/v1/surveys`;
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
  return { status: answer.status, headers: answer.headers, body: await answer.json() };
}

const nps = { kind: 'NPS', title: 'Would you recommend us?' };
const seen = (position: string): Record<string, string> => ({ 'timeline-position': position });

describe('A survey over HTTP', () => {
  it('is 201 when it is new, 200 when it is the same or changed, and nothing is written for the same', async () => {
    const first = await request('PUT', '/relationship', nps);
    expect(first).toMatchObject({ status: 201, body: { id: 'relationship', revision: 0 } });
    expect(first.headers.get('location')).toBe('/v1/surveys/relationship');
    expect(await request('PUT', '/relationship', nps)).toMatchObject({ status: 200, body: first.body });
    const changed = await request('PUT', '/relationship', { ...nps, title: 'Would you tell a friend?' });
    expect(changed).toMatchObject({ status: 200, body: { revision: 1 } });
    expect(await request('GET', '/relationship', undefined, seen(changed.body.position))).toMatchObject({
      status: 200,
      body: {
        surveyId: 'relationship',
        kind: 'NPS',
        title: 'Would you tell a friend?',
        scale: { min: 0, max: 10, favourableFrom: 9 },
        revision: 1,
      },
    });
  });

  it('is 201 again when the request that made it is sent again', async () => {
    const headers = { 'idempotency-key': 'define-1' };
    const first = await request('PUT', '/again', nps, headers);
    expect(await request('PUT', '/again', nps, headers)).toMatchObject({ status: 201, body: first.body });
  });

  it('refuses what no survey can be', async () => {
    await request('PUT', '/fixed', nps);
    expect(await request('PUT', '/fixed', { ...nps, kind: 'CES' })).toMatchObject({
      status: 422,
      body: { code: 'SURVEY_KIND_FIXED' },
    });
    expect(await request('PUT', '/scale', { ...nps, scale: { min: 1, max: 5 } })).toMatchObject({
      status: 422,
      body: { code: 'SURVEY_SCALE_WRONG' },
    });
    expect(await request('PUT', '/Not%20a%20slug', nps)).toMatchObject({
      status: 422,
      body: { code: 'VALIDATION_FAILED' },
    });
    expect(await request('PUT', `/answer-${newId()}`, nps)).toMatchObject({
      status: 422,
      body: { code: 'VALIDATION_FAILED' },
    });
    expect(await request('GET', '/unknown')).toMatchObject({ status: 404, body: { code: 'SURVEY_NOT_FOUND' } });
  });

  it('is in the list of surveys, page by page', async () => {
    const { body } = await request('PUT', '/listed', nps);
    const ids: string[] = [];
    let cursor = '';
    do {
      const page = await request('GET', `?limit=1${cursor}`, undefined, seen(body.position));
      ids.push(...page.body.items.map((survey: { surveyId: string }) => survey.surveyId));
      cursor = page.body.next === undefined ? '' : `&cursor=${page.body.next}`;
    } while (cursor !== '');
    expect(ids).toEqual([...new Set(ids)].sort());
    expect(ids).toContain('listed');
  });
});

describe('An answer over HTTP', () => {
  const answer = { customer: { customerId: ADA }, score: 9, channel: 'email', comment: 'Nice people' };

  it('is recorded once per source id and read back where its Location says', async () => {
    await request('PUT', '/answered', nps);
    const delivery = { ...answer, source: 'forms', sourceId: 'f-1', occurredAt: '2024-05-01T10:00:00+02:00' };
    const first = await request('POST', '/answered/answers', delivery);
    expect(first.status).toBe(201);
    expect(await request('POST', '/answered/answers', delivery)).toMatchObject({ status: 201, body: first.body });
    const location = first.headers.get('location') ?? '';
    const shown = await request('GET', location.replace('/v1/surveys', ''), undefined, seen(first.body.position));
    expect(shown).toMatchObject({
      status: 200,
      body: {
        answerId: first.body.id,
        surveyId: 'answered',
        kind: 'NPS',
        score: 9,
        comment: 'Nice people',
        answeredAt: '2024-05-01T08:00:00.000Z',
      },
    });
    const other = await request('POST', '/answered/answers', { ...delivery, score: 2 });
    expect(other).toMatchObject({
      status: 409,
      body: { code: 'SURVEY_ANSWER_CONFLICT', details: { differing: ['/score'] } },
    });
    expect(JSON.stringify(await harness.product.events.readStream(`survey-answer-${first.body.id}`))).not.toContain(
      'Nice',
    );
  });

  it('must be on the scale that the survey has now, to a survey and of a customer that there are', async () => {
    await request('PUT', '/changing', { kind: 'CSAT', title: 'After the call' });
    const score = (value: number): Promise<unknown> =>
      request('POST', '/changing/answers', { ...answer, score: value });
    expect(await score(7)).toMatchObject({
      status: 422,
      body: { code: 'SCORE_OUT_OF_SCALE', errors: [{ pointer: '/score' }] },
    });
    await request('PUT', '/changing', { kind: 'CSAT', title: 'After the call', scale: { min: 1, max: 7 } });
    expect(await score(7)).toMatchObject({ status: 201 });
    expect(await request('POST', '/nowhere/answers', answer)).toMatchObject({
      status: 404,
      body: { code: 'SURVEY_NOT_FOUND' },
    });
    const unknown = { ...answer, customer: { customerId: newId() } };
    expect(await request('POST', '/changing/answers', unknown)).toMatchObject({
      status: 404,
      body: { code: 'CUSTOMER_NOT_FOUND' },
    });
    expect(await request('GET', `/changing/answers/${newId()}`)).toMatchObject({
      status: 404,
      body: { code: 'SURVEY_ANSWER_NOT_FOUND' },
    });
  });

  it('is in the list of its survey, the latest first, page by page', async () => {
    await request('PUT', '/paged', nps);
    const days = [3, 1, 2, 2];
    let position = '';
    for (const day of days) {
      const { body } = await request('POST', '/paged/answers', {
        ...answer,
        score: day,
        occurredAt: `2024-05-0${day}T00:00:00Z`,
      });
      position = body.position;
    }
    const scores: number[] = [];
    let cursor = '';
    do {
      const page = await request('GET', `/paged/answers?limit=1${cursor}`, undefined, seen(position));
      scores.push(...page.body.items.map((item: { score: number }) => item.score));
      cursor = page.body.next === undefined ? '' : `&cursor=${page.body.next}`;
    } while (cursor !== '');
    expect(scores).toEqual([3, 2, 2, 1]);
  });
});
