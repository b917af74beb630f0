import fc from 'fast-check';
import { addDays, DomainError } from '@timeline/kernel';
import { given, NOON, Playing } from '../../kernel/src/testing/playing.js';
import { loyaltyDecider, MAX_EXPIRY_INSTANTS, type LoyaltyCommand, type LoyaltyState } from './loyalty.decider.js';
import type { LoyaltyEvent } from './loyalty.events.js';

const customerId = 'customer-1';
const day = (days: number): string => addDays(NOON, days);
const earn = (points: number, expiresAt?: string): LoyaltyCommand => ({
  type: 'earn',
  customerId,
  points,
  reason: 'purchase',
  ...(expiresAt !== undefined && { expiresAt }),
});
const spend = (points: number): LoyaltyCommand => ({ type: 'spend', customerId, points, reason: 'voucher' });

type Ledger = Playing<LoyaltyState, LoyaltyCommand, LoyaltyEvent>;
/** A ledger after these commands, each with the day it happened on. */
const ledger = (...commands: [LoyaltyCommand, number][]): Ledger => {
  const playing = new Playing(loyaltyDecider);
  for (const [command, days] of commands) playing.carryOut(command, { occurredAt: day(days) });
  return playing;
};
const last = (playing: Ledger): LoyaltyEvent['data'] | undefined => playing.events.at(-1)?.data;
const lotsOf = (playing: Ledger): [string, number][] =>
  playing.events.flatMap((event) => (event.type === 'PointsEarned' ? [[event.data.lotId, event.data.points]] : []));

describe('earning points', () => {
  it('opens a lot and tells the balance', () => {
    const playing = ledger([earn(100), 0], [earn(50, day(30)), 1]);
    expect(last(playing)).toMatchObject({ points: 50, expiresAt: day(30), balance: 150 });
  });

  it('refuses points that expire before they are earned', () => {
    given(loyaltyDecider)
      .when(earn(10, day(0)))
      .then('EXPIRES_BEFORE_EARNED');
    given(loyaltyDecider)
      .when(earn(10, day(1)))
      .then(([event]) => expect(event?.data.balance).toBe(10));
  });

  it('keeps the number of expiry instants bounded, and takes any number of lots that share them', () => {
    const playing = new Playing(loyaltyDecider);
    for (let index = 1; index <= MAX_EXPIRY_INSTANTS; index += 1) playing.carryOut(earn(1, day(index)));
    expect(() => playing.carryOut(earn(1, day(MAX_EXPIRY_INSTANTS + 1)))).toThrow(
      expect.objectContaining({ code: 'TOO_MANY_EXPIRY_INSTANTS' }),
    );
    playing.carryOut(earn(1, day(1)));
    playing.carryOut(earn(1));
    expect(last(playing)?.balance).toBe(MAX_EXPIRY_INSTANTS + 2);
  });

  it('refuses a balance that a number cannot hold exactly', () =>
    given(loyaltyDecider, [
      {
        type: 'PointsEarned',
        data: { lotId: 'a', points: Number.MAX_SAFE_INTEGER, reason: 'x', balance: Number.MAX_SAFE_INTEGER },
      },
    ])
      .when(earn(1))
      .then('POINTS_OUT_OF_RANGE'));
});

describe('spending points', () => {
  it('takes those that expire soonest first, then those earned first, and those that never expire last', () => {
    const playing = ledger(
      [earn(10), 0],
      [earn(20, day(90)), 1],
      [earn(30, day(60)), 2],
      [earn(40, day(60)), 3],
      [spend(95), 4],
    );
    const lots = lotsOf(playing).map(([lotId]) => lotId);
    expect(last(playing)).toMatchObject({
      points: 95,
      balance: 5,
      lots: [
        { lotId: lots[2], points: 30, expiresAt: day(60) },
        { lotId: lots[3], points: 40, expiresAt: day(60) },
        { lotId: lots[1], points: 20, expiresAt: day(90) },
        { lotId: lots[0], points: 5 },
      ],
    });
  });

  it('leaves a lot alone from the instant it expires', () => {
    const playing = ledger([earn(10, day(5)), 0], [earn(10, day(6)), 0]);
    expect(() => playing.carryOut(spend(11), { occurredAt: day(5) })).toThrow(
      expect.objectContaining({ code: 'INSUFFICIENT_POINTS', details: { pointer: '/points', balance: 10 } }),
    );
    playing.carryOut(spend(10), { occurredAt: day(5) });
    expect(last(playing)).toMatchObject({ balance: 0, lots: [{ expiresAt: day(6), points: 10 }] });
  });

  it('can be told about late, and then looks at the ledger as it was', () => {
    const playing = ledger([earn(10, day(5)), 0], [earn(100), 8]);
    expect(() => playing.carryOut(spend(11), { now: day(9), occurredAt: day(4) })).toThrow(
      expect.objectContaining({ details: { pointer: '/points', balance: 10 } }),
    );
    playing.carryOut(spend(10), { now: day(9), occurredAt: day(4) });
    expect(last(playing)).toMatchObject({ balance: 0, lots: [{ expiresAt: day(5), points: 10 }] });
  });

  it('is refused with nothing earned, telling the balance', () =>
    given(loyaltyDecider).when(spend(1)).then('INSUFFICIENT_POINTS'));
});

describe('any ledger', () => {
  const command = fc.record({
    spends: fc.boolean(),
    points: fc.integer({ min: 1, max: 60 }),
    on: fc.integer({ min: 0, max: 40 }),
    lasts: fc.option(fc.integer({ min: 1, max: 20 }), { nil: undefined }),
  });

  /** The balance as of an instant, added up from the facts alone; no lot may be overdrawn. */
  const balanceAsOf = (
    events: readonly Playing<LoyaltyState, LoyaltyCommand, LoyaltyEvent>['events'][number][],
    at: string,
  ): number => {
    const left = new Map<string, number>();
    for (const event of events) {
      if (event.metadata.occurredAt > at) continue;
      if (event.type === 'PointsEarned') {
        const { lotId, points, expiresAt } = event.data;
        if (expiresAt === undefined || expiresAt > at) left.set(lotId, points);
      }
    }
    for (const event of events) {
      if (event.metadata.occurredAt > at || event.type !== 'PointsSpent') continue;
      for (const { lotId, points } of event.data.lots) {
        const before = left.get(lotId);
        if (before !== undefined) left.set(lotId, before - points);
      }
    }
    expect(Math.min(0, ...left.values())).toBe(0);
    return [...left.values()].reduce((sum, points) => sum + points, 0);
  };

  it('is never overdrawn as of any moment, whatever is told about late; spends in order of expiry', () => {
    fc.assert(
      fc.property(fc.array(command, { maxLength: 40 }), (commands) => {
        const playing = new Playing(loyaltyDecider);
        for (const { spends, points, on, lasts } of commands) {
          const before = playing.events.slice();
          try {
            const given = spends ? spend(points) : earn(points, lasts === undefined ? undefined : day(on + lasts));
            playing.carryOut(given, { now: day(60), occurredAt: day(on) });
          } catch (error) {
            if (!(error instanceof DomainError) || error.code !== 'INSUFFICIENT_POINTS') throw error;
            expect(points).toBeGreaterThan(Number(error.details['balance']));
            continue;
          }
          const event = playing.events.at(-1);
          if (event?.type !== 'PointsSpent') continue;
          const expiries = event.data.lots.map(({ expiresAt }) => expiresAt ?? '~');
          expect(expiries).toEqual(expiries.toSorted());
          expect(event.data.lots.reduce((sum, lot) => sum + lot.points, 0)).toBe(event.data.points);
          // Whatever was left untouched expires no sooner than what was taken last.
          const taken = new Set(event.data.lots.map(({ lotId }) => lotId));
          for (const other of before) {
            if (other.type !== 'PointsEarned' || taken.has(other.data.lotId)) continue;
            const lot = playing.state.lots.find(({ lotId }) => lotId === other.data.lotId);
            const isOpen = lot && lot.earnedAt <= day(on) && (lot.expiresAt === undefined || lot.expiresAt > day(on));
            if (isOpen) expect((lot.expiresAt ?? '~') >= (expiries.at(-1) ?? '')).toBe(true);
          }
        }
        for (let days = 0; days <= 60; days += 1) balanceAsOf(playing.events, day(days));
      }),
    );
  });

  it('tells in every fact the balance that the facts so far add up to', () => {
    fc.assert(
      fc.property(fc.array(command, { maxLength: 40 }), (commands) => {
        const playing = new Playing(loyaltyDecider);
        for (const { spends, points, on, lasts } of commands) {
          try {
            const given = spends ? spend(points) : earn(points, lasts === undefined ? undefined : day(on + lasts));
            playing.carryOut(given, { now: day(60), occurredAt: day(on) });
          } catch (error) {
            if (!(error instanceof DomainError)) throw error;
            continue;
          }
          // Facts told before about later moments have taken from the lots all the same.
          const spentLater = playing.events.flatMap((event) =>
            event.type === 'PointsSpent' && event.metadata.occurredAt > day(on) ? event.data.lots : [],
          );
          const openAt = playing.events.flatMap((event) =>
            event.type === 'PointsEarned' &&
            event.metadata.occurredAt <= day(on) &&
            (event.data.expiresAt ?? '~') > day(on)
              ? [event.data.lotId]
              : [],
          );
          const taken = spentLater
            .filter(({ lotId }) => openAt.includes(lotId))
            .reduce((sum, lot) => sum + lot.points, 0);
          expect(playing.events.at(-1)?.data.balance).toBe(balanceAsOf(playing.events, day(on)) - taken);
        }
      }),
    );
  });
});
