/** Records an interaction. With `source` and `sourceId` it is recorded once, however often and by whatever way it is delivered. */
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
import { Check, Instant, Nested, NestedArray, OneOf, Optional, Text, violation, Whole } from '@timeline/http';
import { KeyedHashes } from '@timeline/key-store';
import { canonicalJson, deriveId } from '@timeline/kernel';
import { interactionDecider } from '../interaction.decider.js';
import { CHANNELS, type Attachment, type Channel } from '../interactions.events.js';

const DIRECTIONS = ['inbound', 'outbound'] as const;

export class AttachmentDto implements Attachment {
  @Text({ max: 200 })
  name: string;

  /** Where it is kept; we keep the reference only. */
  @Text({ max: 2000, pattern: /^https:\/\/[^\s/?#@\\]+([/?#]\S*)?$/, meaning: 'an https URL without a password' })
  url: string;

  @Optional()
  @Text({ max: 100, pattern: /^[\w.+-]+\/[\w.+-]+$/, meaning: 'a media type, such as image/png' })
  mediaType?: string;
}

@Check(
  ({ source, sourceId }: RecordInteractionData) =>
    (source === undefined) === (sourceId === undefined)
      ? []
      : [violation(source === undefined ? '/source' : '/sourceId', 'REQUIRED', 'source and sourceId go together')],
  { schema: { dependentRequired: { source: ['sourceId'], sourceId: ['source'] } } },
)
export class RecordInteractionData {
  @Nested(() => CustomerRefDto)
  customer: CustomerRefDto;

  @OneOf(CHANNELS)
  channel: Channel;

  @OneOf(DIRECTIONS)
  direction: (typeof DIRECTIONS)[number];

  /** What it was, e.g. `call`, `visit`, `newsletter-opened`; never what names the person. */
  @Text({ max: 60 })
  kind: string;

  /** Who spoke for us. */
  @Optional()
  @Text({ max: 100 })
  agent?: string;

  @Optional()
  @Text({ max: 500 })
  subject?: string;

  @Optional()
  @Text({ max: 50_000 })
  body?: string;

  @Optional()
  @NestedArray(() => AttachmentDto, { min: 1, max: 50 })
  attachments?: AttachmentDto[];

  @Optional()
  @Whole({ min: 0, max: 31_536_000 })
  durationSeconds?: number;

  /** What came of it, from your own list; never what names the person. */
  @Optional()
  @Text({ max: 100 })
  outcome?: string;

  /** What interactions of one conversation share, over channels. */
  @Optional()
  @Text({ max: 200 })
  threadId?: string;

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

export class RecordInteraction extends DomainCommand<RecordInteractionData> {}

export const interactionStream = (interactionId: string): string => `interaction-${interactionId}`;

/** Undefined where the interaction is not known by its source, so that its id is the command's. */
const idOfSource = ({ source, sourceId }: RecordInteractionData): string | undefined =>
  source !== undefined && sourceId !== undefined ? deriveId('interaction', source, sourceId) : undefined;

export const recordInteraction: CommandType<RecordInteractionData> = {
  name: 'RecordInteraction',
  data: RecordInteractionData,
  command: RecordInteraction,
  target: () => '',
  keys: (data) => {
    const interactionId = idOfSource(data);
    return [customerKeyOf(data.customer), ...(interactionId === undefined ? [] : [interactionStream(interactionId)])];
  },
};

@CommandHandler(RecordInteraction)
export class RecordInteractionHandler implements ICommandHandler<RecordInteraction> {
  constructor(
    private readonly processor: CommandProcessor,
    private readonly directory: CustomerDirectory,
    private readonly hashes: KeyedHashes,
  ) {}

  /** @throws DomainError CUSTOMER_NOT_FOUND, CUSTOMER_ERASED, INTERACTION_CONFLICT */
  async execute({ data, context }: RecordInteraction): Promise<CommandOutcome> {
    const { customer, source, occurredAt, subject, body, attachments, ...recorded } = data;
    const { customerId } = await this.directory.resolve(customer, '/customer');
    const interactionId = idOfSource(data) ?? deriveId('interaction', context.commandId);
    return this.processor.execute({
      decider: interactionDecider,
      stream: interactionStream(interactionId),
      id: interactionId,
      command: {
        customerId,
        data: { ...recorded, interactionId, payloadHash: this.hashes.hashBody(canonicalJson(data)) },
        personal: {
          ...(subject !== undefined && { subject }),
          ...(body !== undefined && { body }),
          ...(attachments && { attachments: attachments.map((attachment) => ({ ...attachment })) }),
        },
        ...(occurredAt !== undefined && { occurredAt }),
      },
      ...(occurredAt !== undefined && { occurredAt }),
      context: source === undefined ? context : { ...context, source },
    });
  }
}
