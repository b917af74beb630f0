/** Enrichment over HTTP. No decision lives here. */
import { Controller, Get, HttpCode, Post, Res } from '@nestjs/common';
import { QueryBus } from '@nestjs/cqrs';
import { Commands } from '@timeline/deciding';
import {
  Answers,
  AnswersOutcome,
  CommandHeaders,
  Describes,
  PageQuery,
  pageSchema,
  PathId,
  PositionHeader,
  Refuses,
  StrictBody,
  StrictQuery,
  updated,
  type CommandOutcome,
  type Page,
} from '@timeline/http';
import type { FastifyReply } from 'fastify';
import {
  acceptEnrichment,
  AcceptEnrichmentBody,
  proposeEnrichment,
  ProposeEnrichmentBody,
  rejectEnrichment,
  RejectEnrichmentBody,
} from './enrich-customer.command.js';
import type { EnrichmentDocument } from './enrichments.projection.js';
import { enrichmentSchema, ListEnrichments } from './list-enrichments.query.js';

const ON_A_PROPOSAL = [
  'CUSTOMER_NOT_FOUND',
  'CUSTOMER_ERASED',
  'ENRICHMENT_NOT_FOUND',
  'ENRICHMENT_FIELD_NOT_OPEN',
  'OCCURRED_IN_FUTURE',
  'OCCURRED_BEFORE_START',
];

@Controller('v1/customers/:id/enrichments')
export class EnrichmentCommandController {
  constructor(private readonly commands: Commands) {}

  @Post()
  @HttpCode(200)
  @Describes(
    'Propose what a provider says of a customer',
    'Or, with its name alone, ask a provider that the product knows. What the provider is sure of (confidence 0.9 or more) is accepted by itself where nothing is known or another system said it; what somebody entered, removed or verified, or a data standard refuses, waits for a person.',
  )
  @AnswersOutcome(200)
  @Refuses(
    'CUSTOMER_NOT_FOUND',
    'CUSTOMER_ERASED',
    'ENRICHMENT_PROVIDER_NOT_FOUND',
    'ENRICHMENT_NOT_FOUND',
    'TOO_MANY_ENRICHMENTS',
    'TOO_MANY_TRAITS',
    'BIRTH_DATE_IN_FUTURE',
  )
  async propose(
    @PathId('id') customerId: string,
    @StrictBody(ProposeEnrichmentBody) body: ProposeEnrichmentBody,
    @CommandHeaders() headers: CommandHeaders,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<CommandOutcome> {
    return updated(reply, await this.commands.dispatch(proposeEnrichment, { ...body, customerId }, headers));
  }

  @Post(':enrichmentId/acceptance')
  @HttpCode(200)
  @Describes('Accept what was proposed', 'It is entered by hand by whoever accepts it, so it takes any value’s place.')
  @AnswersOutcome(200)
  @Refuses(...ON_A_PROPOSAL, 'TOO_MANY_TRAITS', 'BIRTH_DATE_IN_FUTURE', 'STANDARD_REFUSED')
  async accept(
    @PathId('id') customerId: string,
    @PathId('enrichmentId') enrichmentId: string,
    @StrictBody(AcceptEnrichmentBody) body: AcceptEnrichmentBody,
    @CommandHeaders() headers: CommandHeaders,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<CommandOutcome> {
    const data = { ...body, customerId, enrichmentId };
    return updated(reply, await this.commands.dispatch(acceptEnrichment, data, headers));
  }

  @Post(':enrichmentId/rejection')
  @HttpCode(200)
  @Describes('Reject what was proposed')
  @AnswersOutcome(200)
  @Refuses(...ON_A_PROPOSAL)
  async reject(
    @PathId('id') customerId: string,
    @PathId('enrichmentId') enrichmentId: string,
    @StrictBody(RejectEnrichmentBody) body: RejectEnrichmentBody,
    @CommandHeaders() headers: CommandHeaders,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<CommandOutcome> {
    const data = { ...body, customerId, enrichmentId };
    return updated(reply, await this.commands.dispatch(rejectEnrichment, data, headers));
  }
}

@Controller('v1/customers/:id/enrichments')
export class EnrichmentQueryController {
  constructor(private readonly queries: QueryBus) {}

  @Get()
  @Describes('What providers proposed about a customer', 'The latest first; of merged customers, of all.')
  @Answers(200, pageSchema(enrichmentSchema))
  @Refuses('CUSTOMER_NOT_FOUND', 'CUSTOMER_ERASED', 'CURSOR_MALFORMED', 'READ_MODEL_NOT_READY')
  list(
    @PathId('id') customerId: string,
    @StrictQuery(PageQuery) query: PageQuery,
    @PositionHeader() position: string | undefined,
  ): Promise<Page<EnrichmentDocument>> {
    return this.queries.execute(new ListEnrichments(customerId, query, position));
  }
}
