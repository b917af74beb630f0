/** What was proposed about a customer; of merged customers, about all of them. */
import { Query, QueryHandler, type IQueryHandler } from '@nestjs/cqrs';
import type { Answer, JsonSchema } from '@timeline/http';
import { contentOf, ReadModels } from '@timeline/projecting';
import { LEGAL_BASES } from '../customers.events.js';
import { GetCustomerHandler } from '../queries/get-customer.query.js';
import { enrichmentsProjection, type EnrichmentDocument } from './enrichments.projection.js';

export class ListEnrichments extends Query<EnrichmentDocument[]> {
  constructor(
    readonly customerId: string,
    readonly position: string | undefined,
  ) {
    super();
  }
}

/** The latest; a customer has far fewer. */
const LIMIT = 200;

@QueryHandler(ListEnrichments)
export class ListEnrichmentsHandler implements IQueryHandler<ListEnrichments> {
  constructor(
    private readonly customers: GetCustomerHandler,
    private readonly models: ReadModels,
  ) {}

  /** @throws DomainError CUSTOMER_NOT_FOUND, CUSTOMER_ERASED */
  async execute({ customerId, position }: ListEnrichments): Promise<EnrichmentDocument[]> {
    const { members } = (await this.customers.find(customerId, position)).profile;
    return this.models.read(enrichmentsProjection, position, async ({ documents }) =>
      (await documents.find({ customerId: { $in: members } }, { sort: { proposedAt: -1, _id: 1 }, limit: LIMIT })).map(
        contentOf,
      ),
    );
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
