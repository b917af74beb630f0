/**
 * The cases as an agent's inbox shows them: one document per case, the customer's own. Answers and notes are not in it
 * (the timeline has them), so a document stays small whatever happens to its case.
 */
import { FaultError, type Recorded } from '@timeline/kernel';
import { customerOwner, type Projection } from '@timeline/projecting';
import type { FeedbackEvent, FeedbackKind, Sentiment, Severity } from '../feedback.events.js';

export interface CaseRating {
  score: number;
  scaleMin: number;
  scaleMax: number;
  top: boolean;
  ratedAt: string;
}

export interface InboxCase {
  caseId: string;
  customerId: string;
  /** Of the case's stream: what `If-Match` of a command on it asks for. */
  revision: number;
  kind: FeedbackKind;
  channel: string;
  purchaseId?: string;
  /** Absent when the customer was erased. */
  subject?: string;
  body?: string;
  status: 'open' | 'resolved';
  openedAt: string;
  /** The greatest `occurredAt` so far. */
  lastChangedAt: string;

  topic?: string;
  severity?: Severity;
  sentiment?: Sentiment;
  urgency?: Severity;
  classifiedAt?: string;
  severityRank: number;

  agent?: string;
  team?: string;
  assignedAt?: string;

  firstRespondedAt?: string;
  responses: number;
  /** Of the latest resolution; absent while the case is open. */
  resolution?: string;
  resolvedAt?: string;
  reopenedTimes: number;
  /** The latest. */
  rating?: CaseRating;
}

/** What nobody has classified yet stands above what is known to be normal. */
const UNCLASSIFIED_RANK = 2;
const SEVERITY_RANK: Readonly<Record<Severity, number>> = { low: 0, normal: 1, high: 3, critical: 4 };

export const caseInbox: Projection<InboxCase, FeedbackEvent> = {
  name: 'case-inbox',
  version: 1,
  handles: [
    'FeedbackCaseOpened',
    'FeedbackClassified',
    'FeedbackAssigned',
    'FeedbackResponded',
    'FeedbackResolved',
    'FeedbackRated',
    'FeedbackReopened',
  ],
  indexes: [
    { name: 'opened', key: { status: 1, openedAt: 1, _id: 1 } },
    { name: 'severity', key: { status: 1, severityRank: -1, openedAt: 1, _id: 1 } },
    { name: 'agent', key: { agent: 1, status: 1, openedAt: 1, _id: 1 } },
    { name: 'customer', key: { customerId: 1, openedAt: 1, _id: 1 } },
  ],
  keys: (event) => [{ key: event.data.caseId, owner: customerOwner(customerOf(event)) }],
  evolve(before, event) {
    if (event.type === 'FeedbackCaseOpened') return opened(event);
    if (!before)
      throw new FaultError('CASE_NOT_OPENED', 'the case was worked on before it was opened; the log is damaged');
    const { occurredAt } = event.metadata;
    const lastChangedAt = occurredAt > before.lastChangedAt ? occurredAt : before.lastChangedAt;
    return { ...workedOn(before, event, occurredAt), revision: event.revision, lastChangedAt };
  },
};

function customerOf({ metadata }: Recorded<FeedbackEvent>): string {
  if (metadata.customerId !== undefined) return metadata.customerId;
  throw new FaultError('CUSTOMER_MISSING', 'a fact of a feedback case names no customer; the log is damaged');
}

function opened(event: Extract<Recorded<FeedbackEvent>, { type: 'FeedbackCaseOpened' }>): InboxCase {
  const { caseId, kind, channel, openedAt, purchaseId } = event.data;
  const { subject, body } = event.personal ?? {};
  return {
    caseId,
    customerId: customerOf(event),
    revision: event.revision,
    kind,
    channel,
    ...(purchaseId !== undefined && { purchaseId }),
    ...(subject !== undefined && { subject }),
    ...(body !== undefined && { body }),
    status: 'open',
    openedAt,
    lastChangedAt: event.metadata.occurredAt,
    severityRank: UNCLASSIFIED_RANK,
    responses: 0,
    reopenedTimes: 0,
  };
}

type WorkedOn = Exclude<Recorded<FeedbackEvent>, { type: 'FeedbackCaseOpened' }>;

function workedOn(before: InboxCase, event: WorkedOn, occurredAt: string): InboxCase {
  switch (event.type) {
    case 'FeedbackClassified': {
      // Told about late, it does not undo a correction that happened after it.
      if (before.classifiedAt !== undefined && occurredAt < before.classifiedAt) return before;
      const { topic, severity, sentiment, urgency } = event.data;
      const severityRank = SEVERITY_RANK[severity];
      return { ...before, topic, severity, sentiment, urgency, severityRank, classifiedAt: occurredAt };
    }
    case 'FeedbackAssigned': {
      if (before.assignedAt !== undefined && occurredAt < before.assignedAt) return before;
      const { team: _of, ...rest } = before;
      const { agent, team } = event.data;
      return { ...rest, agent, ...(team !== undefined && { team }), assignedAt: occurredAt };
    }
    case 'FeedbackResponded': {
      const first = event.data.first ? { firstRespondedAt: occurredAt } : {};
      return { ...before, responses: before.responses + 1, ...first };
    }
    case 'FeedbackResolved':
      return { ...before, status: 'resolved', resolution: event.data.resolution, resolvedAt: occurredAt };
    case 'FeedbackRated': {
      const { score, scaleMin, scaleMax, top } = event.data;
      return { ...before, rating: { score, scaleMin, scaleMax, top, ratedAt: occurredAt } };
    }
    case 'FeedbackReopened': {
      const { resolution: _resolution, resolvedAt: _resolvedAt, ...rest } = before;
      return { ...rest, status: 'open', reopenedTimes: before.reopenedTimes + 1 };
    }
    default:
      return event satisfies never;
  }
}
