/** The profile: what wins, what adds up, what is left after an erasure. */
import { PureFold } from '@timeline/projecting';
import { addDays, canonicalJson, type Fact, type Position, type Recorded } from '@timeline/kernel';
import fc from 'fast-check';
import { NOON } from '../../../kernel/src/testing/playing.js';
import type { CustomerEvent } from '../customers.events.js';
import { arbitraryHistory, CUSTOMERS, withoutPersonalOf } from '../testing/arbitrary-history.js';
import { CUSTOMER, erased, identity, registered } from '../testing/fixtures.js';
import { recorder } from '../testing/recorder.js';
import {
  combineParts,
  emptyPart,
  withoutPurchase,
  withPurchase,
  type ProfilePart,
  type PurchaseDay,
} from './profile-part.js';
import { profileOf, type Profile } from './profile-document.js';
import { profileProjection } from './profile.projection.js';

const ago = (days: number): string => addDays(NOON, -days);

function foldOf(events: readonly Recorded<Fact>[]): PureFold {
  const fold = new PureFold(profileProjection);
  for (const event of events) fold.apply(event);
  return fold;
}
const partsOf = (events: readonly Recorded<Fact>[]): Map<string, ProfilePart> =>
  // Made by this projection only.
  new Map([...foldOf(events).documents].map(([key, { content }]) => [key, content as unknown as ProfilePart]));

function profileAfter(...facts: [fact: Fact, daysAgo: number][]): Profile | undefined {
  const record = recorder({ customerId: CUSTOMER });
  const part = partsOf(facts.map(([fact, days]) => record(fact, { occurredAt: ago(days) }))).get(CUSTOMER);
  return part && profileOf(CUSTOMER, [{ key: CUSTOMER, part }]);
}

const updated = (changes: {
  name?: string | null;
  language?: string | null;
  traits?: Record<string, string | null>;
}): CustomerEvent => ({
  type: 'CustomerUpdated',
  data: {
    changed: [],
    ...(changes.language !== undefined && { language: changes.language }),
    ...(changes.traits && { traits: changes.traits }),
  },
  ...(changes.name !== undefined && { personal: { name: changes.name === null ? null : { full: changes.name } } }),
});
const purchased = (total: string, currency = 'USD'): Fact => ({
  type: 'PurchaseRecorded',
  data: { purchaseId: 'p', channel: 'store', currency, lines: [], total, payloadHash: 'h' },
});
const returned = (total: string): Fact => ({
  type: 'PurchaseReturned',
  data: { purchaseId: 'p', returnId: 'r', purchasedAt: ago(9), currency: 'USD', lines: [], total, complete: false },
});
const earned = (points: number, expiresAt?: string): Fact => ({
  type: 'PointsEarned',
  data: { lotId: 'l', points, reason: 'order', ...(expiresAt !== undefined && { expiresAt }), balance: points },
});
const spent = (lots: { points: number; expiresAt?: string }[]): Fact => ({
  type: 'PointsSpent',
  data: {
    redemptionId: 'r',
    points: 0,
    reason: 'voucher',
    lots: lots.map((lot) => ({ lotId: 'l', ...lot })),
    balance: 0,
  },
});
const caseFact = (type: string, caseId: string, openedAt: string): Fact => ({
  type,
  data: { caseId, openedAt, channel: 'wechat' },
});
const answered = (score: number): Fact => ({
  type: 'SurveyAnswered',
  data: {
    answerId: 'a',
    surveyId: 's',
    kind: 'NPS',
    scale: { min: 0, max: 10, favourableFrom: 9 },
    score,
    channel: 'web',
    payloadHash: 'h',
  },
});

describe('a profile', () => {
  it('holds what was said last about each field, not what arrived last', () => {
    const profile = profileAfter(
      [registered({ language: 'en' }, { name: { full: 'Ann' } }), 10],
      [updated({ name: 'Ann Lee', traits: { size: 'M' } }), 2],
      [updated({ name: 'Ann Late', language: 'zh', traits: { size: 'L', colour: 'red' } }), 5],
    );
    expect(profile).toMatchObject({ name: { full: 'Ann Lee' }, language: 'zh', traits: { size: 'M', colour: 'red' } });
    expect(profile?.provenance).toMatchObject({ name: { at: ago(2), source: 'test' }, language: { at: ago(5) } });
  });

  it('does not get back what was removed by what arrives late', () => {
    const profile = profileAfter(
      [registered({ language: 'en' }), 10],
      [updated({ language: null, traits: { size: null } }), 2],
      [updated({ language: 'zh', traits: { size: 'L' } }), 5],
    );
    expect(profile).not.toHaveProperty('language');
    expect(profile?.traits).toEqual({});
    expect(profile?.provenance).not.toHaveProperty('language');
  });

  it('has one primary identity of each kind', () => {
    const ann = identity('ann', { primary: true });
    const bob = identity('bob');
    const phone = identity('phone', { kind: 'phone', primary: true });
    const added = (each: typeof ann): Fact => ({
      type: 'CustomerIdentityAdded',
      data: { kind: each.kind },
      personal: { identity: each },
    });
    const removed = (each: typeof ann): Fact => ({
      type: 'CustomerIdentityRemoved',
      data: { kind: each.kind },
      personal: { identity: each },
    });
    const shown = (...facts: Fact[]) =>
      profileAfter(
        [registered({}, { identities: [ann] }), 9],
        ...facts.map((fact): [Fact, number] => [fact, 1]),
      )?.identities.map(({ given, primary }) => [given, primary]);
    expect(shown(added(bob), added(phone))).toEqual([
      [ann.given, true],
      [bob.given, false],
      [phone.given, true],
    ]);
    expect(shown(added({ ...bob, primary: true }))).toEqual([
      [ann.given, false],
      [bob.given, true],
    ]);
    expect(shown(added(bob), removed(ann))).toEqual([[bob.given, true]]);
  });

  it('adds purchases up exactly, by currency', () => {
    const profile = profileAfter(
      [registered(), 30],
      [purchased('0.1'), 3],
      [purchased('0.2'), 9],
      [purchased('7', 'EUR'), 5],
      [returned('0.15'), 1],
    );
    expect(profile?.purchases).toEqual({
      count: 3,
      repeat: true,
      firstAt: ago(9),
      lastAt: ago(3),
      byCurrency: {
        USD: { count: 2, gross: '0.3', returned: '0.15', net: '0.15', averageOrder: '0.15' },
        EUR: { count: 1, gross: '7', returned: '0', net: '7', averageOrder: '7' },
      },
    });
  });

  it('forgets a purchase that is cancelled: how many, since and until when, how much', () => {
    const cancelled = (purchasedAt: string, total: string, currency = 'USD'): Fact => ({
      type: 'PurchaseCancelled',
      data: { purchaseId: 'p', purchasedAt, currency, lines: [], total },
    });
    const two: [Fact, number][] = [
      [purchased('0.1'), 9],
      [purchased('0.2'), 3],
    ];
    const without = (...more: [Fact, number][]) => profileAfter([registered(), 30], ...two, ...more)?.purchases;
    const first = { count: 1, repeat: false, firstAt: ago(3), lastAt: ago(3) };
    expect(without([cancelled(ago(9), '0.1'), 1])).toMatchObject({ ...first, byCurrency: { USD: { gross: '0.2' } } });
    const last = { count: 1, repeat: false, firstAt: ago(9), lastAt: ago(9) };
    expect(without([cancelled(ago(3), '0.2'), 1])).toMatchObject({ ...last, byCurrency: { USD: { gross: '0.1' } } });
    expect(without([cancelled(ago(3), '0.2'), 1], [cancelled(ago(9), '0.1'), 1])).toEqual({
      count: 0,
      repeat: false,
      byCurrency: {},
    });
  });

  it('knows of two purchases on one day which is left when one is cancelled, of more the day', () => {
    const on = (hour: number): string => `2024-05-01T0${hour}:00:00.000Z`;
    const after = (hours: readonly number[], cancelledHour: number): unknown =>
      withoutPurchase(
        hours.reduce<PurchaseDay | undefined>((day, hour) => withPurchase(day, on(hour)), undefined),
        on(cancelledHour),
      );
    expect(after([1], 1)).toBeUndefined();
    expect(after([3, 1], 1)).toEqual({ count: 1, first: on(3), last: on(3) });
    expect(after([3, 1], 3)).toEqual({ count: 1, first: on(1), last: on(1) });
    expect(after([2, 2], 2)).toEqual({ count: 1, first: on(2), last: on(2) });
    expect(after([1, 2, 3], 2)).toEqual({ count: 2, first: on(1), last: on(3) });
  });

  it('knows the open cases, the oldest first, and how many there were', () => {
    const profile = profileAfter(
      [registered(), 30],
      [caseFact('FeedbackCaseOpened', 'new', ago(2)), 2],
      [caseFact('FeedbackCaseOpened', 'old', ago(8)), 8],
      [caseFact('FeedbackCaseOpened', 'done', ago(9)), 9],
      [caseFact('FeedbackResolved', 'done', ago(9)), 7],
      [caseFact('FeedbackResolved', 'old', ago(8)), 7],
      [caseFact('FeedbackReopened', 'old', ago(8)), 6],
    );
    expect(profile?.cases).toEqual({
      total: 3,
      open: [
        { caseId: 'old', openedAt: ago(8) },
        { caseId: 'new', openedAt: ago(2) },
      ],
    });
  });

  it('knows the last contact and the latest answer by when they happened', () => {
    const profile = profileAfter(
      [registered(), 30],
      [answered(9), 2],
      [purchased('1'), 1],
      [answered(3), 20],
      [caseFact('FeedbackCaseOpened', 'x', ago(40)), 40],
    );
    expect(profile).toMatchObject({
      firstSeenAt: ago(40),
      lastContact: { at: ago(1), channel: 'store' },
      satisfaction: { latest: { NPS: { score: 9, at: ago(2), group: 'promoter' } } },
    });
  });

  it('is found by the beginnings of the words of its name, in any script', () => {
    const words = (full: string) => profileAfter([registered({}, { name: { full } }), 1])?.search.words;
    expect(words('José  O’Hara-Müller')).toEqual(['jose', 'o', 'hara', 'muller']);
    expect(words('王小明')).toEqual(['王小明', '小明', '明']);
    expect(words('Ａｎｎ')).toEqual(['ann']);
  });
});

const historyAndOrder = arbitraryHistory.chain((log) =>
  fc.shuffledSubarray([...CUSTOMERS], { minLength: 3 }).map((order) => ({ log, order })),
);

describe('parts', () => {
  it('add up: associative, commutative, with a neutral element', () => {
    fc.assert(
      fc.property(historyAndOrder, ({ log, order }) => {
        const parts = partsOf(log);
        const [a, b, c] = order.map((customerId) => parts.get(customerId) ?? emptyPart()) as [
          ProfilePart,
          ProfilePart,
          ProfilePart,
        ];
        const text = (part: ProfilePart): string => canonicalJson(part);
        expect(text(combineParts(combineParts(a, b), c))).toBe(text(combineParts(a, combineParts(b, c))));
        expect(text(combineParts(a, b))).toBe(text(combineParts(b, a)));
        expect(text(combineParts(a, emptyPart()))).toBe(text(a));
      }),
    );
  });

  it('do not depend on the order of arrival where what happened has an order of its own', () => {
    const orderFree = ({
      fields,
      traits,
      consents,
      firstSeenAt,
      lastContact,
      interactions,
      purchases,
      scores,
      rating,
    }: ProfilePart) => ({
      fields,
      traits,
      consents,
      firstSeenAt,
      lastContact,
      interactions,
      purchases,
      scores,
      rating,
    });
    fc.assert(
      fc.property(
        arbitraryHistory
          // A cancellation stands behind its purchase, in one stream.
          .map((log) => log.filter(({ type }) => type !== 'PurchaseCancelled'))
          .chain((log) => fc.shuffledSubarray(log, { minLength: log.length }).map((shuffled) => ({ log, shuffled }))),
        ({ log, shuffled }) => {
          const [inOrder, anyOrder] = [partsOf(log), partsOf(shuffled)];
          for (const customerId of CUSTOMERS) {
            expect(canonicalJson(orderFree(anyOrder.get(customerId) ?? emptyPart()))).toBe(
              canonicalJson(orderFree(inOrder.get(customerId) ?? emptyPart())),
            );
          }
        },
      ),
    );
  });

  it('make one profile for all members of a group, the same whoever is asked for', () => {
    fc.assert(
      fc.property(historyAndOrder, ({ log, order }) => {
        const parts = partsOf(log);
        const group = order.map((key) => ({ key, part: parts.get(key) ?? emptyPart() }));
        const profiles = CUSTOMERS.map((key) => profileOf(key, group));
        for (const [index, profile] of profiles.entries()) {
          const key = CUSTOMERS[index];
          expect(profile).toEqual({ ...profiles[0], customerId: key, isSurvivor: key === profiles[0]?.survivor });
          expect(profile?.members).toEqual(CUSTOMERS);
        }
        const alone = CUSTOMERS.map((key) =>
          profileOf(
            key,
            group.filter((member) => member.key === key),
          ),
        );
        expect(profiles[0]?.purchases.count).toBe(alone.reduce((sum, each) => sum + (each?.purchases.count ?? 0), 0));
        expect(profiles[0]?.points).toBe(alone.reduce((sum, each) => sum + (each?.points ?? 0), 0));
      }),
    );
  });

  it('are grouped by open merges, and as if there had been none once these are undone', () => {
    const [first, second] = CUSTOMERS;
    const merge = (type: string): Fact => ({ type, data: { mergeId: 'm', survivor: first, others: [second] } });
    const record = recorder({ customerId: first });
    const concerned = (fact: Fact) => record({ ...fact, customerIds: [first, second] } as Fact);
    const [alone, open, undone] = [[], ['CustomersMerged'], ['CustomersMerged', 'CustomersUnmerged']].map((types) =>
      partsOf(types.map((type) => concerned(merge(type)))),
    );
    const links = [first, second].map((key) => profileProjection.derivation?.links?.(open?.get(key) ?? emptyPart()));
    expect(links).toEqual([[second], [first]]);
    expect(alone?.size).toBe(0);
    for (const key of [first, second]) expect(undone?.get(key)).toEqual({ ...emptyPart(), members: [key] });
  });
});

describe('points', () => {
  it('are all that was earned and not spent, in whatever order it is told', () => {
    expect(profileAfter([registered(), 30], [earned(10), 1], [earned(5), 9])?.points).toBe(15);
    expect(
      profileAfter([registered(), 30], [earned(10), 9], [earned(5), 3], [spent([{ points: 12 }]), 6])?.points,
    ).toBe(3);
  });

  it('are without those that had expired by the latest posting', () => {
    const soon = ago(5);
    expect(profileAfter([registered(), 30], [earned(10, soon), 9], [earned(5), 8])?.points).toBe(15);
    expect(profileAfter([registered(), 30], [earned(10, soon), 9], [earned(5), 2])?.points).toBe(5);
    // Told late: spent while they could be, and gone all the same.
    expect(
      profileAfter(
        [registered(), 30],
        [earned(10, soon), 9],
        [earned(5), 2],
        [spent([{ points: 4, expiresAt: soon }]), 7],
      )?.points,
    ).toBe(5);
  });
});

describe('after an erasure', () => {
  it('nothing is left, and live and rebuilt agree', () => {
    fc.assert(
      fc.property(arbitraryHistory, fc.constantFrom(...CUSTOMERS), fc.nat(), (log, customerId, at) => {
        const record = recorder({ customerId, stream: `customer-${customerId}` });
        const position = (log.at(-1)?.position ?? '') as Position;
        const end = { ...record(erased), position };
        const cut = at % (log.length + 1);
        const live = foldOf([...log.slice(0, cut), end, ...log.slice(cut)]);
        const rebuilt = foldOf(withoutPersonalOf(customerId, [...log.slice(0, cut), end, ...log.slice(cut)]));
        expect(live.texts()).toEqual(rebuilt.texts());
        expect(live.derivedTexts()).toEqual(rebuilt.derivedTexts());
        expect(live.texts().has(customerId)).toBe(false);
      }),
    );
  });
});

it('every history folds without a block', () => {
  fc.assert(
    fc.property(arbitraryHistory, (log) => {
      for (const { block } of foldOf(log).documents.values()) expect(block).toBeUndefined();
    }),
  );
});
