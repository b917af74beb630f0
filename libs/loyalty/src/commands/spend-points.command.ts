/** Takes points from a customer's ledger, those first that expire soonest. */
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
import { Instant, Nested, Optional, Text, Whole } from '@timeline/http';
import { loyaltyDecider } from '../loyalty.decider.js';
import { loyaltyStream, POINTS } from './loyalty-stream.js';

export class SpendPointsBody {
  @Whole(POINTS)
  points: number;

  /** From your own list; never what names the person. */
  @Text({ max: 200 })
  reason: string;

  /** When it happened; now where absent. Only points that were there at that instant can be spent. */
  @Optional()
  @Instant()
  occurredAt?: string;
}

export class SpendPointsData extends SpendPointsBody {
  @Nested(() => CustomerRefDto)
  customer: CustomerRefDto;
}

export class SpendPoints extends DomainCommand<SpendPointsData> {}

export const spendPoints: CommandType<SpendPointsData> = {
  name: 'SpendPoints',
  data: SpendPointsData,
  command: SpendPoints,
  target: ({ customer }) => customerKeyOf(customer),
  keys: ({ customer }) => [customerKeyOf(customer)],
};

@CommandHandler(SpendPoints)
export class SpendPointsHandler implements ICommandHandler<SpendPoints> {
  constructor(
    private readonly processor: CommandProcessor,
    private readonly directory: CustomerDirectory,
  ) {}

  /** @throws DomainError CUSTOMER_NOT_FOUND, CUSTOMER_ERASED, INSUFFICIENT_POINTS */
  async execute({ data, context }: SpendPoints): Promise<CommandOutcome> {
    const { customer, occurredAt, points, reason } = data;
    const { customerId } = await this.directory.resolve(customer, '/customer');
    return this.processor.execute({
      decider: loyaltyDecider,
      stream: loyaltyStream(customerId),
      id: customerId,
      command: { type: 'spend', customerId, points, reason },
      ...(occurredAt !== undefined && { occurredAt }),
      context,
    });
  }
}
