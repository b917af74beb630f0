/**
 * The read model `purchases`: of each customer a document per purchase (`{customer}/p/{purchase}`), with what of it came
 * back or that it was cancelled, and one per currency and category (`{customer}/c/{currency}/{category}`). Nothing in here
 * grows with the number of a customer's purchases or categories but the number of documents, so none has a bound.
 */
import {
  addDecimals,
  compareDecimals,
  FaultError,
  subtractDecimals,
  type Decimal,
  type Recorded,
} from '@timeline/kernel';
import { customerOwner, type Projection, type Touch } from '@timeline/projecting';
import { amountsByCategory, statusAfterReturn, type PurchaseEvent, type PurchaseStatus } from '../purchases.events.js';

export interface PurchaseOfCustomer {
  kind: 'purchase';
  customerId: string;
  purchaseId: string;
  /** `occurredAt` and position of the purchase: the order of lists. */
  at: string;
  position: string;
  orderNumber?: string;
  channel: string;
  region?: string;
  source?: string;
  currency: string;
  total: Decimal;
  returned: Decimal;
  status: PurchaseStatus;
  cancelledAt?: string;
  lines: number;
  /** Sorted. */
  categories: string[];
}

/** Of lines alone: shipping and tax are of no category. What was cancelled is not in it. */
export interface CategoryTurnover {
  kind: 'category';
  currency: string;
  /** Empty for lines that have none. */
  category: string;
  /** That have the category, whether or not something came back. */
  purchases: number;
  gross: Decimal;
  returned: Decimal;
}

export type CustomerPurchases = PurchaseOfCustomer | CategoryTurnover;

const purchaseKey = (customerId: string, purchaseId: string): string => `${customerId}/p/${purchaseId}`;
/** What the keys of a customer's categories begin with. */
export const categoriesOf = (customerId: string): string => `${customerId}/c/`;
const categoryKey = (customerId: string, currency: string, category: string): string =>
  `${categoriesOf(customerId)}${currency}/${category}`;

export const customerPurchases: Projection<CustomerPurchases, PurchaseEvent> = {
  name: 'purchases',
  version: 1,
  handles: ['PurchaseRecorded', 'PurchaseReturned', 'PurchaseCancelled'],
  indexes: [{ name: 'page', key: { customerId: 1, at: 1, position: 1 } }],
  keysBeginWithOwner: true,
  keys(event) {
    const customerId = customerOf(event);
    const { purchaseId, currency, lines } = event.data;
    const owner = customerOwner(customerId);
    return [
      { key: purchaseKey(customerId, purchaseId), owner },
      ...[...amountsByCategory(lines).keys()].map((category): Touch => ({
        key: categoryKey(customerId, currency, category),
        owner,
      })),
    ];
  },
  evolve(before, event, key) {
    const customerId = customerOf(event);
    if (key === purchaseKey(customerId, event.data.purchaseId))
      return purchaseAfter(before?.kind === 'purchase' ? before : undefined, event, customerId);
    const { currency } = event.data;
    const category = key.slice(categoryKey(customerId, currency, '').length);
    return categoryAfter(before?.kind === 'category' ? before : emptyCategory(currency, category), event);
  },
};

function purchaseAfter(
  before: PurchaseOfCustomer | undefined,
  event: Recorded<PurchaseEvent>,
  customerId: string,
): PurchaseOfCustomer | undefined {
  switch (event.type) {
    case 'PurchaseRecorded': {
      const { purchaseId, orderNumber, channel, region, currency, total, lines } = event.data;
      const { source, occurredAt } = event.metadata;
      return {
        kind: 'purchase',
        customerId,
        purchaseId,
        at: occurredAt,
        position: event.position,
        ...(orderNumber !== undefined && { orderNumber }),
        channel,
        ...(region !== undefined && { region }),
        ...(source !== undefined && { source }),
        currency,
        total,
        returned: '0',
        status: 'bought',
        lines: lines.length,
        categories: [...new Set(lines.flatMap(({ category }) => category ?? []))].sort(),
      };
    }
    case 'PurchaseReturned': {
      const { total, complete } = event.data;
      return (
        before && { ...before, returned: addDecimals(before.returned, total), status: statusAfterReturn(complete) }
      );
    }
    case 'PurchaseCancelled':
      return before && { ...before, status: 'cancelled', cancelledAt: event.metadata.occurredAt };
    default:
      return event satisfies never;
  }
}

const emptyCategory = (currency: string, category: string): CategoryTurnover => ({
  kind: 'category',
  currency,
  category,
  purchases: 0,
  gross: '0',
  returned: '0',
});

function categoryAfter(before: CategoryTurnover, event: Recorded<PurchaseEvent>): CategoryTurnover | undefined {
  const amount = amountsByCategory(event.data.lines).get(before.category) ?? '0';
  switch (event.type) {
    case 'PurchaseRecorded':
      return { ...before, purchases: before.purchases + 1, gross: addDecimals(before.gross, amount) };
    case 'PurchaseReturned':
      return { ...before, returned: addDecimals(before.returned, amount) };
    case 'PurchaseCancelled': {
      const after = { ...before, purchases: before.purchases - 1, gross: subtractDecimals(before.gross, amount) };
      return isNothing(after) ? undefined : after;
    }
    default:
      return event satisfies never;
  }
}

const isNothing = ({ purchases, gross, returned }: CategoryTurnover): boolean =>
  purchases === 0 && compareDecimals(gross, '0') === 0 && compareDecimals(returned, '0') === 0;

function customerOf({ metadata }: Recorded<PurchaseEvent>): string {
  if (metadata.customerId !== undefined) return metadata.customerId;
  throw new FaultError('CUSTOMER_MISSING', 'a purchase names no customer; the log is damaged');
}
