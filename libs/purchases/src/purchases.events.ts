/** The facts about purchases, one stream each: `purchase-{id}`. Amounts are exact decimals in the purchase's currency. */
import type { Decimal, Fact } from '@timeline/kernel';

export interface PurchaseLine {
  /** Unique in the purchase. */
  lineId: string;
  sku: string;
  name: string;
  category?: string;
  subCategory?: string;
  /** Whole or fractional (weight). */
  quantity: Decimal;
  /** What the line cost in all, discounts taken off. */
  amount: Decimal;
  discount?: Decimal;
}

export interface ReturnedLine {
  lineId: string;
  quantity: Decimal;
  amount: Decimal;
}

export type PurchaseEvent =
  | Fact<
      'PurchaseRecorded',
      {
        purchaseId: string;
        orderNumber?: string;
        channel: string;
        /** ISO 4217. */
        currency: string;
        lines: PurchaseLine[];
        /** Sum of the lines. */
        total: Decimal;
        sourceId?: string;
        payloadHash: string;
        /** Coarse, for breakdowns. */
        region?: string;
      },
      { shipTo?: { city?: string; state?: string; postalCode?: string; country?: string } }
    >
  | Fact<
      'PurchaseReturned',
      {
        purchaseId: string;
        returnId: string;
        /** `occurredAt` of the purchase, so that nobody has to look it up. */
        purchasedAt: string;
        currency: string;
        lines: ReturnedLine[];
        total: Decimal;
        /** Nothing of the purchase is left. */
        complete: boolean;
        reason?: string;
      }
    >;
