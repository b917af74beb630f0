/** Purchases over HTTP, each by itself (`/v1/purchases`) and those of a customer (`/v1/customers/{id}/purchases`). */
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
  pageSchema,
  PathId,
  PositionHeader,
  Refuses,
  revisionEtag,
  StrictBody,
  StrictQuery,
  updated,
  type CommandOutcome,
  type Page,
} from '@timeline/http';
import type { FastifyReply } from 'fastify';
import { CancelPurchaseBody, cancelPurchase } from './commands/cancel-purchase.command.js';
import { recordPurchase, RecordPurchaseData } from './commands/record-purchase.command.js';
import { ReturnPurchaseBody, returnPurchase } from './commands/return-purchase.command.js';
import { CategoryMixQuery, CategoryMixView, GetCategoryMix } from './queries/category-mix.query.js';
import { GetPurchase, PurchaseView } from './queries/get-purchase.query.js';
import { ListPurchases, ListPurchasesQuery, PurchaseSummary } from './queries/list-purchases.query.js';

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
    'All that is left where neither lines nor shipping nor tax are named. A line without `amount` pays back its share by quantity, rounded half even to four decimals (or those of the line), such that all shares of a line add up to its amount exactly.',
  )
  @AnswersOutcome(200)
  @Refuses(
    'PURCHASE_NOT_FOUND',
    'CUSTOMER_ERASED',
    'UNKNOWN_LINE',
    'DUPLICATE_LINE',
    'RETURN_EXCEEDS_PURCHASE',
    'PURCHASE_FULLY_RETURNED',
    'PURCHASE_CANCELLED',
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

  @Post(':id/cancellation')
  @Describes(
    'Cancel a purchase',
    'The whole of it: from then on it counts nowhere, as if it had never been made. Refused once something of it was returned, which shows that it was delivered: return the rest then. A cancelled one is neither returned nor cancelled again.',
  )
  @AnswersOutcome(200)
  @Refuses(
    'PURCHASE_NOT_FOUND',
    'CUSTOMER_ERASED',
    'PURCHASE_CANCELLED',
    'PURCHASE_HAS_RETURNS',
    'OCCURRED_IN_FUTURE',
    'OCCURRED_BEFORE_START',
  )
  async cancel(
    @PathId('id') purchaseId: string,
    @StrictBody(CancelPurchaseBody) body: CancelPurchaseBody,
    @CommandHeaders() headers: CommandHeaders,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<CommandOutcome> {
    return updated(reply, await this.commands.dispatch(cancelPurchase, { ...body, purchaseId }, headers));
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

@Controller('v1/customers')
export class CustomerPurchasesController {
  constructor(private readonly queries: QueryBus) {}

  @Get(':id/purchases')
  @Describes(
    'The purchases of a customer',
    'Newest first, as they stand now: with what came back, cancelled ones among them. Of merged customers those of all.',
  )
  @Answers(200, pageSchema(PurchaseSummary))
  @Refuses('CUSTOMER_NOT_FOUND', 'CUSTOMER_ERASED', 'CURSOR_MALFORMED', 'READ_MODEL_NOT_READY')
  list(
    @PathId('id') customerId: string,
    @StrictQuery(ListPurchasesQuery) query: ListPurchasesQuery,
    @PositionHeader() position: string | undefined,
  ): Promise<Page<PurchaseSummary>> {
    return this.queries.execute(new ListPurchases(customerId, query, position));
  }

  @Get(':id/purchases/categories')
  @Describes(
    'What a customer buys, by category',
    'In each currency the categories that most was paid for, less what came back, with their shares; amounts are exact. Of merged customers all together.',
  )
  @Answers(200, CategoryMixView)
  @Refuses('CUSTOMER_NOT_FOUND', 'CUSTOMER_ERASED', 'READ_MODEL_NOT_READY')
  categories(
    @PathId('id') customerId: string,
    @StrictQuery(CategoryMixQuery) { top }: CategoryMixQuery,
    @PositionHeader() position: string | undefined,
  ): Promise<CategoryMixView> {
    return this.queries.execute(new GetCategoryMix(customerId, top, position));
  }
}
