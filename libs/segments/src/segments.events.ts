/**
 * The facts about memberships (`segments-{customerId}`). They are recorded only of segments that something acts by, such as
 * a freshness policy: who is in which segment when is derived, and read without them.
 */
import type { Fact, Instant } from '@timeline/kernel';

export const SEGMENT_IDS = ['new', 'active', 'at-risk', 'vip', 'promoter', 'detractor'] as const;
export type SegmentId = (typeof SEGMENT_IDS)[number];

interface OfMembership {
  segment: SegmentId;
  /**
   * When it began or ended by what is known now, whenever it was noticed. What came late and changed what was recorded
   * before counts from the instant recorded last, so that `at` never goes back.
   */
  at: Instant;
}

/** Of one customer and segment by turns, an entry first. */
export type SegmentEvent = Fact<'SegmentEntered', OfMembership> | Fact<'SegmentLeft', OfMembership>;
