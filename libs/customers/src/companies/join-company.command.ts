/** A person belongs to a company; again with another role or day. */
import { CommandHandler, type ICommandHandler } from '@nestjs/cqrs';
import {
  CommandProcessor,
  CustomerDirectory,
  DomainCommand,
  type CommandOutcome,
  type CommandType,
} from '@timeline/deciding';
import { Id, Instant, Optional, PlainDate, Text } from '@timeline/http';
import { DomainError } from '@timeline/kernel';
import { onCustomer } from '../commands/on-customer.js';
import { customerDecider, customerStream } from '../customer.decider.js';

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
  constructor(
    private readonly processor: CommandProcessor,
    private readonly directory: CustomerDirectory,
  ) {}

  /**
   * @throws DomainError CUSTOMER_NOT_FOUND, CUSTOMER_ERASED, NOT_A_PERSON, NOT_A_COMPANY, TOO_MANY_COMPANIES,
   * MEMBERSHIP_OUT_OF_ORDER
   */
  async execute({ data, context }: JoinCompany): Promise<CommandOutcome> {
    const { customerId, companyId, role, from, occurredAt } = data;
    await this.#assertCompany(companyId);
    const told = { ...(role !== undefined && { role }), ...(from !== undefined && { from }) };
    const command = { type: 'join-company', customerId, companyId, ...told } as const;
    return onCustomer(this.processor, command, occurredAt, context);
  }

  async #assertCompany(companyId: string): Promise<void> {
    try {
      await this.directory.resolve({ customerId: companyId });
    } catch (error) {
      // Of the two it is the company that is not there.
      if (!(error instanceof DomainError)) throw error;
      throw new DomainError(error.code, error.message, { pointer: '/companyId' });
    }
    const { state } = await this.processor.load(customerDecider, customerStream(companyId));
    if (state.kind !== 'company')
      throw new DomainError('NOT_A_COMPANY', 'this customer is not a company', { pointer: '/companyId' });
  }
}
