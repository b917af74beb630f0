/**
 * The main job, once through: a customer from registration to points spent, by every kind of command there is, at
 * instants of its own (March and April 2024), so that every figure that follows can be worked out by hand.
 */
import type { Answer, Api, Json, Outcome } from './api.js';

export const ANN = {
  name: 'Annelie Quastenberg',
  email: 'annelie.quastenberg@example.org',
  phone: '+4915112345678',
  wechat: 'wx_annelie_quast',
};

export interface MainJob {
  customerId: string;
  purchaseId: string;
  secondPurchaseId: string;
  caseId: string;
  interactionId: string;
  /** Of the last command: reads that send it see all. */
  position: string;
  /** Answers by what was done, for those whose headers matter. */
  registered: Answer<Outcome>;
  updated: Answer<Outcome>;
  defined: Answer<Outcome>;
  definedAgain: Answer<Outcome>;
  answered: Answer<Outcome>;
}

const at = (instant: string): { occurredAt: string } => ({ occurredAt: `2024-${instant}:00Z` });

export async function doMainJob(api: Api, tag = 'main'): Promise<MainJob> {
  const registered = await api.send<Outcome>('POST', '/v1/customers', {
    headers: { 'idempotency-key': `${tag}-register`, 'x-actor': 'agent-7' },
    json: {
      kind: 'person',
      name: { full: 'Annelie Quast', given: 'Annelie' },
      identities: [
        { kind: 'email', value: 'Annelie.Quastenberg@Example.org', primary: true },
        { kind: 'phone', value: '+49 151 12345678' },
      ],
      birthDate: '1988-02-29',
      address: { lines: ['Lindenstraße 5'], city: 'Leipzig', postalCode: '04109', country: 'DE' },
      note: 'prefers the afternoon',
      language: 'de',
      region: 'East',
      traits: { plan: 'gold', seats: 3, beta: true },
      stage: 'prospect',
      ...at('03-01T09:00'),
    },
  });
  const customerId = registered.body.id;
  const customer = { customerId };
  const own = `/v1/customers/${customerId}`;

  const updated = await api.send<Outcome>('PATCH', own, {
    headers: { 'if-match': registered.headers.get('etag') ?? '' },
    json: {
      name: { full: ANN.name, given: 'Annelie', family: 'Quastenberg' },
      note: null,
      traits: { plan: 'platinum', beta: null },
      ...at('03-02T09:00'),
    },
  });
  await api.post(`${own}/identities`, { kind: 'wechat', value: ANN.wechat, ...at('03-03T09:00') });
  await api.post(`${own}/identities/removals`, { kind: 'phone', value: 'tel:+49-151-1234-5678', ...at('03-04T09:00') });
  await api.post(`${own}/consents`, {
    purpose: 'newsletter',
    status: 'granted',
    channel: 'email',
    textVersion: '2024-01',
    proof: 'form-17',
    ...at('03-05T09:00'),
  });
  await api.post(`${own}/lifecycle`, { to: 'customer', ...at('03-06T09:00') });

  const interaction = await api.post('/v1/interactions', {
    customer,
    channel: 'phone',
    direction: 'inbound',
    kind: 'call',
    agent: 'Kim',
    subject: 'Where is my order?',
    body: 'Asked about delivery.',
    attachments: [{ name: 'call.ogg', url: 'https://media.example.org/call.ogg', mediaType: 'audio/ogg' }],
    durationSeconds: 240,
    outcome: 'answered',
    threadId: 'thread-1',
    source: 'telephony',
    sourceId: `${tag}-call-1`,
    ...at('03-07T10:00'),
  });
  // The same customer by an identity.
  await api.post('/v1/interactions', {
    customer: { identity: { kind: 'email', value: ANN.email } },
    channel: 'web',
    direction: 'inbound',
    kind: 'visit',
    ...at('03-08T10:00'),
  });

  // 3 · 19.99 − 0.97 = 59.00; with 12.3456 that is 71.3456.
  const purchase = await api.post('/v1/purchases', {
    customer,
    orderNumber: 'A-1001',
    channel: 'store',
    currency: 'EUR',
    lines: [
      {
        lineId: 'chairs',
        sku: 'CH-1',
        name: 'Chair',
        category: 'Furniture',
        quantity: '3',
        unitPrice: '19.99',
        discount: '0.97',
      },
      { lineId: 'cloth', sku: 'CL-9', name: 'Cloth', quantity: '2.5', amount: '12.3456' },
    ],
    shipTo: { city: 'Leipzig', postalCode: '04109', country: 'DE' },
    region: 'East',
    ...at('03-10T12:00'),
  });
  // One chair of three: 59.00 / 3 = 19.6667 to four decimals, half even.
  await api.post(`/v1/purchases/${purchase.id}/returns`, {
    lines: [{ lineId: 'chairs', quantity: '1' }],
    reason: 'wrong colour',
    ...at('03-12T12:00'),
  });
  const secondPurchase = await api.post('/v1/purchases', {
    customer,
    channel: 'web',
    currency: 'USD',
    lines: [{ sku: 'TB-1', name: 'Table', quantity: '1', amount: '5000' }],
    ...at('03-15T12:00'),
  });

  const feedback = await api.post('/v1/feedback', {
    customer,
    kind: 'complaint',
    channel: 'email',
    subject: 'A leg is loose',
    body: 'The second chair wobbles.',
    purchaseId: purchase.id,
    ...at('03-20T08:00'),
  });
  const step = (name: string, json: Json): Promise<Outcome> => api.post(`/v1/feedback/${feedback.id}/${name}`, json);
  const classification = { topic: 'quality', severity: 'high', sentiment: 'negative', urgency: 'normal' };
  await step('classification', { ...classification, ...at('03-20T08:05') });
  await step('assignment', { agent: 'Lee', team: 'furniture', reason: 'knows chairs', ...at('03-20T08:10') });
  await step('responses', { message: 'We are sorry and look into it.', ...at('03-20T08:30') });
  await step('resolution', { resolution: 'repaired', note: 'screw replaced', ...at('03-20T10:00') });
  await step('rating', { score: 3, ...at('03-20T11:00') });
  await step('reopening', { reason: 'still loose', note: 'customer called', ...at('03-20T12:00') });
  await step('responses', { message: 'We send a new chair.', agent: 'Max', ...at('03-20T12:30') });
  await step('resolution', { resolution: 'replaced', ...at('03-20T14:00') });
  await step('rating', { score: 5, comment: 'Thank you', ...at('03-20T15:00') });

  const survey = (kind: string): string => `/v1/surveys/${tag}-${kind}`;
  const nps = { kind: 'NPS', title: 'Would you recommend us?' };
  const defined = await api.send<Outcome>('PUT', survey('nps'), { json: nps });
  const definedAgain = await api.send<Outcome>('PUT', survey('nps'), { json: nps });
  await api.command('PUT', survey('csat'), { kind: 'CSAT', title: 'How did you like it?' });
  await api.command('PUT', survey('ces'), { kind: 'CES', title: 'It was easy.', scale: { min: 1, max: 5 } });
  const answer = (kind: string, score: number, time: string, more: Json = {}): Promise<Answer<Outcome>> =>
    api.send<Outcome>('POST', `${survey(kind)}/answers`, {
      json: { customer, score, channel: 'email', ...more, ...at(time) },
    });
  await answer('nps', 10, '03-25T08:00');
  await answer('nps', 7, '03-25T09:00', { channel: 'web' });
  await answer('nps', 3, '03-25T10:00', { channel: 'web' });
  const answered = await answer('nps', 9, '03-25T11:00', {
    comment: 'much better now',
    caseId: feedback.id,
    agent: 'Max',
    region: 'East',
    source: 'mailer',
    sourceId: `${tag}-nps-4`,
  });
  for (const [score, time] of [
    [5, '03-26T08:00'],
    [4, '03-26T09:00'],
    [3, '03-26T10:00'],
  ] as const) {
    await answer('csat', score, time);
  }
  await answer('ces', 4, '03-27T08:00');
  await answer('ces', 5, '03-27T09:00');

  const points = `/v1/loyalty/${customerId}`;
  await api.post(`${points}/earnings`, {
    points: 100,
    reason: 'purchase',
    purchaseId: purchase.id,
    expiresAt: '2024-12-31T00:00:00Z',
    ...at('04-01T08:00'),
  });
  await api.post(`${points}/earnings`, { points: 50, reason: 'welcome', ...at('04-01T09:00') });
  const last = await api.post(`${points}/redemptions`, { points: 120, reason: 'voucher', ...at('04-02T08:00') });

  return {
    customerId,
    purchaseId: purchase.id,
    secondPurchaseId: secondPurchase.id,
    caseId: feedback.id,
    interactionId: interaction.id,
    position: last.position,
    registered,
    updated,
    defined,
    definedAgain,
    answered,
  };
}
