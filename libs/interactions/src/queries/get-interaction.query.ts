/** One interaction by its id, read from its stream: its one event is all that there is to it. */
import { Query, QueryHandler, type IQueryHandler } from '@nestjs/cqrs';
import { EntityStreams } from '@timeline/deciding';
import { Id, Instant, NestedArray, OneOf, Optional, Text, Whole } from '@timeline/http';
import { DomainError, type Position } from '@timeline/kernel';
import { AttachmentDto, DIRECTIONS, interactionStream } from '../commands/record-interaction.command.js';
import { CHANNELS, type Channel, type InteractionEvent } from '../interactions.events.js';

export class InteractionView {
  @Id()
  interactionId: string;
  /** Under which it came in, merged or not. */
  @Id()
  customerId: string;
  @OneOf(CHANNELS)
  channel: Channel;
  @OneOf(DIRECTIONS)
  direction: (typeof DIRECTIONS)[number];
  @Text()
  kind: string;
  @Optional()
  @Text()
  agent?: string;
  @Optional()
  @Text()
  subject?: string;
  @Optional()
  @Text({ max: 50_000 })
  body?: string;
  @Optional()
  @NestedArray(() => AttachmentDto)
  attachments?: AttachmentDto[];
  @Optional()
  @Whole({ min: 0 })
  durationSeconds?: number;
  @Optional()
  @Text()
  outcome?: string;
  @Optional()
  @Text()
  threadId?: string;
  @Optional()
  @Text()
  source?: string;
  @Optional()
  @Text()
  sourceId?: string;
  @Instant()
  occurredAt: string;
  @Instant()
  recordedAt: string;
}

export interface FoundInteraction {
  view: InteractionView;
  revision: number;
  position: Position | undefined;
}

export class GetInteraction extends Query<FoundInteraction> {
  constructor(
    readonly interactionId: string,
    readonly position: string | undefined,
  ) {
    super();
  }
}

@QueryHandler(GetInteraction)
export class GetInteractionHandler implements IQueryHandler<GetInteraction> {
  constructor(private readonly streams: EntityStreams) {}

  /** @throws DomainError INTERACTION_NOT_FOUND, CUSTOMER_ERASED */
  async execute({ interactionId, position }: GetInteraction): Promise<FoundInteraction> {
    const found = await this.streams.read<InteractionEvent>(interactionStream(interactionId), position);
    if (!found) throw new DomainError('INTERACTION_NOT_FOUND', 'there is no interaction with this id');
    const { first, revision } = found;
    const { payloadHash: _hash, ...told } = first.data;
    const { customerId = '', source, occurredAt } = first.metadata;
    const { recordedAt } = first;
    const view = { ...told, ...first.personal, customerId, ...(source && { source }), occurredAt, recordedAt };
    return { view, revision, position: found.position };
  }
}
