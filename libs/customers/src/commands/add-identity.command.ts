/** Adds an identity to a customer; it is claimed first. One that the customer has already can be made the primary one. */
import { CommandHandler, type ICommandHandler } from '@nestjs/cqrs';
import { CommandProcessor, DomainCommand, type CommandOutcome, type CommandType } from '@timeline/deciding';
import { Id, Instant, Optional } from '@timeline/http';
import { StandardsInForce } from '@timeline/standards';
import { customerStream, type CustomerCommand } from '../customer.decider.js';
import { claimedIdentity, IdentityRegistry } from '../identities/identity-registry.js';
import { NewIdentityDto } from './customer-fields.js';
import { assertAccepted, checksOf } from './held-to-standards.js';
import { onCustomer } from './on-customer.js';

export class AddIdentityBody extends NewIdentityDto {
  /** When it happened; now where absent. */
  @Optional()
  @Instant()
  occurredAt?: string;
}

export class AddIdentityData extends AddIdentityBody {
  @Id()
  customerId: string;
}

export class AddIdentity extends DomainCommand<AddIdentityData> {}

export const addIdentity: CommandType<AddIdentityData> = {
  name: 'AddIdentity',
  data: AddIdentityData,
  command: AddIdentity,
  target: ({ customerId }) => customerId,
  keys: ({ customerId, kind, value }) => [customerStream(customerId), `identity-${kind}-${value}`],
};

@CommandHandler(AddIdentity)
export class AddIdentityHandler implements ICommandHandler<AddIdentity> {
  constructor(
    private readonly processor: CommandProcessor,
    private readonly registry: IdentityRegistry,
    private readonly standards: StandardsInForce,
  ) {}

  /**
   * @throws DomainError CUSTOMER_NOT_FOUND, CUSTOMER_ERASED, IDENTITY_REFUSED, IDENTITY_TAKEN, TOO_MANY_IDENTITIES,
   * STANDARD_REFUSED
   */
  async execute({ data, context }: AddIdentity): Promise<CommandOutcome> {
    const { customerId, occurredAt, primary = false, ...given } = data;
    const identity = this.registry.identify(given);
    const standards = await this.standards.current();
    const commandOf = (claimOf: (hash: string) => string): CustomerCommand => ({
      type: 'add-identity',
      customerId,
      checks: checksOf(standards),
      identity: claimedIdentity(identity, primary, claimOf),
    });
    const claimant = {
      customerId,
      context,
      occurredAt,
      mustExist: true as const,
      ...assertAccepted(standards, commandOf, occurredAt, context),
    };
    return this.registry.underClaims([{ identity, pointer: '/value' }], claimant, (claimOf) =>
      onCustomer(this.processor, commandOf(claimOf), occurredAt, context),
    );
  }
}
