/** Cancels a purchase as a whole, before anything of it came back. */
import { CommandHandler, type ICommandHandler } from '@nestjs/cqrs';
import {
  CommandProcessor,
  CustomerDirectory,
  DomainCommand,
  type CommandOutcome,
  type CommandType,
} from '@timeline/deciding';
import { Id, Instant, Optional, Text } from '@timeline/http';
import { purchaseDecider } from '../purchase.decider.js';
import { purchaseStream } from './purchase-stream.js';

export class CancelPurchaseBody {
  /** From your own list; never what names the person. */
  @Optional()
  @Text({ max: 200 })
  reason?: string;

  /** When it happened; now where absent. Not before the purchase. */
  @Optional()
  @Instant()
  occurredAt?: string;
}

export class CancelPurchaseData extends CancelPurchaseBody {
  @Id()
  purchaseId: string;
}

export class CancelPurchase extends DomainCommand<CancelPurchaseData> {}

export const cancelPurchase: CommandType<CancelPurchaseData> = {
  name: 'CancelPurchase',
  data: CancelPurchaseData,
  command: CancelPurchase,
  target: ({ purchaseId }) => purchaseId,
  keys: ({ purchaseId }) => [purchaseStream(purchaseId)],
};

@CommandHandler(CancelPurchase)
export class CancelPurchaseHandler implements ICommandHandler<CancelPurchase> {
  constructor(
    private readonly processor: CommandProcessor,
    private readonly directory: CustomerDirectory,
  ) {}

  /** @throws DomainError PURCHASE_NOT_FOUND, CUSTOMER_ERASED, PURCHASE_CANCELLED, PURCHASE_HAS_RETURNS, OCCURRED_BEFORE_START */
  async execute({ data, context }: CancelPurchase): Promise<CommandOutcome> {
    const { purchaseId, reason, occurredAt } = data;
    const stream = purchaseStream(purchaseId);
    const { purchase } = (await this.processor.load(purchaseDecider, stream)).state;
    if (purchase?.customerId !== undefined) await this.directory.resolve({ customerId: purchase.customerId });
    return this.processor.execute({
      decider: purchaseDecider,
      stream,
      id: purchaseId,
      command: { type: 'cancel', purchaseId, ...(reason !== undefined && { reason }) },
      ...(occurredAt !== undefined && { occurredAt }),
      context,
    });
  }
}
