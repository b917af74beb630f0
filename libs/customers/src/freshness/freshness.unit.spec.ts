import { DAY_MS, toInstant } from '@timeline/kernel';
import { fieldReviewsDecider } from './field-reviews.decider.js';
import type { PolicyDocument } from './freshness-policies.projection.js';
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

  it('are recorded once: what was worked out before somebody else recorded more is nothing', () => {
    const found = stepsOf({ due: { phone: day(0) }, open: {} }, [policy], day(190));
    const context = { now: day(190), occurredAt: day(190), commandId: 'c', actor: 'a' };
    const command = { customerId: 'c', recorded: 0, steps: found };
    expect(fieldReviewsDecider.decide(command, { recorded: 0 }, context)).toEqual(found);
    expect(fieldReviewsDecider.decide(command, { recorded: 1 }, context)).toEqual([]);
  });
});
