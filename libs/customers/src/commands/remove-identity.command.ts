/** Takes an identity from a customer, then releases it for others. */
import { CommandHandler, type ICommandHandler } from '@nestjs/cqrs';
import {
  CommandProcessor,
  DomainCommand,
  type CommandContext,
  type CommandOutcome,
  type CommandType,
} from '@timeline/deciding';
import { Id, Instant, Optional } from '@timeline/http';
import { UnavailableError } from '@timeline/kernel';
import { StandardsInForce } from '@timeline/standards';
import { customerDecider, customerStream } from '../customer.decider.js';
import { claimsOf } from '../identities/held-identities.js';
import { hashesOf, IdentityRegistry } from '../identities/identity-registry.js';
import { IdentityDto } from './customer-fields.js';
import { checksOf } from './held-to-standards.js';
import { onCustomer } from './on-customer.js';

export class RemoveIdentityBody extends IdentityDto {
  /** When it happened; now where absent. */
  @Optional()
  @Instant()
  occurredAt?: string;
}

export class RemoveIdentityData extends RemoveIdentityBody {
  @Id()
  customerId: string;
}

export class RemoveIdentity extends DomainCommand<RemoveIdentityData> {}

export const removeIdentity: CommandType<RemoveIdentityData> = {
  name: 'RemoveIdentity',
  data: RemoveIdentityData,
  command: RemoveIdentity,
  target: ({ customerId }) => customerId,
  keys: ({ customerId, kind, value }) => [customerStream(customerId), `identity-${kind}-${value}`],
};

@CommandHandler(RemoveIdentity)
export class RemoveIdentityHandler implements ICommandHandler<RemoveIdentity> {
  constructor(
    private readonly processor: CommandProcessor,
    private readonly registry: IdentityRegistry,
    private readonly standards: StandardsInForce,
  ) {}

  /** @throws DomainError CUSTOMER_NOT_FOUND, CUSTOMER_ERASED, IDENTITY_REFUSED, IDENTITY_NOT_FOUND, STANDARD_REFUSED */
  async execute({ data, context }: RemoveIdentity): Promise<CommandOutcome> {
    const { customerId, occurredAt, ...given } = data;
    const hashes = hashesOf(this.registry.identify(given));
    const checks = checksOf(await this.standards.current());
    const outcome = await onCustomer(
      this.processor,
      { type: 'remove-identity', customerId, checks, hashes },
      occurredAt,
      context,
    );
    await this.#release(customerId, context);
    return outcome;
  }

  /** The claims that the identity rested on, which may be of another spelling than the one given. */
  async #release(customerId: string, { commandId }: CommandContext): Promise<void> {
    try {
      const { events } = await this.processor.load(customerDecider, customerStream(customerId));
      for (const event of events) {
        if (event.type !== 'CustomerIdentityRemoved' || event.metadata.commandId !== commandId || !event.personal)
          continue;
        for (const { hash, claim } of claimsOf(event.personal.identity))
          await this.registry.release(hash, claim, 'removed');
      }
    } catch (error) {
      // It is removed; what is still owed is a reaction's to do.
      if (!(error instanceof UnavailableError)) throw error;
    }
  }
}
