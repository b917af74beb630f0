/** Points over HTTP. No decision lives here. */
import { Controller, Get, Post, Res } from '@nestjs/common';
import { QueryBus } from '@nestjs/cqrs';
import { Commands } from '@timeline/deciding';
import {
  answered,
  Answers,
  AnswersOutcome,
  CommandHeaders,
  Describes,
  etagOf,
  PathId,
  PositionHeader,
  Refuses,
  StrictBody,
  StrictQuery,
  updated,
  type CommandOutcome,
} from '@timeline/http';
import type { FastifyReply } from 'fastify';
import { earnPoints, EarnPointsBody } from './commands/earn-points.command.js';
import { spendPoints, SpendPointsBody } from './commands/spend-points.command.js';
import { GetLoyalty, LoyaltyQuery, LoyaltyView } from './queries/get-loyalty.query.js';

const ON_A_LEDGER = ['CUSTOMER_NOT_FOUND', 'CUSTOMER_ERASED', 'OCCURRED_IN_FUTURE', 'OCCURRED_BEFORE_START'];

@Controller('v1/loyalty')
export class LoyaltyCommandController {
  constructor(private readonly commands: Commands) {}

  @Post(':customerId/earnings')
  @Describes('Give points to a customer', 'They lie in a lot of their own, which may expire.')
  @AnswersOutcome(200)
  @Refuses(...ON_A_LEDGER, 'EXPIRES_BEFORE_EARNED', 'TOO_MANY_EXPIRY_INSTANTS', 'POINTS_OUT_OF_RANGE')
  async earn(
    @PathId('customerId') customerId: string,
    @StrictBody(EarnPointsBody) body: EarnPointsBody,
    @CommandHeaders() headers: CommandHeaders,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<CommandOutcome> {
    return updated(reply, await this.commands.dispatch(earnPoints, { ...body, customer: { customerId } }, headers));
  }

  @Post(':customerId/redemptions')
  @Describes(
    'Spend points of a customer',
    'Those that expire soonest are taken first. Only points that were there at `occurredAt` can be spent.',
  )
  @AnswersOutcome(200)
  @Refuses(...ON_A_LEDGER, 'INSUFFICIENT_POINTS')
  async spend(
    @PathId('customerId') customerId: string,
    @StrictBody(SpendPointsBody) body: SpendPointsBody,
    @CommandHeaders() headers: CommandHeaders,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<CommandOutcome> {
    return updated(reply, await this.commands.dispatch(spendPoints, { ...body, customer: { customerId } }, headers));
  }
}

@Controller('v1/loyalty')
export class LoyaltyQueryController {
  constructor(private readonly queries: QueryBus) {}

  @Get(':customerId')
  @Describes('Points and purchases of a customer', 'With `asOf` ahead: what would be left then if nothing happens.')
  @Answers(200, LoyaltyView)
  @Answers(304)
  @Refuses('CUSTOMER_NOT_FOUND', 'CUSTOMER_ERASED', 'AS_OF_TOO_EARLY', 'READ_MODEL_NOT_READY')
  async get(
    @PathId('customerId') customerId: string,
    @StrictQuery(LoyaltyQuery) query: LoyaltyQuery,
    @PositionHeader() position: string | undefined,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<LoyaltyView | undefined> {
    const { view, version } = await this.queries.execute(new GetLoyalty(customerId, query.asOf, position));
    return answered(reply, view, { etag: etagOf(...version) });
  }
}
