/** Metrics over HTTP from facts in a real log, and the values of reference. */
import type { AddressInfo } from 'node:net';
import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import { createHttpApp } from '@timeline/http';
import { dayIn, deriveId, type Decision, type JsonObject, type Position } from '@timeline/kernel';
import { Harness, TestClock } from '../../composing/src/testing/harness.js';
import type { SurveyKind } from '../../surveys/src/surveys.events.js';
import { satisfactionSlice } from './index.js';
import type { MeasuredEvent } from './measures.js';

const ZONE = 'Asia/Shanghai';
let harness: Harness;
let app: NestFastifyApplication;
let base: string;

beforeAll(async () => {
  const clock = new TestClock(new Date('2024-06-30T20:00:00.000Z'));
  harness = await Harness.start({ slices: [satisfactionSlice({ zone: ZONE })], clock });
  app = await createHttpApp(harness.product.module({ providers: [], controllers: [] }));
  await app.listen(0, '127.0.0.1');
  // Listening on a port, so the address is not a path.
  base = `http://127.0.0.1:${(app.getHttpServer().address() as AddressInfo).port}/v1/metrics`;
});
afterAll(async () => {
  await app?.close();
  await harness?.dispose();
});

let recordedCount = 0;
/** What other slices would have recorded, each in a stream and of a customer of its own. */
async function happened(fact: Decision<MeasuredEvent>, occurredAt: string): Promise<Position> {
  recordedCount += 1;
  const id = deriveId('fact', recordedCount);
  const { position } = await harness.product.events.append(
    `stream-${recordedCount}`,
    [
      {
        id,
        type: fact.type,
        // Facts are declared as JSON shapes by their slices.
        data: fact.data as unknown as JsonObject,
        metadata: {
          schemaVersion: 1,
          occurredAt,
          customerId: deriveId('customer', recordedCount),
          actor: 'test',
          commandId: id,
          bodyHash: 'hash',
          correlationId: id,
          causationId: id,
        },
      },
    ],
    { expectedRevision: 'no-stream' },
  );
  return position;
}

const SCALES = {
  NPS: { min: 0, max: 10, favourableFrom: 9 },
  CSAT: { min: 1, max: 5, favourableFrom: 4 },
  CES: { min: 1, max: 7, favourableFrom: 5 },
};
const answered = (kind: SurveyKind, score: number, channel = 'phone'): Decision<MeasuredEvent> => ({
  type: 'SurveyAnswered',
  data: { answerId: 'a', surveyId: 's', kind, scale: SCALES[kind], score, channel, payloadHash: 'hash' },
});
const ofCase = { caseId: 'c', channel: 'email', openedAt: '2024-01-01T00:00:00.000Z' };

/** The last position of all scores. */
async function answers(
  kind: SurveyKind,
  scores: readonly number[],
  occurredAt: string,
  channel?: string,
): Promise<Position> {
  let last: Position | undefined;
  for (const score of scores) last = await happened(answered(kind, score, channel), occurredAt);
  if (last === undefined) throw new Error('no scores');
  return last;
}

// Tests look at members of many shapes.
// eslint-disable-next-line @typescript-eslint/no-explicit-any
async function get(path: string, position?: Position): Promise<{ status: number; body: any }> {
  const answer = await fetch(`${base}${path}`, {
    headers: position === undefined ? {} : { 'timeline-position': position },
  });
  return { status: answer.status, body: await answer.json() };
}

// eslint-disable-next-line @typescript-eslint/no-explicit-any
async function points(path: string, position?: Position): Promise<any[]> {
  const { status, body } = await get(path, position);
  expect([status, body.code]).toEqual([200, undefined]);
  return body.points;
}

describe('The values of reference', () => {
  it('are those of the net promoter score', async () => {
    await answers('NPS', [10, 9, 8, 7, 6, 0], '2020-01-01T12:00:00.000Z');
    const position = await answers('NPS', [10, 10, 9, 9, 3], '2020-01-02T12:00:00.000Z');
    expect(await points('/nps?from=2020-01-01&to=2020-01-03&interval=day', position)).toMatchObject([
      {
        from: '2020-01-01',
        to: '2020-01-01',
        n: 6,
        value: 0,
        numerator: 0,
        denominator: 6,
        parts: { promoters: 2, passives: 2, detractors: 2 },
      },
      {
        from: '2020-01-02',
        to: '2020-01-02',
        n: 5,
        value: 60,
        numerator: 3,
        denominator: 5,
        parts: { promoters: 4, passives: 0, detractors: 1 },
      },
      { from: '2020-01-03', to: '2020-01-03', n: 0, value: null, numerator: 0, denominator: 0, confidence: null },
    ]);
  });

  it('are those of customer satisfaction, top two boxes of five', async () => {
    const position = await answers('CSAT', [5, 4, 4, 2], '2020-01-01T12:00:00.000Z');
    const [point] = await points('/csat?from=2020-01-01&to=2020-01-01', position);
    expect(point).toMatchObject({ n: 4, value: 75, numerator: 3, denominator: 4 });
    // Wilson, 3 of 4.
    expect(point.confidence.low).toBeCloseTo(30.0642, 3);
    expect(point.confidence.high).toBeCloseTo(95.4413, 3);
  });

  it('are those of customer effort on seven points', async () => {
    const position = await answers('CES', [7, 6, 2], '2020-01-01T12:00:00.000Z');
    expect(await points('/ces?from=2020-01-01&to=2020-01-01', position)).toMatchObject([
      { n: 3, value: 5, numerator: 15, denominator: 3, parts: { agreeing: 2 } },
    ]);
    const [agreeing] = await points('/ces-agreement?from=2020-01-01&to=2020-01-01', position);
    expect(agreeing.value).toBeCloseTo(66.67, 2);
  });
});

describe('A metric over time', () => {
  it('adds days to months, in the days of the reporting time zone', async () => {
    // 16:30 UTC is the next day in Shanghai, and here the next month.
    await answers('NPS', [10], '2021-01-31T15:59:59.999Z');
    await answers('NPS', [0], '2021-01-31T16:00:00.000Z');
    const position = await answers('NPS', [10, 10], '2021-03-31T15:59:59.999Z');
    const months = await points('/nps?from=2021-01-15&to=2021-03-31&interval=month', position);
    expect(months.map(({ from, to, n, value }) => [from, to, n, value])).toEqual([
      ['2021-01-15', '2021-01-31', 1, 100],
      ['2021-02-01', '2021-02-28', 1, -100],
      ['2021-03-01', '2021-03-31', 2, 100],
    ]);
    expect(await points('/nps?from=2021-01-15&to=2021-03-31')).toMatchObject([
      { from: '2021-01-15', to: '2021-03-31', n: 4, value: 50 },
    ]);
  });

  it('is the same whatever intervals it is read in', async () => {
    const days: string[] = [];
    let position: Position | undefined;
    for (let day = 1; day <= 28; day += 3) {
      const occurredAt = `2021-0${1 + (day % 2)}-${String(day).padStart(2, '0')}T08:00:00.000Z`;
      days.push(dayIn(ZONE, occurredAt));
      position = await answers('CES', [1 + (day % 7), 7], occurredAt, day % 2 ? 'web' : 'app');
    }
    const sums = new Set<string>();
    for (const interval of ['day', 'week', 'month', 'quarter', 'year', 'total']) {
      for (const by of ['', '&by=channel']) {
        const read = await points(`/ces?from=2021-01-01&to=2021-02-28&interval=${interval}${by}`, position);
        sums.add(
          [read.reduce((sum, { n }) => sum + n, 0), read.reduce((sum, { numerator }) => sum + numerator, 0)].join(),
        );
      }
    }
    expect(sums.size).toBe(1);
    expect([...sums][0]?.startsWith(`${days.length * 2},`)).toBe(true);
  });

  it('is broken down by channel, with a point for every channel in every interval', async () => {
    await answers('NPS', [10, 10], '2022-01-10T00:00:00.000Z', 'web');
    const position = await answers('NPS', [0], '2022-02-10T00:00:00.000Z', 'app');
    const read = await points('/nps?from=2022-01-01&to=2022-02-28&interval=month&by=channel', position);
    expect(read.map(({ from, group, n, value }) => [from, group, n, value])).toEqual([
      ['2022-01-01', 'app', 0, null],
      ['2022-01-01', 'web', 2, 100],
      ['2022-02-01', 'app', 1, -100],
      ['2022-02-01', 'web', 0, null],
    ]);
  });

  it('adds ratings of cases to satisfaction and can tell them apart', async () => {
    const rated = (top: boolean): Decision<MeasuredEvent> => ({
      type: 'FeedbackRated',
      data: { ...ofCase, score: top ? 5 : 1, scaleMin: 1, scaleMax: 5, top },
    });
    await answers('CSAT', [5], '2022-03-01T00:00:00.000Z');
    await happened(rated(true), '2022-03-01T00:00:00.000Z');
    const position = await happened(rated(false), '2022-03-01T00:00:00.000Z');
    expect(await points('/csat?from=2022-03-01&to=2022-03-01', position)).toMatchObject([{ n: 3, numerator: 2 }]);
    expect(await points('/csat?from=2022-03-01&to=2022-03-01&by=origin')).toMatchObject([
      { group: 'case', n: 2, numerator: 1 },
      { group: 'survey', n: 1, numerator: 1 },
    ]);
  });

  it('tells times with percentiles within 1 %', async () => {
    const minutes = [1, 2, 3, 4, 5, 6, 7, 8, 9, 1000];
    let position: Position | undefined;
    for (const [index, each] of minutes.entries()) {
      const data = { ...ofCase, first: true, sinceOpenedMs: each * 60_000 };
      position = await happened(
        { type: 'FeedbackResponded', data },
        `2022-04-${String(index + 1).padStart(2, '0')}T00:00:00.000Z`,
      );
      await happened(
        { type: 'FeedbackResponded', data: { ...data, first: false, sinceOpenedMs: 1 } },
        '2022-04-15T00:00:00.000Z',
      );
    }
    const [point] = await points('/first-response-time?from=2022-04-01&to=2022-04-30', position);
    expect(point).toMatchObject({ n: 10, value: 104.5 * 60_000, numerator: 1045 * 60_000 });
    expect(Math.abs(point.percentiles.p50 / (5 * 60_000) - 1)).toBeLessThanOrEqual(0.01);
    expect(Math.abs(point.percentiles.p90 / (9 * 60_000) - 1)).toBeLessThanOrEqual(0.01);
    expect(point).not.toHaveProperty('confidence');
    const resolved = await happened(
      { type: 'FeedbackResolved', data: { ...ofCase, resolution: 'done', sinceOpenedMs: 5000, time: 1 } },
      '2022-04-02T00:00:00.000Z',
    );
    await happened(
      { type: 'FeedbackResolved', data: { ...ofCase, resolution: 'done', sinceOpenedMs: 9000, time: 2 } },
      '2022-04-03T00:00:00.000Z',
    );
    expect(await points('/resolution-time?from=2022-04-01&to=2022-04-30', resolved)).toMatchObject([
      { n: 1, value: 5000 },
    ]);
  });

  it('counts only what had happened by an instant, whole days and the day that it cuts', async () => {
    await answers('NPS', [10], '2023-05-01T02:00:00.000Z');
    await answers('NPS', [0, 0], '2023-05-02T02:00:00.000Z');
    await answers('NPS', [10], '2023-05-02T03:00:00.000Z');
    const position = await answers('NPS', [10, 10, 10], '2023-05-03T02:00:00.000Z');
    const asOf = (instant: string): Promise<unknown[]> =>
      points(`/nps?from=2023-05-01&to=2023-05-03&interval=day&asOf=${instant}`, position).then((read) =>
        read.map(({ n, numerator }) => [n, numerator]),
      );
    expect(await asOf('2023-05-04T00:00:00Z')).toEqual([
      [1, 1],
      [3, -1],
      [3, 3],
    ]);
    expect(await asOf('2023-05-02T02:59:59Z')).toEqual([
      [1, 1],
      [2, -2],
      [0, 0],
    ]);
    expect(await asOf('2023-05-02T03:00:00Z')).toEqual([
      [1, 1],
      [3, -1],
      [0, 0],
    ]);
    expect(await asOf('2023-04-01T00:00:00Z')).toEqual([
      [0, 0],
      [0, 0],
      [0, 0],
    ]);
  });

  it('is of the last 30 days unless it is told otherwise', async () => {
    const { body } = await get('/nps');
    // The clock of this test says 20:00 UTC on the last of June, which is July in Shanghai.
    expect(body).toMatchObject({
      from: '2024-06-02',
      to: '2024-07-01',
      interval: 'total',
      timeZone: ZONE,
      metric: { name: 'nps', unit: 'points' },
    });
  });
});

describe('The metrics over HTTP', () => {
  it('are listed with what they mean', async () => {
    const { status, body } = await get('');
    expect(status).toBe(200);
    expect(body.items.map((metric: { name: string }) => metric.name)).toEqual([
      'ces',
      'ces-agreement',
      'csat',
      'first-response-time',
      'nps',
      'resolution-time',
    ]);
    for (const metric of body.items) {
      expect(metric).toMatchObject({
        formula: expect.any(String),
        version: 1,
        unit: expect.any(String),
        numerator: expect.any(String),
        denominator: expect.any(String),
      });
    }
  });

  it('refuse what cannot be read, and say what can', async () => {
    expect(await get('/happiness')).toMatchObject({
      status: 404,
      body: { code: 'METRIC_NOT_FOUND', details: { known: expect.arrayContaining(['nps', 'csat']) } },
    });
    expect(await get('/nps?by=origin')).toMatchObject({ status: 422, body: { code: 'METRIC_BREAKDOWN_UNKNOWN' } });
    expect(await get('/nps?from=2024-02-02&to=2024-02-01')).toMatchObject({
      status: 422,
      body: { code: 'METRIC_RANGE_EMPTY' },
    });
    expect(await get('/nps?from=0001-01-01&to=2024-02-01&interval=day')).toMatchObject({
      status: 422,
      body: { code: 'METRIC_RANGE_TOO_LONG' },
    });
    expect(await get('/nps?interval=fortnight')).toMatchObject({ status: 422, body: { code: 'VALIDATION_FAILED' } });
  });
});
