/** How a case looks from outside. Times are ISO 8601 UTC. */
import { contentOf, type Stored } from '@timeline/projecting';
import { Flag, Id, Instant, Nested, OneOf, Optional, Text, Whole } from '@timeline/http';
import {
  FEEDBACK_KINDS,
  SENTIMENTS,
  SEVERITIES,
  type FeedbackKind,
  type Sentiment,
  type Severity,
} from '../feedback.events.js';
import type { InboxCase } from '../projections/case-inbox.projection.js';

export class CaseRatingView {
  @Whole()
  score: number;
  @Whole()
  scaleMin: number;
  @Whole()
  scaleMax: number;
  /** One of the two highest scores of the scale. */
  @Flag()
  top: boolean;
  @Instant()
  ratedAt: string;
}

/** A case as lists show it. */
export class CaseView {
  @Id()
  caseId: string;
  @Id()
  customerId: string;
  /** What `If-Match` of a command on the case asks for. */
  @Whole({ min: 0 })
  revision: number;
  @OneOf(['open', 'resolved'])
  status: 'open' | 'resolved';
  @OneOf(FEEDBACK_KINDS)
  kind: FeedbackKind;
  @Text()
  channel: string;
  @Optional()
  @Id()
  purchaseId?: string;
  @Optional()
  @Text()
  subject?: string;
  @Optional()
  @Text()
  topic?: string;
  @Optional()
  @OneOf(SEVERITIES)
  severity?: Severity;
  @Optional()
  @OneOf(SENTIMENTS)
  sentiment?: Sentiment;
  @Optional()
  @OneOf(SEVERITIES)
  urgency?: Severity;
  @Optional()
  @Text()
  agent?: string;
  @Optional()
  @Text()
  team?: string;
  @Instant()
  openedAt: string;
  @Optional()
  @Instant()
  firstRespondedAt?: string;
  @Whole({ min: 0 })
  responses: number;
  /** Of the latest resolution; absent while the case is open. */
  @Optional()
  @Text()
  resolution?: string;
  @Optional()
  @Instant()
  resolvedAt?: string;
  @Whole({ min: 0 })
  reopenedTimes: number;
  @Optional()
  @Nested(() => CaseRatingView)
  rating?: CaseRatingView;
  @Instant()
  lastChangedAt: string;
}

/** A case by itself. */
export class CaseDetails extends CaseView {
  @Optional()
  @Text({ max: 10_000 })
  body?: string;
}

export function caseDetails(stored: Stored & InboxCase): CaseDetails {
  const { severityRank: _rank, classifiedAt: _classifiedAt, assignedAt: _assignedAt, ...details } = contentOf(stored);
  return details;
}

export function caseView(stored: Stored & InboxCase): CaseView {
  const { body: _body, ...view } = caseDetails(stored);
  return view;
}
