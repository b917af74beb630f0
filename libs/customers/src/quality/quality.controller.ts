/** Quality over HTTP; its trend is among the metrics. No decision lives here. */
import { Controller, Get, HttpCode, Post, Res } from '@nestjs/common';
import { QueryBus } from '@nestjs/cqrs';
import { Commands } from '@timeline/deciding';
import {
  Answers,
  AnswersOutcome,
  CommandHeaders,
  Describes,
  PathId,
  PositionHeader,
  Refuses,
  StrictQuery,
  updated,
  type CommandOutcome,
} from '@timeline/http';
import type { FastifyReply } from 'fastify';
import { measureQuality } from './measure-quality.command.js';
import { GetQuality, QualityParams, qualitySchema, type QualityView } from './record-quality.query.js';

@Controller('v1/metrics/data-quality')
export class QualityCommandController {
  constructor(private readonly commands: Commands) {}

  @Post('measurements')
  @HttpCode(200)
  @Describes(
    'Measure the quality of all records now',
    'Of today in the reporting time zone; the latest measurement of a day counts. It looks at every record: what happens once a day by itself.',
  )
  @AnswersOutcome(200)
  @Refuses('POSITION_NOT_REACHED', 'READ_MODEL_NOT_READY')
  async measure(
    @CommandHeaders() headers: CommandHeaders,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<CommandOutcome> {
    return updated(reply, await this.commands.dispatch(measureQuality, {}, headers));
  }
}

@Controller('v1/customers')
export class QualityQueryController {
  constructor(private readonly queries: QueryBus) {}

  @Get(':id/quality')
  @Describes(
    'How good what is known of a customer is',
    'From 0 to 100, the weighted mean of completeness (35), validity (25), freshness (25) and uniqueness (15), with what each looked at; of merged customers, what is known of all together. Evaluated at asOf.',
  )
  @Answers(200, qualitySchema)
  @Refuses('CUSTOMER_NOT_FOUND', 'CUSTOMER_ERASED', 'READ_MODEL_NOT_READY')
  quality(
    @PathId('id') customerId: string,
    @StrictQuery(QualityParams) params: QualityParams,
    @PositionHeader() position: string | undefined,
  ): Promise<QualityView> {
    return this.queries.execute(new GetQuality(customerId, params, position));
  }
}
