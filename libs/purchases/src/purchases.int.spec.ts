/** The slice as the product runs it: real embedded stores, the command bus, HTTP. */
import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import type { Slice } from '@timeline/composing';
import { CustomerDirectory, type CustomerRef } from '@timeline/deciding';
import { createHttpApp, validateDto } from '@timeline/http';
import { DomainError, newId, type JsonObject } from '@timeline/kernel';
import { Harness } from '../../composing/src/testing/harness.js';
import { compareBodies, documentAjv, undocumented } from '../../http/src/testing/openapi-truth.js';
import { RecordPurchaseData } from './commands/record-purchase.command.js';
import { purchasesSlice } from './index.js';

const ERASED = newId();

/** Stands in for the customers slice: everybody is known, one was erased. */
class Directory extends CustomerDirectory {
  override resolve({ customerId = newId() }: CustomerRef): Promise<{ customerId: string }> {
    if (customerId === ERASED) throw new DomainError('CUSTOMER_ERASED', 'this customer was erased');
    return Promise.resolve({ customerId });
  }
}
const customers: Slice = { name: 'customers', commandProviders: [{ provide: CustomerDirectory, useClass: Directory }] };

describe('purchases', () => {
  let harness: Harness;
  let app: NestFastifyApplication;
  let url: string;
  let document: JsonObject;
  beforeAll(async () => {
    harness = await Harness.start({ slices: [customers, purchasesSlice] });
    app = await createHttpApp(harness.product.module({ providers: [], controllers: [] }), {
      openApi: { title: 'test', version: '0' },
    });
    await app.listen(0, '127.0.0.1');
    url = await app.getUrl();
    document = (await (await fetch(`${url}/openapi.json`)).json()) as JsonObject;
  });
  afterAll(async () => {
    await app.close();
    await harness.dispose();
  });

  const post = async (route: string, path: string, body: object) => {
    const headers = { 'content-type': 'application/json' };
    const answer = await fetch(url + path, { method: 'POST', headers, body: JSON.stringify(body) });
    const read = (await answer.json()) as JsonObject;
    const contentType = answer.headers.get('content-type');
    expect(undocumented(document, { method: 'POST', route, status: answer.status, contentType, body: read })).toEqual(
      [],
    );
    return { status: answer.status, headers: answer.headers, body: read, id: String(read['id']) };
  };
  const record = (body: object) => post('/v1/purchases', '/v1/purchases', body);
  const giveBack = (id: string, body: object) =>
    post('/v1/purchases/{id}/returns', `/v1/purchases/${id}/returns`, body);
  const eventsOf = (id: string) => harness.product.events.readStream(`purchase-${id}`);

  const order = (more: object = {}) => ({
    customer: { customerId: newId() },
    channel: 'web',
    currency: 'USD',
    lines: [
      { sku: 'OFF-1', name: 'Paper', quantity: '3', amount: '15.552' },
      { sku: 'OFF-2', name: 'Binder', quantity: '2', unitPrice: '2.5', discount: '0.1' },
    ],
    ...more,
  });

  it('records exactly, seals the address, and takes it back in parts', async () => {
    const shipTo = { city: 'Henderson', postalCode: '42420' };
    const recorded = await record(order({ shipTo, region: 'South', occurredAt: '2024-03-01T10:00:00+08:00' }));
    expect(recorded).toMatchObject({ status: 201, body: { revision: 0 } });
    expect(recorded.headers.get('location')).toBe(`/v1/purchases/${recorded.id}`);
    expect(await giveBack(recorded.id, { lines: [{ lineId: '0', quantity: '1' }] })).toMatchObject({
      status: 200,
      body: { id: recorded.id, revision: 1 },
    });
    expect(await giveBack(recorded.id, {})).toMatchObject({ status: 200, body: { revision: 2 } });

    const [purchase, first, second] = await eventsOf(recorded.id);
    expect(purchase).toMatchObject({
      data: { total: '20.452', region: 'South' },
      metadata: { channel: 'web', occurredAt: '2024-03-01T02:00:00.000Z' },
    });
    expect(JSON.stringify(purchase)).not.toContain('Henderson');
    expect(first?.data).toMatchObject({ total: '5.184', complete: false, purchasedAt: '2024-03-01T02:00:00.000Z' });
    expect(second?.data).toMatchObject({ total: '15.268', complete: true });
  });

  it('takes a second delivery for the first, also after a return, and refuses another payload', async () => {
    const delivery = order({ source: 'shop', sourceId: 'CA-2016-152156' });
    const first = await record(delivery);
    await giveBack(first.id, { lines: [{ lineId: '0', quantity: '1' }] });
    expect(await record(delivery)).toMatchObject({ status: 201, id: first.id });
    const other = { ...delivery, currency: 'EUR', occurredAt: '2020-01-01T00:00:00Z' };
    expect(await record(other)).toMatchObject({
      status: 409,
      body: { code: 'PURCHASE_CONFLICT', details: { differing: ['/currency', '/occurredAt'] } },
    });
    expect(await eventsOf(first.id)).toHaveLength(2);
  });

  it('refuses with a pointer and writes nothing', async () => {
    const line = { sku: 'a', name: 'A', quantity: '1', amount: '1' };
    const refusals: [object, number, string, string][] = [
      [order({ lines: [{ ...line, unitPrice: '1' }] }), 422, 'VALIDATION_FAILED', '/lines/0'],
      [order({ lines: [{ ...line, quantity: '0' }] }), 422, 'VALIDATION_FAILED', '/lines/0/quantity'],
      [order({ lines: [{ ...line, amount: 1 }] }), 422, 'VALIDATION_FAILED', '/lines/0/amount'],
      [order({ lines: [] }), 422, 'VALIDATION_FAILED', '/lines'],
      [order({ sourceId: 'x' }), 422, 'VALIDATION_FAILED', '/source'],
      [
        order({
          lines: [
            { ...line, lineId: 'x' },
            { ...line, lineId: 'x' },
          ],
        }),
        422,
        'DUPLICATE_LINE',
        '/lines/1/lineId',
      ],
    ];
    const before = await harness.product.events.head();
    for (const [body, status, code, pointer] of refusals) {
      expect(await record(body)).toMatchObject({ status, body: { code, errors: [{ pointer }] } });
    }
    expect(await record(order({ customer: { customerId: ERASED } }))).toMatchObject({ status: 410 });
    expect(await giveBack(newId(), {})).toMatchObject({ status: 404, body: { code: 'PURCHASE_NOT_FOUND' } });
    expect(await harness.product.events.head()).toEqual(before);
  });

  it('refuses a return from before the purchase', async () => {
    const { id } = await record(order({ occurredAt: '2024-03-01T10:00:00Z' }));
    expect(await giveBack(id, { occurredAt: '2024-03-01T09:59:59.999Z' })).toMatchObject({
      status: 422,
      body: { code: 'OCCURRED_BEFORE_START' },
    });
  });

  it('never takes back more than was bought when returns race', async () => {
    const { id } = await record(order({ lines: [{ sku: 'a', name: 'A', quantity: '5', amount: '10' }] }));
    const returns = await Promise.all(
      Array.from({ length: 8 }, () => giveBack(id, { lines: [{ lineId: '0', quantity: '1' }] })),
    );
    expect(returns.filter(({ status }) => status === 200)).toHaveLength(5);
    const events = await eventsOf(id);
    expect(events.slice(1).map(({ data }) => data['total'])).toEqual(['2', '2', '2', '2', '2']);
    expect(events.at(-1)?.data['complete']).toBe(true);
  });

  it('describes exactly the bodies that it takes', () => {
    const bodies = compareBodies(app, document);
    expect(bodies).toHaveLength(2);
    for (const { disagreements } of bodies) expect(disagreements).toEqual([]);

    // Random lines hardly ever have one of amount and unit price, so these are compared by hand.
    const ajv = documentAjv();
    ajv.addSchema(document, 'document');
    const isDescribed = ajv.compile({ $ref: 'document#/components/schemas/RecordPurchaseData' });
    const line = { sku: 'a', name: 'A', quantity: '1.5' };
    const source = { source: 'shop', sourceId: '1' };
    for (const [body, isTaken] of [
      [order(), true],
      [order({ ...source, shipTo: { country: 'US' } }), true],
      [order({ source: 'shop' }), false],
      [order({ shipTo: { country: 'usa' } }), false],
      [order({ lines: [{ ...line, amount: '0' }] }), true],
      [order({ lines: [{ ...line, unitPrice: '0.123456' }] }), true],
      [order({ lines: [{ ...line, unitPrice: '0.1234567' }] }), false],
      [order({ lines: [line] }), false],
      [order({ lines: [{ ...line, amount: '1', unitPrice: '1' }] }), false],
      [order({ lines: [{ ...line, amount: '1', quantity: '0.00001' }] }), false],
      [order({ lines: Array.from({ length: 500 }, () => ({ ...line, amount: '1' })) }), true],
      [order({ lines: Array.from({ length: 501 }, () => ({ ...line, amount: '1' })) }), false],
    ] as const) {
      expect(isDescribed(body)).toBe(isTaken);
      const validate = (): unknown => validateDto(RecordPurchaseData, body);
      if (isTaken) expect(validate()).toMatchObject(body);
      else expect(validate).toThrow(expect.objectContaining({ code: 'VALIDATION_FAILED' }));
    }
  });
});
