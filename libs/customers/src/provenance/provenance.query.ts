/** "All phones that came from import 42": what a source or an import said and has not taken back, customer by customer. */
import { Query, QueryHandler, type IQueryHandler } from '@nestjs/cqrs';
import { Check, Cursors, Id, Optional, PageQuery, Text, violation, type Page } from '@timeline/http';
import type { JsonValue } from '@timeline/kernel';
import { contentOf, ReadModels } from '@timeline/projecting';
import type { Sayer } from '../told.events.js';
import type { ProfilePart } from '../projections/profile-part.js';
import { profileProjection } from '../projections/profile.projection.js';
import { byOf, provenanceProjection } from '../projections/provenance.projection.js';
import { saidValues, type SaidValue } from './said-values.js';

@Check(
  ({ source, import: importId }: ProvenanceParams) =>
    (source === undefined) === (importId === undefined)
      ? [violation('/source', 'ONE_OF', 'or import says whose words are meant: give one of the two')]
      : [],
  { meaning: 'source or import, one of the two' },
)
export class ProvenanceParams extends PageQuery {
  /** A system. */
  @Optional()
  @Text({ max: 60 })
  source?: string;

  /** An import's id. */
  @Optional()
  @Id()
  import?: string;

  /** A field, such as `name` or `traits.size`, all `traits`, or a kind of identity, such as `phone`. */
  @Optional()
  @Text({ max: 100 })
  field?: string;
}

export interface SaidOfCustomer {
  customerId: string;
  values: SaidValue[];
}

export class ListSaid extends Query<Page<SaidOfCustomer>> {
  constructor(
    readonly params: ProvenanceParams,
    readonly position: string | undefined,
  ) {
    super();
  }
}

export const sayerOf = ({ source, import: importId }: Pick<ProvenanceParams, 'source' | 'import'>): Sayer =>
  importId === undefined ? { ...(source !== undefined && { source }) } : { importId };

const isText = (value: JsonValue): value is string => typeof value === 'string';

@QueryHandler(ListSaid)
export class ListSaidHandler implements IQueryHandler<ListSaid> {
  constructor(
    private readonly models: ReadModels,
    private readonly cursors: Cursors,
  ) {}

  /** A page has fewer customers than `limit` where what was said has been taken back. */
  async execute({ params, position }: ListSaid): Promise<Page<SaidOfCustomer>> {
    const { limit, cursor, field } = params;
    const sayer = sayerOf(params);
    const list = this.cursors.of('provenance', params);
    const after = list.read(cursor, isText);
    const found = await this.models.read(provenanceProjection, position, ({ documents }) =>
      documents.find(
        { by: byOf(sayer), ...(after !== undefined && { _id: { $gt: after } }) },
        { sort: { by: 1, _id: 1 }, limit: limit + 1 },
      ),
    );
    const page = list.page(found, limit, ({ _id }) => _id);
    const parts = await partsOf(
      this.models,
      page.items.map(({ customerId }) => customerId),
      position,
    );
    const items = page.items.flatMap(({ customerId }) => {
      const part = parts.get(customerId);
      const values = part ? saidValues(part, sayer, field) : [];
      return values.length > 0 ? [{ customerId, values }] : [];
    });
    return { ...page, items };
  }
}

export function partsOf(
  models: ReadModels,
  customerIds: readonly string[],
  position: string | undefined,
): Promise<Map<string, ProfilePart>> {
  return models.read(profileProjection, position, async ({ documents }) => {
    const stored = await documents.find({ _id: { $in: [...customerIds] } });
    // A blocked first event leaves a document without content.
    return new Map(stored.flatMap((each) => (each.members ? [[each._id, contentOf(each)] as const] : [])));
  });
}
