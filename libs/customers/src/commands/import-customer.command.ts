/**
 * One row of an import: registers the customer it names, or changes what the row says otherwise than its source said
 * before. So the same row again changes nothing, also where somebody has changed the customer since, and a changed row
 * changes only what changed in it.
 *
 * The customer is the one who holds the row's external id (in the source's own numbering), else its member number, else
 * its e-mail address; a row with none of these is known by import and line only. New ids derive from that.
 */
import { Injectable } from '@nestjs/common';
import { CommandHandler, type ICommandHandler } from '@nestjs/cqrs';
import {
  assertPlausible,
  CommandProcessor,
  doneBefore,
  DomainCommand,
  type CommandContext,
  type CommandOutcome,
  type CommandType,
} from '@timeline/deciding';
import { Id, Instant, Nested, NestedArray, OneOf, Optional, PlainDate, Text, Whole } from '@timeline/http';
import { KeyedHashes } from '@timeline/key-store';
import { canonicalJson, Clock, deriveId, DomainError, toInstant, type Recorded } from '@timeline/kernel';
import { StandardsInForce, type Standards } from '@timeline/standards';
import {
  customerDecider,
  customerErased,
  customerStream,
  holdsClaim,
  type CustomerCommand,
  type CustomerState,
} from '../customer.decider.js';
import {
  LIFECYCLE_STAGES,
  type CustomerEvent,
  type CustomerKind,
  type LifecycleStage,
  type Traits,
} from '../customers.events.js';
import { claimsOf } from '../identities/held-identities.js';
import {
  claimedIdentity,
  hashesOf,
  type IdentifiedIdentity,
  IdentityRegistry,
} from '../identities/identity-registry.js';
import {
  IdentityDto,
  Language,
  PersonNameDto,
  plainAddress,
  plainName,
  plainTraits,
  PostalAddressDto,
  TraitMap,
} from './customer-fields.js';
import type { GivenIdentity } from '../identities/normalise.js';
import { assertAccepted, checksOf } from './held-to-standards.js';
import { onCustomer } from './on-customer.js';

export class ImportedConsentDto {
  @Text({ max: 60 })
  purpose: string;

  @OneOf(['granted', 'withdrawn'])
  status: 'granted' | 'withdrawn';

  /** Version of the text that was shown. */
  @Text({ max: 60 })
  textVersion: string;
}

/** What is left out is not said and stays as it is. */
export class ImportCustomerData {
  @Id()
  importId: string;

  /** The system that the row comes from. */
  @Text({ max: 60 })
  source: string;

  @Whole({ min: 1 })
  line: number;

  /** The row's id in the source. */
  @Optional()
  @Text({ max: 200 })
  externalId?: string;

  /** Counts when the customer is registered; a person where it is not said. */
  @Optional()
  @OneOf(['person', 'company'])
  kind?: CustomerKind;

  @Optional()
  @Nested(() => PersonNameDto)
  name?: PersonNameDto;

  /** Those that the customer does not have are added. */
  @Optional()
  @NestedArray(() => IdentityDto, { max: 20 })
  identities?: IdentityDto[];

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

  @Optional()
  @Text({ max: 60 })
  region?: string;

  @Optional()
  @TraitMap()
  traits?: Traits;

  @Optional()
  @OneOf(LIFECYCLE_STAGES)
  stage?: LifecycleStage;

  @Optional()
  @NestedArray(() => ImportedConsentDto, { max: 50 })
  consents?: ImportedConsentDto[];

  /** When it happened; now where absent. */
  @Optional()
  @Instant()
  occurredAt?: string;
}

export class ImportCustomer extends DomainCommand<ImportCustomerData> {}

export const importCustomer: CommandType<ImportCustomerData> = {
  name: 'ImportCustomer',
  data: ImportCustomerData,
  command: ImportCustomer,
  target: ({ importId }) => importId,
  keys: ({ source, externalId, identities = [] }) => [
    ...(externalId === undefined ? [] : [`identity-external-${source}-${externalId}`]),
    ...identities.map(({ kind, value }) => `identity-${kind}-${value}`),
  ],
};

export type RowChange = 'registered' | 'updated' | 'unchanged';

export interface ImportOutcome extends CommandOutcome {
  change: RowChange;
}

interface Wanted {
  identity: IdentifiedIdentity;
  pointer: string;
}

@Injectable()
export class CustomerRows {
  constructor(
    private readonly processor: CommandProcessor,
    private readonly registry: IdentityRegistry,
    private readonly hashes: KeyedHashes,
    private readonly clock: Clock,
    private readonly standards: StandardsInForce,
  ) {}

  /** What the row would do; nothing is written. @throws DomainError as `put` */
  async check(data: ImportCustomerData): Promise<RowChange> {
    const wanted = this.#wanted(data);
    const { customerId, state, events } = await this.#find(data, wanted);
    const added = notHeld(wanted, state);
    const now = toInstant(this.clock.now());
    const command = commandOf(data, customerId, added, () => '', await this.standards.current());
    const occurredAt = data.occurredAt ?? now;
    const context = { now, occurredAt, commandId: '', actor: data.source };
    const decisions = customerDecider.decide(command, state, context);
    if (decisions.length === 0) return 'unchanged';
    assertPlausible(occurredAt, now, events[0]?.metadata.occurredAt);
    for (const { identity, pointer } of added) {
      const claim = await this.registry.current(identity);
      if (claim?.customerId !== undefined && claim.customerId !== customerId) {
        throw new DomainError('IDENTITY_TAKEN', 'this identity belongs to another customer', { pointer });
      }
    }
    return state.status === 'unknown' ? 'registered' : 'updated';
  }

  /** @throws DomainError IDENTITY_REFUSED, IDENTITY_TAKEN, CUSTOMER_ERASED, STANDARD_REFUSED and what the decider refuses */
  async put(data: ImportCustomerData, context: CommandContext): Promise<ImportOutcome> {
    const wanted = this.#wanted(data);
    const { customerId, state, events } = await this.#find(data, wanted);
    const { occurredAt } = data;
    const isNew = state.status === 'unknown';
    const done = doneBefore(events, context);
    if (done) return { id: customerId, ...done, change: done.created ? 'registered' : 'updated' };
    const last = events.at(-1);
    const added = notHeld(wanted, state);
    if (last && !isNew && added.length === 0 && this.#saysNothing(data, customerId, state)) {
      return { id: customerId, revision: last.revision, position: last.position, resent: true, change: 'unchanged' };
    }
    const standards = await this.standards.current();
    const rowCommand = (claimOf: (hash: string) => string): CustomerCommand =>
      commandOf(data, customerId, added, claimOf, standards);
    const claimant = {
      customerId,
      context,
      occurredAt,
      ...(!isNew && { mustExist: true as const }),
      ...assertAccepted(standards, rowCommand, occurredAt, context),
    };
    const outcome = await this.registry.underClaims(added, claimant, (claimOf) =>
      onCustomer(this.processor, rowCommand(claimOf), occurredAt, context),
    );
    return { ...outcome, change: isNew ? 'registered' : 'updated' };
  }

  #saysNothing(data: ImportCustomerData, customerId: string, state: CustomerState): boolean {
    const now = toInstant(this.clock.now());
    const context = { now, occurredAt: data.occurredAt ?? now, commandId: '', actor: data.source };
    return (
      customerDecider.decide(
        commandOf(data, customerId, [], () => ''),
        state,
        context,
      ).length === 0
    );
  }

  /** All identities of a row that are refused, where one alone would be told. */
  refusalsOf(row: Pick<ImportCustomerData, 'source' | 'externalId' | 'identities'>): DomainError[] {
    return this.#given(row).flatMap(({ identity, pointer }) => {
      try {
        this.registry.identify(identity, pointer);
        return [];
      } catch (error) {
        if (!(error instanceof DomainError)) throw error;
        return [error];
      }
    });
  }

  #given({ source, externalId, identities = [] }: Pick<ImportCustomerData, 'source' | 'externalId' | 'identities'>): {
    identity: GivenIdentity;
    pointer: string;
  }[] {
    return [
      ...(externalId === undefined
        ? []
        : [{ identity: { kind: 'external' as const, value: externalId, system: source }, pointer: '/externalId' }]),
      ...identities.map((identity, index) => ({ identity, pointer: `/identities/${index}` })),
    ];
  }

  #wanted(data: ImportCustomerData): Wanted[] {
    const seen = new Set<string>();
    return this.#given(data).flatMap(({ identity, pointer }) => {
      const identified = this.registry.identify(identity, pointer);
      const hashes = hashesOf(identified);
      // The same one in two columns says the same.
      if (hashes.some((hash) => seen.has(hash))) return [];
      for (const hash of hashes) seen.add(hash);
      return [{ identity: identified, pointer }];
    });
  }

  async #find(
    { source, importId, line, externalId }: ImportCustomerData,
    wanted: readonly Wanted[],
  ): Promise<{ customerId: string; state: CustomerState; events: Recorded<CustomerEvent>[] }> {
    const of = (kind: string): IdentifiedIdentity | undefined =>
      wanted.find(({ identity }) => identity.kind === kind)?.identity;
    const key = (externalId === undefined ? undefined : wanted[0]?.identity) ?? of('member') ?? of('email');
    const claim = key && (await this.registry.current(key));
    if (claim?.customerId !== undefined) {
      const { customerId } = claim;
      const { state, events } = await this.processor.load(customerDecider, customerStream(customerId));
      if (state.status === 'erased') throw customerErased();
      if (holdsClaim(state, claim.id)) return { customerId, state, events };
    }
    // A keyed hash: an id must not be something that e-mail addresses can be tried out against.
    const named = key ? [source, key.kind, key.system ?? null, key.value] : [source, importId, line];
    const customerId = deriveId(
      'imported-customer',
      this.hashes.hashBody(canonicalJson(['imported-customer', ...named])),
    );
    const { state, events } = await this.processor.load(customerDecider, customerStream(customerId));
    if (state.status === 'erased') throw customerErased();
    return { customerId, state, events };
  }
}

/** Without those that the customer had and that were taken away since: an import does not bring them back. */
function notHeld(wanted: readonly Wanted[], { identities, endedClaims }: CustomerState): Wanted[] {
  const known = new Set(identities.flatMap(claimsOf).map(({ hash }) => hash));
  for (const { reason, hash, retracted } of Object.values(endedClaims))
    if (reason === 'removed' && hash !== undefined && !retracted) known.add(hash);
  return wanted.filter(({ identity }) => !hashesOf(identity).some((hash) => known.has(hash)));
}

function commandOf(
  { source, kind, name, birthDate, address, note, language, region, traits, stage, consents = [] }: ImportCustomerData,
  customerId: string,
  added: readonly Wanted[],
  claimOf: (hash: string) => string,
  standards?: Standards,
): CustomerCommand {
  return {
    type: 'import',
    customerId,
    ...(standards && { checks: checksOf(standards, added) }),
    source,
    kind: kind ?? 'person',
    details: {
      ...(name && { name: plainName(name) }),
      ...(birthDate !== undefined && { birthDate }),
      ...(address && { address: plainAddress(address) }),
      ...(note !== undefined && { note }),
    },
    identities: added.map(({ identity }) => claimedIdentity(identity, false, claimOf)),
    ...(stage !== undefined && { stage }),
    ...(language !== undefined && { language }),
    ...(region !== undefined && { region }),
    traits: plainTraits(traits ?? {}),
    consents: consents.map(({ purpose, status, textVersion }) => ({ purpose, status, textVersion })),
  };
}

@CommandHandler(ImportCustomer)
export class ImportCustomerHandler implements ICommandHandler<ImportCustomer> {
  constructor(private readonly rows: CustomerRows) {}

  /** @throws DomainError as `CustomerRows.put` */
  execute({ data, context }: ImportCustomer): Promise<ImportOutcome> {
    return this.rows.put(data, context);
  }
}
