/** Who may be the same as a record that is given, or as a customer that is there. */
import { Query, QueryHandler, type IQueryHandler } from '@nestjs/cqrs';
import { CustomerDirectory, CustomerGroups } from '@timeline/deciding';
import { NestedArray, Nested, ListOf, OneOf, Optional, PlainDate, Text, Whole, fieldTypes } from '@timeline/http';
import { DomainError } from '@timeline/kernel';
import { featuresOf, type Features } from '@timeline/matching';
import { ReadModels } from '@timeline/projecting';
import { IDENTITY_KINDS, type CustomerKind, type IdentityKind } from '../../../customers/src/customers.events.js';
import { DuplicateSearch } from '../duplicate-search.js';
import { pairIdOf, pairOf } from '../duplicate.decider.js';
import { identitiesOf } from '../projections/duplicate-candidates.projection.js';
import { duplicatesProjection } from '../projections/duplicates.projection.js';
import { likelyDuplicate, type LikelyDuplicate } from './duplicate-views.js';

/** Below it nobody wants to look. */
const SHOWN_FROM = 0.05;

export class SoughtName {
  /** As given, in any script. */
  @Optional()
  @Text({ max: 200 })
  full?: string;

  @Optional()
  @Text({ max: 100 })
  given?: string;

  @Optional()
  @Text({ max: 100 })
  family?: string;
}

export class SoughtAddress {
  @Optional()
  @ListOf(fieldTypes.text({ max: 200 }), { max: 6 })
  lines?: string[];

  @Optional()
  @Text({ max: 100 })
  city?: string;

  @Optional()
  @Text({ max: 100 })
  state?: string;

  @Optional()
  @Text({ max: 20 })
  postalCode?: string;
}

export class SoughtIdentity {
  @OneOf(IDENTITY_KINDS)
  kind: IdentityKind;

  @Text({ max: 320 })
  value: string;

  /** The system that gave it, for `external`. */
  @Optional()
  @Text({ max: 60 })
  system?: string;
}

export class SoughtRecord {
  @Optional()
  @OneOf(['person', 'company'])
  kind: CustomerKind = 'person';

  @Optional()
  @Nested(() => SoughtName)
  name?: SoughtName;

  @Optional()
  @PlainDate()
  birthDate?: string;

  @Optional()
  @Nested(() => SoughtAddress)
  address?: SoughtAddress;

  @Optional()
  @NestedArray(() => SoughtIdentity, { max: 20 })
  identities?: SoughtIdentity[];

  @Optional()
  @Whole({ min: 1, max: 50 })
  limit: number = 20;
}

export class DuplicatesOfParams {
  @Optional()
  @Whole({ min: 1, max: 50 })
  limit: number = 20;
}

export class SearchDuplicates extends Query<LikelyDuplicate[]> {
  constructor(
    readonly record: SoughtRecord,
    readonly position: string | undefined,
  ) {
    super();
  }
}

export class DuplicatesOf extends Query<LikelyDuplicate[]> {
  constructor(
    readonly customerId: string,
    readonly limit: number,
    readonly position: string | undefined,
  ) {
    super();
  }
}

@QueryHandler(SearchDuplicates)
export class SearchDuplicatesHandler implements IQueryHandler<SearchDuplicates> {
  constructor(private readonly search: DuplicateSearch) {}

  async execute({ record, position }: SearchDuplicates): Promise<LikelyDuplicate[]> {
    const { kind, name, birthDate, address, identities = [], limit } = record;
    const features: Features = featuresOf({
      kind,
      ...(name && { name }),
      ...(birthDate !== undefined && { birthDate }),
      ...(address && { address }),
      ...identitiesOf(identities),
    });
    const found = await this.search.find(features, { from: SHOWN_FROM, limit }, position);
    return found.map(({ customerId, match }) => likelyDuplicate(customerId, match));
  }
}

@QueryHandler(DuplicatesOf)
export class DuplicatesOfHandler implements IQueryHandler<DuplicatesOf> {
  constructor(
    private readonly directory: CustomerDirectory,
    private readonly search: DuplicateSearch,
    private readonly models: ReadModels,
    private readonly groups: CustomerGroups,
  ) {}

  /** @throws DomainError CUSTOMER_NOT_FOUND, CUSTOMER_ERASED, POSITION_NOT_REACHED */
  async execute({ customerId, limit, position }: DuplicatesOf): Promise<LikelyDuplicate[]> {
    await this.directory.resolve({ customerId });
    const customer = (await this.search.customers([customerId], position)).get(customerId);
    if (!customer) {
      // Erased meanwhile, or not to be compared yet.
      await this.directory.resolve({ customerId });
      throw new DomainError('POSITION_NOT_REACHED', 'this customer cannot be compared yet; try again in a moment');
    }
    const except = await this.groups.membersOf(customerId, position);
    const found = await this.search.find(customer.features, { from: SHOWN_FROM, limit, except });
    const pairIds = found.map((other) => pairIdOf(pairOf(customerId, other.customerId)));
    const known = await this.models.read(duplicatesProjection, position, ({ documents }) =>
      documents.find({ _id: { $in: pairIds } }),
    );
    const statuses = new Map(known.map(({ pairId, status }) => [pairId, status]));
    return found.map((other, place) =>
      likelyDuplicate(other.customerId, other.match, statuses.get(pairIds[place] ?? '')),
    );
  }
}
