/** Freshness over HTTP. No decision lives here. */
import { Controller, Delete, Get, Put, Res } from '@nestjs/common';
import { QueryBus } from '@nestjs/cqrs';
import { Commands } from '@timeline/deciding';
import {
  Answers,
  AnswersOutcome,
  CommandHeaders,
  Describes,
  fieldTypes,
  pageSchema,
  PathParam,
  PositionHeader,
  Refuses,
  StrictBody,
  StrictQuery,
  updated,
  type CommandOutcome,
  type Page,
} from '@timeline/http';
import type { FastifyReply } from 'fastify';
import { REVIEWED_FIELDS, type ReviewedField } from '../freshness.events.js';
import type { PolicyDocument } from './freshness-policies.projection.js';
import {
  ListFreshnessPolicies,
  ListReviews,
  policySchema,
  ReviewsParams,
  reviewsSchema,
  type CustomerReviews,
} from './freshness.query.js';
import { endFreshnessPolicy, FreshnessPolicyBody, setFreshnessPolicy } from './set-freshness-policy.command.js';

const fieldType = fieldTypes.oneOf(REVIEWED_FIELDS);

@Controller('v1/freshness')
export class FreshnessCommandController {
  constructor(private readonly commands: Commands) {}

  @Put('policies/:field')
  @Describes(
    'Say how often a field is to be verified',
    'For everybody, and sooner for customers whose trait tier says so or who are in a segment, for as long as they are. What is due by it by now falls due at once: a reminder, then a task, then an escalation, until the value is verified or changed. Open reviews keep the instants that they were given.',
  )
  @AnswersOutcome(200)
  async set(
    @PathParam('field', fieldType) field: ReviewedField,
    @StrictBody(FreshnessPolicyBody) body: FreshnessPolicyBody,
    @CommandHeaders() headers: CommandHeaders,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<CommandOutcome> {
    return updated(reply, await this.commands.dispatch(setFreshnessPolicy, { ...body, field }, headers));
  }

  @Delete('policies/:field')
  @Describes('End the policy of a field', 'Nothing new falls due; reviews that are open take their course.')
  @AnswersOutcome(200)
  @Refuses('FRESHNESS_POLICY_NOT_FOUND')
  async end(
    @PathParam('field', fieldType) field: ReviewedField,
    @CommandHeaders() headers: CommandHeaders,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<CommandOutcome> {
    return updated(reply, await this.commands.dispatch(endFreshnessPolicy, { field }, headers));
  }
}

@Controller('v1/freshness')
export class FreshnessQueryController {
  constructor(private readonly queries: QueryBus) {}

  @Get('policies')
  @Describes('How often fields are to be verified')
  @Answers(200, pageSchema(policySchema))
  @Refuses('READ_MODEL_NOT_READY')
  async policies(@PositionHeader() position: string | undefined): Promise<{ items: PolicyDocument[] }> {
    return { items: await this.queries.execute(new ListFreshnessPolicies(position)) };
  }

  @Get('reviews')
  @Describes(
    'Customers whose values are to be verified',
    'Those first whose oldest review fell due first. A review is over when the value is verified, changed or taken back; POST /v1/customers/{id}/verifications answers it.',
  )
  @Answers(200, pageSchema(reviewsSchema))
  @Refuses('CURSOR_MALFORMED', 'READ_MODEL_NOT_READY')
  reviews(
    @StrictQuery(ReviewsParams) params: ReviewsParams,
    @PositionHeader() position: string | undefined,
  ): Promise<Page<CustomerReviews>> {
    return this.queries.execute(new ListReviews(params, position));
  }
}
