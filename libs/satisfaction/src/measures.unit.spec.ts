/** Figures add up whatever the order, the buckets and the days, and day documents come to what the facts come to. */
import { canonicalJson, CUSTOMER_ERASED, dayIn, type Decision, type Fact, type Recorded } from '@timeline/kernel';
import { PureFold } from '@timeline/projecting';
import fc from 'fast-check';
import { NOON, recorded } from '../../kernel/src/testing/playing.js';
import { SURVEY_KINDS, type SurveyKind, type SurveyScale } from '../../surveys/src/surveys.events.js';
import {
  addToTally,
  combineTallies,
  contributionOf,
  type Contribution,
  type Measure,
  type MeasuredEvent,
  type Tally,
} from './measures.js';
import { dayKeys, satisfactionProjection, type SatisfactionDay } from './projections/satisfaction.projection.js';

const SCALES: Record<SurveyKind, SurveyScale[]> = {
  NPS: [{ min: 0, max: 10, favourableFrom: 9 }],
  CSAT: [
    { min: 1, max: 5, favourableFrom: 4 },
    { min: 0, max: 1, favourableFrom: 1 },
  ],
  CES: [
    { min: 1, max: 7, favourableFrom: 5 },
    { min: 1, max: 5, favourableFrom: 4 },
  ],
};

const answered = (kind: SurveyKind, score: number, scale = SCALES[kind][0]): Decision<MeasuredEvent> => ({
  type: 'SurveyAnswered',
  data: {
    answerId: 'a',
    surveyId: 's',
    kind,
    scale: scale ?? { min: 0, max: 10, favourableFrom: 9 },
    score,
    channel: 'phone',
    payloadHash: 'hash',
  },
  personal: { comment: 'said in words' },
});

const tallyOf = (decisions: readonly Decision<MeasuredEvent>[]): Tally =>
  decisions.reduce<Tally>(
    (sum, decision) => {
      const contribution = contributionOf(recorded(decision));
      return contribution ? combineTallies(sum, contribution.tally) : sum;
    },
    { figures: {} },
  );

const ofCase = { caseId: 'case-1', channel: 'wechat', openedAt: NOON };

describe('What a fact adds to the figures', () => {
  it('is a promoter at 9 and 10, a passive at 7 and 8, a detractor below', () => {
    const scores = [10, 9, 8, 7, 6, 0];
    expect(tallyOf(scores.map((score) => answered('NPS', score)))).toEqual({
      figures: { n: 6, promoters: 2, passives: 2, detractors: 2 },
    });
  });

  it('counts effort asked on 5 points as effort on 7', () => {
    const fivePoints = SCALES.CES[1];
    const points = [1, 2, 3, 4, 5].map(
      (score) => contributionOf(recorded(answered('CES', score, fivePoints)))?.tally.figures,
    );
    expect(points.map((figures) => figures?.sum)).toEqual([1, 2.5, 4, 5.5, 7]);
    expect(points.map((figures) => figures?.favourable)).toEqual([undefined, undefined, undefined, 1, 1]);
  });

  it('counts ratings of cases with the satisfaction that surveys ask for, and tells where it comes from', () => {
    const rated: Decision<MeasuredEvent> = {
      type: 'FeedbackRated',
      data: { ...ofCase, score: 4, scaleMin: 1, scaleMax: 5, top: true },
    };
    expect(contributionOf(recorded(rated))).toEqual({
      measure: 'csat',
      channel: 'wechat',
      origin: 'case',
      tally: { figures: { n: 1, favourable: 1 } },
    });
    expect(contributionOf(recorded(answered('CSAT', 3)))).toMatchObject({ measure: 'csat', origin: 'survey' });
  });

  it('is a time only for the first answer to a case and its first resolution', () => {
    const responded = (first: boolean): Decision<MeasuredEvent> => ({
      type: 'FeedbackResponded',
      data: { ...ofCase, first, sinceOpenedMs: 60_000 },
    });
    const resolved = (time: number): Decision<MeasuredEvent> => ({
      type: 'FeedbackResolved',
      data: { ...ofCase, resolution: 'done', sinceOpenedMs: 90_000, time },
    });
    expect(contributionOf(recorded(responded(true)))).toMatchObject({
      measure: 'first-response-time',
      tally: { figures: { n: 1, sum: 60_000 } },
    });
    expect(contributionOf(recorded(resolved(1)))).toMatchObject({
      measure: 'resolution-time',
      tally: { figures: { n: 1, sum: 90_000 } },
    });
    expect(contributionOf(recorded(responded(false)))).toBeUndefined();
    expect(contributionOf(recorded(resolved(2)))).toBeUndefined();
  });
});

const decisions: fc.Arbitrary<Decision<MeasuredEvent>> = fc.oneof(
  fc
    .constantFrom(...SURVEY_KINDS)
    .chain((kind) =>
      fc
        .tuple(fc.constantFrom(...SCALES[kind]), fc.nat(100))
        .map(([scale, place]) => answered(kind, Math.min(scale.min + (place % 11), scale.max), scale)),
    ),
  fc.boolean().map((top): Decision<MeasuredEvent> => ({
    type: 'FeedbackRated',
    data: { ...ofCase, score: top ? 5 : 1, scaleMin: 1, scaleMax: 5, top },
  })),
  fc.tuple(fc.boolean(), fc.nat(1e9)).map(([first, sinceOpenedMs]): Decision<MeasuredEvent> => ({
    type: 'FeedbackResponded',
    data: { ...ofCase, first, sinceOpenedMs },
  })),
  fc.tuple(fc.integer({ min: 1, max: 3 }), fc.nat(1e9)).map(([time, sinceOpenedMs]): Decision<MeasuredEvent> => ({
    type: 'FeedbackResolved',
    data: { ...ofCase, resolution: 'done', sinceOpenedMs, time },
  })),
);
const events: fc.Arbitrary<Recorded<MeasuredEvent>[]> = fc
  .array(fc.tuple(decisions, fc.nat(9), fc.integer({ min: -4_000, max: 4_000 })), { maxLength: 60 })
  .map((made) =>
    made.map(([decision, customer, minutes], index) =>
      recorded(decision, {
        stream: `stream-${index}`,
        position: index + 1,
        customerId: `customer-${customer}`,
        occurredAt: new Date(Date.parse(NOON) + minutes * 60_000).toISOString(),
      }),
    ),
  );
const tallies = fc.array(decisions, { maxLength: 12 }).map(tallyOf);

const ZONE = 'Asia/Shanghai';
const projection = satisfactionProjection(ZONE);
function fold(folded: readonly Recorded<Fact>[]): PureFold {
  const pure = new PureFold(projection);
  for (const event of folded) pure.apply(event);
  return pure;
}

describe('Figures', () => {
  it('add up in any order and grouping, and adding changes neither', () => {
    fc.assert(
      fc.property(tallies, tallies, tallies, (a, b, c) => {
        const before = canonicalJson([a, b, c]);
        expect(combineTallies(a, b)).toEqual(combineTallies(b, a));
        expect(combineTallies(combineTallies(a, b), c)).toEqual(combineTallies(a, combineTallies(b, c)));
        expect(combineTallies(a, { figures: {} })).toEqual(a);
        expect(canonicalJson([a, b, c])).toBe(before);
      }),
    );
  });

  it('of all day documents, added up, are those of all facts', () => {
    fc.assert(
      fc.property(events, (all) => {
        const expected = new Map<string, Tally>();
        const told = new Map<string, Tally>();
        const add = (
          to: Map<string, Tally>,
          { measure, channel, origin }: Omit<Contribution, 'tally'>,
          day: string,
          tally: Tally,
        ): void => {
          const key = [measure, day, channel, origin].join();
          const sum = to.get(key) ?? { figures: {} };
          addToTally(sum, tally);
          to.set(key, sum);
        };
        for (const event of all) {
          const contribution = contributionOf(event);
          if (contribution) add(expected, contribution, dayIn(ZONE, event.metadata.occurredAt), contribution.tally);
        }
        for (const [key, { content, owner, block }] of fold(all).documents) {
          expect(block).toBeUndefined();
          expect(`bucket:${key.split('/').at(-1)}`).toBe(owner);
          // The projection writes nothing else.
          const doc = content as unknown as SatisfactionDay;
          add(told, doc, doc.day, doc);
        }
        expect(told).toEqual(expected);
      }),
    );
  });

  it('do not depend on the order in which facts arrive', () => {
    fc.assert(
      fc.property(events, (all) => {
        expect(fold([...all].reverse()).texts()).toEqual(fold(all).texts());
      }),
    );
  });

  it('hold nothing personal and stay as they are when a customer is erased', () => {
    const erased = recorded(
      { type: CUSTOMER_ERASED, data: { reason: 'asked' } },
      { customerId: 'customer-1', position: 9999 },
    );
    fc.assert(
      fc.property(events, (all) => {
        const redacted = all.map(
          (event): Recorded<MeasuredEvent> => ({ ...event, personal: undefined }) as Recorded<MeasuredEvent>,
        );
        const live = fold([...all, erased]).texts();
        expect(live).toEqual(fold([...redacted, erased]).texts());
        expect(live).toEqual(fold(all).texts());
        expect([...live.values()].join()).not.toContain('said in words');
      }),
    );
  });
});

describe('Day documents', () => {
  it('have the day of the reporting time zone', () => {
    const late = recorded(answered('NPS', 10), { customerId: 'c', occurredAt: '2024-02-29T16:30:00.000Z' });
    const dayOf = (zone: string): string => satisfactionProjection(zone).keys(late)[0]?.key.split('/')[1] ?? '';
    expect([dayOf('UTC'), dayOf('Asia/Shanghai'), dayOf('America/New_York')]).toEqual([
      '2024-02-29',
      '2024-03-01',
      '2024-02-29',
    ]);
  });

  it('of different zones belong to different projections', () => {
    const zones = ['UTC', ...Intl.supportedValuesOf('timeZone'), 'Etc/GMT+8', 'Etc/GMT-8'];
    const names = zones.map((zone) => satisfactionProjection(zone).name);
    expect(names[0]).toBe('satisfaction');
    expect(new Set(names).size).toBe(new Set(zones).size);
    for (const name of names) expect(name).toMatch(/^[a-z0-9-]+$/);
  });

  it('of a range of days of one measure are one range of keys', () => {
    const keyOn = (day: string, measure: Measure): string =>
      satisfactionProjection('UTC').keys(
        recorded(answered(measure === 'nps' ? 'NPS' : 'CSAT', 1), {
          customerId: 'c',
          occurredAt: `${day}T23:59:59.999Z`,
        }),
      )[0]?.key ?? '';
    const { $gte, $lt } = dayKeys('nps', '2024-01-31', '2024-03-01');
    const isIn = (key: string): boolean => key >= $gte && key < $lt;
    expect(['2024-01-30', '2024-01-31', '2024-02-29', '2024-03-01'].map((day) => isIn(keyOn(day, 'nps')))).toEqual([
      false,
      true,
      true,
      false,
    ]);
    expect(isIn(keyOn('2024-02-01', 'csat'))).toBe(false);
  });
});
