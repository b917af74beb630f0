/**
 * What the four intakes make of a delivery must stay as it is for good: a delivery that is in somebody's log already
 * has to meet its own stream, and its own payload hash there, when it comes again. All constants here were taken from
 * the first version that wrote them.
 */
import { jest } from '@jest/globals';
import { CommandCatalogue } from '@timeline/deciding';
import { validateDto } from '@timeline/http';
import { commandIdOf, deriveId, newId, type JsonObject } from '@timeline/kernel';
import { problemOf } from '../../http/src/problem.js';
import { Harness } from '../../composing/src/testing/harness.js';
import { productSlices } from './index.js';

let harness: Harness;
beforeAll(async () => {
  harness = await Harness.start({
    slices: productSlices({ reportingTimeZone: 'UTC', defaultPhoneRegion: 'DE' }),
    roles: ['commands'],
  });
  await send('RegisterCustomer', { kind: 'person', identities: [{ kind: 'email', value: 'li@example.com' }] }, 'li');
  await send('DefineSurvey', { surveyId: 'nps', kind: 'NPS', title: 'Would you?' }, 'nps');
});
afterAll(() => harness?.dispose());

function send(name: string, data: JsonObject, idempotencyKey: string) {
  const type = harness.get(CommandCatalogue).find(name);
  if (!type) throw new Error(`there is no command ${name}`);
  return harness.dispatch(type, validateDto(type.data, data), { idempotencyKey });
}

const LI = 'b5a329a6-1358-542d-ad41-25093d5422f5';
const customer = { identity: { kind: 'email', value: 'li@example.com' } };

interface Intake {
  name: string;
  stream: string;
  target?: string;
  delivery: JsonObject;
  /** Its canonical text, of which the payload hash is made. */
  canonical: string;
  /** Id of what is known by its source. */
  known: string;
  /** Id of what is not, and therefore the command's. */
  own: string;
  /** Another delivery under the same source id, and where it differs. */
  other: JsonObject;
  differing: string[];
}

const INTAKES: Intake[] = [
  {
    name: 'RecordInteraction',
    stream: 'interaction-',
    delivery: {
      customer,
      channel: 'wechat',
      direction: 'inbound',
      kind: 'call',
      subject: '包裹丢了',
      attachments: [{ name: 'a', url: 'https://media.example.com/1' }],
      durationSeconds: 95,
      occurredAt: '2024-03-01T10:00:00+08:00',
      source: 'pbx',
      sourceId: '4711',
    },
    canonical:
      '{"attachments":[{"name":"a","url":"https://media.example.com/1"}],"channel":"wechat","customer":{"identity":{"kind":"email","value":"li@example.com"}},"direction":"inbound","durationSeconds":95,"kind":"call","occurredAt":"2024-03-01T02:00:00.000Z","source":"pbx","sourceId":"4711","subject":"包裹丢了"}',
    known: '788dbf8f-2592-5273-a048-a77d93fb8dbc',
    own: 'a8adc404-e746-5b56-8b32-255331d3ffe9',
    other: {
      subject: 'Secret',
      body: 'Secret',
      attachments: [{ name: 'Secret', url: 'https://media.example.com/1' }],
      durationSeconds: 96,
      occurredAt: '2024-03-01T10:00:01+08:00',
    },
    differing: ['/attachments/0/name', '/body', '/durationSeconds', '/occurredAt', '/subject'],
  },
  {
    name: 'RecordPurchase',
    stream: 'purchase-',
    delivery: {
      customer,
      channel: 'web',
      currency: 'USD',
      lines: [{ sku: 'a', name: 'A', quantity: '1.50', unitPrice: '2' }],
      shipTo: { city: 'Ulm' },
      occurredAt: '2024-03-01T10:00:00Z',
      source: 'shop',
      sourceId: '4711',
    },
    canonical:
      '{"channel":"web","currency":"USD","customer":{"identity":{"kind":"email","value":"li@example.com"}},"lines":[{"name":"A","quantity":"1.50","sku":"a","unitPrice":"2"}],"occurredAt":"2024-03-01T10:00:00.000Z","shipTo":{"city":"Ulm"},"source":"shop","sourceId":"4711"}',
    known: '80718599-1955-5198-b3d6-3050cf69185f',
    own: 'cfd79a38-cac4-58b6-a2b7-a365e67c5217',
    other: {
      lines: [{ sku: 'a', name: 'A', quantity: '2', unitPrice: '2' }],
      shipTo: { city: 'Secret', country: 'DE' },
      region: 'South',
    },
    differing: ['/lines/0/amount', '/lines/0/quantity', '/region', '/shipTo/city', '/shipTo/country'],
  },
  {
    name: 'OpenFeedbackCase',
    stream: 'feedback-',
    delivery: {
      customer,
      kind: 'complaint',
      channel: 'web',
      subject: 'Late',
      occurredAt: '2024-03-01T10:00:00Z',
      source: 'desk',
      sourceId: '4711',
    },
    canonical:
      '{"channel":"web","customer":{"identity":{"kind":"email","value":"li@example.com"}},"kind":"complaint","occurredAt":"2024-03-01T10:00:00.000Z","source":"desk","sourceId":"4711","subject":"Late"}',
    known: 'c96aeded-084c-5d92-93f9-4c968105c4d5',
    own: 'b2d72e20-bd49-5ae9-8eee-0eb61b7265c6',
    other: { subject: 'Secret', body: 'Secret', occurredAt: '2024-03-01T10:00:01Z' },
    differing: ['/body', '/occurredAt', '/subject'],
  },
  {
    name: 'RecordSurveyAnswer',
    stream: 'survey-answer-',
    target: 'nps',
    delivery: {
      surveyId: 'nps',
      customer,
      score: 9,
      channel: 'email',
      comment: 'Nice',
      occurredAt: '2024-03-01T10:00:00Z',
      source: 'forms',
      sourceId: '4711',
    },
    canonical:
      '{"channel":"email","comment":"Nice","customer":{"identity":{"kind":"email","value":"li@example.com"}},"occurredAt":"2024-03-01T10:00:00.000Z","score":9,"source":"forms","sourceId":"4711","surveyId":"nps"}',
    known: '8441fc47-3343-544a-841f-d6c2088a64c8',
    own: '528050cf-98f7-5d4a-bd2a-9f51ddd59792',
    other: { score: 3, comment: 'Secret' },
    differing: ['/comment', '/score'],
  },
];

describe.each(INTAKES)('$name', ({ name, stream, target, delivery, canonical, known, own, other, differing }) => {
  const eventOf = async (id: string) => (await harness.product.events.readStream(stream + id))[0];
  /** Without what names its source. */
  const bare = (): JsonObject => {
    const { source: _source, sourceId: _sourceId, ...told } = delivery;
    return told;
  };

  it('keeps the ids and the payload hash that it has always had', async () => {
    const hashBody = (text: string): string => harness.product.hashes.hashBody(text);
    expect((await send(name, delivery, 'known')).id).toBe(known);
    const event = await eventOf(known);
    const commandId = commandIdOf({ caller: 'test', type: name, target: target ?? '', key: 'known' });
    const bodyHash = hashBody(`{"data":${canonical},"type":"${name}"}`);
    expect(event).toMatchObject({
      id: deriveId('event', commandId, bodyHash, stream + known, 0),
      data: { sourceId: '4711', payloadHash: hashBody(canonical) },
      metadata: { source: delivery['source'], customerId: LI, commandId, bodyHash },
    });
    expect((await send(name, bare(), 'own')).id).toBe(own);
    // There is no second delivery of it.
    expect((await eventOf(own))?.data).not.toHaveProperty('payloadHash');
  });

  it('changes nothing at a second delivery, be it said in another way', async () => {
    const { id } = await send(name, delivery, 'known');
    const head = await harness.product.events.head();
    const { occurredAt: _occurredAt, ...leftToUs } = delivery;
    for (const again of [delivery, { ...delivery, customer: { customerId: LI } }, leftToUs]) {
      expect(await send(name, again, newId())).toMatchObject({ id, resent: false });
    }
    expect(await harness.product.events.head()).toEqual(head);
  });

  it('changes nothing at the same delivery, though its identity is another customer’s by now', async () => {
    const { id } = await send(name, delivery, 'known');
    const { identity } = customer;
    await send('RemoveIdentity', { ...identity, customerId: LI }, newId());
    const { id: other } = await send('RegisterCustomer', { kind: 'person', identities: [identity] }, newId());
    const head = await harness.product.events.head();
    expect(await send(name, delivery, newId())).toMatchObject({ id, resent: false });
    expect(await harness.product.events.head()).toEqual(head);
    await send('RemoveIdentity', { ...identity, customerId: other }, newId());
    await send('AddIdentity', { ...identity, customerId: LI }, newId());
  });

  it('reads nothing of what it begins, nor of a customer who was named a moment ago', async () => {
    const { events } = harness.product;
    const byId = { ...bare(), customer: { customerId: LI } };
    await send(name, byId, newId());
    const read = jest.spyOn(events, 'readStream');
    const { id } = await send(name, byId, newId());
    const streams = read.mock.calls.map(([asked]) => asked);
    read.mockRestore();
    expect(streams).not.toContain(stream + id);
    expect(streams).not.toContain(`customer-${LI}`);
  });

  it('shows where another payload differs, and nothing of what it says', async () => {
    const { id } = await send(name, delivery, 'known');
    const head = await harness.product.events.head();
    const error: unknown = await send(name, { ...delivery, ...other }, newId()).catch((thrown: unknown) => thrown);
    expect(error).toMatchObject({ code: expect.stringMatching(/_CONFLICT$/), details: { differing, id } });
    // What the log and the answer make of it.
    const told = JSON.stringify([problemOf(error), String(error)]);
    expect(told).toContain(differing[0]);
    expect(told).not.toMatch(/Secret|Late|Nice|包裹|Ulm|media|example/);
    expect(await harness.product.events.head()).toEqual(head);
  });
});
