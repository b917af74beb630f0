/** Gives points to a customer: opens a lot in the customer's ledger. */
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
import { Id, Instant, Nested, Optional, Text, Whole } from '@timeline/http';
import { loyaltyDecider } from '../loyalty.decider.js';
import { loyaltyStream, POINTS } from './loyalty-stream.js';

export class EarnPointsBody {
  @Whole(POINTS)
  points: number;

  /** From your own list; never what names the person. */
  @Text({ max: 200 })
  reason: string;

  /** The purchase that they are for. */
  @Optional()
  @Id()
  purchaseId?: string;

  /** The points can be spent until just before it; for good where absent. */
  @Optional()
  @Instant()
  expiresAt?: string;

  /** When it happened; now where absent. */
  @Optional()
  @Instant()
  occurredAt?: string;
}

export class EarnPointsData extends EarnPointsBody {
  @Nested(() => CustomerRefDto)
  customer: CustomerRefDto;
}

export class EarnPoints extends DomainCommand<EarnPointsData> {}

export const earnPoints: CommandType<EarnPointsData> = {
  name: 'EarnPoints',
  data: EarnPointsData,
  command: EarnPoints,
  target: ({ customer }) => customerKeyOf(customer),
  keys: ({ customer }) => [customerKeyOf(customer)],
};

@CommandHandler(EarnPoints)
export class EarnPointsHandler implements ICommandHandler<EarnPoints> {
  constructor(
    private readonly processor: CommandProcessor,
    private readonly directory: CustomerDirectory,
  ) {}

  /** @throws DomainError CUSTOMER_NOT_FOUND, CUSTOMER_ERASED, and what the decider refuses */
  async execute({ data, context }: EarnPoints): Promise<CommandOutcome> {
    const { customer, occurredAt, points, reason, purchaseId, expiresAt } = data;
    const { customerId } = await this.directory.resolve(customer, '/customer');
    return this.processor.execute({
      decider: loyaltyDecider,
      stream: loyaltyStream(customerId),
      id: customerId,
      command: {
        type: 'earn',
        customerId,
        points,
        reason,
        ...(purchaseId !== undefined && { purchaseId }),
        ...(expiresAt !== undefined && { expiresAt }),
      },
      ...(occurredAt !== undefined && { occurredAt }),
      context,
    });
  }
}
