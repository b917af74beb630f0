/** The rules of a feedback case, as sentences. */
import { DomainError, type Decision } from '@timeline/kernel';
import { given, NOON, Playing } from '../../kernel/src/testing/playing.js';
import { feedbackDecider, type CaseIntake, type FeedbackCommand } from './feedback.decider.js';
import type { FeedbackEvent } from './feedback.events.js';

const CASE = '0d7f2b8e-6f0c-4d0a-9a54-000000000001';
const CUSTOMER = '0d7f2b8e-6f0c-4d0a-9a54-0000000000c1';
const intake: CaseIntake = {
  customerId: CUSTOMER,
  kind: 'complaint',
  channel: 'wechat',
  subject: 'Parcel lost',
  body: 'Where is it?',
};
const open: FeedbackCommand = { type: 'open', caseId: CASE, intake, sourceId: 'tk-1', payloadHash: 'hash-1' };
const ofCase = { caseId: CASE, channel: 'wechat', openedAt: NOON };

const opened: Decision<FeedbackEvent> = {
  type: 'FeedbackCaseOpened',
  data: { ...ofCase, kind: 'complaint', sourceId: 'tk-1', payloadHash: 'hash-1' },
  personal: { subject: 'Parcel lost', body: 'Where is it?' },
  channel: 'wechat',
  customerId: CUSTOMER,
};
const resolved: Decision<FeedbackEvent> = {
  type: 'FeedbackResolved',
  data: { ...ofCase, resolution: 'refunded', sinceOpenedMs: 0, time: 1 },
  channel: 'wechat',
};
const rated: Decision<FeedbackEvent> = {
  type: 'FeedbackRated',
  data: { ...ofCase, score: 5, scaleMin: 1, scaleMax: 5, top: true },
  channel: 'wechat',
};
const reopened: Decision<FeedbackEvent> = {
  type: 'FeedbackReopened',
  data: { ...ofCase, reason: 'came back' },
  channel: 'wechat',
};
const assigned: Decision<FeedbackEvent> = {
  type: 'FeedbackAssigned',
  data: { ...ofCase, agent: 'li' },
  channel: 'wechat',
};
const later = (minutes: number): string => new Date(Date.parse(NOON) + minutes * 60_000).toISOString();

const classify: FeedbackCommand = {
  type: 'classify',
  topic: 'delivery',
  severity: 'high',
  sentiment: 'negative',
  urgency: 'normal',
};
const resolve: FeedbackCommand = { type: 'resolve', resolution: 'refunded', note: 'paid back to Ms Li' };
const rate: FeedbackCommand = { type: 'rate', score: 4, scaleMin: 1, scaleMax: 5, comment: 'quick' };
const reopen: FeedbackCommand = { type: 'reopen', reason: 'came back' };

describe('Opening a case', () => {
  it('records what was said, the words of the customer only as personal data', () => {
    given(feedbackDecider)
      .when(open)
      .then([
        {
          type: 'FeedbackCaseOpened',
          data: { ...ofCase, kind: 'complaint', sourceId: 'tk-1', payloadHash: 'hash-1' },
          personal: { subject: 'Parcel lost', body: 'Where is it?' },
          channel: 'wechat',
        },
      ]);
  });

  it('happens once, however often the source delivers it', () => {
    given(feedbackDecider)
      .when(open, { numberOfTimes: 3 })
      .then((decisions) => expect(decisions).toHaveLength(1));
  });

  it('refuses a second delivery with another payload and says which fields differ, not what they hold', () => {
    const playing = new Playing(feedbackDecider);
    playing.happened(opened);
    const other: FeedbackCommand = {
      ...open,
      payloadHash: 'hash-2',
      intake: { ...intake, subject: 'Parcel found', kind: 'praise', occurredAt: later(1) },
    };
    let error: unknown;
    try {
      playing.carryOut(other);
    } catch (thrown) {
      error = thrown;
    }
    expect(error).toBeInstanceOf(DomainError);
    expect(error).toMatchObject({
      code: 'FEEDBACK_CONFLICT',
      details: { differing: ['/kind', '/occurredAt', '/subject'] },
    });
    expect(JSON.stringify([error, String(error)])).not.toContain('Parcel');
  });

  it('takes a delivery that names the same customer in another way for the same', () => {
    given(feedbackDecider, [opened])
      .when({ ...open, payloadHash: 'hash-2' })
      .then([]);
  });
});

describe('Working on a case', () => {
  it('needs a case', () => {
    for (const command of [classify, resolve, rate, reopen])
      given(feedbackDecider).when(command).then('FEEDBACK_NOT_FOUND');
  });

  it('classifies, and corrects a classification at any time, also of a resolved case', () => {
    given(feedbackDecider, [opened, resolved])
      .when(classify, { numberOfTimes: 2 })
      .then((decisions) =>
        expect(decisions.map(({ type }) => type)).toEqual(['FeedbackClassified', 'FeedbackClassified']),
      );
  });

  it('tells the first answer from later ones, with the time since intake and the agent who has the case', () => {
    const respond: FeedbackCommand = { type: 'respond', message: 'We look into it' };
    given(feedbackDecider, [opened, assigned])
      .when(respond, { numberOfTimes: 2, occurredAt: later(5) })
      .then([
        {
          type: 'FeedbackResponded',
          data: { ...ofCase, agent: 'li', first: true, sinceOpenedMs: 300_000 },
          personal: { message: 'We look into it' },
          channel: 'wechat',
        },
        {
          type: 'FeedbackResponded',
          data: { ...ofCase, agent: 'li', first: false, sinceOpenedMs: 300_000 },
          personal: { message: 'We look into it' },
          channel: 'wechat',
        },
      ]);
  });

  it('keeps the agent who was assigned last, not the one told about last', () => {
    const playing = new Playing(feedbackDecider);
    playing.happened(opened);
    playing.happened(assigned, { occurredAt: later(10) });
    playing.happened({ ...assigned, data: { ...ofCase, agent: 'wang' } }, { occurredAt: later(5) });
    const [decision] = playing.carryOut(resolve, { occurredAt: later(20) });
    expect(decision).toMatchObject({
      type: 'FeedbackResolved',
      data: { agent: 'li', sinceOpenedMs: 1_200_000, time: 1 },
    });
  });

  it('refuses to assign or resolve what is resolved', () => {
    given(feedbackDecider, [opened, resolved]).when({ type: 'assign', agent: 'li' }).then('CASE_ALREADY_RESOLVED');
    given(feedbackDecider, [opened, resolved]).when(resolve).then('CASE_ALREADY_RESOLVED');
  });
});

describe('Rating a case', () => {
  it('is possible only once it is resolved', () => {
    given(feedbackDecider, [opened]).when(rate).then('CASE_NOT_RESOLVED');
    given(feedbackDecider, [opened, resolved, rated, reopened]).when(rate).then('CASE_NOT_RESOLVED');
  });

  it('counts the two highest scores of the scale as top', () => {
    for (const [score, top] of [
      [3, false],
      [4, true],
      [5, true],
    ] as const) {
      given(feedbackDecider, [opened, assigned, resolved])
        .when({ ...rate, score })
        .then([
          {
            type: 'FeedbackRated',
            data: { ...ofCase, score, scaleMin: 1, scaleMax: 5, top, agent: 'li' },
            personal: { comment: 'quick' },
            channel: 'wechat',
            occurredAt: NOON,
          },
        ]);
    }
  });

  it('refuses a score outside the scale', () => {
    given(feedbackDecider, [opened, resolved])
      .when({ ...rate, score: 6 })
      .then('SCORE_OUT_OF_SCALE');
  });

  it('is done once per resolution', () => {
    given(feedbackDecider, [opened, resolved, rated]).when(rate).then('CASE_ALREADY_RATED');
    const again: Decision<FeedbackEvent> = { ...resolved, data: { ...resolved.data, time: 2 } };
    given(feedbackDecider, [opened, resolved, rated, reopened, again])
      .when(rate)
      .then((decisions) => expect(decisions).toHaveLength(1));
  });
});

describe('Reopening a case', () => {
  it('is possible only when it is resolved', () => {
    given(feedbackDecider, [opened]).when(reopen).then('CASE_NOT_RESOLVED');
    given(feedbackDecider, [opened, resolved, reopened]).when(reopen).then('CASE_NOT_RESOLVED');
  });

  it('lets it be resolved a second time, and counts that', () => {
    given(feedbackDecider, [opened, resolved, reopened])
      .when(resolve)
      .then((decisions) => expect(decisions).toMatchObject([{ type: 'FeedbackResolved', data: { time: 2 } }]));
  });

  it('cannot have happened before the resolution that it undoes', () => {
    given(feedbackDecider, [opened, [resolved, { revision: 1, occurredAt: later(10) }]])
      .when(reopen, { occurredAt: later(5), now: later(20) })
      .then('OCCURRED_BEFORE_LAST_CHANGE');
  });

  it('is not refused because the clock of another machine was ahead', () => {
    given(feedbackDecider, [opened, [resolved, { revision: 1, occurredAt: later(10) }]])
      .when(reopen, { occurredAt: later(9), now: later(9) })
      .then((decisions) => expect(decisions).toMatchObject([{ type: 'FeedbackReopened', occurredAt: later(10) }]));
  });
});
