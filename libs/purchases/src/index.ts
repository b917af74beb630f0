/** The purchases slice: orders with exact amounts, and what of them comes back. */
import type { Slice } from '@timeline/composing';
import { EntityStreams, Intake } from '@timeline/deciding';
import { recordPurchase, RecordPurchaseHandler } from './commands/record-purchase.command.js';
import { returnPurchase, ReturnPurchaseHandler } from './commands/return-purchase.command.js';
import { PurchasesCommandController, PurchasesQueryController } from './purchases.controller.js';
import { purchasesPublicEvents } from './purchases.public-events.js';
import { GetPurchaseHandler } from './queries/get-purchase.query.js';

export const purchasesSlice = {
  name: 'purchases',
  commandTypes: [recordPurchase, returnPurchase],
  commandProviders: [Intake, RecordPurchaseHandler, ReturnPurchaseHandler],
  commandControllers: [PurchasesCommandController],
  queryProviders: [EntityStreams, GetPurchaseHandler],
  queryControllers: [PurchasesQueryController],
  publicEvents: [purchasesPublicEvents],
} satisfies Slice;
