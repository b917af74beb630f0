/** The purchases slice: orders with exact amounts, what of them comes back, and what they come to for a customer. */
import type { Slice } from '@timeline/composing';
import { EntityStreams, Intake } from '@timeline/deciding';
import { cancelPurchase, CancelPurchaseHandler } from './commands/cancel-purchase.command.js';
import { recordPurchase, RecordPurchaseHandler } from './commands/record-purchase.command.js';
import { returnPurchase, ReturnPurchaseHandler } from './commands/return-purchase.command.js';
import { customerPurchases } from './projections/customer-purchases.projection.js';
import {
  CustomerPurchasesController,
  PurchasesCommandController,
  PurchasesQueryController,
} from './purchases.controller.js';
import { purchasesPublicEvents } from './purchases.public-events.js';
import { GetCategoryMixHandler } from './queries/category-mix.query.js';
import { GetPurchaseHandler } from './queries/get-purchase.query.js';
import { ListPurchasesHandler } from './queries/list-purchases.query.js';

export const purchasesSlice = {
  name: 'purchases',
  commandTypes: [recordPurchase, returnPurchase, cancelPurchase],
  commandProviders: [Intake, RecordPurchaseHandler, ReturnPurchaseHandler, CancelPurchaseHandler],
  commandControllers: [PurchasesCommandController],
  queryProviders: [EntityStreams, GetPurchaseHandler, ListPurchasesHandler, GetCategoryMixHandler],
  queryControllers: [PurchasesQueryController, CustomerPurchasesController],
  projections: [customerPurchases],
  publicEvents: [purchasesPublicEvents],
} satisfies Slice;
