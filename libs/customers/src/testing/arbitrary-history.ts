/** Random histories of a few customers over all slices, for property tests of projections. */
import { addDays, DomainError, type Fact, type Recorded } from '@timeline/kernel';
import fc from 'fast-check';
import { NOON } from '../../../kernel/src/testing/playing.js';
import type { FeedbackEvent } from '../../../feedback/src/feedback.events.js';
import type { InteractionEvent } from '../../../interactions/src/interactions.events.js';
import type { LoyaltyEvent } from '../../../loyalty/src/loyalty.events.js';
import type { PurchaseEvent } from '../../../purchases/src/purchases.events.js';
import type { SurveyAnswerEvent } from '../../../surveys/src/surveys.events.js';
import { customerDecider, type CustomerCommand, type CustomerState } from '../customer.decider.js';
import {
  LIFECYCLE_STAGES,
  VERIFICATION_METHODS,
  type CustomerEvent,
  type Identity,
  type IdentityEvent,
} from '../customers.events.js';
import { recorder } from './recorder.js';

export const CUSTOMERS = ['c1', 'c2', 'c3'] as const;

type OtherFact = FeedbackEvent | InteractionEvent | LoyaltyEvent | PurchaseEvent | SurveyAnswerEvent;
type Step = { customer: number; daysAgo: number } & ({ command: CustomerCommand } | { fact: OtherFact });

const id = fc.constantFrom('x1', 'x2', 'x3');
const channel = fc.constantFrom('phone', 'email', 'web', 'store', 'constructor');
const amount = fc.constantFrom('0.1', '0.2', '12.50', '261.9600', '0');
const trait = fc.oneof(fc.string({ maxLength: 3 }), fc.integer(), fc.boolean());
const traitName = fc.constantFrom('size', 'vip', 'constructor', 'toString');
const name = fc.record({ full: fc.string({ unit: 'grapheme', minLength: 1, maxLength: 12 }) });
const identity = (primary: boolean, index: number, attempt: number): Identity => ({
  kind: index % 2 === 0 ? 'email' : 'phone',
  value: `value-${index}`,
  given: `given-${index}`,
  primary,
  hash: `hash-${index}`,
  claim: `claim-${index}-${attempt}`,
});
const identities = fc
  .tuple(fc.boolean(), fc.nat(3), fc.nat(2))
  .map(([primary, index, attempt]) => identity(primary, index, attempt));

const command: fc.Arbitrary<CustomerCommand> = fc.oneof(
  fc.record({
    type: fc.constant('register' as const),
    customerId: fc.constant(''),
    kind: fc.constantFrom('person' as const, 'company' as const),
    details: fc.record({ name, note: fc.string({ maxLength: 5 }) }, { requiredKeys: [] }),
    identities: fc.uniqueArray(identities, { maxLength: 3, selector: ({ hash }) => hash }),
    stage: fc.constantFrom(...LIFECYCLE_STAGES),
    traits: fc.dictionary(traitName, trait, { maxKeys: 2 }),
  }),
  fc.record({
    type: fc.constant('update' as const),
    customerId: fc.constant(''),
    changes: fc.record(
      {
        name: fc.option(name),
        birthDate: fc.option(fc.constant('1980-02-29')),
        language: fc.option(fc.constantFrom('en', 'zh')),
        region: fc.option(fc.constantFrom('North', 'South')),
        traits: fc.dictionary(traitName, fc.option(trait), { maxKeys: 2 }),
      },
      { requiredKeys: [] },
    ),
  }),
  fc.record({ type: fc.constant('add-identity' as const), customerId: fc.constant(''), identity: identities }),
  fc.record({
    type: fc.constant('remove-identity' as const),
    customerId: fc.constant(''),
    hashes: fc.nat(3).map((index) => [`hash-${index}`]),
  }),
  fc.record({
    type: fc.constant('change-consent' as const),
    customerId: fc.constant(''),
    purpose: fc.constantFrom('news.letter', '$ales'),
    status: fc.constantFrom('granted' as const, 'withdrawn' as const),
    textVersion: fc.constantFrom('1', '2'),
  }),
  fc.record({
    type: fc.constant('change-stage' as const),
    customerId: fc.constant(''),
    to: fc.constantFrom(...LIFECYCLE_STAGES),
    reason: fc.constant('because'),
  }),
  fc.record({
    type: fc.constant('verify' as const),
    customerId: fc.constant(''),
    field: fc.constantFrom('language', 'name', 'traits.size'),
    by: fc.constant('ann'),
    method: fc.constantFrom(...VERIFICATION_METHODS),
  }),
  fc.record({
    type: fc.constant('lapse-claim' as const),
    customerId: fc.constant(''),
    claim: fc.nat(3).map((index) => `claim-${index}-0`),
  }),
);

const ofCase = fc.record({ caseId: id, channel, openedAt: fc.constant(addDays(NOON, -5)) });
const fact: fc.Arbitrary<OtherFact> = fc.oneof(
  channel.map((used): OtherFact => ({
    type: 'InteractionRecorded',
    // Events of other slices are not limited to the channels of today.
    data: {
      interactionId: 'i',
      channel: used as InteractionEvent['data']['channel'],
      direction: 'inbound',
      kind: 'call',
      payloadHash: 'h',
    },
  })),
  fc.tuple(channel, amount, fc.constantFrom('EUR', 'USD')).map(([used, total, currency]): OtherFact => ({
    type: 'PurchaseRecorded',
    data: { purchaseId: 'p', channel: used, currency, lines: [], total, payloadHash: 'h' },
  })),
  amount.map((total): OtherFact => ({
    type: 'PurchaseReturned',
    data: { purchaseId: 'p', returnId: 'r', purchasedAt: NOON, currency: 'EUR', lines: [], total, complete: false },
  })),
  amount.map((total): OtherFact => ({
    type: 'PurchaseCancelled',
    data: { purchaseId: 'p', purchasedAt: NOON, currency: 'EUR', lines: [], total },
  })),
  ofCase.map((data): OtherFact => ({
    type: 'FeedbackCaseOpened',
    data: { ...data, kind: 'complaint', payloadHash: 'h' },
  })),
  ofCase.map((data): OtherFact => ({
    type: 'FeedbackResolved',
    data: { ...data, resolution: 'done', sinceOpenedMs: 1, time: 1 },
  })),
  ofCase.map((data): OtherFact => ({ type: 'FeedbackReopened', data: { ...data, reason: 'again' } })),
  fc.tuple(ofCase, fc.integer({ min: 1, max: 5 })).map(([data, score]): OtherFact => ({
    type: 'FeedbackRated',
    data: { ...data, score, scaleMin: 1, scaleMax: 5, top: score > 3 },
  })),
  fc
    .tuple(channel, fc.constantFrom('NPS' as const, 'CSAT' as const), fc.integer({ min: 0, max: 10 }))
    .map(([used, kind, score]): OtherFact => ({
      type: 'SurveyAnswered',
      data: {
        answerId: 'a',
        surveyId: 's',
        kind,
        scale: { min: 0, max: 10, favourableFrom: 9 },
        score,
        channel: used,
        payloadHash: 'h',
      },
    })),
  fc.nat(100).map((balance): OtherFact => ({
    type: 'PointsEarned',
    data: { lotId: 'l', points: 1, reason: 'purchase', balance },
  })),
);

/** By hand, or by a system. */
const SOURCES = [undefined, 'crm', 'erp'];

const step: fc.Arbitrary<Step> = fc
  .tuple(
    fc.nat(CUSTOMERS.length - 1),
    fc.integer({ min: 0, max: 20 }),
    fc.oneof(
      command.map((each) => ({ command: each })),
      fact.map((each) => ({ fact: each })),
    ),
  )
  .map(([customer, daysAgo, what]) => ({ customer, daysAgo, ...what }));

/** In log order; what happened is in no order. Every customer's first event registers it. */
export const arbitraryHistory: fc.Arbitrary<Recorded<Fact>[]> = fc.array(step, { maxLength: 40 }).map((steps) => {
  const record = recorder();
  const log: Recorded<Fact>[] = [];
  const states = CUSTOMERS.map(() => customerDecider.initialState);
  const carryOut = (customer: number, what: CustomerCommand, occurredAt: string, source?: string): void => {
    const customerId = CUSTOMERS[customer] ?? '';
    for (const { occurredAt: other, ...decided } of decideOrRefuse(
      { ...what, customerId },
      states[customer],
      occurredAt,
    )) {
      // A decision without the instant that it may have of its own is the fact.
      const event = record(decided as CustomerEvent, {
        stream: `customer-${customerId}`,
        customerId,
        occurredAt: other ?? occurredAt,
        ...(source !== undefined && { source }),
      });
      log.push(event);
      states[customer] = customerDecider.evolve(states[customer] ?? customerDecider.initialState, event);
    }
  };
  CUSTOMERS.forEach((customerId, customer) =>
    carryOut(
      customer,
      { type: 'register', customerId, kind: 'person', details: {}, identities: [], stage: 'lead', traits: {} },
      addDays(NOON, -30),
    ),
  );
  for (const { customer, daysAgo, ...what } of steps) {
    const occurredAt = addDays(NOON, -daysAgo);
    if ('command' in what) carryOut(customer, what.command, occurredAt, SOURCES[daysAgo % SOURCES.length]);
    else
      log.push(record(what.fact, { stream: `other-${customer}`, customerId: CUSTOMERS[customer] ?? '', occurredAt }));
  }
  return log;
});

/** Random commands are often refused. */
function decideOrRefuse(
  command: CustomerCommand,
  state: CustomerState = customerDecider.initialState,
  occurredAt: string,
): ReturnType<typeof customerDecider.decide> {
  try {
    return customerDecider.decide(command, state, { now: NOON, occurredAt, commandId: 'command', actor: 'tester' });
  } catch (error) {
    if (error instanceof DomainError) return [];
    throw error;
  }
}

/** The same log as it is read once a customer's keys are destroyed. */
export const withoutPersonalOf = (customerId: string, log: readonly Recorded<Fact>[]): Recorded<Fact>[] =>
  log.map((event) => (ownerOf(event) === customerId ? { ...event, personal: undefined } : event));

const ownerOf = (event: Recorded<Fact>): string | undefined => {
  // Of facts without a customer in the clear only identity events hold anything personal.
  const { personal, metadata } = event as Recorded<IdentityEvent>;
  return metadata.customerId ?? personal?.customerId;
};
