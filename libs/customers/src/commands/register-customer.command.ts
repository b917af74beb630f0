/** Registers a customer under a new id; identities are claimed first. */
import { CommandHandler, type ICommandHandler } from '@nestjs/cqrs';
import { CommandProcessor, DomainCommand, type CommandOutcome, type CommandType } from '@timeline/deciding';
import { Check, Instant, Nested, NestedArray, OneOf, Optional, PlainDate, Text, violation } from '@timeline/http';
import { deriveId, DomainError } from '@timeline/kernel';
import { StandardsInForce } from '@timeline/standards';
import type { CustomerCommand } from '../customer.decider.js';
import { LIFECYCLE_STAGES, type CustomerKind, type LifecycleStage, type Traits } from '../customers.events.js';
import {
  claimedIdentity,
  hashesOf,
  type IdentifiedIdentity,
  IdentityRegistry,
} from '../identities/identity-registry.js';
import {
  Language,
  NewIdentityDto,
  PersonNameDto,
  plainAddress,
  plainName,
  plainTraits,
  PostalAddressDto,
  TraitMap,
} from './customer-fields.js';
import { assertAccepted, checksOf } from './held-to-standards.js';
import { onCustomer } from './on-customer.js';

@Check(
  ({ identities = [] }: RegisterCustomerData) => {
    const kinds = identities.filter(({ primary }) => primary).map(({ kind }) => kind);
    return new Set(kinds).size === kinds.length
      ? []
      : [violation('/identities', 'PRIMARY_REPEATED', 'must have at most one primary identity of a kind')];
  },
  { meaning: 'at most one identity of a kind is primary' },
)
export class RegisterCustomerData {
  @OneOf(['person', 'company'])
  kind: CustomerKind;

  @Optional()
  @Nested(() => PersonNameDto)
  name?: PersonNameDto;

  /** Each belongs to one customer at a time. */
  @Optional()
  @NestedArray(() => NewIdentityDto, { max: 20 })
  identities?: NewIdentityDto[];

  @Optional()
  @PlainDate()
  birthDate?: string;

  @Optional()
  @Nested(() => PostalAddressDto)
  address?: PostalAddressDto;

  @Optional()
  @Text({ max: 2000 })
  note?: string;

  @Optional()
  @Language()
  language?: string;

  /** Coarse, not personal: for breakdowns. */
  @Optional()
  @Text({ max: 60 })
  region?: string;

  @Optional()
  @TraitMap()
  traits?: Traits;

  @Optional()
  @OneOf(LIFECYCLE_STAGES)
  stage: LifecycleStage = 'lead';

  /** When it happened; now where absent. */
  @Optional()
  @Instant()
  occurredAt?: string;
}

export class RegisterCustomer extends DomainCommand<RegisterCustomerData> {}

export const registerCustomer: CommandType<RegisterCustomerData> = {
  name: 'RegisterCustomer',
  data: RegisterCustomerData,
  command: RegisterCustomer,
  target: () => '',
  keys: ({ identities = [] }) => identities.map(({ kind, value }) => `identity-${kind}-${value}`),
};

@CommandHandler(RegisterCustomer)
export class RegisterCustomerHandler implements ICommandHandler<RegisterCustomer> {
  constructor(
    private readonly processor: CommandProcessor,
    private readonly registry: IdentityRegistry,
    private readonly standards: StandardsInForce,
  ) {}

  /** @throws DomainError IDENTITY_REFUSED, IDENTITY_REPEATED, IDENTITY_TAKEN, BIRTH_DATE_IN_FUTURE, STANDARD_REFUSED */
  async execute({ data, context }: RegisterCustomer): Promise<CommandOutcome> {
    const { kind, name, birthDate, address, note, language, region, traits = {}, stage, occurredAt } = data;
    const customerId = deriveId('customer', context.commandId);
    const wanted = this.#wanted(data.identities ?? []);
    const standards = await this.standards.current();
    const commandOf = (claimOf: (hash: string) => string): CustomerCommand => ({
      type: 'register',
      customerId,
      checks: checksOf(standards, wanted),
      kind,
      stage,
      ...(language !== undefined && { language }),
      ...(region !== undefined && { region }),
      traits: plainTraits(traits),
      details: {
        ...(name && { name: plainName(name) }),
        ...(birthDate !== undefined && { birthDate }),
        ...(address && { address: plainAddress(address) }),
        ...(note !== undefined && { note }),
      },
      identities: wanted.map(({ identity, primary }) => claimedIdentity(identity, primary, claimOf)),
    });
    const claimant = {
      customerId,
      context,
      occurredAt,
      ...assertAccepted(standards, commandOf, occurredAt, context),
    };
    return this.registry.underClaims(wanted, claimant, (claimOf) =>
      onCustomer(this.processor, commandOf(claimOf), occurredAt, context),
    );
  }

  #wanted(given: readonly NewIdentityDto[]): { identity: IdentifiedIdentity; pointer: string; primary: boolean }[] {
    const seen = new Set<string>();
    return given.map(({ primary = false, ...identity }, index) => {
      const pointer = `/identities/${index}`;
      const identified = this.registry.identify(identity, pointer);
      if (hashesOf(identified).some((hash) => seen.has(hash))) {
        throw new DomainError('IDENTITY_REPEATED', `${pointer} is the same identity as one before it`, { pointer });
      }
      for (const hash of hashesOf(identified)) seen.add(hash);
      return { identity: identified, pointer: `${pointer}/value`, primary };
    });
  }
}
