/** The facts of a feedback case from intake to rating, one stream each: `feedback-{id}`. */
import type { Fact } from '@timeline/kernel';

export const FEEDBACK_KINDS = ['complaint', 'suggestion', 'praise', 'question'] as const;
export type FeedbackKind = (typeof FEEDBACK_KINDS)[number];
export const SEVERITIES = ['low', 'normal', 'high', 'critical'] as const;
export type Severity = (typeof SEVERITIES)[number];
export const SENTIMENTS = ['negative', 'neutral', 'positive'] as const;
export type Sentiment = (typeof SENTIMENTS)[number];

/** What every later fact of a case repeats, so that breakdowns need no look-up. */
interface OfCase {
  caseId: string;
  channel: string;
  /** ISO 8601 UTC. */
  openedAt: string;
}

export type FeedbackEvent =
  | Fact<
      'FeedbackCaseOpened',
      OfCase & { kind: FeedbackKind; sourceId?: string; payloadHash?: string; purchaseId?: string },
      { subject: string; body?: string }
    >
  | Fact<'FeedbackClassified', OfCase & { topic: string; severity: Severity; sentiment: Sentiment; urgency: Severity }>
  | Fact<'FeedbackAssigned', OfCase & { agent: string; team?: string; reason?: string }>
  /** `sinceOpenedMs` from intake to this answer. */
  | Fact<'FeedbackResponded', OfCase & { agent?: string; first: boolean; sinceOpenedMs: number }, { message: string }>
  /** `sinceOpenedMs` from intake to this resolution; `time` counts resolutions from 1 (a reopened case has more). */
  | Fact<
      'FeedbackResolved',
      OfCase & { resolution: string; agent?: string; sinceOpenedMs: number; time: number },
      { note?: string }
    >
  /** `top` when it counts for CSAT: the two highest of the scale. */
  | Fact<
      'FeedbackRated',
      OfCase & { score: number; scaleMin: number; scaleMax: number; top: boolean; agent?: string },
      { comment?: string }
    >
  | Fact<'FeedbackReopened', OfCase & { reason: string }, { note?: string }>;
