/** Moves a customer to another lifecycle stage. Moving back needs a reason. */
import { CommandHandler, type ICommandHandler } from '@nestjs/cqrs';
import { CommandProcessor, DomainCommand, type CommandOutcome, type CommandType } from '@timeline/deciding';
import { Id, Instant, OneOf, Optional, Text } from '@timeline/http';
import { StandardsInForce } from '@timeline/standards';
import { customerStream } from '../customer.decider.js';
import { LIFECYCLE_STAGES, type LifecycleStage } from '../customers.events.js';
import { checksOf } from './held-to-standards.js';
import { onCustomer } from './on-customer.js';

export class ChangeLifecycleStageBody {
  @OneOf(LIFECYCLE_STAGES)
  to: LifecycleStage;

  /** Required for a move back; never what names the person. */
  @Optional()
  @Text({ max: 200 })
  reason?: string;

  /** When it happened; now where absent. */
  @Optional()
  @Instant()
  occurredAt?: string;
}

export class ChangeLifecycleStageData extends ChangeLifecycleStageBody {
  @Id()
  customerId: string;
}

export class ChangeLifecycleStage extends DomainCommand<ChangeLifecycleStageData> {}

export const changeLifecycleStage: CommandType<ChangeLifecycleStageData> = {
  name: 'ChangeLifecycleStage',
  data: ChangeLifecycleStageData,
  command: ChangeLifecycleStage,
  target: ({ customerId }) => customerId,
  keys: ({ customerId }) => [customerStream(customerId)],
};

@CommandHandler(ChangeLifecycleStage)
export class ChangeLifecycleStageHandler implements ICommandHandler<ChangeLifecycleStage> {
  constructor(
    private readonly processor: CommandProcessor,
    private readonly standards: StandardsInForce,
  ) {}

  /**
   * @throws DomainError CUSTOMER_NOT_FOUND, CUSTOMER_ERASED, STAGE_MOVE_REFUSED, STAGE_REASON_REQUIRED, STAGE_GUARD_FAILED,
   * STAGE_OUT_OF_ORDER, STANDARD_REFUSED
   */
  async execute({
    data: { customerId, to, reason, occurredAt },
    context,
  }: ChangeLifecycleStage): Promise<CommandOutcome> {
    const checks = checksOf(await this.standards.current());
    const command = { type: 'change-stage', customerId, checks, to, ...(reason !== undefined && { reason }) } as const;
    return onCustomer(this.processor, command, occurredAt, context);
  }
}
