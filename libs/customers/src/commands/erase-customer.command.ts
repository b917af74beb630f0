/** Erases a customer for good. Reactions then release the identities and destroy the keys. */
import { CommandHandler, type ICommandHandler } from '@nestjs/cqrs';
import { CommandProcessor, DomainCommand, type CommandOutcome, type CommandType } from '@timeline/deciding';
import { Id, Instant, Optional, Text } from '@timeline/http';
import { customerStream } from '../customer.decider.js';
import { KnownCustomers } from '../known-customers.js';
import { onCustomer } from './on-customer.js';

export class EraseCustomerParams {
  /** For the register of erasures; it stays in the log, so never what names the person. */
  @Optional()
  @Text({ max: 200 })
  reason: string = 'requested';

  /** When it was asked for; now where absent. */
  @Optional()
  @Instant()
  occurredAt?: string;
}

export class EraseCustomerData extends EraseCustomerParams {
  @Id()
  customerId: string;
}

export class EraseCustomer extends DomainCommand<EraseCustomerData> {}

export const eraseCustomer: CommandType<EraseCustomerData> = {
  name: 'EraseCustomer',
  data: EraseCustomerData,
  command: EraseCustomer,
  target: ({ customerId }) => customerId,
  keys: ({ customerId }) => [customerStream(customerId)],
};

@CommandHandler(EraseCustomer)
export class EraseCustomerHandler implements ICommandHandler<EraseCustomer> {
  constructor(
    private readonly processor: CommandProcessor,
    private readonly known: KnownCustomers,
  ) {}

  /** @throws DomainError CUSTOMER_NOT_FOUND, CUSTOMER_ERASED */
  execute({ data: { customerId, reason, occurredAt }, context }: EraseCustomer): Promise<CommandOutcome> {
    const command = { type: 'erase', customerId, reason } as const;
    return this.known.ending(customerId, () => onCustomer(this.processor, command, occurredAt, context));
  }
}
