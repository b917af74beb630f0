/** The slice as the product runs it: real embedded stores, the command bus, projections, HTTP. */
import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import { METRIC_SOURCES, type MetricPoint, type MetricQuery, type MetricSource, type Slice } from '@timeline/composing';
import { CommandProcessor, CustomerDirectory, type CustomerRef } from '@timeline/deciding';
import { createHttpApp } from '@timeline/http';
import {
  DomainError,
  errorCode,
  newId,
  type Decider,
  type Fact,
  type JsonObject,
  type Position,
} from '@timeline/kernel';
import { Harness, TestClock } from '../../composing/src/testing/harness.js';
import { compareBodies, undocumented } from '../../http/src/testing/openapi-truth.js';
import { earnPoints } from './commands/earn-points.command.js';
import { SpendPoints, spendPoints, SpendPointsHandler } from './commands/spend-points.command.js';
import { loyaltySlice } from './index.js';
import { GetLoyalty, type FoundLoyalty } from './queries/get-loyalty.query.js';

const NOW = '2024-06-15T12:00:00.000Z';
const UNKNOWN = newId();

/** Stands in for the customers slice: everybody is known but one. */
class Directory extends CustomerDirectory {
  override resolve({ customerId = newId() }: CustomerRef): Promise<{ customerId: string }> {
    if (customerId === UNKNOWN) throw new DomainError('CUSTOMER_NOT_FOUND', 'there is no such customer');
    return Promise.resolve({ customerId });
  }
}
const customers: Slice = { name: 'customers', commandProviders: [{ provide: CustomerDirectory, useClass: Directory }] };

/** Records facts of other slices as they are. */
const asTold: Decider<null, Fact & { customerId: string }, Fact> = {
  initialState: null,
  evolve: () => null,
  decide: ({ type, data }) => [{ type, data }],
  customerOf: ({ customerId }) => customerId,
};

describe('loyalty', () => {
  let harness: Harness;
  beforeAll(async () => {
    harness = await Harness.start({
      slices: [customers, loyaltySlice({ zone: 'UTC' })],
      clock: new TestClock(new Date(NOW)),
    });
  });
  afterAll(() => harness.dispose());

  const earn = (customerId: string, points: number, more: { occurredAt?: string; expiresAt?: string } = {}) =>
    harness.dispatch(earnPoints, { customer: { customerId }, points, reason: 'purchase', ...more });
  const spend = (customerId: string, points: number, more: { occurredAt?: string } = {}, idempotencyKey?: string) =>
    harness.dispatch(
      spendPoints,
      { customer: { customerId }, points, reason: 'voucher', ...more },
      idempotencyKey === undefined ? {} : { idempotencyKey },
    );
  const look = async (customerId: string, position?: Position, asOf?: string) =>
    (await harness.query<FoundLoyalty>(new GetLoyalty(customerId, asOf, position))).view;
  const tell = async (customerId: string, type: string, occurredAt: string): Promise<Position> => {
    const stream = `told-${newId()}`;
    const commandId = newId();
    const context = { commandId, bodyHash: '', actor: 'test', correlationId: commandId, causationId: commandId };
    const command = { type, data: {}, customerId };
    const processor = harness.get(CommandProcessor);
    return (await processor.execute({ decider: asTold, stream, id: stream, command, occurredAt, context })).position;
  };
  const seriesOf = (query: Partial<MetricQuery> & { metric: string }): Promise<MetricPoint[]> => {
    const [metrics] = harness.context.get<MetricSource[]>(METRIC_SOURCES, { strict: false });
    if (!metrics) throw new Error('the slice gives no metrics');
    return metrics.series({ from: '2024-05-01', to: '2024-06-30', interval: 'month', ...query });
  };

  it('tells the balance at the position that a command answered with, and what is left of it later', async () => {
    const customerId = newId();
    await earn(customerId, 100, { occurredAt: '2024-06-01T00:00:00.000Z' });
    await earn(customerId, 50, { occurredAt: '2024-06-02T00:00:00.000Z', expiresAt: '2024-06-20T00:00:00.000Z' });
    const { position, id, revision } = await spend(customerId, 20);
    expect({ id, revision }).toEqual({ id: customerId, revision: 2 });
    expect(await look(customerId, position)).toEqual({
      customerId,
      members: [customerId],
      asOf: NOW,
      balance: 130,
      lots: [{ points: 30, expiresAt: '2024-06-20T00:00:00.000Z' }, { points: 100 }],
      earned: 150,
      spent: 20,
      purchases: { count: 0 },
    });
    expect(await look(customerId, position, '2024-06-20T00:00:00.000Z')).toMatchObject({ balance: 100 });
    await expect(look(customerId, position, '2024-06-10T00:00:00.000Z')).rejects.toMatchObject({
      code: 'AS_OF_TOO_EARLY',
    });
  });

  it('answers a resent redemption as the first time and takes nothing twice', async () => {
    const customerId = newId();
    await earn(customerId, 100);
    const first = await spend(customerId, 60, {}, 'till-7-0815');
    const again = await spend(customerId, 60, {}, 'till-7-0815');
    expect(again).toEqual({ ...first, resent: true });
    expect(await look(customerId, first.position)).toMatchObject({ balance: 40, spent: 60 });
  });

  it('never spends a point twice when redemptions race from two processes', async () => {
    const customerId = newId();
    await earn(customerId, 100);
    const { events, vault } = harness.product;
    const handlers = [1, 2].map(
      () => new SpendPointsHandler(new CommandProcessor(events, vault, new TestClock(new Date(NOW))), new Directory()),
    );
    const outcomes = await Promise.allSettled(
      Array.from({ length: 16 }, (_, index) => {
        const commandId = newId();
        const context = { commandId, bodyHash: '', actor: 'test', correlationId: commandId, causationId: commandId };
        const data = { customer: { customerId }, points: 10, reason: 'voucher' };
        return handlers[index % 2]?.execute(new SpendPoints(data, context));
      }),
    );
    const refusals = outcomes.flatMap((outcome) => (outcome.status === 'rejected' ? [errorCode(outcome.reason)] : []));
    expect(refusals).toEqual(Array.from({ length: 6 }, () => 'INSUFFICIENT_POINTS'));
    const head = await events.head();
    expect(await look(customerId, head?.position)).toMatchObject({ balance: 0, spent: 100, lots: [] });
  });

  it('is 404 for a customer that is not there and 410 for one that was erased', async () => {
    const customerId = newId();
    await expect(earn(UNKNOWN, 1)).rejects.toMatchObject({ code: 'CUSTOMER_NOT_FOUND' });
    await expect(look(UNKNOWN)).rejects.toMatchObject({ code: 'CUSTOMER_NOT_FOUND' });
    await earn(customerId, 100);
    const position = await tell(customerId, 'CustomerErased', NOW);
    await expect(look(customerId, position)).rejects.toMatchObject({ code: 'CUSTOMER_ERASED' });
  });

  it('counts who had come back to buy again by the end of each interval', async () => {
    const [once, twice, thrice] = [newId(), newId(), newId()];
    await tell(once, 'PurchaseRecorded', '2021-01-10T09:00:00.000Z');
    await tell(twice, 'PurchaseRecorded', '2021-03-01T09:00:00.000Z');
    await tell(twice, 'PurchaseRecorded', '2021-01-31T23:59:59.999Z');
    for (const at of ['2021-02-01T09:00:00.000Z', '2021-02-20T09:00:00.000Z'])
      await tell(thrice, 'PurchaseRecorded', at);
    const position = await tell(thrice, 'PurchaseRecorded', '2021-03-20T09:00:00.000Z');
    const rate = { metric: 'repeat-purchase-rate', from: '2021-01-01', to: '2021-03-31', position };
    expect(await seriesOf(rate)).toEqual([
      { from: '2021-01-01', to: '2021-01-31', n: 2, value: 0, numerator: 0, denominator: 2 },
      { from: '2021-02-01', to: '2021-02-28', n: 3, value: (1 / 3) * 100, numerator: 1, denominator: 3 },
      { from: '2021-03-01', to: '2021-03-31', n: 3, value: (2 / 3) * 100, numerator: 2, denominator: 3 },
    ]);
    const asOf = '2021-03-01T08:59:59.999Z';
    expect(await seriesOf({ ...rate, asOf, interval: 'total' })).toMatchObject([{ numerator: 1, denominator: 3 }]);
    expect(await seriesOf({ ...rate, from: '2020-01-01', to: '2020-12-31', interval: 'total' })).toMatchObject([
      { value: null, denominator: 0 },
    ]);
    expect(await look(thrice, position)).toMatchObject({
      purchases: { count: 3, firstAt: '2021-02-01T09:00:00.000Z', secondAt: '2021-02-20T09:00:00.000Z' },
    });
  });

  it('adds up points by day and by month alike, and as of an instant within a day', async () => {
    const [a, b] = [newId(), newId()];
    await earn(a, 100, { occurredAt: '2022-01-31T10:00:00.000Z' });
    await earn(b, 10, { occurredAt: '2022-01-31T20:00:00.000Z' });
    await earn(b, 1, { occurredAt: '2022-02-01T00:00:00.000Z' });
    const { position } = await spend(a, 70, { occurredAt: '2022-02-28T23:59:59.999Z' });
    const issued = { metric: 'points-issued', from: '2022-01-01', to: '2022-02-28', position };
    const months = await seriesOf(issued);
    expect(months).toEqual([
      { from: '2022-01-01', to: '2022-01-31', n: 2, value: 110, numerator: 110, denominator: 1 },
      { from: '2022-02-01', to: '2022-02-28', n: 1, value: 1, numerator: 1, denominator: 1 },
    ]);
    const days = await seriesOf({ ...issued, interval: 'day' });
    expect(days.filter(({ value }) => value !== 0).map(({ from, value }) => [from, value])).toEqual([
      ['2022-01-31', 110],
      ['2022-02-01', 1],
    ]);
    // A range that cuts a month is read by days.
    expect(await seriesOf({ ...issued, to: '2022-01-30', interval: 'total' })).toMatchObject([{ value: 0, n: 0 }]);
    expect(await seriesOf({ ...issued, asOf: '2022-01-31T12:00:00.000Z' })).toMatchObject([
      { value: 100 },
      { value: 0 },
    ]);
    expect(await seriesOf({ ...issued, asOf: '2022-02-01T00:00:00.000Z' })).toMatchObject([
      { value: 110 },
      { value: 1 },
    ]);
    expect(await seriesOf({ ...issued, metric: 'points-redeemed', interval: 'quarter' })).toMatchObject([
      { value: 70, n: 1 },
    ]);
  });

  describe('over HTTP', () => {
    let app: NestFastifyApplication;
    let url: string;
    let document: JsonObject;
    beforeAll(async () => {
      app = await createHttpApp(harness.product.module({ providers: [], controllers: [] }), {
        openApi: { title: 'test', version: '0' },
      });
      await app.listen(0, '127.0.0.1');
      url = await app.getUrl();
      document = (await (await fetch(`${url}/openapi.json`)).json()) as JsonObject;
    });
    afterAll(() => app.close());

    const send = async (
      method: string,
      route: string,
      path: string,
      body?: object,
      headers: Record<string, string> = {},
    ) => {
      const answer = await fetch(url + path, {
        method,
        headers: { ...(body && { 'content-type': 'application/json' }), ...headers },
        ...(body && { body: JSON.stringify(body) }),
      });
      const text = await answer.text();
      const answered = {
        status: answer.status,
        headers: answer.headers,
        body: text === '' ? undefined : (JSON.parse(text) as JsonObject),
      };
      const contentType = answer.headers.get('content-type');
      expect(
        undocumented(document, { method, route, status: answer.status, contentType, body: answered.body }),
      ).toEqual([]);
      return answered;
    };

    it('earns, spends, refuses with the balance, and reads at the position of the answer', async () => {
      const customerId = newId();
      const at = `/v1/loyalty/${customerId}`;
      const earned = await send('POST', '/v1/loyalty/{customerId}/earnings', `${at}/earnings`, {
        points: 30,
        reason: 'welcome',
      });
      expect(earned).toMatchObject({ status: 200, body: { id: customerId, revision: 0 } });
      expect(earned.headers.get('etag')).toBe('"0"');

      const tooMuch = { points: 31, reason: 'voucher' };
      const refused = await send('POST', '/v1/loyalty/{customerId}/redemptions', `${at}/redemptions`, tooMuch);
      expect(refused.body).toMatchObject({ code: 'INSUFFICIENT_POINTS', details: { balance: 30 } });

      const wrong = await send('POST', '/v1/loyalty/{customerId}/redemptions', `${at}/redemptions`, {
        points: 1.5,
        reason: 'x',
      });
      expect(wrong).toMatchObject({
        status: 422,
        body: { code: 'VALIDATION_FAILED', errors: [{ pointer: '/points' }] },
      });

      const position = earned.headers.get('timeline-position') ?? '';
      const read = await send('GET', '/v1/loyalty/{customerId}', at, undefined, { 'timeline-position': position });
      expect(read).toMatchObject({ status: 200, body: { balance: 30, lots: [{ points: 30 }] } });
      const etag = read.headers.get('etag') ?? '';
      expect((await send('GET', '/v1/loyalty/{customerId}', at, undefined, { 'if-none-match': etag })).status).toBe(
        304,
      );
      expect((await send('GET', '/v1/loyalty/{customerId}', `/v1/loyalty/${newId()}`)).status).toBe(404);
    });

    it('describes exactly the bodies that it takes', () => {
      const comparisons = compareBodies(app, document);
      expect(comparisons).toHaveLength(2);
      for (const { taken, disagreements } of comparisons) {
        expect(disagreements).toEqual([]);
        expect(taken).toBeGreaterThan(0);
      }
    });
  });
});
