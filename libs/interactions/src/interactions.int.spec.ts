/** The slice as the product runs it: real embedded stores, the command bus, HTTP. */
import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import type { Slice } from '@timeline/composing';
import { CustomerDirectory, type CustomerRef } from '@timeline/deciding';
import { createHttpApp } from '@timeline/http';
import { DomainError, newId, type JsonObject } from '@timeline/kernel';
import { Harness } from '../../composing/src/testing/harness.js';
import { compareBodies, undocumented } from '../../http/src/testing/openapi-truth.js';
import { interactionsSlice } from './index.js';

const KNOWN = newId();

/** Stands in for the customers slice: one customer, with one address. */
class Directory extends CustomerDirectory {
  override resolve({ customerId, identity }: CustomerRef): Promise<{ customerId: string }> {
    if (customerId === KNOWN || identity?.value === 'li@example.com') return Promise.resolve({ customerId: KNOWN });
    throw new DomainError('CUSTOMER_NOT_FOUND', 'there is no such customer');
  }
}
const customers: Slice = { name: 'customers', commandProviders: [{ provide: CustomerDirectory, useClass: Directory }] };

describe('interactions', () => {
  let harness: Harness;
  let app: NestFastifyApplication;
  let url: string;
  let document: JsonObject;
  beforeAll(async () => {
    harness = await Harness.start({ slices: [customers, interactionsSlice] });
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

  const record = async (body: object, key?: string) => {
    const headers = { 'content-type': 'application/json', ...(key !== undefined && { 'idempotency-key': key }) };
    const answer = await fetch(`${url}/v1/interactions`, { method: 'POST', headers, body: JSON.stringify(body) });
    const read = (await answer.json()) as JsonObject;
    const contentType = answer.headers.get('content-type');
    const answered = { method: 'POST', route: '/v1/interactions', status: answer.status, contentType, body: read };
    expect(undocumented(document, answered)).toEqual([]);
    return { status: answer.status, headers: answer.headers, body: read };
  };
  const call = (more: object = {}) => ({
    customer: { identity: { kind: 'email', value: 'li@example.com' } },
    channel: 'wechat',
    direction: 'inbound',
    kind: 'call',
    ...more,
  });

  it('records what passed between us, the words sealed', async () => {
    const attachments = [{ name: 'photo.png', url: 'https://media.example.com/1?x=2', mediaType: 'image/png' }];
    const more = {
      subject: '包裹丢了',
      body: 'Where is my parcel?',
      attachments,
      durationSeconds: 95,
      threadId: 't-1',
      agent: 'wang',
      outcome: 'solved',
    };
    const recorded = await record(call({ ...more, occurredAt: '2024-03-01T10:00:00+08:00' }));
    expect(recorded).toMatchObject({ status: 201, body: { revision: 0 } });
    const id = String(recorded.body['id']);
    expect(recorded.headers.get('location')).toBe(`/v1/interactions/${id}`);
    const stored = await harness.product.events.readStream(`interaction-${id}`);
    expect(stored).toMatchObject([
      {
        type: 'InteractionRecorded',
        data: {
          ...{ interactionId: id, channel: 'wechat', direction: 'inbound', kind: 'call' },
          ...{ durationSeconds: 95, threadId: 't-1', agent: 'wang', outcome: 'solved' },
        },
        metadata: { customerId: KNOWN, channel: 'wechat', occurredAt: '2024-03-01T02:00:00.000Z' },
      },
    ]);
    for (const word of ['包裹', 'parcel', 'photo', 'li@example.com'])
      expect(JSON.stringify(stored)).not.toContain(word);
    const shown = await fetch(`${url}/v1/interactions/${id}`);
    expect(await shown.json()).toEqual({
      ...call(),
      customer: undefined,
      interactionId: id,
      customerId: KNOWN,
      ...more,
      occurredAt: '2024-03-01T02:00:00.000Z',
      recordedAt: stored[0]?.recordedAt,
    });
    expect([shown.headers.get('etag'), shown.headers.get('timeline-position')]).toEqual([
      recorded.headers.get('etag'),
      recorded.headers.get('timeline-position'),
    ]);
    expect(await harness.product.vault.open(stored)).toMatchObject([
      { personal: { subject: '包裹丢了', body: 'Where is my parcel?', attachments } },
    ]);
  });

  it('changes nothing at a second delivery, however it comes', async () => {
    const delivery = call({ source: 'pbx', sourceId: '4711', outcome: 'solved' });
    const first = await record(delivery);
    expect(await record(delivery)).toMatchObject({ status: 201, body: first.body });
    expect(await record(delivery, 'another-key')).toMatchObject({ status: 201, body: first.body });
    expect(await record({ ...delivery, customer: { customerId: KNOWN } })).toMatchObject({
      status: 201,
      body: first.body,
    });
    expect(await harness.product.events.readStream(`interaction-${String(first.body['id'])}`)).toMatchObject([
      { data: { sourceId: '4711', outcome: 'solved' }, metadata: { source: 'pbx' } },
    ]);
  });

  it('keeps the same id of two sources apart', async () => {
    const first = await record(call({ source: 'pbx', sourceId: '4712' }));
    const second = await record(call({ source: 'chat', sourceId: '4712' }));
    expect(second.body['id']).not.toBe(first.body['id']);
  });

  it('refuses another payload under the same source id and tells which fields differ', async () => {
    const delivery = call({ source: 'pbx', sourceId: '4713', subject: 'Late', occurredAt: '2024-03-01T10:00:00Z' });
    await record(delivery);
    const before = await harness.product.events.head();
    const conflict = await record({ ...delivery, subject: 'Lost', occurredAt: '2024-02-01T10:00:00Z' });
    expect(conflict).toMatchObject({
      status: 409,
      body: { code: 'INTERACTION_CONFLICT', details: { differing: ['/occurredAt', '/subject'] } },
    });
    expect(JSON.stringify(conflict.body)).not.toContain('Lost');
    expect(await harness.product.events.head()).toEqual(before);
  });

  it('refuses with a pointer and writes nothing', async () => {
    const before = await harness.product.events.head();
    const refusals: [object, string][] = [
      [{ channel: 'telegraph' }, '/channel'],
      [{ durationSeconds: -1 }, '/durationSeconds'],
      [{ sourceId: 'x' }, '/source'],
      [{ attachments: [{ name: 'a', url: 'http://example.com/a' }] }, '/attachments/0/url'],
      [{ attachments: [{ name: 'a', url: 'https://user:secret@example.com/a' }] }, '/attachments/0/url'],
      [{ customer: {} }, '/customer'],
    ];
    for (const [more, pointer] of refusals) {
      expect(await record(call(more))).toMatchObject({
        status: 422,
        body: { code: 'VALIDATION_FAILED', errors: [{ pointer }] },
      });
    }
    expect(await record(call({ customer: { customerId: newId() } }))).toMatchObject({ status: 404 });
    const ahead = new Date(Date.now() + 3_600_000).toISOString();
    expect(await record(call({ occurredAt: ahead }))).toMatchObject({
      status: 422,
      body: { code: 'OCCURRED_IN_FUTURE' },
    });
    expect(await harness.product.events.head()).toEqual(before);
  });

  it('describes exactly the body that it takes', () => {
    const comparisons = compareBodies(app, document);
    expect(comparisons).toHaveLength(1);
    for (const { taken, disagreements } of comparisons) {
      expect(disagreements).toEqual([]);
      expect(taken).toBeGreaterThan(0);
    }
  });
});
