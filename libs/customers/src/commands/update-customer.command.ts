/** Changes what is known of a customer. What is left out stays; `null` removes. */
import { CommandHandler, type ICommandHandler } from '@nestjs/cqrs';
import { CommandProcessor, DomainCommand, type CommandOutcome, type CommandType } from '@timeline/deciding';
import { Id, Instant, Nested, Nullable, Optional, PlainDate, Text } from '@timeline/http';
import { StandardsInForce } from '@timeline/standards';
import { customerStream, type CustomerChanges } from '../customer.decider.js';
import type { Traits } from '../customers.events.js';
import {
  ClearableTraitMap,
  Language,
  PersonNameDto,
  plainAddress,
  plainName,
  PostalAddressDto,
} from './customer-fields.js';
import { checksOf } from './held-to-standards.js';
import { onCustomer } from './on-customer.js';

export class UpdateCustomerBody {
  /** Replaces the whole name. */
  @Optional()
  @Nullable()
  @Nested(() => PersonNameDto)
  name?: PersonNameDto | null;

  @Optional()
  @Nullable()
  @PlainDate()
  birthDate?: string | null;

  /** Replaces the whole address. */
  @Optional()
  @Nullable()
  @Nested(() => PostalAddressDto)
  address?: PostalAddressDto | null;

  @Optional()
  @Nullable()
  @Text({ max: 2000 })
  note?: string | null;

  @Optional()
  @Nullable()
  @Language()
  language?: string | null;

  @Optional()
  @Nullable()
  @Text({ max: 60 })
  region?: string | null;

  /** Those that are named change; `null` removes one. */
  @Optional()
  @ClearableTraitMap()
  traits?: Record<string, Traits[string] | null>;

  /** When it happened; now where absent. */
  @Optional()
  @Instant()
  occurredAt?: string;
}

export class UpdateCustomerData extends UpdateCustomerBody {
  @Id()
  customerId: string;
}

export class UpdateCustomer extends DomainCommand<UpdateCustomerData> {}

export const updateCustomer: CommandType<UpdateCustomerData> = {
  name: 'UpdateCustomer',
  data: UpdateCustomerData,
  command: UpdateCustomer,
  target: ({ customerId }) => customerId,
  keys: ({ customerId }) => [customerStream(customerId)],
};

@CommandHandler(UpdateCustomer)
export class UpdateCustomerHandler implements ICommandHandler<UpdateCustomer> {
  constructor(
    private readonly processor: CommandProcessor,
    private readonly standards: StandardsInForce,
  ) {}

  /** @throws DomainError CUSTOMER_NOT_FOUND, CUSTOMER_ERASED, BIRTH_DATE_IN_FUTURE, TOO_MANY_TRAITS, STANDARD_REFUSED */
  async execute({ data, context }: UpdateCustomer): Promise<CommandOutcome> {
    const { customerId, occurredAt, name, address, traits, birthDate, note, language, region } = data;
    const changes: CustomerChanges = {
      ...(name !== undefined && { name: name && plainName(name) }),
      ...(birthDate !== undefined && { birthDate }),
      ...(address !== undefined && { address: address && plainAddress(address) }),
      ...(note !== undefined && { note }),
      ...(language !== undefined && { language }),
      ...(region !== undefined && { region }),
      ...(traits && { traits: { ...traits } }),
    };
    const checks = checksOf(await this.standards.current());
    return onCustomer(this.processor, { type: 'update', customerId, checks, changes }, occurredAt, context);
  }
}
