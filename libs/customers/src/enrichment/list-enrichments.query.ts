/** What was proposed about a customer, the latest first; of merged customers, about all of them. */
import { Query, QueryHandler, type IQueryHandler } from '@nestjs/cqrs';
import { Cursors, isTwoTexts, PageQuery, type Answer, type JsonSchema, type Page } from '@timeline/http';
import type { Instant } from '@timeline/kernel';
import { contentOf, ReadModels } from '@timeline/projecting';
import { afterKeyset } from '@timeline/read-store';
import { LEGAL_BASES } from '../customers.events.js';
import { GetCustomerHandler } from '../queries/get-customer.query.js';
import { enrichmentsProjection, type EnrichmentDocument } from './enrichments.projection.js';

export class ListEnrichments extends Query<Page<EnrichmentDocument>> {
  constructor(
    readonly customerId: string,
    readonly query: PageQuery,
    readonly position: string | undefined,
  ) {
    super();
  }
}

const SORT = { proposedAt: -1, _id: 1 } as const;
/** (`proposedAt`, id). */
type Place = [proposedAt: Instant, id: string];

@QueryHandler(ListEnrichments)
export class ListEnrichmentsHandler implements IQueryHandler<ListEnrichments> {
  constructor(
    private readonly customers: GetCustomerHandler,
    private readonly models: ReadModels,
    private readonly cursors: Cursors,
  ) {}

  /** @throws DomainError CUSTOMER_NOT_FOUND, CUSTOMER_ERASED, CURSOR_MALFORMED */
  async execute({
    customerId,
    query: { limit, cursor },
    position,
  }: ListEnrichments): Promise<Page<EnrichmentDocument>> {
    const list = this.cursors.of('enrichments', { customerId });
    const place = list.read(cursor, isTwoTexts);
    const { members } = (await this.customers.find(customerId, position)).profile;
    const filter = {
      customerId: { $in: members },
      ...(place && { $and: [afterKeyset(SORT, { proposedAt: place[0], _id: place[1] })] }),
    };
    return this.models.read(enrichmentsProjection, position, async ({ documents }) => {
      const found = await documents.find(filter, { sort: SORT, limit: limit + 1 });
      const page = list.page(found, limit, ({ proposedAt, _id }): Place => [proposedAt, _id]);
      return { ...page, items: page.items.map(contentOf) };
    });
  }
}

const text: JsonSchema = { type: 'string' };
const id: JsonSchema = { type: 'string', format: 'uuid' };

export const enrichmentSchema: Answer = (refs) =>
  refs.named('Enrichment', {
    type: 'object',
    properties: {
      enrichmentId: id,
      customerId: id,
      provider: text,
      confidence: { type: 'number', minimum: 0, maximum: 1 },
      legalBasis: { type: 'string', enum: [...LEGAL_BASES] },
      proposedAt: { type: 'string', format: 'date-time' },
      values: {
        type: 'object',
        description: 'as in the proposal; there while a field is open',
        additionalProperties: true,
      },
      fields: {
        type: 'array',
        items: {
          type: 'object',
          properties: {
            field: text,
            state: { type: 'string', enum: ['open', 'accepted', 'accepted-by-rule', 'rejected'] },
          },
          required: ['field', 'state'],
          additionalProperties: false,
        },
      },
    },
    required: ['enrichmentId', 'customerId', 'provider', 'confidence', 'legalBasis', 'proposedAt', 'fields'],
    additionalProperties: false,
  });
