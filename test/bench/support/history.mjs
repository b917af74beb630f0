/** What happens to customers, as deciders would have recorded it: the same history for the same seed. */
import { pickFrom, randomFrom, uuidFrom, zipfOf } from './random.mjs';

const CHANNELS = ['phone', 'email', 'chat', 'web', 'store'];
const START = Date.parse('2015-01-01T00:00:00Z');
const YEARS = 4;
const SENTENCE = 'The customer asked about the delivery and was told when to expect it. ';

/** The command `RecordInteraction` as it is sent; what is stored of it is about 1 KB. */
export function interactionsFrom(random, customers) {
  const customer = zipfOf(customers, random);
  const pick = pickFrom(random);
  return () => ({
    customer: { customerId: customer() },
    channel: pick(CHANNELS),
    direction: 'inbound',
    kind: 'call',
    agent: pick(['ann', 'bo', 'cy']),
    subject: 'Delivery',
    body: SENTENCE.repeat(3),
    threadId: `thread-${Math.floor(random() * 1e6)}`,
    occurredAt: new Date(START + Math.floor(random() * YEARS * 365 * 86_400_000)).toISOString(),
  });
}

/** Facts of one step of a mixed history. */
function* factsOf({ random, pick, id }, occurredAt) {
  const draw = random();
  const entity = id();
  const payloadHash = 'bench';
  const channel = pick(CHANNELS);
  const filler = SENTENCE.repeat(5);
  if (draw < 0.55) {
    yield {
      stream: `interaction-${entity}`,
      type: 'InteractionRecorded',
      data: {
        interactionId: entity,
        channel,
        direction: 'inbound',
        kind: 'call',
        agent: pick(['a', 'b', 'c']),
        payloadHash,
      },
      personal: { subject: 'Delivery', body: filler },
    };
  } else if (draw < 0.8) {
    const amount = (random() * 400).toFixed(2);
    const line = { lineId: '0', sku: 'B-1', name: 'Bookcase', category: 'Furniture', quantity: '1', amount };
    yield {
      stream: `purchase-${entity}`,
      type: 'PurchaseRecorded',
      data: { purchaseId: entity, channel, currency: 'USD', lines: [line], total: amount, payloadHash },
      personal: { shipTo: { city: 'Springfield' } },
    };
  } else if (draw < 0.88) {
    const ofCase = { caseId: entity, channel, openedAt: occurredAt };
    const stream = `feedback-${entity}`;
    const waited = Math.floor(random() * 86_400_000);
    yield {
      stream,
      type: 'FeedbackCaseOpened',
      data: { ...ofCase, kind: 'complaint', payloadHash },
      personal: { subject: 'Late', body: filler },
    };
    yield {
      stream,
      type: 'FeedbackResponded',
      data: { ...ofCase, first: true, sinceOpenedMs: waited },
      personal: { message: filler },
    };
    yield {
      stream,
      type: 'FeedbackResolved',
      data: { ...ofCase, resolution: 'corrected', sinceOpenedMs: waited * 2, time: 1 },
    };
  } else {
    const scale = { min: 0, max: 10, favourableFrom: 9 };
    const score = Math.floor(random() * 11);
    yield {
      stream: `survey-answer-${entity}`,
      type: 'SurveyAnswered',
      data: { answerId: entity, surveyId: 'nps', kind: 'NPS', scale, score, channel, payloadHash },
      personal: { comment: 'Fine' },
    };
  }
}

/**
 * A history of at least `events` facts: every customer registered, then steps of Zipf-distributed customers. Each step
 * comes as `{ customerId, occurredAt, facts }`; facts of a step that share a stream are in order.
 */
export function* historyOf({ events, customers, seed }) {
  const random = randomFrom(seed);
  const pick = pickFrom(random);
  const id = () => uuidFrom(random);
  const ids = Array.from({ length: customers }, id);
  const customer = zipfOf(ids, random);
  const instantOf = (n) => new Date(START + Math.floor((n / events) * YEARS * 365 * 86_400_000)).toISOString();
  let told = 0;
  for (const customerId of ids) {
    const fact = {
      stream: `customer-${customerId}`,
      type: 'CustomerRegistered',
      data: { customerId, kind: 'person', stage: 'customer', traits: {} },
      personal: { name: { full: `Person ${told}` }, identities: [] },
    };
    told += 1;
    yield { customerId, occurredAt: instantOf(0), facts: [fact] };
  }
  while (told < events) {
    const customerId = customer();
    const occurredAt = instantOf(told);
    const facts = [...factsOf({ random, pick, id }, occurredAt)];
    told += facts.length;
    yield { customerId, occurredAt, facts };
  }
}

export function metadataOf({ id, customerId, occurredAt, keyId }) {
  // Another than the event's: who looks for causes would find each event as its own.
  const commandId = `c0ffee00${id.slice(8)}`;
  return {
    schemaVersion: 1,
    occurredAt,
    customerId,
    actor: 'bench',
    commandId,
    bodyHash: '',
    correlationId: commandId,
    causationId: commandId,
    ...(keyId !== undefined && { keyId }),
  };
}

/** Appends a history to the log of a product, personal data sealed. Answers how many events it was. */
export async function fillLog({ events, vault }, steps) {
  const { randomUUID } = await import('node:crypto');
  let written = 0;
  const append = async ({ stream, type, data, personal }, { customerId, occurredAt }, expectedRevision) => {
    const id = randomUUID();
    const sealed = personal && (await vault.seal(personal, { eventId: id, customerId }));
    const metadata = metadataOf({ id, customerId, occurredAt, keyId: sealed?.keyId });
    const event = { id, type, data, metadata, ...(sealed && { personal: sealed.personal }) };
    await events.append(stream, [event], { expectedRevision });
    written += 1;
  };
  const take = async (step) => {
    let revision = 'no-stream';
    for (const fact of step.facts) {
      await append(fact, step, revision);
      revision = revision === 'no-stream' ? 0 : revision + 1;
    }
  };
  let waiting = [];
  for (const step of steps) {
    waiting.push(take(step));
    if (waiting.length >= 512) (await Promise.all(waiting), (waiting = []));
  }
  await Promise.all(waiting);
  return written;
}
