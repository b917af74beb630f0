/** What a person decides about a suspected pair: that they are two (dismissed), or one (confirmed). */
import { CommandHandler, type ICommandHandler } from '@nestjs/cqrs';
import { CommandProcessor, DomainCommand, type CommandOutcome, type CommandType } from '@timeline/deciding';
import { Field, fieldTypes, Id, Instant, Optional, Text } from '@timeline/http';
import { ConfirmedDuplicates } from '../confirmed-duplicates.port.js';
import { duplicateDecider, duplicateStream } from '../duplicate.decider.js';
import type { Pair } from '../duplicates.events.js';

const UUID = '[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}';
/** Both customers' ids, the lesser first, with a dot between them. */
export const pairIdType = fieldTypes.text({
  max: 73,
  pattern: new RegExp(`^${UUID}\\.${UUID}$`),
  meaning: 'two customer ids with a dot between them',
});

export class DismissDuplicateBody {
  /** Stays in the log, so never what names a person. */
  @Optional()
  @Text({ max: 200 })
  reason?: string;

  /** When it was decided; now where absent. */
  @Optional()
  @Instant()
  occurredAt?: string;
}

export class DismissDuplicateData extends DismissDuplicateBody {
  @Field(pairIdType)
  pairId: string;
}

export class ConfirmDuplicateBody extends DismissDuplicateBody {
  /** Whom of the two the merged customer goes by. */
  @Optional()
  @Id()
  survivor?: string;
}

export class ConfirmDuplicateData extends ConfirmDuplicateBody {
  @Field(pairIdType)
  pairId: string;
}

export class DismissDuplicate extends DomainCommand<DismissDuplicateData> {}
export class ConfirmDuplicate extends DomainCommand<ConfirmDuplicateData> {}

const keys = ({ pairId }: { pairId: string }): string[] => [duplicateStream(pairId), ...pairId.split('.')];

export const dismissDuplicate: CommandType<DismissDuplicateData> = {
  name: 'DismissDuplicate',
  data: DismissDuplicateData,
  command: DismissDuplicate,
  target: ({ pairId }) => pairId,
  keys,
};

export const confirmDuplicate: CommandType<ConfirmDuplicateData> = {
  name: 'ConfirmDuplicate',
  data: ConfirmDuplicateData,
  command: ConfirmDuplicate,
  target: ({ pairId }) => pairId,
  keys,
};

@CommandHandler(DismissDuplicate)
export class DismissDuplicateHandler implements ICommandHandler<DismissDuplicate> {
  constructor(private readonly processor: CommandProcessor) {}

  /** @throws DomainError DUPLICATE_NOT_FOUND, DUPLICATE_ALREADY_CONFIRMED, OCCURRED_IN_FUTURE, OCCURRED_BEFORE_START */
  execute({ data: { pairId, reason, occurredAt }, context }: DismissDuplicate): Promise<CommandOutcome> {
    return this.processor.execute({
      decider: duplicateDecider,
      stream: duplicateStream(pairId),
      id: pairId,
      command: { type: 'dismiss', ...(reason !== undefined && { reason }) },
      ...(occurredAt !== undefined && { occurredAt }),
      context,
    });
  }
}

@CommandHandler(ConfirmDuplicate)
export class ConfirmDuplicateHandler implements ICommandHandler<ConfirmDuplicate> {
  constructor(
    private readonly processor: CommandProcessor,
    private readonly confirmed: ConfirmedDuplicates,
  ) {}

  /** @throws DomainError DUPLICATE_NOT_FOUND, SURVIVOR_NOT_OF_PAIR; whatever the merge throws */
  async execute({
    data: { pairId, survivor, reason, occurredAt },
    context,
  }: ConfirmDuplicate): Promise<CommandOutcome> {
    const outcome = await this.processor.execute({
      decider: duplicateDecider,
      stream: duplicateStream(pairId),
      id: pairId,
      command: {
        type: 'confirm',
        ...(survivor !== undefined && { survivor }),
        ...(reason !== undefined && { reason }),
      },
      ...(occurredAt !== undefined && { occurredAt }),
      context,
    });
    const [a = '', b = ''] = pairId.split('.');
    const customers: Pair = [a, b];
    await this.confirmed.merge({ customers, ...(survivor !== undefined && { survivor }) }, context);
    return outcome;
  }
}
