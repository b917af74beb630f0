/** A pair that a person confirmed is merged, by the command that everybody's merges go through. */
import { Injectable } from '@nestjs/common';
import { Commands, type CommandContext } from '@timeline/deciding';
import { ConfirmedDuplicates, type Pair } from '@timeline/duplicates';
import { mergeCustomers } from '@timeline/merging';

@Injectable()
export class MergeConfirmed extends ConfirmedDuplicates {
  constructor(private readonly commands: Commands) {
    super();
  }

  /** Keyed by the confirmation, so that one that is sent again merges nothing anew. */
  override async merge(
    { customers, survivor = customers[0] }: { customers: Pair; survivor?: string },
    { commandId, actor, correlationId }: CommandContext,
  ): Promise<void> {
    const others = customers.filter((customerId) => customerId !== survivor);
    await this.commands.dispatch(
      mergeCustomers,
      { survivor, others, reason: 'confirmed duplicate' },
      { caller: 'duplicates', idempotencyKey: commandId, actor, correlationId, causationId: commandId },
    );
  }
}
