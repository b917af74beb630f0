/**
 * A customer's loyalty figures as parts that add up: points by the instant they expire at, lifetime sums, and how many
 * purchases there were when. Nothing in here depends on when it is looked at; `balanceAt` does.
 */
import { daysInOrder, mergeDays, type ByDay } from '@timeline/kernel';
import { openPoints, type PointsUntil } from '../loyalty.events.js';

export interface PurchaseMoment {
  at: string;
  /** `YYYY-MM-DD` in the reporting time zone. */
  day: string;
}

/** From when the customer had so many purchases, and until when where a cancellation ended that. */
export interface Stretch {
  from: PurchaseMoment;
  to?: PurchaseMoment;
}

/** How the number of purchases changed on a day of the reporting time zone. */
export interface PurchaseChanges {
  bought: number;
  /** Then, not bought then. */
  cancelled: number;
  /** The first two that were bought, and the last change. */
  first?: string;
  second?: string;
  last: string;
}

export interface CustomerLoyalty {
  /** Not spent; soonest to expire first, one entry per instant. Without those that had expired by `latest`. */
  lots: PointsUntil[];
  earned: number;
  spent: number;
  /** By day. Purchases that were returned later are purchases all the same; cancelled ones are from then on none. */
  purchases: ByDay<PurchaseChanges>;
  /** Greatest `occurredAt` of what is in here: balances from then on can be told. */
  latest?: string;
}

export const emptyLoyalty: CustomerLoyalty = { lots: [], earned: 0, spent: 0, purchases: {} };

/** Associative and commutative, with `emptyLoyalty` as the neutral part. */
export function combineLoyalty(a: CustomerLoyalty, b: CustomerLoyalty): CustomerLoyalty {
  const latest = later(a.latest, b.latest);
  return {
    lots: openPoints([...a.lots, ...b.lots], latest),
    earned: a.earned + b.earned,
    spent: a.spent + b.spent,
    purchases: mergeDays(a.purchases, b.purchases, addChanges),
    ...(latest !== undefined && { latest }),
  };
}

/** What can be spent at `at`, which must not be before `latest`. */
export const balanceAt = (loyalty: Pick<CustomerLoyalty, 'lots'>, at: string): number =>
  openAt(loyalty, at).reduce((sum, { points }) => sum + points, 0);

export const openAt = ({ lots }: Pick<CustomerLoyalty, 'lots'>, at: string): PointsUntil[] =>
  lots.filter(({ expiresAt }) => expiresAt === undefined || expiresAt > at);

export const boughtAt = (at: string): PurchaseChanges => ({ bought: 1, cancelled: 0, first: at, last: at });
export const cancelledAt = (at: string): PurchaseChanges => ({ bought: 0, cancelled: 1, last: at });

export function addChanges(a: PurchaseChanges, b: PurchaseChanges): PurchaseChanges {
  const [first, second] = [a.first, a.second, b.first, b.second].filter((at) => at !== undefined).sort();
  return {
    bought: a.bought + b.bought,
    cancelled: a.cancelled + b.cancelled,
    ...(first !== undefined && { first }),
    ...(second !== undefined && { second }),
    last: a.last > b.last ? a.last : b.last,
  };
}

/**
 * When the customer was one who bought, and one who came back to buy again: exact to the instant, but on a day of a
 * cancellation, which counts as its last change left it.
 */
export function standingOf(purchases: ByDay<PurchaseChanges>): { count: number; once: Stretch[]; twice: Stretch[] } {
  const [once, twice]: [Stretch[], Stretch[]] = [[], []];
  let count = 0;
  for (const [day, changes] of daysInOrder(purchases)) {
    const after = count + changes.bought - changes.cancelled;
    for (const [least, stretches] of [
      [1, once],
      [2, twice],
    ] as const) {
      const current = stretches.at(-1);
      if (count < least && after >= least) stretches.push({ from: { at: momentOf(changes, least - count), day } });
      else if (count >= least && after < least && current) current.to = { at: changes.last, day };
    }
    count = after;
  }
  return { count, once, twice };
}

/** When so many had been bought that day. */
const momentOf = ({ cancelled, first, second, last }: PurchaseChanges, bought: number): string =>
  (cancelled > 0 ? undefined : bought === 1 ? first : second) ?? last;

const later = (a: string | undefined, b: string | undefined): string | undefined =>
  a === undefined || (b !== undefined && b > a) ? b : a;
