/**
 * The *generated* layer of the demo: interactions, feedback, survey answers and points around the real orders, made up from a
 * fixed seed so that every installation shows the same. Its source says what it is.
 */
import type { CommandLine } from '@timeline/composing';
import { addDays, deriveId, toInstant, toNumber } from '@timeline/kernel';
import { noonOf, salesOf, SUPERSTORE, superstoreCustomer, type SuperstoreOrder } from './superstore.js';

export const GENERATED = 'generated-demo';
const SEED = 20_180_101;
/** Nothing of the demo happens after this. */
export const DEMO_END = '2018-01-01T00:00:00.000Z';

/** Mulberry32 (Tommy Ettinger, public domain): small, fast, good enough for a demo. */
function randomFrom(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
}

const AGENTS = ['maria', 'jonas', 'wei', 'aisha', 'tom'];
const CONTACTS = [
  { channel: 'phone', kind: 'call', subjects: ['Delivery date', 'Invoice copy', 'Product advice'] },
  { channel: 'email', kind: 'message', subjects: ['Order confirmation question', 'Change of address', 'Warranty'] },
  { channel: 'chat', kind: 'chat', subjects: ['Where is my order?', 'Stock of an item', 'Discount code'] },
  { channel: 'web', kind: 'visit', subjects: ['Looked at the catalogue'] },
] as const;
const COMPLAINTS = [
  { topic: 'delivery', subject: 'Delivered late', severity: 'normal', sentiment: 'negative' },
  { topic: 'quality', subject: 'Arrived damaged', severity: 'high', sentiment: 'negative' },
  { topic: 'billing', subject: 'Charged twice', severity: 'high', sentiment: 'negative' },
  { topic: 'service', subject: 'Nobody called back', severity: 'normal', sentiment: 'negative' },
  { topic: 'product', subject: 'A wish for the range', severity: 'low', sentiment: 'neutral' },
  { topic: 'service', subject: 'Thank you for the quick help', severity: 'low', sentiment: 'positive' },
] as const;

const HOUR = 3_600_000;

/** A third of the customers are in the points programme (the numbers of the file go up by fifteen). */
const isMember = (customerId: string): boolean => Math.floor(Number(customerId.slice(-5)) / 15) % 3 === 0;

/** About one contact per order, a case per six, a survey answer per four, points for members. Oldest orders first, like `orders`. */
export function* generatedCommands(orders: readonly SuperstoreOrder[]): Generator<CommandLine> {
  const random = randomFrom(SEED);
  const whole = (from: number, to: number): number => from + Math.floor(random() * (to - from + 1));
  const pick = <T>(choices: readonly [T, ...T[]] | readonly T[]): T => choices[whole(0, choices.length - 1)] as T;
  const after = (instant: string, hours: number): string => toInstant(Date.parse(instant) + Math.round(hours * HOUR));

  for (const survey of [
    { surveyId: 'demo-nps', kind: 'NPS', title: 'Would you recommend us? (generated)' },
    { surveyId: 'demo-csat', kind: 'CSAT', title: 'How satisfied are you with your order? (generated)' },
    { surveyId: 'demo-ces', kind: 'CES', title: 'How easy was it to get help? (generated)' },
  ]) {
    yield { id: survey.surveyId, type: 'DefineSurvey', data: survey };
  }

  for (const order of orders) {
    const customer = superstoreCustomer(order.customerId);
    const orderedAt = noonOf(order.orderedOn);
    const purchaseId = deriveId('purchase', SUPERSTORE, order.orderId);
    if (isMember(order.customerId)) {
      const points = Math.max(1, Math.floor(toNumber(salesOf([order]))));
      yield {
        id: `points-${order.orderId}`,
        type: 'EarnPoints',
        data: { customer, points, reason: 'a point a dollar (generated)', purchaseId, occurredAt: orderedAt },
      };
    }
    const draw = { contact: random(), feedback: random(), survey: random(), mood: random() };

    if (draw.contact < 0.75) {
      const { channel, kind, subjects } = pick(CONTACTS);
      const occurredAt = after(orderedAt, whole(2, 400));
      const sourceId = `contact-${order.orderId}`;
      if (occurredAt < DEMO_END) {
        yield {
          id: sourceId,
          type: 'RecordInteraction',
          data: {
            customer,
            channel,
            direction: random() < 0.8 ? 'inbound' : 'outbound',
            kind,
            ...(channel !== 'web' && { agent: pick(AGENTS) }),
            subject: pick(subjects),
            ...(channel === 'phone' && { durationSeconds: whole(45, 1_500) }),
            occurredAt,
            source: GENERATED,
            sourceId,
          },
        };
      }
    }
    if (draw.feedback < 0.16) yield* caseOf(order, orderedAt);
    if (draw.survey < 0.27) {
      const occurredAt = after(orderedAt, whole(48, 300));
      const sourceId = `answer-${order.orderId}`;
      if (occurredAt < DEMO_END) {
        // Moods get slowly better over the years, so that the charts have something to show.
        const mood = draw.mood + (Number(order.orderedOn.slice(0, 4)) - 2014) * 0.05;
        const survey = pick(['demo-nps', 'demo-nps', 'demo-csat', 'demo-ces'] as const);
        const score =
          survey === 'demo-nps'
            ? npsOf(mood)
            : survey === 'demo-csat'
              ? within(1, 5, mood * 5.4)
              : within(1, 7, mood * 7.8);
        const channel = pick(['email', 'web', 'phone'] as const);
        yield {
          id: sourceId,
          type: 'RecordSurveyAnswer',
          data: { surveyId: survey, customer, score, channel, occurredAt, source: GENERATED, sourceId },
        };
      }
    }
  }

  function* caseOf(order: SuperstoreOrder, orderedAt: string): Generator<CommandLine> {
    const { topic, subject, severity, sentiment } = pick(COMPLAINTS);
    const kind = sentiment === 'negative' ? 'complaint' : sentiment === 'neutral' ? 'suggestion' : 'praise';
    const sourceId = `case-${order.orderId}`;
    const caseId = deriveId('feedback', GENERATED, sourceId);
    const openedAt = after(orderedAt, whole(20, 240));
    const respondedAt = after(openedAt, 0.3 + random() * random() * 40);
    const resolvedAt = after(respondedAt, 1 + random() * random() * 160);
    const agent = pick(AGENTS);
    const channel = pick(['phone', 'email', 'chat', 'web'] as const);
    const score = within(1, 5, (random() + 0.15) * 5);
    const open = random() < 0.04;
    if (resolvedAt >= addDays(DEMO_END, -1)) return;
    const step = (name: string, type: string, data: object, occurredAt: string): CommandLine => ({
      id: `${name}-${order.orderId}`,
      type,
      data: { caseId, ...data, occurredAt },
    });
    yield {
      id: sourceId,
      type: 'OpenFeedbackCase',
      data: {
        customer: superstoreCustomer(order.customerId),
        kind,
        channel,
        subject,
        purchaseId: deriveId('purchase', SUPERSTORE, order.orderId),
        occurredAt: openedAt,
        source: GENERATED,
        sourceId,
      },
    };
    yield step('classify', 'ClassifyCase', { topic, severity, sentiment, urgency: severity }, openedAt);
    yield step('assign', 'AssignCase', { agent, team: 'service' }, openedAt);
    yield step(
      'respond',
      'RespondToCase',
      { message: 'Thank you for telling us; we are looking into it.', agent },
      respondedAt,
    );
    if (open) return;
    yield step(
      'resolve',
      'ResolveCase',
      { resolution: sentiment === 'negative' ? 'corrected' : 'thanked', agent },
      resolvedAt,
    );
    yield step('rate', 'RateCase', { score }, after(resolvedAt, 6));
  }
}

const within = (min: number, max: number, value: number): number => Math.max(min, Math.min(max, Math.round(value)));
const npsOf = (mood: number): number => within(0, 10, 10 * Math.sqrt(Math.min(1, mood)) + 0.5);
