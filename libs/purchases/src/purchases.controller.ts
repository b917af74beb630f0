/** `POST /v1/purchases`, `POST /v1/purchases/{id}/returns` and `GET /v1/purchases/{id}`. */
import { Controller, Get, Post, Res } from '@nestjs/common';
import { QueryBus } from '@nestjs/cqrs';
import { Commands } from '@timeline/deciding';
import {
  answered,
  Answers,
  AnswersOutcome,
  CommandHeaders,
  created,
  Describes,
  PathId,
  PositionHeader,
  Refuses,
  revisionEtag,
  StrictBody,
  updated,
  type CommandOutcome,
} from '@timeline/http';
import type { FastifyReply } from 'fastify';
import { recordPurchase, RecordPurchaseData } from './commands/record-purchase.command.js';
import { ReturnPurchaseBody, returnPurchase } from './commands/return-purchase.command.js';
import { GetPurchase, PurchaseView } from './queries/get-purchase.query.js';

@Controller('v1/purchases')
export class PurchasesCommandController {
  constructor(private readonly commands: Commands) {}

  @Post()
  @Describes(
    'Record a purchase',
    'Amounts are exact decimals; nothing is rounded. With `source` and `sourceId` a second delivery changes nothing; with another payload it is refused and the answer names the fields that differ.',
  )
  @AnswersOutcome(201)
  @Refuses(
    'CUSTOMER_NOT_FOUND',
    'CUSTOMER_ERASED',
    'IDENTITY_REFUSED',
    'IDENTITY_TAKEN',
    'PURCHASE_CONFLICT',
    'DUPLICATE_LINE',
    'DISCOUNT_TOO_LARGE',
    'AMOUNT_OUT_OF_RANGE',
    'OCCURRED_IN_FUTURE',
  )
  async record(
    @StrictBody(RecordPurchaseData) body: RecordPurchaseData,
    @CommandHeaders() headers: CommandHeaders,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<CommandOutcome> {
    const outcome = await this.commands.dispatch(recordPurchase, body, headers);
    return created(reply, `/v1/purchases/${outcome.id}`, outcome);
  }

  @Post(':id/returns')
  @Describes(
    'Return a purchase, whole or in parts',
    'A line without `amount` pays back its share by quantity, rounded half even to four decimals (or those of the line), such that all shares of a line add up to its amount exactly.',
  )
  @AnswersOutcome(200)
  @Refuses(
    'PURCHASE_NOT_FOUND',
    'CUSTOMER_ERASED',
    'UNKNOWN_LINE',
    'DUPLICATE_LINE',
    'RETURN_EXCEEDS_PURCHASE',
    'PURCHASE_FULLY_RETURNED',
    'OCCURRED_IN_FUTURE',
    'OCCURRED_BEFORE_START',
  )
  async giveBack(
    @PathId('id') purchaseId: string,
    @StrictBody(ReturnPurchaseBody) body: ReturnPurchaseBody,
    @CommandHeaders() headers: CommandHeaders,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<CommandOutcome> {
    return updated(reply, await this.commands.dispatch(returnPurchase, { ...body, purchaseId }, headers));
  }
}

@Controller('v1/purchases')
export class PurchasesQueryController {
  constructor(private readonly queries: QueryBus) {}

  @Get(':id')
  @Describes(
    'A purchase with its returns',
    'Amounts are exact decimals. Its ETag is the revision that `If-Match` of a return asks for.',
  )
  @Answers(200, PurchaseView)
  @Answers(304)
  @Refuses('PURCHASE_NOT_FOUND', 'CUSTOMER_ERASED')
  async get(
    @PathId('id') purchaseId: string,
    @PositionHeader() given: string | undefined,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<PurchaseView | undefined> {
    const { view, revision, position } = await this.queries.execute(new GetPurchase(purchaseId, given));
    return answered(reply, view, { etag: revisionEtag(revision), position });
  }
}
