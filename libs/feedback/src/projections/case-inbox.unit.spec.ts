/** The inbox says what a case's history comes to, and holds nothing of an erased customer. */
import { CUSTOMER_ERASED, errorCode, type Fact, type Recorded } from '@timeline/kernel';
import { PureFold } from '@timeline/projecting';
import fc from 'fast-check';
import { NOON, Playing, recorded } from '../../../kernel/src/testing/playing.js';
import { feedbackDecider, type FeedbackCommand } from '../feedback.decider.js';
import { SENTIMENTS, SEVERITIES, type FeedbackEvent } from '../feedback.events.js';
import { caseInbox, type InboxCase } from './case-inbox.projection.js';

const CUSTOMER = 'customer-1';
const at = (minutes: number): string => new Date(Date.parse(NOON) + minutes * 60_000).toISOString();
const open = (caseId: string, customerId = CUSTOMER): FeedbackCommand => ({
  type: 'open',
  caseId,
  intake: { customerId, kind: 'complaint', channel: 'phone', subject: 'Parcel lost', body: 'Where is it?' },
  payloadHash: 'hash',
});

function fold(events: readonly Recorded<Fact>[]): PureFold {
  const pure = new PureFold(caseInbox);
  for (const event of events) pure.apply(event);
  return pure;
}

function inboxOf(events: readonly Recorded<FeedbackEvent>[]): InboxCase | undefined {
  return events.reduce<InboxCase | undefined>(
    (doc, event) => caseInbox.evolve(doc, event, event.data.caseId),
    undefined,
  );
}

describe('The case inbox', () => {
  it('shows a case from intake to rating and back to open', () => {
    const playing = new Playing(feedbackDecider);
    playing.carryOut(open('case-1'), { occurredAt: at(0) });
    playing.carryOut(
      { type: 'classify', topic: 'delivery', severity: 'critical', sentiment: 'negative', urgency: 'high' },
      { occurredAt: at(1) },
    );
    playing.carryOut({ type: 'assign', agent: 'li', team: 'parcels' }, { occurredAt: at(2) });
    playing.carryOut({ type: 'respond', message: 'We look into it' }, { occurredAt: at(3) });
    playing.carryOut({ type: 'respond', message: 'Found it' }, { occurredAt: at(4) });
    playing.carryOut({ type: 'resolve', resolution: 'delivered', note: 'to the neighbour' }, { occurredAt: at(5) });
    playing.carryOut({ type: 'rate', score: 5, scaleMin: 1, scaleMax: 5, comment: 'quick' }, { occurredAt: at(6) });
    const shown = {
      caseId: 'case-1',
      customerId: CUSTOMER,
      revision: 6,
      kind: 'complaint',
      channel: 'phone',
      subject: 'Parcel lost',
      body: 'Where is it?',
      status: 'resolved',
      openedAt: at(0),
      lastChangedAt: at(6),
      topic: 'delivery',
      severity: 'critical',
      sentiment: 'negative',
      urgency: 'high',
      classifiedAt: at(1),
      severityRank: 4,
      agent: 'li',
      team: 'parcels',
      assignedAt: at(2),
      firstRespondedAt: at(3),
      responses: 2,
      resolution: 'delivered',
      resolvedAt: at(5),
      reopenedTimes: 0,
      rating: { score: 5, scaleMin: 1, scaleMax: 5, top: true, ratedAt: at(6) },
    };
    expect(inboxOf(playing.events)).toEqual(shown);

    playing.carryOut({ type: 'reopen', reason: 'broken' }, { occurredAt: at(7) });
    const { resolution: _resolution, resolvedAt: _resolvedAt, ...still } = shown;
    expect(inboxOf(playing.events)).toStrictEqual({
      ...still,
      status: 'open',
      revision: 7,
      lastChangedAt: at(7),
      reopenedTimes: 1,
    });
  });

  it('keeps the classification and the agent that happened last, not those told about last', () => {
    const playing = new Playing(feedbackDecider);
    playing.carryOut(open('case-1'), { occurredAt: at(0) });
    const classify = (severity: 'low' | 'high', minutes: number): void => {
      playing.carryOut(
        { type: 'classify', topic: 'x', severity, sentiment: 'neutral', urgency: 'low' },
        { occurredAt: at(minutes) },
      );
    };
    classify('high', 9);
    classify('low', 5);
    playing.carryOut({ type: 'assign', agent: 'li' }, { occurredAt: at(8) });
    playing.carryOut({ type: 'assign', agent: 'wang', team: 'parcels' }, { occurredAt: at(7) });
    const doc = inboxOf(playing.events);
    expect(doc).toMatchObject({ severity: 'high', severityRank: 3, agent: 'li', revision: 4, lastChangedAt: at(9) });
    expect(doc).not.toHaveProperty('team');
  });

  it('puts what nobody has classified above what is known to be normal', () => {
    const playing = new Playing(feedbackDecider);
    playing.carryOut(open('case-1'));
    const unclassified = inboxOf(playing.events)?.severityRank ?? 0;
    const rank = (severity: (typeof SEVERITIES)[number]): number => {
      const events = [...playing.events];
      const classified: FeedbackEvent = {
        type: 'FeedbackClassified',
        data: {
          caseId: 'case-1',
          channel: 'phone',
          openedAt: NOON,
          topic: 'x',
          severity,
          sentiment: 'neutral',
          urgency: 'low',
        },
      };
      return inboxOf([...events, recorded(classified, { revision: 1 })])?.severityRank ?? 0;
    };
    const ranks = [rank('low'), rank('normal'), unclassified, rank('high'), rank('critical')];
    expect([...ranks].sort((a, b) => a - b)).toEqual(ranks);
    expect(new Set(ranks).size).toBe(5);
  });
});

const command: fc.Arbitrary<FeedbackCommand> = fc.oneof(
  fc.record({
    type: fc.constant('classify' as const),
    topic: fc.constantFrom('a', 'b'),
    severity: fc.constantFrom(...SEVERITIES),
    sentiment: fc.constantFrom(...SENTIMENTS),
    urgency: fc.constantFrom(...SEVERITIES),
  }),
  fc.record({ type: fc.constant('assign' as const), agent: fc.constantFrom('li', 'wang') }),
  fc.record({ type: fc.constant('respond' as const), message: fc.string({ minLength: 1 }) }),
  fc.record({ type: fc.constant('resolve' as const), resolution: fc.constant('done') }),
  fc.record({
    type: fc.constant('resolve' as const),
    resolution: fc.constant('done'),
    note: fc.string({ minLength: 1 }),
  }),
  fc.record({
    type: fc.constant('rate' as const),
    score: fc.integer({ min: 0, max: 6 }),
    scaleMin: fc.constant(1),
    scaleMax: fc.constant(5),
  }),
  fc.record({ type: fc.constant('reopen' as const), reason: fc.constant('again') }),
);

/** What the decider makes of random commands on a few cases of two customers; refused commands leave nothing. */
const histories = fc
  .array(fc.tuple(fc.integer({ min: 0, max: 3 }), command, fc.integer({ min: 0, max: 600 })), { maxLength: 40 })
  .map((steps) => {
    let position = 0;
    const next = (): number => (position += 1);
    const cases = [0, 1, 2, 3].map((index) => {
      const playing = new Playing(feedbackDecider, `feedback-${index}`, next);
      playing.carryOut(open(`case-${index}`, `customer-${index % 2}`), { occurredAt: at(0) });
      return playing;
    });
    for (const [index, each, minutes] of steps) {
      try {
        cases[index]?.carryOut(each, { occurredAt: at(minutes), now: at(600) });
      } catch (error) {
        expect(errorCode(error)).toMatch(/^(CASE_|SCORE_OUT_OF_SCALE|OCCURRED_BEFORE_LAST_CHANGE)/);
      }
    }
    return cases.flatMap(({ events }) => events).sort((a, b) => (a.position < b.position ? -1 : 1));
  });

describe('The case inbox, for whatever can happen to cases,', () => {
  it('folds every event that the decider can make, and agrees with it on status and agent', () => {
    fc.assert(
      fc.property(histories, (events) => {
        for (const [key, { block, content }] of fold(events).documents) {
          expect(block).toBeUndefined();
          const own = events.filter((event) => event.data.caseId === key);
          const state = own.reduce(
            (before, event) => feedbackDecider.evolve(before, event),
            feedbackDecider.initialState,
          );
          expect(state).toMatchObject({ status: content?.['status'] });
          expect('agent' in state ? state.agent : undefined).toBe(content?.['agent']);
        }
      }),
    );
  });

  it('holds after an erasure what it would hold had the personal data never been there', () => {
    const erased = recorded(
      { type: CUSTOMER_ERASED, data: { reason: 'asked' } },
      { customerId: 'customer-0', position: 9999 },
    );
    fc.assert(
      fc.property(histories, (events) => {
        const redacted = events.map((event) =>
          event.metadata.customerId === 'customer-0' ? { ...event, personal: undefined } : event,
        );
        const live = fold([...events, erased]).texts();
        expect(live).toEqual(fold([...redacted, erased]).texts());
        expect([...live.keys()].sort()).toEqual(['case-1', 'case-3']);
      }),
    );
  });

  it('shows what had happened by any instant, since steps of a case are in order by that too', () => {
    fc.assert(
      fc.property(histories, fc.integer({ min: 0, max: 600 }), (events, minutes) => {
        const asOf = events.filter(({ metadata }) => metadata.occurredAt <= at(minutes));
        for (const { block } of fold(asOf).documents.values()) expect(block).toBeUndefined();
        for (const index of [0, 1, 2, 3]) {
          const changes = asOf.filter(
            ({ type, data }) =>
              data.caseId === `case-${index}` && (type === 'FeedbackResolved' || type === 'FeedbackReopened'),
          );
          const kinds = changes.map(({ type }) => type);
          expect(kinds).toEqual(kinds.map((_, step) => (step % 2 === 0 ? 'FeedbackResolved' : 'FeedbackReopened')));
        }
      }),
    );
  });
});
