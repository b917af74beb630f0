import { DAY_MS, toInstant, type Fact, type Recorded } from '@timeline/kernel';
import { PureFold, type AnyProjection } from '@timeline/projecting';
import type { PostalAddress } from '../customers.events.js';
import { recorder } from '../testing/recorder.js';
import { CUSTOMER, OTHER, registered } from '../testing/fixtures.js';
import { profileProjection } from '../projections/profile.projection.js';
import type { PolicyDocument } from './freshness-policies.projection.js';
import { freshnessProjection } from './freshness.projection.js';
import { stepsOf } from './freshness.reaction.js';

const day = (days: number): string => toInstant(Date.parse('2026-01-01T00:00:00.000Z') + days * DAY_MS);
const policy: PolicyDocument = {
  field: 'phone',
  everyDays: 180,
  tiers: { vip: 30 },
  taskAfterDays: 7,
  escalateAfterDays: 14,
  setAt: day(0),
  revision: 0,
};
const review = { since: day(0), dueAt: day(180), taskAt: day(187), escalateAt: day(201) };
const steps = (known: Partial<Parameters<typeof stepsOf>[0]>, now: number, policies = [policy]): unknown[] =>
  stepsOf({ due: {}, open: {}, ...known }, policies, day(now)).map(({ type, data }) => [type, data.dueAt]);

describe('the steps of a review', () => {
  it('begin at the instant at which the policy says that the value falls due, which is not before the policy', () => {
    expect(steps({ due: { phone: day(0) } }, 179.9)).toEqual([]);
    expect(steps({ due: { phone: day(0) } }, 180)).toEqual([['FieldReviewDue', day(180)]]);
    expect(steps({ due: { phone: day(0) }, tier: 'vip' }, 30)).toEqual([['FieldReviewDue', day(30)]]);
    const lax = { ...policy, tiers: { vip: 400 } };
    expect(steps({ due: { phone: day(0) }, tier: 'vip' }, 180, [lax])).toEqual([['FieldReviewDue', day(180)]]);
    expect(steps({ due: { phone: day(-900) } }, 10)).toEqual([['FieldReviewDue', day(0)]]);
    expect(steps({ due: { email: day(-900) } }, 10)).toEqual([]);
    // A name that every object has is no tier.
    expect(steps({ due: { phone: day(0) }, tier: 'constructor' }, 179.9)).toEqual([]);
  });

  it('begin sooner for members of a segment, but not before they entered it', () => {
    const bySegment = { ...policy, tiers: {}, segments: { vip: 30, active: 90, 'at-risk': 400 } };
    const at = (segments: object, now: number): unknown[] =>
      stepsOf({ due: { phone: day(0) }, open: {}, segments }, [bySegment], day(now)).map(({ data }) =>
        'everyDays' in data ? [data.dueAt, data.everyDays, data.segment] : data,
      );
    expect(at({}, 179)).toEqual([]);
    expect(at({}, 180)).toEqual([[day(180), 180, undefined]]);
    // Entered before anything was due.
    expect(at({ vip: day(-5) }, 29.9)).toEqual([]);
    expect(at({ vip: day(-5) }, 30)).toEqual([[day(30), 30, 'vip']]);
    // With an old value.
    expect(at({ vip: day(50) }, 60)).toEqual([[day(50), 30, 'vip']]);
    // By what it falls due first, whatever is shorter; of the same instant by the shortest.
    expect(at({ vip: day(100), active: day(0) }, 300)).toEqual([[day(90), 90, 'active']]);
    expect(at({ vip: day(200), 'at-risk': day(0) }, 300)).toEqual([[day(180), 180, undefined]]);
    expect(at({ vip: day(90), active: day(0) }, 300)).toEqual([[day(90), 30, 'vip']]);
    // One that the policy does not name says nothing.
    expect(at({ promoter: day(0) }, 179)).toEqual([]);
  });

  it('are one at a time, a task and an escalation after the reminder, then none', () => {
    const [due] = stepsOf({ due: { phone: day(0) }, open: {} }, [policy], day(190));
    // From the reminder on, since nobody was told before.
    expect(due?.data).toMatchObject({ dueAt: day(180), taskAt: day(197), escalateAt: day(211) });
    expect(steps({ open: { phone: { ...review, state: 'reminder' } } }, 186.9)).toEqual([]);
    expect(steps({ open: { phone: { ...review, state: 'reminder' } } }, 999)).toEqual([
      ['FieldReviewTaskOpened', day(187)],
    ]);
    // Open reviews take their course when the policy has ended.
    expect(steps({ open: { phone: { ...review, state: 'task' } } }, 999, [])).toEqual([
      ['FieldReviewEscalated', day(201)],
    ]);
    expect(steps({ open: { phone: { ...review, state: 'escalation' } } }, 999)).toEqual([]);
  });
});

it('of merged customers the value is reviewed that the profile shows, also of two said for one instant', () => {
  const record = recorder({ occurredAt: day(0) });
  const said = (customerId: string, address: PostalAddress): Recorded<Fact> =>
    record(registered({ customerId }, { address }), { customerId, stream: `customer-${customerId}` });
  const merge = { type: 'CustomersMerged', data: { mergeId: 'm', survivor: OTHER, others: [CUSTOMER] } };
  const log = [
    said(CUSTOMER, { city: 'Gera', postalCode: '07545' }),
    said(OTHER, { city: 'Ulm' }),
    // What concerns several customers, of which a fact does not know.
    record({ ...merge, customerIds: [CUSTOMER, OTHER] } as Fact, { stream: 'merge-m' }),
  ];
  const derived = (projection: AnyProjection, key: string): Record<string, unknown> => {
    const fold = new PureFold(projection);
    for (const event of log) fold.apply(event);
    return JSON.parse(fold.derivedText(key) ?? '{}') as Record<string, unknown>;
  };
  expect(derived(profileProjection as AnyProjection, OTHER)).toMatchObject({ address: { city: 'Gera' } });
  const due = [CUSTOMER, OTHER].map((key) => derived(freshnessProjection as AnyProjection, key)['due']);
  expect(due).toEqual([{ address: day(0) }, {}]);
});

it('holds of a value which members it has, not what they are', () => {
  const fold = new PureFold(freshnessProjection);
  const record = recorder({ customerId: CUSTOMER });
  fold.apply(record(registered({}, { name: { full: 'Ann Lee' }, birthDate: '1980-01-01' })));
  const value = { city: 'Gera', lines: ['1 High St'] };
  fold.apply(
    record({ type: 'CustomerFieldVerified', data: { field: 'address', by: 'b', method: 'call' }, personal: { value } }),
  );
  const [text = ''] = fold.texts().values();
  expect(text).toContain('"value":{"city":true,"lines":true}');
  expect(text).not.toMatch(/Ann|1980|Gera|High/);
});
