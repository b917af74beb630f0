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
