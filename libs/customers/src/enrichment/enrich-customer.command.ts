/** Proposals of providers about a customer: made, accepted, rejected. */
import { Inject } from '@nestjs/common';
import { CommandHandler, type ICommandHandler } from '@nestjs/cqrs';
import { CommandProcessor, DomainCommand, type CommandOutcome, type CommandType } from '@timeline/deciding';
import {
  Check,
  fieldTypes,
  Id,
  Instant,
  ListOf,
  Nested,
  Numeric,
  OneOf,
  Optional,
  PlainDate,
  Text,
  violation,
} from '@timeline/http';
import { deriveId, DomainError } from '@timeline/kernel';
import { StandardsInForce } from '@timeline/standards';
import {
  Language,
  PersonNameDto,
  plainAddress,
  plainName,
  PostalAddressDto,
  TraitMap,
} from '../commands/customer-fields.js';
import { checksOf } from '../commands/held-to-standards.js';
import { onCustomer } from '../commands/on-customer.js';
import { customerStream } from '../customer.decider.js';
import { LEGAL_BASES, type EnrichedValues, type LegalBasis, type Traits } from '../customers.events.js';
import { GetCustomerHandler } from '../queries/get-customer.query.js';
import { profileView } from '../queries/customer-view.js';
import { ENRICHMENT_PROVIDERS, type Enrichment, type EnrichmentProvider } from './enrichment-provider.port.js';

const MEMBERS = ['name', 'birthDate', 'address', 'language', 'region', 'traits'] as const;

@Check(
  (values: EnrichedValuesDto) =>
    MEMBERS.some((member) => values[member] !== undefined)
      ? []
      : [violation('', 'REQUIRED', `proposes nothing: give at least one of ${MEMBERS.join(', ')}`)],
  { schema: { minProperties: 1 } },
)
export class EnrichedValuesDto implements EnrichedValues {
  @Optional()
  @Nested(() => PersonNameDto)
  name?: PersonNameDto;

  @Optional()
  @PlainDate()
  birthDate?: string;

  @Optional()
  @Nested(() => PostalAddressDto)
  address?: PostalAddressDto;

  @Optional()
  @Language()
  language?: string;

  @Optional()
  @Text({ max: 60 })
  region?: string;

  @Optional()
  @TraitMap()
  traits?: Traits;
}

const TOLD = ['confidence', 'legalBasis', 'values'] as const;

@Check(
  (body: ProposeEnrichmentBody) => {
    const missing = TOLD.filter((member) => body[member] === undefined);
    return missing.length === 0 || missing.length === TOLD.length
      ? []
      : missing.map((member) => violation(`/${member}`, 'REQUIRED', `goes with ${TOLD.join(', ')}: all or none`));
  },
  { schema: { dependentRequired: Object.fromEntries(TOLD.map((member) => [member, [...TOLD]])) } },
)
export class ProposeEnrichmentBody {
  /** Who says it; where nothing else is given, the provider of this name is asked. */
  @Text({ max: 60 })
  provider: string;

  /** From 0 to 1, that the values are this customer's and right. */
  @Optional()
  @Numeric({ min: 0, max: 1 })
  confidence?: number;

  /** On which the provider may tell and we may keep it. */
  @Optional()
  @OneOf(LEGAL_BASES)
  legalBasis?: LegalBasis;

  @Optional()
  @Nested(() => EnrichedValuesDto)
  values?: EnrichedValuesDto;
}

export class AcceptEnrichmentBody {
  /** Fields of the proposal; all that are open where absent. */
  @Optional()
  @ListOf(fieldTypes.text({ max: 60 }), { min: 1, max: 60 })
  fields?: string[];

  /** When it happened; now where absent. */
  @Optional()
  @Instant()
  occurredAt?: string;
}

export class RejectEnrichmentBody extends AcceptEnrichmentBody {
  /** Never what names the person. */
  @Optional()
  @Text({ max: 200 })
  reason?: string;
}

export class ProposeEnrichmentData extends ProposeEnrichmentBody {
  @Id()
  customerId: string;
}
export class AcceptEnrichmentData extends AcceptEnrichmentBody {
  @Id()
  customerId: string;

  @Id()
  enrichmentId: string;
}
export class RejectEnrichmentData extends RejectEnrichmentBody {
  @Id()
  customerId: string;

  @Id()
  enrichmentId: string;
}

export class ProposeEnrichment extends DomainCommand<ProposeEnrichmentData> {}
export class AcceptEnrichment extends DomainCommand<AcceptEnrichmentData> {}
export class RejectEnrichment extends DomainCommand<RejectEnrichmentData> {}

const onTheCustomer = {
  target: ({ customerId }: { customerId: string }) => customerId,
  keys: ({ customerId }: { customerId: string }) => [customerStream(customerId)],
};
export const proposeEnrichment: CommandType<ProposeEnrichmentData> = {
  name: 'ProposeEnrichment',
  data: ProposeEnrichmentData,
  command: ProposeEnrichment,
  ...onTheCustomer,
};
export const acceptEnrichment: CommandType<AcceptEnrichmentData> = {
  name: 'AcceptEnrichment',
  data: AcceptEnrichmentData,
  command: AcceptEnrichment,
  ...onTheCustomer,
};
export const rejectEnrichment: CommandType<RejectEnrichmentData> = {
  name: 'RejectEnrichment',
  data: RejectEnrichmentData,
  command: RejectEnrichment,
  ...onTheCustomer,
};

@CommandHandler(ProposeEnrichment)
export class ProposeEnrichmentHandler implements ICommandHandler<ProposeEnrichment> {
  constructor(
    private readonly processor: CommandProcessor,
    private readonly customers: GetCustomerHandler,
    private readonly standards: StandardsInForce,
    @Inject(ENRICHMENT_PROVIDERS) private readonly providers: readonly EnrichmentProvider[],
  ) {}

  /** @throws DomainError CUSTOMER_NOT_FOUND, CUSTOMER_ERASED, ENRICHMENT_PROVIDER_NOT_FOUND, ENRICHMENT_NOT_FOUND */
  async execute({ data, context }: ProposeEnrichment): Promise<CommandOutcome> {
    const { customerId, provider } = data;
    const enrichmentId = deriveId('enrichment', context.commandId);
    // Nobody is asked twice, nor is the answer another when the provider is away or has forgotten.
    const done = await this.processor.doneBefore(customerStream(customerId), context);
    if (done) return { ...done, id: enrichmentId };
    const { confidence, legalBasis, values } = told(data) ?? (await this.#ask(customerId, provider));
    const checks = checksOf(await this.standards.current());
    const outcome = await onCustomer(
      this.processor,
      { type: 'propose-enrichment', customerId, checks, enrichmentId, provider, confidence, legalBasis, values },
      undefined,
      // What is accepted by itself is the provider's word.
      { ...context, source: provider },
    );
    return { ...outcome, id: enrichmentId };
  }

  async #ask(customerId: string, name: string): Promise<Enrichment> {
    const provider = this.providers.find((each) => each.name === name);
    if (!provider) {
      throw new DomainError('ENRICHMENT_PROVIDER_NOT_FOUND', 'there is no provider of this name to be asked', {
        pointer: '/provider',
      });
    }
    const { profile } = await this.customers.find(customerId, undefined);
    const found = await provider.enrich(profileView(profile));
    if (!found) throw new DomainError('ENRICHMENT_NOT_FOUND', 'the provider knows nothing of this customer');
    return found;
  }
}

function told({ confidence, legalBasis, values }: ProposeEnrichmentBody): Enrichment | undefined {
  if (confidence === undefined || legalBasis === undefined || !values) return undefined;
  return { confidence, legalBasis, values: plainValues(values) };
}

/** Without the classes it was read as: facts are plain JSON. */
const plainValues = ({ name, birthDate, address, language, region, traits }: EnrichedValues): EnrichedValues => ({
  ...(name && { name: plainName(name) }),
  ...(birthDate !== undefined && { birthDate }),
  ...(address && { address: plainAddress(address) }),
  ...(language !== undefined && { language }),
  ...(region !== undefined && { region }),
  ...(traits && { traits: { ...traits } }),
});

@CommandHandler(AcceptEnrichment)
export class AcceptEnrichmentHandler implements ICommandHandler<AcceptEnrichment> {
  constructor(
    private readonly processor: CommandProcessor,
    private readonly standards: StandardsInForce,
  ) {}

  /**
   * @throws DomainError CUSTOMER_NOT_FOUND, CUSTOMER_ERASED, ENRICHMENT_NOT_FOUND, ENRICHMENT_FIELD_NOT_OPEN,
   * STANDARD_REFUSED
   */
  async execute({ data: { occurredAt, ...accepted }, context }: AcceptEnrichment): Promise<CommandOutcome> {
    const checks = checksOf(await this.standards.current());
    return onCustomer(this.processor, { type: 'accept-enrichment', checks, ...accepted }, occurredAt, context);
  }
}

@CommandHandler(RejectEnrichment)
export class RejectEnrichmentHandler implements ICommandHandler<RejectEnrichment> {
  constructor(private readonly processor: CommandProcessor) {}

  /** @throws DomainError CUSTOMER_NOT_FOUND, CUSTOMER_ERASED, ENRICHMENT_NOT_FOUND, ENRICHMENT_FIELD_NOT_OPEN */
  execute({ data: { occurredAt, ...rejected }, context }: RejectEnrichment): Promise<CommandOutcome> {
    return onCustomer(this.processor, { type: 'reject-enrichment', ...rejected }, occurredAt, context);
  }
}
