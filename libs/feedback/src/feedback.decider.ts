/**
 * What may happen to a feedback case: opened once, then worked on until it is resolved, rated once per resolution, and
 * open again after a reopening. Classifying and responding are possible at any time, since a classification is also
 * corrected, and a customer also answered, after the case is done.
 */
import { assertSameDelivery, type Delivered } from '@timeline/deciding';
import { DomainError, type Decider, type Decision, type DecisionContext, type Recorded } from '@timeline/kernel';
import type { FeedbackEvent, FeedbackKind, Sentiment, Severity } from './feedback.events.js';

/** What an intake delivers, apart from its source's id for it. */
export interface CaseIntake {
  customerId: string;
  kind: FeedbackKind;
  channel: string;
  subject: string;
  body?: string;
  purchaseId?: string;
  /** As delivered; absent when the delivery leaves it to us. */
  occurredAt?: string;
}

export type FeedbackCommand =
  | { type: 'open'; caseId: string; intake: CaseIntake; sourceId?: string; payloadHash: string | undefined }
  | { type: 'classify'; topic: string; severity: Severity; sentiment: Sentiment; urgency: Severity }
  | { type: 'assign'; agent: string; team?: string; reason?: string }
  | { type: 'respond'; message: string; agent?: string }
  | { type: 'resolve'; resolution: string; note?: string; agent?: string }
  | { type: 'rate'; score: number; scaleMin: number; scaleMax: number; comment?: string }
  | { type: 'reopen'; reason: string; note?: string };

interface CaseState {
  status: 'open' | 'resolved';
  caseId: string;
  openedAt: string;
  intake: CaseIntake;
  payloadHash: string | undefined;
  /** Who has the case, by the assignment that happened last. */
  agent?: string;
  assignedAt?: string;
  responded: boolean;
  resolutions: number;
  /** The latest resolution has been rated. */
  rated: boolean;
  /** When it was last opened, resolved or rated: the next such step cannot have happened before. */
  changedAt: string;
}

export type FeedbackState = { status: 'absent' } | CaseState;

/** `undefined` while there is no such case. */
export const customerOfCase = (state: FeedbackState): string | undefined =>
  state.status === 'absent' ? undefined : state.intake.customerId;

export const feedbackDecider: Decider<FeedbackState, FeedbackCommand, FeedbackEvent> = {
  initialState: { status: 'absent' },

  evolve(state, event) {
    if (event.type === 'FeedbackCaseOpened') return opened(event);
    if (state.status === 'absent') return state;
    const { occurredAt } = event.metadata;
    switch (event.type) {
      case 'FeedbackClassified':
        return state;
      case 'FeedbackAssigned':
        // An assignment told about late does not take the case away from whoever got it afterwards.
        return state.assignedAt !== undefined && occurredAt < state.assignedAt
          ? state
          : { ...state, agent: event.data.agent, assignedAt: occurredAt };
      case 'FeedbackResponded':
        return { ...state, responded: true };
      case 'FeedbackResolved':
        return { ...state, status: 'resolved', resolutions: event.data.time, rated: false, changedAt: occurredAt };
      case 'FeedbackRated':
        return { ...state, rated: true, changedAt: occurredAt };
      case 'FeedbackReopened':
        return { ...state, status: 'open', changedAt: occurredAt };
      default:
        return event satisfies never;
    }
  },

  decide(command, state, context) {
    if (command.type === 'open') return open(command, state, context);
    if (state.status === 'absent')
      throw new DomainError('FEEDBACK_NOT_FOUND', 'there is no feedback case with this id');
    return workOn(state, command, context);
  },

  customerOf: (command, state) => (command.type === 'open' ? command.intake.customerId : customerOfCase(state)),
};

function opened({
  data,
  personal,
  metadata,
}: Extract<Recorded<FeedbackEvent>, { type: 'FeedbackCaseOpened' }>): CaseState {
  const { caseId, openedAt, kind, channel, purchaseId, payloadHash } = data;
  return {
    status: 'open',
    caseId,
    openedAt,
    intake: {
      customerId: metadata.customerId ?? '',
      kind,
      channel,
      subject: personal?.subject ?? '',
      ...(personal?.body !== undefined && { body: personal.body }),
      ...(purchaseId !== undefined && { purchaseId }),
      occurredAt: metadata.occurredAt,
    },
    payloadHash,
    responded: false,
    resolutions: 0,
    rated: false,
    changedAt: metadata.occurredAt,
  };
}

function open(
  { caseId, intake, sourceId, payloadHash }: Extract<FeedbackCommand, { type: 'open' }>,
  state: FeedbackState,
  { occurredAt }: DecisionContext,
): Decision<FeedbackEvent>[] {
  if (state.status !== 'absent') {
    assertSameDelivery(delivered(state.payloadHash, state.intake), delivered(payloadHash, intake), {
      code: 'FEEDBACK_CONFLICT',
      id: caseId,
      advice: 'a correction is a command on the case itself',
    });
    return [];
  }
  const { kind, channel, subject, body, purchaseId } = intake;
  return [
    {
      type: 'FeedbackCaseOpened',
      data: {
        caseId,
        channel,
        openedAt: occurredAt,
        kind,
        ...(sourceId !== undefined && { sourceId }),
        ...(payloadHash !== undefined && { payloadHash }),
        ...(purchaseId !== undefined && { purchaseId }),
      },
      personal: { subject, ...(body !== undefined && { body }) },
      channel,
    },
  ];
}

const delivered = (payloadHash: string | undefined, { customerId, ...told }: CaseIntake): Delivered => ({
  payloadHash,
  members: { customer: customerId, ...told },
});

function workOn(
  state: CaseState,
  command: Exclude<FeedbackCommand, { type: 'open' }>,
  context: DecisionContext,
): Decision<FeedbackEvent>[] {
  const { channel } = state.intake;
  const ofCase = { caseId: state.caseId, channel, openedAt: state.openedAt };
  switch (command.type) {
    case 'classify': {
      const { topic, severity, sentiment, urgency } = command;
      return [{ type: 'FeedbackClassified', data: { ...ofCase, topic, severity, sentiment, urgency }, channel }];
    }
    case 'assign': {
      assertOpen(state, 'assigned');
      const { agent, team, reason } = command;
      const data = { ...ofCase, agent, ...(team !== undefined && { team }), ...(reason !== undefined && { reason }) };
      return [{ type: 'FeedbackAssigned', data, channel }];
    }
    case 'respond': {
      const agent = command.agent ?? state.agent;
      const data = {
        ...ofCase,
        ...(agent !== undefined && { agent }),
        first: !state.responded,
        sinceOpenedMs: msSince(state.openedAt, context.occurredAt),
      };
      return [{ type: 'FeedbackResponded', data, personal: { message: command.message }, channel }];
    }
    case 'resolve': {
      assertOpen(state, 'resolved again');
      const occurredAt = afterLastChange(state, context);
      const agent = command.agent ?? state.agent;
      const data = {
        ...ofCase,
        resolution: command.resolution,
        ...(agent !== undefined && { agent }),
        sinceOpenedMs: msSince(state.openedAt, occurredAt),
        time: state.resolutions + 1,
      };
      return [{ type: 'FeedbackResolved', data, ...noteOf(command), channel, occurredAt }];
    }
    case 'rate': {
      assertResolved(state, 'rated');
      if (state.rated) {
        throw new DomainError(
          'CASE_ALREADY_RATED',
          'this resolution was rated already; a case is rated once per resolution',
        );
      }
      const { score, scaleMin, scaleMax, comment } = command;
      if (score < scaleMin || score > scaleMax) {
        throw new DomainError('SCORE_OUT_OF_SCALE', `the score must be from ${scaleMin} to ${scaleMax}`, {
          pointer: '/score',
        });
      }
      const data = {
        ...ofCase,
        score,
        scaleMin,
        scaleMax,
        top: score >= scaleMax - 1,
        ...(state.agent !== undefined && { agent: state.agent }),
      };
      const personal = comment === undefined ? {} : { personal: { comment } };
      return [{ type: 'FeedbackRated', data, ...personal, channel, occurredAt: afterLastChange(state, context) }];
    }
    case 'reopen': {
      assertResolved(state, 'reopened');
      const data = { ...ofCase, reason: command.reason };
      return [
        { type: 'FeedbackReopened', data, ...noteOf(command), channel, occurredAt: afterLastChange(state, context) },
      ];
    }
    default:
      return command satisfies never;
  }
}

const noteOf = ({ note }: { note?: string }): { personal?: { note: string } } =>
  note === undefined ? {} : { personal: { note } };

const msSince = (openedAt: string, occurredAt: string): number => Date.parse(occurredAt) - Date.parse(openedAt);

function assertOpen(state: CaseState, what: string): void {
  if (state.status === 'open') return;
  throw new DomainError('CASE_ALREADY_RESOLVED', `the case is resolved and cannot be ${what}; reopen it first`);
}

function assertResolved(state: CaseState, what: string): void {
  if (state.status === 'resolved') return;
  throw new DomainError('CASE_NOT_RESOLVED', `the case is open and cannot be ${what}; resolve it first`);
}

/**
 * When a step that changes the status happened. In a replay as of an instant, what counts is when things happened, so
 * steps must be in order by that too. A command that says no time means "now"; clocks that differ do not refuse it.
 */
function afterLastChange(state: CaseState, { occurredAt, now }: DecisionContext): string {
  if (occurredAt >= state.changedAt) return occurredAt;
  if (occurredAt === now) return state.changedAt;
  throw new DomainError(
    'OCCURRED_BEFORE_LAST_CHANGE',
    `occurredAt ${occurredAt} is before the case was last opened, resolved or rated, ${state.changedAt}`,
    { pointer: '/occurredAt' },
  );
}
