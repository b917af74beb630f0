/** A person does not belong to a company any more. */
import { CommandHandler, type ICommandHandler } from '@nestjs/cqrs';
import { CommandProcessor, DomainCommand, type CommandOutcome, type CommandType } from '@timeline/deciding';
import { Id, Instant, Optional, PlainDate, Text } from '@timeline/http';
import { onCustomer } from '../commands/on-customer.js';
import { customerStream } from '../customer.decider.js';

export class LeaveCompanyBody {
  /** The last day, where it is known. */
  @Optional()
  @PlainDate()
  to?: string;

  /** From your own list; never what names the person. */
  @Optional()
  @Text({ max: 200 })
  reason?: string;

  /** When it happened; now where absent. */
  @Optional()
  @Instant()
  occurredAt?: string;
}

export class LeaveCompanyData extends LeaveCompanyBody {
  @Id()
  customerId: string;

  @Id()
  companyId: string;
}

export class LeaveCompany extends DomainCommand<LeaveCompanyData> {}

export const leaveCompany: CommandType<LeaveCompanyData> = {
  name: 'LeaveCompany',
  data: LeaveCompanyData,
  command: LeaveCompany,
  target: ({ customerId, companyId }) => `${customerId}/${companyId}`,
  keys: ({ customerId, companyId }) => [customerStream(customerId), customerStream(companyId)],
};

@CommandHandler(LeaveCompany)
export class LeaveCompanyHandler implements ICommandHandler<LeaveCompany> {
  constructor(private readonly processor: CommandProcessor) {}

  /** @throws DomainError CUSTOMER_NOT_FOUND, CUSTOMER_ERASED, NOT_IN_COMPANY, LEFT_BEFORE_JOINED, MEMBERSHIP_OUT_OF_ORDER */
  execute({ data, context }: LeaveCompany): Promise<CommandOutcome> {
    const { customerId, companyId, to, reason, occurredAt } = data;
    const told = { ...(to !== undefined && { to }), ...(reason !== undefined && { reason }) };
    const command = { type: 'leave-company', customerId, companyId, ...told } as const;
    return onCustomer(this.processor, command, occurredAt, context);
  }
}
