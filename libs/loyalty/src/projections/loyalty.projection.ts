/**
 * The read model `loyalty`: a document per customer (`customer/{id}`), and points issued and redeemed by day and by
 * month (`day/{day}/{bucket}`, `month/{month}/{bucket}`: in the order of time), kept per bucket and added up when read.
 */
import { dayIn, isSameJson, unreachable, type Recorded } from '@timeline/kernel';
import { bucketOf, customerOwner, type Projection, type Touch } from '@timeline/projecting';
import type { CustomerEvent } from '../../../customers/src/customers.events.js';
import type { PurchaseEvent } from '../../../purchases/src/purchases.events.js';
import { pointsMoved, type LoyaltyEvent } from '../loyalty.events.js';
import { combineLoyalty, emptyLoyalty, type CustomerLoyalty } from './customer-loyalty.js';

export type LoyaltyFact =
  | LoyaltyEvent
  | Extract<CustomerEvent, { type: 'CustomerRegistered' | 'CustomerRegistrationWithdrawn' }>
  | Extract<PurchaseEvent, { type: 'PurchaseRecorded' }>;

export interface LoyaltyOfCustomer extends CustomerLoyalty {
  kind: 'customer';
  customerId: string;
}

export interface PointsFlow {
  kind: 'points';
  span: 'day' | 'month';
  /** `YYYY-MM-DD` or `YYYY-MM` in the reporting time zone. */
  start: string;
  bucket: number;
  issued: number;
  /** How many times points were earned. */
  earnings: number;
  redeemed: number;
  /** How many times points were spent. */
  redemptions: number;
}

export type LoyaltyDocument = LoyaltyOfCustomer | PointsFlow;

export type Span = PointsFlow['span'];

export const loyaltyKey = (customerId: string): string => `customer/${customerId}`;

/** Flows of these days or months, the first and the last included, as one range of keys. */
export const flowKeys = (span: Span, first: string, last: string): { $gte: string; $lt: string } => ({
  $gte: `${span}/${first}/`,
  // The character after the slash that ends a day or month.
  $lt: `${span}/${last}0`,
});

export class LoyaltyProjection implements Projection<LoyaltyDocument, LoyaltyFact> {
  readonly name: string;
  readonly version = 2;
  readonly handles = [
    'CustomerRegistered',
    'CustomerRegistrationWithdrawn',
    'PurchaseRecorded',
    'PointsEarned',
    'PointsSpent',
  ] as const;
  readonly indexes = [
    { name: 'first-purchase', key: { 'purchases.first.day': 1 } },
    { name: 'second-purchase', key: { 'purchases.second.day': 1 } },
  ] as const;

  /** `zone`: IANA name of the reporting time zone. Another one has other days, so it is another projection. */
  constructor(readonly zone: string) {
    this.name = zone === 'UTC' ? 'loyalty' : `loyalty-${slugOf(zone)}`;
  }

  keys(event: Recorded<LoyaltyFact>): Touch[] {
    const { customerId, occurredAt } = event.metadata;
    if (customerId === undefined) return [];
    const own: Touch = { key: loyaltyKey(customerId), owner: customerOwner(customerId) };
    if (event.type !== 'PointsEarned' && event.type !== 'PointsSpent') return [own];
    const bucket = bucketOf(customerId);
    const day = dayIn(this.zone, occurredAt);
    return [
      own,
      ...(
        [
          ['day', day],
          ['month', day.slice(0, 7)],
        ] as const
      ).map(([span, start]): Touch => ({
        key: `${span}/${start}/${bucket}`,
        owner: `bucket:${bucket}`,
      })),
    ];
  }

  evolve(doc: LoyaltyDocument | undefined, event: Recorded<LoyaltyFact>, key: string): LoyaltyDocument | undefined {
    if (!key.startsWith('customer/')) return this.#flow(doc?.kind === 'points' ? doc : emptyFlow(key), event);
    const before = doc?.kind === 'customer' ? doc : emptyLoyalty;
    if (event.type === 'CustomerRegistrationWithdrawn') {
      const { lots, earned, spent, purchases } = before;
      // Only who was known for nothing else is withdrawn; where something came late, that keeps its document.
      return isSameJson({ lots, earned, spent, purchases }, emptyLoyalty) ? undefined : doc;
    }
    // `keys` names no document for an event of no customer.
    const customerId = event.metadata.customerId ?? '';
    return { ...combineLoyalty(before, this.#part(event)), kind: 'customer', customerId };
  }

  /** What one event adds to the customer's figures. */
  #part(event: Recorded<LoyaltyFact>): CustomerLoyalty {
    const { occurredAt } = event.metadata;
    const part = { ...emptyLoyalty, latest: occurredAt };
    switch (event.type) {
      case 'CustomerRegistered':
      case 'CustomerRegistrationWithdrawn':
        return part;
      case 'PurchaseRecorded':
        return { ...part, purchases: { count: 1, first: { at: occurredAt, day: dayIn(this.zone, occurredAt) } } };
      case 'PointsEarned':
        return { ...part, lots: pointsMoved(event), earned: event.data.points };
      case 'PointsSpent':
        return { ...part, lots: pointsMoved(event), spent: event.data.points };
      default:
        return unreachable(event, 'a fact for the loyalty read model');
    }
  }

  #flow(flow: PointsFlow, event: Recorded<LoyaltyFact>): PointsFlow {
    switch (event.type) {
      case 'CustomerRegistered':
      case 'CustomerRegistrationWithdrawn':
      case 'PurchaseRecorded':
        return flow;
      case 'PointsEarned':
        return { ...flow, issued: flow.issued + event.data.points, earnings: flow.earnings + 1 };
      case 'PointsSpent':
        return { ...flow, redeemed: flow.redeemed + event.data.points, redemptions: flow.redemptions + 1 };
      default:
        return unreachable(event, 'a fact for the loyalty read model');
    }
  }
}

function emptyFlow(key: string): PointsFlow {
  const [span, start = '', bucket] = key.split('/');
  return {
    kind: 'points',
    span: span === 'month' ? 'month' : 'day',
    start,
    bucket: Number(bucket),
    issued: 0,
    earnings: 0,
    redeemed: 0,
    redemptions: 0,
  };
}

/** `Etc/GMT+8` and `Etc/GMT-8` must not share a name. */
const slugOf = (zone: string): string =>
  zone
    .toLowerCase()
    .replaceAll('+', 'plus')
    .replaceAll(/[^a-z0-9]+/g, '-');
