/** Opens a case. With `source` and `sourceId` it is opened once, however often and by whatever way it is delivered. */
import { CommandHandler, type ICommandHandler } from '@nestjs/cqrs';
import {
  DeliveryDto,
  deliveryKeys,
  DomainCommand,
  Intake,
  type CommandOutcome,
  type CommandType,
  type IntakeKind,
  sharedDeliveryKeys,
} from '@timeline/deciding';
import { Id, OneOf, Optional, Text } from '@timeline/http';
import { CHANNELS, type Channel } from '../../../interactions/src/interactions.events.js';
import { feedbackDecider } from '../feedback.decider.js';
import { FEEDBACK_KINDS, type FeedbackKind } from '../feedback.events.js';
import { caseStream } from './case-commands.js';

export class OpenCaseData extends DeliveryDto {
  @OneOf(FEEDBACK_KINDS)
  kind: FeedbackKind;

  @OneOf(CHANNELS)
  channel: Channel;

  @Text({ max: 500 })
  subject: string;

  @Optional()
  @Text({ max: 10_000 })
  body?: string;

  /** The purchase that it is about. */
  @Optional()
  @Id()
  purchaseId?: string;
}

export class OpenCase extends DomainCommand<OpenCaseData> {}

const cases: IntakeKind = { name: 'feedback', stream: caseStream };

export const openCase: CommandType<OpenCaseData> = {
  name: 'OpenFeedbackCase',
  data: OpenCaseData,
  command: OpenCase,
  target: () => '',
  keys: (data) => deliveryKeys(cases, data),
  sharedKeys: sharedDeliveryKeys,
};

@CommandHandler(OpenCase)
export class OpenCaseHandler implements ICommandHandler<OpenCase> {
  constructor(private readonly intake: Intake) {}

  /** @throws DomainError CUSTOMER_NOT_FOUND, CUSTOMER_ERASED, FEEDBACK_CONFLICT */
  execute({ data, context }: OpenCase): Promise<CommandOutcome> {
    const { sourceId, kind, channel, subject, body, purchaseId, occurredAt } = data;
    return this.intake.take(cases, feedbackDecider, data, context, ({ id, customerId, payloadHash }) => ({
      type: 'open' as const,
      caseId: id,
      intake: {
        customerId,
        kind,
        channel,
        subject,
        ...(body !== undefined && { body }),
        ...(purchaseId !== undefined && { purchaseId }),
        ...(occurredAt !== undefined && { occurredAt }),
      },
      ...(sourceId !== undefined && { sourceId }),
      payloadHash,
    }));
  }
}
