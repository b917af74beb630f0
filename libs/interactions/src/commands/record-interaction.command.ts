/** Records an interaction. With `source` and `sourceId` it is recorded once, however often and by whatever way it is delivered. */
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
import { NestedArray, OneOf, Optional, Text, Whole } from '@timeline/http';
import { defined } from '@timeline/kernel';
import { interactionDecider } from '../interaction.decider.js';
import { CHANNELS, type Attachment, type Channel } from '../interactions.events.js';

export const DIRECTIONS = ['inbound', 'outbound'] as const;

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

export class RecordInteractionData extends DeliveryDto {
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
}

export class RecordInteraction extends DomainCommand<RecordInteractionData> {}

export const interactionStream = (interactionId: string): string => `interaction-${interactionId}`;

const interactions: IntakeKind = { name: 'interaction', stream: interactionStream };

export const recordInteraction: CommandType<RecordInteractionData> = {
  name: 'RecordInteraction',
  data: RecordInteractionData,
  command: RecordInteraction,
  target: () => '',
  keys: (data) => deliveryKeys(interactions, data),
  sharedKeys: sharedDeliveryKeys,
};

@CommandHandler(RecordInteraction)
export class RecordInteractionHandler implements ICommandHandler<RecordInteraction> {
  constructor(private readonly intake: Intake) {}

  /** @throws DomainError CUSTOMER_NOT_FOUND, CUSTOMER_ERASED, INTERACTION_CONFLICT */
  execute({ data, context }: RecordInteraction): Promise<CommandOutcome> {
    // Named one by one: to take the rest of an object costs 2 µs.
    const { channel, direction, kind, agent, durationSeconds, outcome, threadId, sourceId } = data;
    const { occurredAt, subject, body, attachments } = data;
    const told = { channel, direction, kind, agent, durationSeconds, outcome, threadId, sourceId };
    return this.intake.take(interactions, interactionDecider, data, context, ({ id, customerId, payloadHash }) =>
      defined({
        customerId,
        data: defined({ interactionId: id, ...told, payloadHash }),
        personal: defined({ subject, body, attachments: attachments?.map((attachment) => ({ ...attachment })) }),
        occurredAt,
      }),
    );
  }
}
