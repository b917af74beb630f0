/**
 * Undoes a merge: whom only it held together part again, each with what came in under its own id before, meanwhile and
 * since. Not once nothing of it is left to undo, because its members were erased.
 */
import { CommandHandler, type ICommandHandler } from '@nestjs/cqrs';
import { CommandProcessor, DomainCommand, type CommandOutcome, type CommandType } from '@timeline/deciding';
import { Id, Optional, Text } from '@timeline/http';
import { DomainError } from '@timeline/kernel';
import { mergeDecider, mergeNotFound, mergeStream } from '../merge.decider.js';
import { MergeMembers } from './merge-members.js';

export class UnmergeCustomersBody {
  /** From your own list; it stays in the log, so never what names the person. */
  @Optional()
  @Text({ max: 200 })
  reason?: string;
}

export class UnmergeCustomersData extends UnmergeCustomersBody {
  @Id()
  mergeId: string;
}

export class UnmergeCustomers extends DomainCommand<UnmergeCustomersData> {}

export const unmergeCustomers: CommandType<UnmergeCustomersData> = {
  name: 'UnmergeCustomers',
  data: UnmergeCustomersData,
  command: UnmergeCustomers,
  target: ({ mergeId }) => mergeId,
  keys: ({ mergeId }) => [mergeStream(mergeId)],
};

@CommandHandler(UnmergeCustomers)
export class UnmergeCustomersHandler implements ICommandHandler<UnmergeCustomers> {
  constructor(
    private readonly processor: CommandProcessor,
    private readonly members: MergeMembers,
  ) {}

  /** @throws DomainError MERGE_NOT_FOUND, MERGE_ALREADY_UNDONE, CUSTOMER_ERASED */
  async execute({ data: { mergeId, reason }, context }: UnmergeCustomers): Promise<CommandOutcome> {
    const stream = mergeStream(mergeId);
    const { state } = await this.processor.load(mergeDecider, stream);
    if (state.status === 'unknown') throw mergeNotFound();
    await this.#assertHoldsSomebody(state);
    return this.processor.execute({
      decider: mergeDecider,
      stream,
      id: mergeId,
      command: { type: 'unmerge', ...(reason !== undefined && { reason }) },
      context,
    });
  }

  async #assertHoldsSomebody({ survivor, others }: { survivor: string; others: string[] }): Promise<void> {
    if (!(await this.members.isErased(survivor))) {
      for (const other of others) if (!(await this.members.isErased(other))) return;
    }
    throw new DomainError('CUSTOMER_ERASED', 'the customers of this merge were erased; there is nothing to undo');
  }
}
