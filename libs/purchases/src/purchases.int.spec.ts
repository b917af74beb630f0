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
const TO_BE_ERASED = newId();
const erased = new Set([ERASED]);

/** Stands in for the customers slice: everybody is known, some are erased. */
class Directory extends CustomerDirectory {
  override resolve({ customerId = newId() }: CustomerRef): Promise<{ customerId: string }> {
    if (erased.has(customerId)) throw new DomainError('CUSTOMER_ERASED', 'this customer was erased');
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

  const send = async (
    method: string,
    route: string,
    path: string,
    body?: object,
    more: Record<string, string> = {},
  ) => {
    const answer = await fetch(url + path, {
      method,
      headers: { ...(body && { 'content-type': 'application/json' }), ...more },
      ...(body && { body: JSON.stringify(body) }),
    });
    const text = await answer.text();
    const read = (text === '' ? {} : JSON.parse(text)) as JsonObject;
    const contentType = answer.headers.get('content-type');
    const seen = { method, route, status: answer.status, contentType, body: text === '' ? undefined : read };
    expect(undocumented(document, seen)).toEqual([]);
    return { status: answer.status, headers: answer.headers, body: read, id: String(read['id']) };
  };
  const record = (body: object) => send('POST', '/v1/purchases', '/v1/purchases', body);
  const giveBack = (id: string, body: object, headers: Record<string, string> = {}) =>
    send('POST', '/v1/purchases/{id}/returns', `/v1/purchases/${id}/returns`, body, headers);
  const get = (id: string, headers: Record<string, string> = {}) =>
    send('GET', '/v1/purchases/{id}', `/v1/purchases/${id}`, undefined, headers);
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

  it('is read back exactly, as far as it came back', async () => {
    const shipTo = { city: 'Henderson', postalCode: '42420' };
    const delivery = order({ shipTo, source: 'shop', sourceId: 'read', occurredAt: '2024-03-01T10:00:00Z' });
    const { id, headers } = await record(delivery);
    await giveBack(id, { lines: [{ lineId: '0', quantity: '1' }], reason: 'too many' });
    const read = await get(id);
    expect(read).toMatchObject({
      status: 200,
      body: {
        purchaseId: id,
        channel: 'web',
        currency: 'USD',
        lines: [
          { lineId: '0', amount: '15.552', quantity: '3', quantityReturned: '1', amountReturned: '5.184' },
          { lineId: '1', amount: '4.9', discount: '0.1', quantityReturned: '0', amountReturned: '0' },
        ],
        total: '20.452',
        returned: '5.184',
        fullyReturned: false,
        returns: [{ lines: [{ lineId: '0', quantity: '1', amount: '5.184' }], total: '5.184', reason: 'too many' }],
        shipTo,
        source: 'shop',
        sourceId: 'read',
        occurredAt: '2024-03-01T10:00:00.000Z',
      },
    });
    expect(JSON.stringify(read.body)).not.toContain('payloadHash');
    // The ETag of the answer to the command is that of the revision which it wrote, and what `If-Match` asks for.
    expect([headers.get('etag'), read.headers.get('etag')]).toEqual(['"0"', '"1"']);
    expect((await get(id, { 'if-none-match': '"1"' })).status).toBe(304);
    expect(await giveBack(id, {}, { 'if-match': '"0"' })).toMatchObject({ status: 412 });
    expect(await giveBack(id, {}, { 'if-match': '"1"' })).toMatchObject({ status: 200 });
    expect((await get(id)).body).toMatchObject({
      returned: '20.452',
      fullyReturned: true,
      lines: [{ amountReturned: '15.552' }, { amountReturned: '4.9' }],
    });
  });

  it('is 404 where there is none, 410 of an erased customer, and knows its own log', async () => {
    expect(await get(newId())).toMatchObject({ status: 404, body: { code: 'PURCHASE_NOT_FOUND' } });
    expect(await get('x')).toMatchObject({ status: 422, body: { code: 'VALIDATION_FAILED' } });
    const { id } = await record(order({ customer: { customerId: TO_BE_ERASED } }));
    expect(await get(id)).toMatchObject({ status: 200 });
    erased.add(TO_BE_ERASED);
    expect(await get(id)).toMatchObject({ status: 410, body: { code: 'CUSTOMER_ERASED' } });
    const { logId } = harness.product.events;
    for (const [position, status] of [
      ['x', 400],
      [`aaaaaaaaaaaa:${'0'.repeat(16)}`, 400],
      [`${logId}:${'9'.repeat(16)}`, 503],
    ] as const) {
      expect(await get(newId(), { 'timeline-position': position })).toMatchObject({ status });
    }
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

  it('is cancelled as a whole, once, with its ETag, and shows it', async () => {
    const { id } = await record(order({ shipping: '4.9', tax: '0.1', occurredAt: '2024-03-01T10:00:00Z' }));
    const cancel = (body: object, headers: Record<string, string> = {}) =>
      send('POST', '/v1/purchases/{id}/cancellation', `/v1/purchases/${id}/cancellation`, body, headers);
    expect(await cancel({}, { 'if-match': '"7"' })).toMatchObject({ status: 412 });
    expect(await cancel({ occurredAt: '2024-03-01T09:59:59Z' })).toMatchObject({
      status: 422,
      body: { code: 'OCCURRED_BEFORE_START' },
    });
    const told = { reason: 'sold out', occurredAt: '2024-03-02T10:00:00Z' };
    expect(await cancel(told, { 'if-match': '"0"' })).toMatchObject({ status: 200, body: { id, revision: 1 } });
    expect((await get(id)).body).toMatchObject({
      total: '25.452',
      shipping: '4.9',
      tax: '0.1',
      lines: [{ amount: '15.552' }, { amount: '4.9', unitPrice: '2.5' }],
      status: 'cancelled',
      cancelled: { occurredAt: '2024-03-02T10:00:00.000Z', reason: 'sold out' },
      returns: [],
    });
    expect(await cancel({})).toMatchObject({ status: 422, body: { code: 'PURCHASE_CANCELLED' } });
    expect(await giveBack(id, {})).toMatchObject({ status: 422, body: { code: 'PURCHASE_CANCELLED' } });
    expect(await eventsOf(id)).toHaveLength(2);
  });

  it('is either returned or cancelled when both are tried at once, never both', async () => {
    const outcomes = await Promise.all(
      Array.from({ length: 10 }, async () => {
        const { id } = await record(order());
        const [returned, cancelled] = await Promise.all([
          giveBack(id, {}),
          send('POST', '/v1/purchases/{id}/cancellation', `/v1/purchases/${id}/cancellation`, {}),
        ]);
        expect(await eventsOf(id)).toHaveLength(2);
        return [returned.status, cancelled.status].sort();
      }),
    );
    expect(outcomes).toEqual(Array.from({ length: 10 }, () => [200, 422]));
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
    expect(bodies).toHaveLength(3);
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
