/**
 * A customer's loyalty figures as parts that add up: points by the instant they expire at, lifetime sums, and when the
 * first two purchases were. Nothing in here depends on when it is looked at; `balanceAt` does.
 */

/** Open points that expire together. */
export interface PointsUntil {
  /** Absent: they never expire. */
  expiresAt?: string;
  points: number;
}

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
    lots: openAfter(latest, [...a.lots, ...b.lots]),
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

/** One entry per instant, without empty ones and those expired by `latest`: points taken from these cancel out anyhow. */
function openAfter(latest: string | undefined, lots: readonly PointsUntil[]): PointsUntil[] {
  const sums = new Map<string | undefined, number>();
  for (const { expiresAt, points } of lots) sums.set(expiresAt, (sums.get(expiresAt) ?? 0) + points);
  return [...sums]
    .filter(
      ([expiresAt, points]) =>
        points !== 0 && !(expiresAt !== undefined && latest !== undefined && expiresAt <= latest),
    )
    .sort(([a], [b]) => (a === b ? 0 : a === undefined || (b !== undefined && a > b) ? 1 : -1))
    .map(([expiresAt, points]) => ({ ...(expiresAt !== undefined && { expiresAt }), points }));
}

type FirstTwo = Pick<CustomerLoyalty['purchases'], 'first' | 'second'>;

function firstTwo(a: FirstTwo, b: FirstTwo): FirstTwo {
  const [first, second] = [a.first, a.second, b.first, b.second]
    .filter((moment) => moment !== undefined)
    .sort((x, y) => (x.at < y.at ? -1 : x.at > y.at ? 1 : 0));
  return { ...(first && { first }), ...(second && { second }) };
}

const later = (a: string | undefined, b: string | undefined): string | undefined =>
  a === undefined || (b !== undefined && b > a) ? b : a;
