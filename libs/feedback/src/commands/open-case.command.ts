/** Opens a case. With `source` and `sourceId` it is opened once, however often and by whatever way it is delivered. */
import { CommandHandler, type ICommandHandler } from '@nestjs/cqrs';
import {
  CommandProcessor,
  CustomerDirectory,
  customerKeyOf,
  CustomerRefDto,
  DomainCommand,
  type CommandOutcome,
  type CommandType,
} from '@timeline/deciding';
import { Check, Id, Instant, Nested, OneOf, Optional, Text, violation } from '@timeline/http';
import { KeyedHashes } from '@timeline/key-store';
import { canonicalJson, deriveId } from '@timeline/kernel';
import { CHANNELS, type Channel } from '../../../interactions/src/interactions.events.js';
import { feedbackDecider } from '../feedback.decider.js';
import { FEEDBACK_KINDS, type FeedbackKind } from '../feedback.events.js';
import { caseStream } from './case-commands.js';

@Check(
  ({ source, sourceId }: OpenCaseData) =>
    (source === undefined) === (sourceId === undefined)
      ? []
      : [violation(source === undefined ? '/source' : '/sourceId', 'REQUIRED', 'source and sourceId go together')],
  { schema: { dependentRequired: { source: ['sourceId'], sourceId: ['source'] } } },
)
export class OpenCaseData {
  @Nested(() => CustomerRefDto)
  customer: CustomerRefDto;

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

  /** When it happened; now where absent. */
  @Optional()
  @Instant()
  occurredAt?: string;

  /** The system that it comes from. */
  @Optional()
  @Text({ max: 60 })
  source?: string;

  /** That system's own id for it. */
  @Optional()
  @Text({ max: 200 })
  sourceId?: string;
}

export class OpenCase extends DomainCommand<OpenCaseData> {}

/** Undefined where the case is not known by its source, so that its id is the command's. */
const caseIdOfSource = ({ source, sourceId }: OpenCaseData): string | undefined =>
  source !== undefined && sourceId !== undefined ? deriveId('feedback', source, sourceId) : undefined;

export const openCase: CommandType<OpenCaseData> = {
  name: 'OpenFeedbackCase',
  data: OpenCaseData,
  command: OpenCase,
  target: () => '',
  keys: (data) => {
    const caseId = caseIdOfSource(data);
    return [customerKeyOf(data.customer), ...(caseId === undefined ? [] : [caseStream(caseId)])];
  },
};

@CommandHandler(OpenCase)
export class OpenCaseHandler implements ICommandHandler<OpenCase> {
  constructor(
    private readonly processor: CommandProcessor,
    private readonly directory: CustomerDirectory,
    private readonly hashes: KeyedHashes,
  ) {}

  /** @throws DomainError CUSTOMER_NOT_FOUND, CUSTOMER_ERASED, FEEDBACK_CONFLICT */
  async execute({ data, context }: OpenCase): Promise<CommandOutcome> {
    const { customer, source, sourceId, kind, channel, subject, body, purchaseId, occurredAt } = data;
    const { customerId } = await this.directory.resolve(customer, '/customer');
    const caseId = caseIdOfSource(data) ?? deriveId('feedback', context.commandId);
    return this.processor.execute({
      decider: feedbackDecider,
      stream: caseStream(caseId),
      id: caseId,
      command: {
        type: 'open',
        caseId,
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
        payloadHash: this.hashes.hashBody(canonicalJson(data)),
      },
      ...(occurredAt !== undefined && { occurredAt }),
      context: source === undefined ? context : { ...context, source },
    });
  }
}
