/** The rules of surveys and their answers, as sentences. */
import { CUSTOMER_ERASED, type Decision, type Fact, type Recorded } from '@timeline/kernel';
import { PureFold } from '@timeline/projecting';
import fc from 'fast-check';
import { given, NOON, Playing, recorded } from '../../kernel/src/testing/playing.js';
import { surveyAnswers } from './projections/survey-answers.projection.js';
import { surveys } from './projections/surveys.projection.js';
import { surveyAnswerDecider, type AnswerIntake, type RecordAnswer } from './survey-answer.decider.js';
import { surveyDecider, type DefineSurvey, type SurveyDefinition } from './survey.decider.js';
import { SURVEY_KINDS, type SurveyAnswerEvent, type SurveyEvent } from './surveys.events.js';

const define = (more: Partial<DefineSurvey> = {}): DefineSurvey => ({
  surveyId: 'after-call',
  kind: 'CSAT',
  title: 'After the call',
  ...more,
});
const defined = (more: Partial<SurveyDefinition> = {}): Decision<SurveyEvent> => ({
  type: 'SurveyDefined',
  data: {
    surveyId: 'after-call',
    kind: 'CSAT',
    scale: { min: 1, max: 5, favourableFrom: 4 },
    title: 'After the call',
    ...more,
  },
});

describe('Defining a survey', () => {
  it('takes the usual scale of the kind and its usual rule for what is favourable', () => {
    given(surveyDecider).when(define()).then([defined()]);
    given(surveyDecider)
      .when(define({ kind: 'NPS' }))
      .then([defined({ kind: 'NPS', scale: { min: 0, max: 10, favourableFrom: 9 } })]);
    given(surveyDecider)
      .when(define({ kind: 'CES' }))
      .then([defined({ kind: 'CES', scale: { min: 1, max: 7, favourableFrom: 5 } })]);
  });

  it('counts the two highest boxes of any CSAT scale, the highest of two, and what lies above the middle for CES', () => {
    const scales = [
      ['CSAT', 1, 10, 9],
      ['CSAT', 1, 3, 2],
      ['CSAT', 0, 1, 1],
      ['CES', 1, 5, 4],
    ] as const;
    for (const [kind, min, max, favourableFrom] of scales) {
      given(surveyDecider)
        .when(define({ kind, scale: { min, max } }))
        .then([defined({ kind, scale: { min, max, favourableFrom } })]);
    }
  });

  it('writes nothing when it is the same again, and a fact when it is not', () => {
    given(surveyDecider).when(define(), { numberOfTimes: 2 }).then([defined()]);
    given(surveyDecider, [defined()])
      .when(define({ title: 'After any call' }))
      .then([defined({ title: 'After any call' })]);
    given(surveyDecider, [defined()])
      .when(define({ favourableFrom: 5 }))
      .then([defined({ scale: { min: 1, max: 5, favourableFrom: 5 } })]);
  });

  it('never changes the kind', () => {
    given(surveyDecider, [defined()])
      .when(define({ kind: 'NPS' }))
      .then('SURVEY_KIND_FIXED');
  });

  it.each([
    ['NPS on another scale than 0 to 10', define({ kind: 'NPS', scale: { min: 1, max: 10 } })],
    ['NPS with other promoters', define({ kind: 'NPS', favourableFrom: 8 })],
    ['CES on a scale of its own', define({ kind: 'CES', scale: { min: 0, max: 10 } })],
    ['a scale that ends where it begins', define({ scale: { min: 5, max: 5 } })],
    ['a scale on which everything is favourable', define({ favourableFrom: 1 })],
    ['a scale on which nothing is favourable', define({ favourableFrom: 6 })],
  ])('refuses %s', (_, command) => given(surveyDecider).when(command).then('SURVEY_SCALE_WRONG'));
});

const csat: SurveyDefinition = { kind: 'CSAT', scale: { min: 1, max: 5, favourableFrom: 4 }, title: 'After the call' };
const intake: AnswerIntake = {
  surveyId: 'after-call',
  customerId: 'customer-1',
  score: 4,
  channel: 'phone',
  comment: 'Thanks, Ms Li',
};
const answer = (more: Partial<RecordAnswer> = {}): RecordAnswer => ({
  answerId: 'answer-1',
  intake,
  sourceId: 'r-1',
  payloadHash: 'hash',
  survey: csat,
  ...more,
});
const answered: Decision<SurveyAnswerEvent> = {
  type: 'SurveyAnswered',
  data: {
    answerId: 'answer-1',
    surveyId: 'after-call',
    kind: 'CSAT',
    scale: csat.scale,
    score: 4,
    channel: 'phone',
    sourceId: 'r-1',
    payloadHash: 'hash',
  },
  personal: { comment: 'Thanks, Ms Li' },
  channel: 'phone',
};

describe('Answering a survey', () => {
  it('records the score with the scale of the moment, the comment only as personal data', () => {
    given(surveyAnswerDecider).when(answer()).then([answered]);
  });

  it('is recorded once, however often it is delivered, also when the scale has changed since', () => {
    given(surveyAnswerDecider).when(answer(), { numberOfTimes: 3 }).then([answered]);
    given(surveyAnswerDecider, [answered])
      .when(answer({ survey: { ...csat, scale: { min: 1, max: 3, favourableFrom: 2 } } }))
      .then([]);
  });

  it('refuses a score outside the scale of the survey as it is now', () => {
    for (const score of [0, 6]) {
      given(surveyAnswerDecider)
        .when(answer({ intake: { ...intake, score } }))
        .then('SCORE_OUT_OF_SCALE');
    }
  });

  it('refuses a second delivery with another payload and says which fields differ, not what they hold', () => {
    const playing = new Playing(surveyAnswerDecider);
    playing.carryOut(answer());
    const second = answer({
      payloadHash: 'other',
      intake: { ...intake, score: 5, comment: 'Thanks, Mr Wang', occurredAt: NOON },
    });
    expect(() => playing.carryOut(second)).toThrow(
      expect.objectContaining({
        code: 'SURVEY_ANSWER_CONFLICT',
        details: { differing: ['/comment', '/score'], id: 'answer-1' },
        message: expect.not.stringContaining('Wang'),
      }),
    );
  });
});

describe('The read models of surveys', () => {
  const fold = (projection: ConstructorParameters<typeof PureFold>[0], events: readonly Recorded<Fact>[]): PureFold => {
    const pure = new PureFold(projection);
    for (const event of events) pure.apply(event);
    return pure;
  };

  it('show a survey as it is defined now', () => {
    const playing = new Playing(surveyDecider, 'survey-after-call');
    playing.carryOut(define(), { now: '2024-01-01T00:00:00.000Z' });
    playing.carryOut(define({ title: 'After any call' }), { now: '2024-02-01T00:00:00.000Z' });
    const folded = fold(surveys, playing.events).documents.get('after-call');
    expect(folded?.owner).toBe('all');
    expect(folded?.content).toEqual({
      surveyId: 'after-call',
      kind: 'CSAT',
      scale: { min: 1, max: 5, favourableFrom: 4 },
      title: 'After any call',
      definedAt: '2024-01-01T00:00:00.000Z',
      changedAt: '2024-02-01T00:00:00.000Z',
      revision: 1,
    });
  });

  const histories = fc
    .array(
      fc.record({
        customer: fc.constantFrom('customer-1', 'customer-2'),
        kind: fc.constantFrom(...SURVEY_KINDS),
        place: fc.nat(10),
        comment: fc.option(fc.string({ minLength: 1 }), { nil: undefined }),
      }),
      { maxLength: 20 },
    )
    .map((answers) =>
      answers.flatMap(({ customer, kind, place, comment }, index) => {
        const { scale } = new Playing(surveyDecider).carryOut(define({ kind }))[0]?.data ?? csat;
        const playing = new Playing(surveyAnswerDecider, `survey-answer-${index}`, () => index + 1);
        const { comment: _comment, ...rest } = intake;
        playing.carryOut(
          answer({
            answerId: `answer-${index}`,
            survey: { kind, scale, title: 'x' },
            intake: {
              ...rest,
              customerId: customer,
              score: Math.min(scale.min + place, scale.max),
              ...(comment !== undefined && { comment }),
            },
          }),
        );
        return playing.events;
      }),
    );

  it('hold every answer that can be given', () => {
    fc.assert(
      fc.property(histories, (events) => {
        const { documents } = fold(surveyAnswers, events);
        expect(documents.size).toBe(events.length);
        for (const { block } of documents.values()) expect(block).toBeUndefined();
      }),
    );
  });

  it('hold after an erasure what they would hold had the personal data never been there', () => {
    const erased = recorded(
      { type: CUSTOMER_ERASED, data: { reason: 'asked' } },
      { customerId: 'customer-1', position: 9999 },
    );
    fc.assert(
      fc.property(histories, (events) => {
        const redacted = events.map((event) =>
          event.metadata.customerId === 'customer-1' ? { ...event, personal: undefined } : event,
        );
        const live = fold(surveyAnswers, [...events, erased]).texts();
        expect(live).toEqual(fold(surveyAnswers, [...redacted, erased]).texts());
        expect(live.size).toBe(events.filter((event) => event.metadata.customerId === 'customer-2').length);
      }),
    );
  });
});
