/**
 * What may happen to a purchase: recorded once, then returned in parts until nothing is left, or cancelled as a whole.
 * Every amount is exact; nothing is rounded to the currency's smallest coin, since sources have prices of four and more
 * decimals.
 *
 * **A cancelled purchase counts as if it had never been made**, which cannot be said of one of which something came back: that
 * was delivered, and the rest of it can come back too. Once cancelled there is nothing to return.
 *
 * **Shipping and tax** are paid beside the lines and part of the total. They are paid back by amounts.
 *
 * **The share of a partial return** that names no amount: with `A` the line's amount, `Q` its quantity and `r` what had
 * been returned of it, returning `q` gives `round(A·(r+q)/Q) − round(A·r/Q)`, rounding half even to four decimals
 * or to those of `A` where it has more. Shares therefore add up to `A` exactly, however a line is divided. A share is
 * never more than what is left of the line's amount (less is left where earlier returns named larger amounts).
 */
import { assertSameDelivery, type Delivered } from '@timeline/deciding';
import {
  addDecimals,
  compareDecimals,
  deriveId,
  DomainError,
  isDecimal,
  multiplyDecimals,
  normalDecimal,
  placesOf,
  proportionOf,
  subtractDecimals,
  sumDecimals,
  unreachable,
  type Decider,
  type Decimal,
  type Decision,
  type DecisionContext,
  type Recorded,
} from '@timeline/kernel';
import type { Charges, PurchaseEvent, PurchaseLine, ReturnedLine } from './purchases.events.js';

type PurchaseRecorded = Extract<PurchaseEvent, { type: 'PurchaseRecorded' }>;
type ShipTo = NonNullable<NonNullable<PurchaseRecorded['personal']>['shipTo']>;

/** A line as it comes in: what it cost in all, or the price of one. */
export interface OrderedLine {
  /** Default: its index, from 0. */
  lineId?: string;
  sku: string;
  name: string;
  category?: string;
  subCategory?: string;
  quantity: Decimal;
  amount?: Decimal;
  /** Of one; the line's amount is `unitPrice · quantity − discount`. */
  unitPrice?: Decimal;
  /** On the whole line, in the purchase's currency. Already taken off where `amount` is given. */
  discount?: Decimal;
}

export interface PurchaseIntake {
  type: 'record';
  customerId: string;
  data: Omit<PurchaseRecorded['data'], 'lines' | 'total'> & { lines: readonly OrderedLine[] };
  shipTo?: ShipTo;
  /** Where the delivery names the instant; compared with an earlier delivery only then. */
  occurredAt?: string;
}

export interface LineToReturn {
  lineId: string;
  quantity: Decimal;
  /** What is paid back; default the share by quantity. */
  amount?: Decimal;
}

/** Of shipping and tax what is paid back. All that is left of the purchase where it names neither these nor lines. */
export interface PurchaseReturn extends Charges {
  type: 'return';
  purchaseId: string;
  lines?: readonly LineToReturn[];
  reason?: string;
}

export interface PurchaseCancellation {
  type: 'cancel';
  purchaseId: string;
  reason?: string;
}

export type PurchaseCommand = PurchaseIntake | PurchaseReturn | PurchaseCancellation;

interface LineState {
  lineId: string;
  category?: string;
  quantity: Decimal;
  amount: Decimal;
  quantityReturned: Decimal;
  amountReturned: Decimal;
}

interface Purchase {
  customerId: string | undefined;
  occurredAt: string;
  currency: string;
  delivered: Delivered;
  lines: readonly LineState[];
  /** Not paid back. */
  charges: Charges;
  total: Decimal;
  isCancelled: boolean;
  hasReturns: boolean;
}

export interface PurchaseState {
  purchase?: Purchase;
}

export const purchaseDecider: Decider<PurchaseState, PurchaseCommand, PurchaseEvent> = {
  initialState: {},

  evolve(state, event): PurchaseState {
    switch (event.type) {
      case 'PurchaseRecorded':
        return { purchase: recordedPurchase(event) };
      case 'PurchaseReturned': {
        if (!state.purchase) return state;
        const returned = new Map(event.data.lines.map((line) => [line.lineId, line]));
        const lines = state.purchase.lines.map((line) => {
          const back = returned.get(line.lineId);
          return back ? withReturn(line, back) : line;
        });
        const charges = remainingCharges(state.purchase.charges, event.data);
        return { purchase: { ...state.purchase, lines, charges, hasReturns: true } };
      }
      case 'PurchaseCancelled':
        return state.purchase ? { purchase: { ...state.purchase, isCancelled: true } } : state;
      default:
        return unreachable(event, 'a fact of a purchase');
    }
  },

  decide(command, state, context): Decision<PurchaseEvent>[] {
    switch (command.type) {
      case 'record':
        return record(command, state);
      case 'return':
        return giveBack(command, state, context);
      case 'cancel':
        return cancel(command, state);
      default:
        return unreachable(command, 'a command about a purchase');
    }
  },

  customerOf: (command, state) => (command.type === 'record' ? command.customerId : state.purchase?.customerId),
};

function record(command: PurchaseIntake, { purchase }: PurchaseState): Decision<PurchaseEvent>[] {
  const { data, shipTo } = command;
  const lines = data.lines.map((line, index) => pricedLine(line, index));
  const charges = chargesOf(data);
  const total = sumDecimals([...lines.map((line) => line.amount), ...Object.values(charges)]);
  if (!isDecimal(total)) throw outOfRange('/lines', 'the total');
  if (!purchase) {
    assertUniqueLines(lines);
    return [
      {
        type: 'PurchaseRecorded',
        data: { ...data, ...charges, lines, total },
        ...(shipTo && Object.keys(shipTo).length > 0 && { personal: { shipTo } }),
        channel: data.channel,
      },
    ];
  }
  assertSameDelivery(
    purchase.delivered,
    delivered(command.customerId, { ...data, ...charges, lines, total }, shipTo, command.occurredAt),
    {
      code: 'PURCHASE_CONFLICT',
      id: data.purchaseId,
      advice: 'a purchase is not changed, record returns or another one',
    },
  );
  return [];
}

function giveBack(
  command: PurchaseReturn,
  { purchase }: PurchaseState,
  context: DecisionContext,
): Decision<PurchaseEvent>[] {
  if (!purchase) throw notFound(command.purchaseId);
  if (purchase.isCancelled) throw alreadyCancelled();
  const named = chargesOf(command);
  const isAll = command.lines === undefined && Object.keys(named).length === 0;
  const wanted = command.lines ?? (isAll ? purchase.lines.flatMap((line) => allThatIsLeft(line)) : []);
  const charges = isAll ? withoutZeros(purchase.charges) : named;
  if (wanted.length === 0 && Object.keys(charges).length === 0) {
    throw new DomainError('PURCHASE_FULLY_RETURNED', 'nothing of this purchase is left to return');
  }
  assertChargesLeft(purchase, charges);
  assertUniqueLines(wanted);
  const lines = wanted.map((line, index) => returnedLine(purchase, line, index));
  const after = new Map(lines.map((line) => [line.lineId, line]));
  const areLinesBack = purchase.lines.every((line) => {
    const back = after.get(line.lineId);
    return compareDecimals(quantityLeft(back ? withReturn(line, back) : line), '0') === 0;
  });
  const chargesLeft = withoutZeros(remainingCharges(purchase.charges, charges));
  return [
    {
      type: 'PurchaseReturned',
      data: {
        purchaseId: command.purchaseId,
        returnId: deriveId('return', context.commandId),
        purchasedAt: purchase.occurredAt,
        currency: purchase.currency,
        lines,
        ...charges,
        total: sumDecimals([...lines.map((line) => line.amount), ...Object.values(charges)]),
        complete: areLinesBack && Object.keys(chargesLeft).length === 0,
        ...(command.reason !== undefined && { reason: command.reason }),
      },
    },
  ];
}

function cancel({ purchaseId, reason }: PurchaseCancellation, { purchase }: PurchaseState): Decision<PurchaseEvent>[] {
  if (!purchase) throw notFound(purchaseId);
  if (purchase.isCancelled) throw alreadyCancelled();
  if (purchase.hasReturns) {
    throw new DomainError(
      'PURCHASE_HAS_RETURNS',
      'something of this purchase was returned or paid back already, so it cannot be cancelled; return the rest of it',
    );
  }
  return [
    {
      type: 'PurchaseCancelled',
      data: {
        purchaseId,
        purchasedAt: purchase.occurredAt,
        currency: purchase.currency,
        lines: purchase.lines.map(({ lineId, category, quantity, amount }) => ({
          lineId,
          ...(category !== undefined && { category }),
          quantity,
          amount,
        })),
        total: purchase.total,
        ...(reason !== undefined && { reason }),
      },
    },
  ];
}

const notFound = (purchaseId: string): DomainError =>
  new DomainError('PURCHASE_NOT_FOUND', `there is no purchase ${purchaseId}; check the id`);

const alreadyCancelled = (): DomainError =>
  new DomainError('PURCHASE_CANCELLED', 'this purchase was cancelled; there is nothing of it to return or to cancel');

const CHARGES = ['shipping', 'tax'] as const;

const chargesOf = (told: Charges): Charges =>
  Object.fromEntries(CHARGES.flatMap((name) => (told[name] === undefined ? [] : [[name, normalDecimal(told[name])]])));

const withoutZeros = (charges: Charges): Charges =>
  Object.fromEntries(
    Object.entries(charges).filter(([, amount]: [string, Decimal]) => compareDecimals(amount, '0') > 0),
  );

const remainingCharges = (charges: Charges, back: Charges): Charges =>
  Object.fromEntries(
    CHARGES.flatMap((name) =>
      charges[name] === undefined ? [] : [[name, subtractDecimals(charges[name], back[name] ?? '0')]],
    ),
  );

function assertChargesLeft({ charges }: Purchase, back: Charges): void {
  for (const name of CHARGES) {
    const left = charges[name] ?? '0';
    if (back[name] !== undefined && compareDecimals(back[name], left) > 0) {
      throw new DomainError('RETURN_EXCEEDS_PURCHASE', `${left} is left of the ${name}; pay back at most that`, {
        pointer: `/${name}`,
        left,
      });
    }
  }
}

function pricedLine(line: OrderedLine, index: number): PurchaseLine {
  const { lineId = String(index), unitPrice, discount, ...rest } = line;
  const quantity = normalDecimal(line.quantity);
  if (compareDecimals(quantity, '0') <= 0) {
    throw new DomainError('QUANTITY_NOT_POSITIVE', 'a line has a quantity above 0', {
      pointer: `/lines/${index}/quantity`,
    });
  }
  return {
    ...rest,
    lineId,
    quantity,
    ...(unitPrice !== undefined && { unitPrice: normalDecimal(unitPrice) }),
    amount: amountOf(line, index),
    ...(discount !== undefined && { discount: normalDecimal(discount) }),
  };
}

function amountOf({ amount, unitPrice, quantity, discount = '0' }: OrderedLine, index: number): Decimal {
  const pointer = `/lines/${index}`;
  if ((amount === undefined) === (unitPrice === undefined)) {
    throw new DomainError('AMOUNT_OR_UNIT_PRICE', 'a line has an amount or a unitPrice, one of the two', { pointer });
  }
  if (amount !== undefined) return normalDecimal(amount);
  const before = multiplyDecimals(unitPrice ?? '0', quantity);
  if (compareDecimals(before, discount) < 0) {
    throw new DomainError('DISCOUNT_TOO_LARGE', `a line of ${before} cannot have a discount of ${discount}`, {
      pointer: `${pointer}/discount`,
    });
  }
  const after = subtractDecimals(before, discount);
  if (!isDecimal(after)) throw outOfRange(pointer, 'unitPrice · quantity − discount');
  return after;
}

function returnedLine(purchase: Purchase, wanted: LineToReturn, index: number): ReturnedLine {
  const pointer = `/lines/${index}`;
  const line = purchase.lines.find(({ lineId }) => lineId === wanted.lineId);
  if (!line) {
    throw new DomainError('UNKNOWN_LINE', 'the purchase has no line of this id', { pointer: `${pointer}/lineId` });
  }
  const quantity = normalDecimal(wanted.quantity);
  if (compareDecimals(quantity, '0') <= 0) {
    throw new DomainError('QUANTITY_NOT_POSITIVE', 'a return has a quantity above 0', {
      pointer: `${pointer}/quantity`,
    });
  }
  const left = { quantity: quantityLeft(line), amount: subtractDecimals(line.amount, line.amountReturned) };
  const exceeds = (what: 'quantity' | 'amount'): DomainError =>
    new DomainError(
      'RETURN_EXCEEDS_PURCHASE',
      `of this line, ${left[what]} is left of its ${what}; return at most that`,
      {
        pointer: `${pointer}/${what}`,
        left: left[what],
      },
    );
  if (compareDecimals(quantity, left.quantity) > 0) throw exceeds('quantity');
  const amount = wanted.amount === undefined ? shareOf(line, quantity, left.amount) : normalDecimal(wanted.amount);
  if (compareDecimals(amount, left.amount) > 0) throw exceeds('amount');
  const { lineId, category } = line;
  return { lineId, ...(category !== undefined && { category }), quantity, amount };
}

const SHARE_PLACES = 4;

/** See the top of this file. */
function shareOf(line: LineState, quantity: Decimal, amountLeft: Decimal): Decimal {
  const places = Math.max(SHARE_PLACES, placesOf(line.amount));
  const upTo = (returned: Decimal): Decimal => proportionOf(line.amount, returned, line.quantity, places);
  const share = subtractDecimals(upTo(addDecimals(line.quantityReturned, quantity)), upTo(line.quantityReturned));
  return compareDecimals(share, amountLeft) > 0 ? amountLeft : share;
}

const quantityLeft = (line: LineState): Decimal => subtractDecimals(line.quantity, line.quantityReturned);

const allThatIsLeft = (line: LineState): LineToReturn[] => {
  const quantity = quantityLeft(line);
  return compareDecimals(quantity, '0') > 0 ? [{ lineId: line.lineId, quantity }] : [];
};

const withReturn = (line: LineState, back: ReturnedLine): LineState => ({
  ...line,
  quantityReturned: addDecimals(line.quantityReturned, back.quantity),
  amountReturned: addDecimals(line.amountReturned, back.amount),
});

function recordedPurchase({ data, personal, metadata }: Recorded<PurchaseRecorded>): Purchase {
  return {
    customerId: metadata.customerId,
    occurredAt: metadata.occurredAt,
    currency: data.currency,
    delivered: delivered(metadata.customerId, data, personal?.shipTo, metadata.occurredAt),
    charges: chargesOf(data),
    total: data.total,
    isCancelled: false,
    hasReturns: false,
    lines: data.lines.map(({ lineId, category, quantity, amount }) => ({
      lineId,
      ...(category !== undefined && { category }),
      quantity,
      amount,
      quantityReturned: '0',
      amountReturned: '0',
    })),
  };
}

function delivered(
  customer: string | undefined,
  data: PurchaseRecorded['data'],
  shipTo: ShipTo | undefined,
  occurredAt: string | undefined,
): Delivered {
  const { payloadHash, purchaseId: _id, total: _total, lines: priced, ...told } = data;
  // By what a line came to: whether that was told as an amount or as a price makes no difference.
  const lines = priced.map(({ unitPrice: _unitPrice, ...line }) => line);
  const hasAddress = shipTo && Object.keys(shipTo).length > 0;
  return { payloadHash, members: { customer, ...told, lines, ...(hasAddress && { shipTo }), occurredAt } };
}

function assertUniqueLines(lines: readonly { lineId: string }[]): void {
  const seen = new Set<string>();
  for (const [index, { lineId }] of lines.entries()) {
    if (seen.has(lineId)) {
      throw new DomainError(
        'DUPLICATE_LINE',
        'another line has this lineId (a line without one has its index, from 0)',
        {
          pointer: `/lines/${index}/lineId`,
        },
      );
    }
    seen.add(lineId);
  }
}

const outOfRange = (pointer: string, what: string): DomainError =>
  new DomainError('AMOUNT_OUT_OF_RANGE', `${what} must have at most 18 digits before and 10 after the point`, {
    pointer,
  });
