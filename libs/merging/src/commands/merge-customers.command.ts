/**
 * Merges customers: they are shown as one from now on, under the id of any of them. Customers that are merged already may
 * be merged further; nothing is rewritten, so it takes as long whatever there is of them.
 */
import { CommandHandler, type ICommandHandler } from '@nestjs/cqrs';
import { CommandProcessor, DomainCommand, type CommandOutcome, type CommandType } from '@timeline/deciding';
import { fieldTypes, Id, ListOf, NestedArray, OneOf, Optional, Text } from '@timeline/http';
import { deriveId } from '@timeline/kernel';
import { mergeDecider, mergeStream } from '../merge.decider.js';
import { CHOSEN_FIELDS, type ChosenField } from '../merging.events.js';
import { MergingSettings } from '../merging-settings.js';
import { MergeMembers } from './merge-members.js';

export class FieldChoiceDto {
  @OneOf(CHOSEN_FIELDS)
  field: ChosenField;

  /** The customer whose value is taken. */
  @Id()
  from: string;
}

export class MergeCustomersData {
  /** Whom the group goes by from now on. */
  @Id()
  survivor: string;

  /** Further ones go into another merge; a group may have any number. */
  @ListOf(fieldTypes.id(), { min: 1, max: 100, unique: true })
  others: string[];

  /** Fields whose value is taken from one of them, whatever the others say. */
  @Optional()
  @NestedArray(() => FieldChoiceDto, { min: 1, max: CHOSEN_FIELDS.length })
  choices?: FieldChoiceDto[];

  /** Sources whose values count before those of all others, the best first; as configured where absent. */
  @Optional()
  @ListOf(fieldTypes.text({ max: 60 }), { max: 50, unique: true })
  sourceRank?: string[];

  /** From your own list; it stays in the log, so never what names the person. */
  @Optional()
  @Text({ max: 200 })
  reason?: string;
}

export class MergeCustomers extends DomainCommand<MergeCustomersData> {}

export const mergeCustomers: CommandType<MergeCustomersData> = {
  name: 'MergeCustomers',
  data: MergeCustomersData,
  command: MergeCustomers,
  target: () => '',
  keys: ({ survivor, others }) => [survivor, ...others].map((customerId) => `customer-${customerId}`),
};

@CommandHandler(MergeCustomers)
export class MergeCustomersHandler implements ICommandHandler<MergeCustomers> {
  constructor(
    private readonly processor: CommandProcessor,
    private readonly members: MergeMembers,
    private readonly settings: MergingSettings,
  ) {}

  /** @throws DomainError CUSTOMER_NOT_FOUND, CUSTOMER_ERASED, and what the decider refuses */
  async execute({ data, context }: MergeCustomers): Promise<CommandOutcome> {
    const { survivor, others, choices, reason } = data;
    await this.members.assertThere(survivor, '/survivor');
    for (const [index, other] of others.entries()) await this.members.assertThere(other, `/others/${index}`);
    const mergeId = deriveId('merge', context.commandId);
    // Copied into the fact: what is configured later changes later merges only.
    const sourceRank = data.sourceRank ?? this.settings.sourceRank;
    return this.processor.execute({
      decider: mergeDecider,
      stream: mergeStream(mergeId),
      id: mergeId,
      command: {
        type: 'merge',
        mergeId,
        survivor,
        others,
        ...(choices && { choices: choices.map(({ field, from }) => ({ field, from })) }),
        ...(sourceRank.length > 0 && { sourceRank: [...sourceRank] }),
        ...(reason !== undefined && { reason }),
      },
      context,
    });
  }
}
