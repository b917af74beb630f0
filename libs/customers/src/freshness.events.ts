/**
 * The facts about how fresh values are kept: policies (`freshness-{field}`), and the reviews that fall due by them
 * (`reviews-{customerId}`). They hold names of fields and instants, never a value.
 */
import type { Fact, Instant } from '@timeline/kernel';
import type { SegmentId } from '../../segments/src/segments.events.js';

/** What a policy may be for: details, and the primary identity of a kind. */
export const REVIEWED_FIELDS = ['name', 'birthDate', 'address', 'email', 'phone', 'wechat'] as const;
export type ReviewedField = (typeof REVIEWED_FIELDS)[number];

/** The trait that a policy may tell customers apart by. */
export const TIER_TRAIT = 'tier';

export interface FreshnessPolicy {
  field: ReviewedField;
  /** How long after it was said or verified a value is to be verified again; absent: only for tiers and segments. */
  everyDays?: number;
  /** For customers whose trait `tier` is this. */
  tiers: Record<string, number>;
  /** For members of these. Of what applies the shortest counts, a segment's from the entry on. */
  segments?: Partial<Record<SegmentId, number>>;
  /** From the reminder to the task, and from the task to the escalation. */
  taskAfterDays: number;
  escalateAfterDays: number;
}

export type FreshnessPolicyEvent =
  | Fact<'FreshnessPolicySet', FreshnessPolicy>
  /** Reviews that are open take their course. */
  | Fact<'FreshnessPolicyEnded', { field: ReviewedField }>;

interface OfReview {
  field: ReviewedField;
  /** When the value that is to be verified was said or verified last: another instant is another review. */
  since: Instant;
}

/** In the order in which they come while nobody verifies or changes the value: a reminder, a task, an escalation. */
export type FieldReviewEvent =
  | Fact<
      'FieldReviewDue',
      OfReview & {
        /** By the policy, whenever it was noticed; not before the policy was set. */
        dueAt: Instant;
        everyDays: number;
        /** Where it was due by the policy of the customer's tier, or of a segment. */
        tier?: string;
        segment?: SegmentId;
        taskAt: Instant;
        escalateAt: Instant;
      }
    >
  | Fact<'FieldReviewTaskOpened', OfReview & { dueAt: Instant }>
  | Fact<'FieldReviewEscalated', OfReview & { dueAt: Instant }>;
