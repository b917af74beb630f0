/** The facts of a customer's points ledger: `loyalty-{customerId}`. Points are whole and positive. */
import type { Fact } from '@timeline/kernel';

export interface LotPortion {
  lotId: string;
  points: number;
  /** Of the lot, so that nobody has to look it up; absent where it never expires. */
  expiresAt?: string;
}

/**
 * `balance` is the sum of the lots that are open at the event's `occurredAt` (earned by then, not expired by then), after
 * it.
 */
export type LoyaltyEvent =
  /** Opens a lot. */
  | Fact<
      'PointsEarned',
      { lotId: string; points: number; reason: string; purchaseId?: string; expiresAt?: string; balance: number }
    >
  /** Takes from lots, soonest to expire first. */
  | Fact<'PointsSpent', { redemptionId: string; points: number; reason: string; lots: LotPortion[]; balance: number }>;

/** Open points that expire together. */
export interface PointsUntil {
  /** Absent: they never expire. */
  expiresAt?: string;
  points: number;
}

/** What a posting adds to the points of each instant; less than nothing where it takes. */
export function pointsMoved({ type, data }: Pick<LoyaltyEvent, 'type' | 'data'>): PointsUntil[] {
  const lots = 'lots' in data ? data.lots : [data];
  const sign = type === 'PointsEarned' ? 1 : -1;
  return lots.map(({ points, expiresAt }) => ({
    points: sign * points,
    ...(expiresAt !== undefined && { expiresAt }),
  }));
}

/**
 * One entry per instant, soonest first, without empty ones and those expired by `latest`: points taken from these cancel
 * out anyhow. So parts add up, whatever the order they are added in.
 */
export function openPoints(lots: readonly PointsUntil[], latest: string | undefined): PointsUntil[] {
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
