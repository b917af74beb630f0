/**
 * A customer's loyalty figures as parts that add up: points by the instant they expire at, lifetime sums, and when the
 * first two purchases were. Nothing in here depends on when it is looked at; `balanceAt` does.
 */
import { openPoints, type PointsUntil } from '../loyalty.events.js';

export interface PurchaseMoment {
  at: string;
  /** `YYYY-MM-DD` in the reporting time zone. */
  day: string;
}

export interface CustomerLoyalty {
  /** Not spent; soonest to expire first, one entry per instant. Without those that had expired by `latest`. */
  lots: PointsUntil[];
  earned: number;
  spent: number;
  /** Purchases that were returned later are purchases all the same. */
  purchases: { count: number; first?: PurchaseMoment; second?: PurchaseMoment };
  /** Greatest `occurredAt` of what is in here: balances from then on can be told. */
  latest?: string;
}

export const emptyLoyalty: CustomerLoyalty = { lots: [], earned: 0, spent: 0, purchases: { count: 0 } };

/** Associative and commutative, with `emptyLoyalty` as the neutral part. */
export function combineLoyalty(a: CustomerLoyalty, b: CustomerLoyalty): CustomerLoyalty {
  const latest = later(a.latest, b.latest);
  const purchases = firstTwo(a.purchases, b.purchases);
  return {
    lots: openPoints([...a.lots, ...b.lots], latest),
    earned: a.earned + b.earned,
    spent: a.spent + b.spent,
    purchases: { count: a.purchases.count + b.purchases.count, ...purchases },
    ...(latest !== undefined && { latest }),
  };
}

/** What can be spent at `at`, which must not be before `latest`. */
export const balanceAt = (loyalty: CustomerLoyalty, at: string): number =>
  openAt(loyalty, at).reduce((sum, { points }) => sum + points, 0);

export const openAt = ({ lots }: CustomerLoyalty, at: string): PointsUntil[] =>
  lots.filter(({ expiresAt }) => expiresAt === undefined || expiresAt > at);

type FirstTwo = Pick<CustomerLoyalty['purchases'], 'first' | 'second'>;

function firstTwo(a: FirstTwo, b: FirstTwo): FirstTwo {
  const [first, second] = [a.first, a.second, b.first, b.second]
    .filter((moment) => moment !== undefined)
    .sort((x, y) => (x.at < y.at ? -1 : x.at > y.at ? 1 : 0));
  return { ...(first && { first }), ...(second && { second }) };
}

const later = (a: string | undefined, b: string | undefined): string | undefined =>
  a === undefined || (b !== undefined && b > a) ? b : a;
