/** The facts about purchases, one stream each: `purchase-{id}`. Amounts are exact decimals in the purchase's currency. */
import { addDecimals, type Decimal, type Fact } from '@timeline/kernel';

export interface PurchaseLine {
  /** Unique in the purchase. */
  lineId: string;
  sku: string;
  name: string;
  category?: string;
  subCategory?: string;
  /** Whole or fractional (weight). */
  quantity: Decimal;
  /** Of one, where it was told. */
  unitPrice?: Decimal;
  /** What the line cost in all, discounts taken off. */
  amount: Decimal;
  discount?: Decimal;
}

/** What is paid beside the lines: part of the total, of no category. */
export interface Charges {
  shipping?: Decimal;
  tax?: Decimal;
}

export interface ReturnedLine {
  lineId: string;
  /** Of the line, so that nobody has to look it up. Absent also in what was written before it was copied here. */
  category?: string;
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
        /** Sum of the lines and charges. */
        total: Decimal;
        sourceId?: string;
        payloadHash?: string;
        /** Coarse, for breakdowns. */
        region?: string;
      } & Charges,
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
        /** Nothing of the purchase is left: neither lines nor charges (older facts say it of the lines alone). */
        complete: boolean;
        reason?: string;
      } & Charges
    >
  /** The whole of it, before anything came back: it counts as if it had never been made, from then on. */
  | Fact<
      'PurchaseCancelled',
      {
        purchaseId: string;
        /** `occurredAt` of the purchase. */
        purchasedAt: string;
        currency: string;
        /** All of them. */
        lines: ReturnedLine[];
        /** What the purchase came to. */
        total: Decimal;
        reason?: string;
      }
    >;

export const PURCHASE_STATUSES = ['bought', 'partly-returned', 'returned', 'cancelled'] as const;
export type PurchaseStatus = (typeof PURCHASE_STATUSES)[number];

export const statusAfterReturn = (complete: boolean): PurchaseStatus => (complete ? 'returned' : 'partly-returned');

/** What of the lines falls to each category; '' is that of lines without one. */
export function amountsByCategory(
  lines: readonly { category?: string; amount: Decimal }[],
): ReadonlyMap<string, Decimal> {
  const amounts = new Map<string, Decimal>();
  for (const { category = '', amount } of lines)
    amounts.set(category, addDecimals(amounts.get(category) ?? '0', amount));
  return amounts;
}
