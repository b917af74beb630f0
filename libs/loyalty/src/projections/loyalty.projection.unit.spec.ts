import { existsSync, readFileSync } from 'node:fs';
import { parse } from 'csv-parse/sync';
import fc from 'fast-check';
import { addDays, canonicalJson, CUSTOMER_ERASED, DomainError, type Fact, type Recorded } from '@timeline/kernel';
import { bucketOf, PureFold } from '@timeline/projecting';
import { NOON, Playing, recorded } from '../../../kernel/src/testing/playing.js';
import { loyaltyDecider, type LoyaltyCommand } from '../loyalty.decider.js';
import type { LoyaltyEvent } from '../loyalty.events.js';
import { balanceAt, combineLoyalty, emptyLoyalty, standingOf, type CustomerLoyalty } from './customer-loyalty.js';
import { loyaltyKey, LoyaltyProjection, type LoyaltyFact, type PointsFlow } from './loyalty.projection.js';

const day = (days: number): string => addDays(NOON, days);
const projection = new LoyaltyProjection('UTC');

const folded = (events: readonly Recorded<Fact>[], by = projection): PureFold => {
  const fold = new PureFold(by);
  for (const event of events) fold.apply(event);
  return fold;
};
const customerIn = (fold: PureFold, customerId: string): CustomerLoyalty => {
  const content = fold.documents.get(loyaltyKey(customerId))?.content;
  // The only documents under this key are of customers.
  return content as unknown as CustomerLoyalty;
};
const flowIn = (fold: PureFold, start: string, customerId: string): PointsFlow | undefined =>
  fold.documents.get(`${start.length === 7 ? 'month' : 'day'}/${start}/${bucketOf(customerId)}`)?.content as unknown as
    PointsFlow | undefined;

const purchase = (customerId: string, occurredAt: string): Recorded<LoyaltyFact> =>
  recorded<LoyaltyFact>(
    {
      type: 'PurchaseRecorded',
      data: { purchaseId: 'p', channel: 'web', currency: 'EUR', lines: [], total: '1', payloadHash: 'h' },
      personal: { shipTo: { city: 'Ulm' } },
    },
    { customerId, occurredAt },
  );
const cancelled = (customerId: string, occurredAt: string, purchasedAt: string): Recorded<LoyaltyFact> =>
  recorded<LoyaltyFact>(
    { type: 'PurchaseCancelled', data: { purchaseId: 'p', purchasedAt, currency: 'EUR', lines: [], total: '1' } },
    { customerId, occurredAt },
  );
const standingIn = (fold: PureFold, customerId: string): ReturnType<typeof standingOf> =>
  standingOf(customerIn(fold, customerId).purchases);
const earned = (customerId: string, points: number, occurredAt: string, expiresAt?: string): Recorded<LoyaltyFact> =>
  recorded<LoyaltyFact>(
    { type: 'PointsEarned', data: { lotId: 'l', points, reason: 'r', balance: 0, ...(expiresAt && { expiresAt }) } },
    { customerId, occurredAt },
  );

describe('the loyalty of a customer', () => {
  it('is there, at zero, from the registration on', () => {
    const registered = recorded<LoyaltyFact>(
      { type: 'CustomerRegistered', data: { customerId: 'c', kind: 'person', stage: 'lead', traits: {} } },
      { customerId: 'c' },
    );
    expect(customerIn(folded([registered]), 'c')).toEqual({
      ...emptyLoyalty,
      kind: 'customer',
      customerId: 'c',
      latest: NOON,
    });
  });

  it('knows the first two purchases in whatever order they were told', () => {
    const events = [day(9), day(3), day(7), day(3)].map((at) => purchase('c', at));
    for (const order of [events, events.toReversed()]) {
      const third = { at: day(3), day: day(3).slice(0, 10) };
      expect(standingIn(folded(order), 'c')).toEqual({ count: 4, once: [{ from: third }], twice: [{ from: third }] });
    }
  });

  it('is that of one who came back until a cancellation leaves one purchase, and of nobody who bought when it leaves none', () => {
    const moment = (days: number): { at: string; day: string } => ({ at: day(days), day: day(days).slice(0, 10) });
    const two = [purchase('c', day(1)), purchase('c', day(2)), cancelled('c', day(4), day(1))];
    expect(standingIn(folded(two), 'c')).toEqual({
      count: 1,
      once: [{ from: moment(1) }],
      twice: [{ from: moment(2), to: moment(4) }],
    });
    const none = [...two, cancelled('c', day(5), day(2)), purchase('c', day(9))];
    expect(standingIn(folded(none), 'c')).toMatchObject({
      count: 1,
      once: [{ from: moment(1), to: moment(5) }, { from: moment(9) }],
      twice: [{ from: moment(2), to: moment(4) }],
    });
  });

  it('takes the day from the reporting time zone', () => {
    const events = [purchase('c', '2024-06-30T23:30:00.000Z'), earned('c', 5, '2024-06-30T23:30:00.000Z')];
    const fold = folded(events, new LoyaltyProjection('Europe/Berlin'));
    expect(standingIn(fold, 'c').once[0]?.from.day).toBe('2024-07-01');
    expect(flowIn(fold, '2024-07-01', 'c')).toMatchObject({ issued: 5, span: 'day' });
    expect(flowIn(fold, '2024-07', 'c')).toMatchObject({ issued: 5, span: 'month' });
    expect(flowIn(fold, '2024-06', 'c')).toBeUndefined();
  });

  it('tells the balance at any later instant without another event', () => {
    const loyalty = customerIn(
      folded([earned('c', 10, day(0)), earned('c', 20, day(0), day(5)), earned('c', 30, day(0), day(9))]),
      'c',
    );
    expect([day(0), day(5), day(9)].map((at) => balanceAt(loyalty, at))).toEqual([60, 40, 10]);
  });

  it('stays small: lots that share an instant are one, spent and expired ones are gone', () => {
    const events = Array.from({ length: 500 }, (_, index) => earned('c', 1, day(index), day(index + 30)));
    expect(customerIn(folded(events), 'c').lots).toHaveLength(30);
    expect(customerIn(folded(Array.from({ length: 500 }, () => earned('c', 1, day(0)))), 'c').lots).toEqual([
      { points: 500 },
    ]);
  });
});

const step = fc.record({
  who: fc.constantFrom('a', 'b'),
  what: fc.constantFrom('earn', 'spend', 'buy', 'cancel', 'erase'),
  points: fc.integer({ min: 1, max: 60 }),
  on: fc.integer({ min: 0, max: 40 }),
  lasts: fc.option(fc.integer({ min: 1, max: 20 }), { nil: undefined }),
});
type Step = typeof step extends fc.Arbitrary<infer T> ? T : never;

/** What the deciders make of random commands for two customers, in one log. */
function played(steps: readonly Step[]): { events: Recorded<Fact>[]; refused: number } {
  const log: Recorded<Fact>[] = [];
  const ledgers = new Map(
    ['a', 'b'].map((who) => [who, new Playing(loyaltyDecider, `loyalty-${who}`, () => log.length + 1)]),
  );
  let refused = 0;
  for (const { who, what, points, on, lasts } of steps) {
    const position = log.length + 1;
    if (what === 'buy')
      log.push({ ...purchase(who, day(on)), position: recorded({ type: 'x', data: {} }, { position }).position });
    else if (what === 'cancel') {
      const ofThem = log.filter(({ metadata }) => metadata.customerId === who);
      const [bought, undone] = ['PurchaseRecorded', 'PurchaseCancelled'].map((type) =>
        ofThem.filter((event) => event.type === type),
      );
      // Those that were bought first are cancelled first.
      const next = bought?.[undone?.length ?? 0]?.metadata.occurredAt;
      if (next === undefined || next > day(on)) continue;
      const { position: at } = recorded({ type: 'x', data: {} }, { position });
      log.push({ ...cancelled(who, day(on), next), position: at });
    } else if (what === 'erase') {
      log.push(
        recorded(
          { type: CUSTOMER_ERASED, data: { reason: 'asked' } },
          { customerId: who, position, occurredAt: day(on) },
        ),
      );
    } else {
      const ledger = ledgers.get(who);
      const command: LoyaltyCommand =
        what === 'spend'
          ? { type: 'spend', customerId: who, points, reason: 'r' }
          : {
              type: 'earn',
              customerId: who,
              points,
              reason: 'r',
              ...(lasts !== undefined && { expiresAt: day(on + lasts) }),
            };
      try {
        ledger?.carryOut(command, { now: day(60), occurredAt: day(on) });
        log.push(...(ledger?.events.slice(-1) ?? []));
      } catch (error) {
        if (!(error instanceof DomainError)) throw error;
        refused += 1;
      }
    }
  }
  return { events: log, refused };
}

describe('any history', () => {
  it('is folded without a throw', () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 40 }), (steps) => {
        for (const { block } of folded(played(steps).events).documents.values()) expect(block).toBeUndefined();
      }),
    );
  });

  it('gives the balance that the ledger itself has, at every instant from the latest fact on', () => {
    fc.assert(
      fc.property(
        fc.array(
          step.filter(({ what }) => what !== 'erase'),
          { minLength: 1, maxLength: 40 },
        ),
        (steps) => {
          const { events } = played(steps);
          const fold = folded(events);
          for (const who of ['a', 'b']) {
            const own = events.filter(({ metadata }) => metadata.customerId === who);
            if (own.length === 0) continue;
            const facts = own.filter(({ type }) => type.startsWith('Points')) as Recorded<LoyaltyEvent>[];
            const { lots } = facts.reduce(
              (state, event) => loyaltyDecider.evolve(state, event),
              loyaltyDecider.initialState,
            );
            const latest =
              own
                .map(({ metadata }) => metadata.occurredAt)
                .sort()
                .at(-1) ?? NOON;
            const later = Array.from({ length: 63 }, (_, days) => day(days)).filter((at) => at >= latest);
            const left = later.map((at) =>
              lots
                .filter(({ expiresAt }) => expiresAt === undefined || expiresAt > at)
                .reduce((sum, lot) => sum + lot.left, 0),
            );
            expect(later.map((at) => balanceAt(customerIn(fold, who), at))).toEqual(left);
          }
        },
      ),
    );
  });

  it('knows at the end of every day whether there were one or two purchases that were not cancelled', () => {
    fc.assert(
      fc.property(
        fc.array(
          step.filter(({ what }) => what === 'buy' || what === 'cancel'),
          { minLength: 1, maxLength: 40 },
        ),
        (steps) => {
          const { events } = played(steps);
          const fold = folded(events);
          for (const who of ['a', 'b']) {
            const own = events.filter(({ metadata }) => metadata.customerId === who);
            if (own.length === 0) continue;
            const { once, twice, count } = standingIn(fold, who);
            const numberAt = (at: string): number =>
              own
                .filter(({ metadata }) => metadata.occurredAt <= at)
                .reduce((sum, { type }) => sum + (type === 'PurchaseRecorded' ? 1 : -1), 0);
            expect(count).toBe(numberAt(day(60)));
            for (let days = 0; days < 60; days += 1) {
              const within = (stretches: typeof once): boolean =>
                stretches.some(({ from, to }) => from.at <= day(days) && !(to && to.at <= day(days)));
              const bought = numberAt(day(days));
              expect([days, within(once), within(twice)]).toEqual([days, bought >= 1, bought >= 2]);
            }
          }
        },
      ),
      { numRuns: 300 },
    );
  });

  it('leaves the same behind after an erasure, whether read before or after the keys were destroyed', () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 40 }), (steps) => {
        const { events } = played(steps);
        const erased = ['a', 'b'].map((customerId) =>
          recorded({ type: CUSTOMER_ERASED, data: { reason: 'asked' } }, { customerId, position: events.length + 1 }),
        );
        const redacted = events.map(({ personal: _, ...event }) => event as Recorded<Fact>);
        expect(folded([...redacted, ...erased]).texts()).toEqual(folded([...events, ...erased]).texts());
        expect(
          [
            ...folded([...events, ...erased])
              .texts()
              .keys(),
          ].filter((key) => key.startsWith('customer/')),
        ).toEqual([]);
      }),
    );
  });

  it('adds up: parts of customers combine to the same in any order and grouping', () => {
    const part = fc
      .array(
        step.filter(({ what, who }) => what !== 'erase' && who === 'a'),
        { maxLength: 15 },
      )
      .map((steps) => {
        const content = folded(played(steps).events).documents.get(loyaltyKey('a'))?.content;
        const {
          kind: _kind,
          customerId: _customerId,
          ...loyalty
        } = { ...emptyLoyalty, ...content } as unknown as CustomerLoyalty & { kind: string; customerId: string };
        return loyalty;
      });
    fc.assert(
      fc.property(part, part, part, (a, b, c) => {
        const text = (loyalty: CustomerLoyalty): string => canonicalJson(loyalty);
        expect(text(combineLoyalty(a, emptyLoyalty))).toBe(text(a));
        expect(text(combineLoyalty(a, b))).toBe(text(combineLoyalty(b, a)));
        expect(text(combineLoyalty(combineLoyalty(a, b), c))).toBe(text(combineLoyalty(a, combineLoyalty(b, c))));
        const ahead = day(60);
        expect(balanceAt(combineLoyalty(a, b), ahead)).toBe(balanceAt(a, ahead) + balanceAt(b, ahead));
      }),
    );
  });

  it('has the same sums by day and by month as the facts', () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 40 }), (steps) => {
        const { events } = played(steps);
        const flows = [...folded(events).documents.values()].flatMap(({ content }) =>
          content?.['kind'] === 'points' ? [content as unknown as PointsFlow] : [],
        );
        for (const [type, sum, times] of [
          ['PointsEarned', 'issued', 'earnings'],
          ['PointsSpent', 'redeemed', 'redemptions'],
        ] as const) {
          const facts = events.filter((event) => event.type === type) as unknown as { data: { points: number } }[];
          for (const span of ['day', 'month']) {
            const ofSpan = flows.filter((flow) => flow.span === span);
            expect(ofSpan.reduce((total, flow) => total + flow[sum], 0)).toBe(
              facts.reduce((total, { data }) => total + data.points, 0),
            );
            expect(ofSpan.reduce((total, flow) => total + flow[times], 0)).toBe(facts.length);
          }
        }
      }),
    );
  });
});

const FILE = '../shared/data/superstore.csv';
const isThere = existsSync(FILE);
if (!isThere) console.warn(`SKIPPED: there is no ${FILE}, so who came back to the Superstore is not checked`);

(isThere ? describe : describe.skip)('the Superstore customers', () => {
  it('came back to buy again as often as the file says, though its orders are in no order of time', () => {
    const rows = parse(readFileSync(FILE), { columns: true, bom: true }) as Record<string, string>[];
    const orders = new Map(rows.map((row) => [row['Order ID'], row]));
    const events = [...orders.values()].map((row) =>
      purchase(row['Customer ID'] ?? '', `${row['Order Date']}T12:00:00.000Z`),
    );
    // Purchases make documents of customers only.
    const documents = [...folded(events).documents.values()].map(
      ({ content }) => content as unknown as CustomerLoyalty,
    );
    const standings = documents.map(({ purchases }) => standingOf(purchases));
    const reached = (which: 'once' | 'twice', by: string): number =>
      standings.filter((each) => (each[which][0]?.from.day ?? '~') <= by).length;
    const ends = ['2014-12-31', '2015-12-31', '2016-12-31', '2017-12-31'];
    expect(ends.map((by) => [reached('once', by), reached('twice', by)])).toEqual([
      [595, 263],
      [731, 573],
      [782, 731],
      [793, 781],
    ]);
  });
});
