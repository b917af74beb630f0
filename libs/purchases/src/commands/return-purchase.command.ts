/** Takes back a purchase, whole or in parts, over one or several returns. */
import { CommandHandler, type ICommandHandler } from '@nestjs/cqrs';
import {
  CommandProcessor,
  CustomerDirectory,
  DomainCommand,
  type CommandOutcome,
  type CommandType,
} from '@timeline/deciding';
import { DecimalAmount, Id, Instant, NestedArray, Optional, Text } from '@timeline/http';
import { purchaseDecider, type LineToReturn } from '../purchase.decider.js';
import { MAX_LINES, purchaseStream, QUANTITY } from './purchase-stream.js';

/** Above 0: a return of nothing would be none. */
const PAID_BACK = { min: '0.0000000001' };

export class LineToReturnDto implements LineToReturn {
  @Text({ max: 60 })
  lineId: string;

  @DecimalAmount(QUANTITY)
  quantity: string;

  /** What is paid back; the share by quantity where absent. */
  @Optional()
  @DecimalAmount({ min: '0' })
  amount?: string;
}

export class ReturnPurchaseBody {
  /** All that is left of the purchase where lines, shipping and tax are absent. */
  @Optional()
  @NestedArray(() => LineToReturnDto, { min: 1, max: MAX_LINES })
  lines?: LineToReturnDto[];

  /** What is paid back of the shipping. */
  @Optional()
  @DecimalAmount(PAID_BACK)
  shipping?: string;

  /** What is paid back of the tax. */
  @Optional()
  @DecimalAmount(PAID_BACK)
  tax?: string;

  /** From your own list; never what names the person. */
  @Optional()
  @Text({ max: 200 })
  reason?: string;

  /** When it happened; now where absent. Not before the purchase. */
  @Optional()
  @Instant()
  occurredAt?: string;
}

export class ReturnPurchaseData extends ReturnPurchaseBody {
  @Id()
  purchaseId: string;
}

export class ReturnPurchase extends DomainCommand<ReturnPurchaseData> {}

export const returnPurchase: CommandType<ReturnPurchaseData> = {
  name: 'ReturnPurchase',
  data: ReturnPurchaseData,
  command: ReturnPurchase,
  target: ({ purchaseId }) => purchaseId,
  keys: ({ purchaseId }) => [purchaseStream(purchaseId)],
};

@CommandHandler(ReturnPurchase)
export class ReturnPurchaseHandler implements ICommandHandler<ReturnPurchase> {
  constructor(
    private readonly processor: CommandProcessor,
    private readonly directory: CustomerDirectory,
  ) {}

  /** @throws DomainError PURCHASE_NOT_FOUND, CUSTOMER_ERASED, OCCURRED_BEFORE_START, PURCHASE_CANCELLED and what the decider refuses */
  async execute({ data, context }: ReturnPurchase): Promise<CommandOutcome> {
    const { purchaseId, lines, shipping, tax, reason, occurredAt } = data;
    const stream = purchaseStream(purchaseId);
    const { purchase } = (await this.processor.load(purchaseDecider, stream)).state;
    if (purchase?.customerId !== undefined) await this.directory.resolve({ customerId: purchase.customerId });
    return this.processor.execute({
      decider: purchaseDecider,
      stream,
      id: purchaseId,
      command: {
        type: 'return',
        purchaseId,
        ...(lines && { lines }),
        ...(shipping !== undefined && { shipping }),
        ...(tax !== undefined && { tax }),
        ...(reason !== undefined && { reason }),
      },
      ...(occurredAt !== undefined && { occurredAt }),
      context,
    });
  }
}
