/** A person belongs to a company; again with another role or day. */
import { CommandHandler, type ICommandHandler } from '@nestjs/cqrs';
import { CommandProcessor, DomainCommand, type CommandOutcome, type CommandType } from '@timeline/deciding';
import { Id, Instant, Optional, PlainDate, Text } from '@timeline/http';
import { DomainError } from '@timeline/kernel';
import { onCustomer } from '../commands/on-customer.js';
import { customerDecider, customerErased, customerStream } from '../customer.decider.js';

export class JoinCompanyBody {
  /** A customer of kind company. */
  @Id()
  companyId: string;

  /** As what: buyer, owner. From your own list; never what names the person. */
  @Optional()
  @Text({ max: 100 })
  role?: string;

  /** The first day, where it is known. */
  @Optional()
  @PlainDate()
  from?: string;

  /** When it happened; now where absent. */
  @Optional()
  @Instant()
  occurredAt?: string;
}

export class JoinCompanyData extends JoinCompanyBody {
  @Id()
  customerId: string;
}

export class JoinCompany extends DomainCommand<JoinCompanyData> {}

export const joinCompany: CommandType<JoinCompanyData> = {
  name: 'JoinCompany',
  data: JoinCompanyData,
  command: JoinCompany,
  target: ({ customerId }) => customerId,
  keys: ({ customerId, companyId }) => [customerStream(customerId), customerStream(companyId)],
};

@CommandHandler(JoinCompany)
export class JoinCompanyHandler implements ICommandHandler<JoinCompany> {
  constructor(private readonly processor: CommandProcessor) {}

  /**
   * @throws DomainError CUSTOMER_NOT_FOUND, CUSTOMER_ERASED, NOT_A_PERSON, NOT_A_COMPANY, TOO_MANY_COMPANIES,
   * MEMBERSHIP_OUT_OF_ORDER
   */
  async execute({ data, context }: JoinCompany): Promise<CommandOutcome> {
    const { customerId, companyId, role, from, occurredAt } = data;
    // Whatever became of the company since.
    const done = await this.processor.doneBefore(customerStream(customerId), context);
    if (done) return { id: customerId, ...done };
    await this.#assertCompany(companyId);
    const told = { ...(role !== undefined && { role }), ...(from !== undefined && { from }) };
    const command = { type: 'join-company', customerId, companyId, ...told } as const;
    return onCustomer(this.processor, command, occurredAt, context);
  }

  async #assertCompany(companyId: string): Promise<void> {
    const pointer = '/companyId';
    const { status, kind } = (await this.processor.load(customerDecider, customerStream(companyId))).state;
    if (status === 'unknown')
      throw new DomainError('CUSTOMER_NOT_FOUND', 'no such customer is registered', { pointer });
    if (status === 'erased') throw customerErased(pointer);
    if (kind !== 'company') throw new DomainError('NOT_A_COMPANY', 'this customer is not a company', { pointer });
  }
}
