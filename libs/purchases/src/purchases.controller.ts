/** `POST /v1/purchases` and `POST /v1/purchases/{id}/returns`. */
import { Controller, Post, Res } from '@nestjs/common';
import { Commands } from '@timeline/deciding';
import {
  AnswersOutcome,
  CommandHeaders,
  created,
  Describes,
  PathId,
  Refuses,
  StrictBody,
  updated,
  type CommandOutcome,
} from '@timeline/http';
import type { FastifyReply } from 'fastify';
import { recordPurchase, RecordPurchaseData } from './commands/record-purchase.command.js';
import { ReturnPurchaseBody, returnPurchase } from './commands/return-purchase.command.js';

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
