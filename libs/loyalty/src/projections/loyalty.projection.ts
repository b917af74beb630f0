/**
 * The read model `loyalty`: a document per source customer (`customer/{id}`), from which the figures of its group are
 * derived, and points issued and redeemed by day and by
 * month (`day/{day}/{bucket}`, `month/{month}/{bucket}`: in the order of time), kept per bucket and added up when read.
 */
import { dayIn, isSameJson, unreachable, withDay, type Recorded } from '@timeline/kernel';
import {
  bucketOf,
  customerOwner,
  oncePerGroup,
  type Derivation,
  type Projection,
  type Touch,
} from '@timeline/projecting';
import type { CustomerEvent } from '../../../customers/src/customers.events.js';
import {
  isMergeEvent,
  linksOf,
  mergedCustomers,
  survivorOf,
  withMerge,
  type Grouped,
  type MergeEvent,
} from '../../../merging/src/merging.events.js';
import type { PurchaseEvent } from '../../../purchases/src/purchases.events.js';
import { pointsMoved, type LoyaltyEvent } from '../loyalty.events.js';
import {
  boughtAt,
  cancelledAt,
  combineLoyalty,
  emptyLoyalty,
  standingOf,
  type CustomerLoyalty,
  type PurchaseChanges,
  type PurchaseMoment,
  type Stretch,
} from './customer-loyalty.js';

export type LoyaltyFact =
  | LoyaltyEvent
  | Extract<CustomerEvent, { type: 'CustomerRegistered' | 'CustomerRegistrationWithdrawn' }>
  | Extract<PurchaseEvent, { type: 'PurchaseRecorded' | 'PurchaseCancelled' }>
  | MergeEvent;

export interface LoyaltyOfCustomer extends CustomerLoyalty, Grouped {
  kind: 'customer';
  customerId: string;
}

/** What a customer's group comes to together; every member has it under its own key. */
export interface LoyaltyOfGroup extends Omit<CustomerLoyalty, 'purchases'> {
  customerId: string;
  /** Source customers, itself included; sorted. */
  members: string[];
  /** Metrics that count customers count survivors. */
  isSurvivor: boolean;
  /** Since when the customer is one who bought, and one who came back; as it is now. */
  purchases: { count: number; first?: PurchaseMoment; second?: PurchaseMoment };
  /** Of the few who were one of these and then, by a cancellation, were not: when they were. */
  wavered?: { once: Stretch[]; twice: Stretch[] };
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

const CUSTOMER = 'customer/';
export const loyaltyKey = (customerId: string): string => CUSTOMER + customerId;
const customerOf = (key: string): string => key.slice(CUSTOMER.length);

/** Flows of these days or months, the first and the last included, as one range of keys. */
export const flowKeys = (span: Span, first: string, last: string): { $gte: string; $lt: string } => ({
  $gte: `${span}/${first}/`,
  // The character after the slash that ends a day or month.
  $lt: `${span}/${last}0`,
});

export class LoyaltyProjection implements Projection<LoyaltyDocument, LoyaltyFact, LoyaltyOfGroup> {
  readonly name: string;
  readonly version = 3;
  readonly handles = [
    'CustomerRegistered',
    'CustomerRegistrationWithdrawn',
    'PurchaseRecorded',
    'PurchaseCancelled',
    'PointsEarned',
    'PointsSpent',
    'CustomersMerged',
    'CustomersUnmerged',
  ] as const;
  readonly derivation: Derivation<LoyaltyDocument, LoyaltyOfGroup> = {
    indexes: [
      { name: 'first-purchase', key: { 'purchases.first.day': 1 } },
      { name: 'second-purchase', key: { 'purchases.second.day': 1 } },
      { name: 'wavered', key: { wavered: 1 }, sparse: true },
    ],
    appliesTo: (key) => key.startsWith(CUSTOMER),
    links: (doc) => (doc.kind === 'customer' ? linksOf(doc).map(loyaltyKey) : []),
    derive: (key, parts) => {
      const { survivor, ...whole } = loyaltyOfGroup(parts);
      const customerId = customerOf(key);
      return { ...whole, customerId, isSurvivor: survivor === customerId };
    },
  };

  /** `zone`: IANA name of the reporting time zone. Another one has other days, so it is another projection. */
  constructor(readonly zone: string) {
    this.name = zone === 'UTC' ? 'loyalty' : `loyalty-${slugOf(zone)}`;
  }

  keys(event: Recorded<LoyaltyFact>): Touch[] {
    if (isMergeEvent(event))
      return mergedCustomers(event).map((each) => ({ key: loyaltyKey(each), owner: customerOwner(each) }));
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
    if (!key.startsWith(CUSTOMER)) return this.#flow(doc?.kind === 'points' ? doc : emptyFlow(key), event);
    const before: LoyaltyOfCustomer =
      doc?.kind === 'customer' ? doc : { ...emptyLoyalty, kind: 'customer', customerId: customerOf(key) };
    if (isMergeEvent(event)) return withMerge(before, event, before.customerId);
    if (event.type === 'CustomerRegistrationWithdrawn') {
      const { lots, earned, spent, purchases, edges } = before;
      // Only who was known for nothing else is withdrawn; where something came late, that keeps its document.
      return !edges && isSameJson({ lots, earned, spent, purchases }, emptyLoyalty) ? undefined : doc;
    }
    return { ...before, ...combineLoyalty(before, this.#part(event)) };
  }

  /** What one event adds to the customer's figures. */
  #part(event: Exclude<Recorded<LoyaltyFact>, Recorded<MergeEvent>>): CustomerLoyalty {
    const { occurredAt } = event.metadata;
    const part = { ...emptyLoyalty, latest: occurredAt };
    switch (event.type) {
      case 'CustomerRegistered':
      case 'CustomerRegistrationWithdrawn':
        return part;
      case 'PurchaseRecorded':
        return { ...part, purchases: this.#onDayOf(occurredAt, boughtAt(occurredAt)) };
      case 'PurchaseCancelled':
        return { ...part, purchases: this.#onDayOf(occurredAt, cancelledAt(occurredAt)) };
      case 'PointsEarned':
        return { ...part, lots: pointsMoved(event), earned: event.data.points };
      case 'PointsSpent':
        return { ...part, lots: pointsMoved(event), spent: event.data.points };
      default:
        return unreachable(event, 'a fact for the loyalty read model');
    }
  }

  #onDayOf(at: string, changes: PurchaseChanges): CustomerLoyalty['purchases'] {
    return withDay({}, dayIn(this.zone, at), () => changes);
  }

  #flow(flow: PointsFlow, event: Recorded<LoyaltyFact>): PointsFlow {
    switch (event.type) {
      case 'CustomerRegistered':
      case 'CustomerRegistrationWithdrawn':
      case 'PurchaseRecorded':
      case 'PurchaseCancelled':
      case 'CustomersMerged':
      case 'CustomersUnmerged':
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

const loyaltyOfGroup = oncePerGroup((parts: readonly { key: string; part: LoyaltyDocument }[]) => {
  const members = parts.flatMap(({ part }) => (part.kind === 'customer' ? [{ key: part.customerId, part }] : []));
  const { purchases, ...whole } = members.map(({ part }): CustomerLoyalty => part).reduce(combineLoyalty, emptyLoyalty);
  return {
    ...whole,
    ...standing(purchases),
    members: members.map(({ key }) => key).sort(),
    survivor: survivorOf(members),
  };
});

function standing(changes: CustomerLoyalty['purchases']): Pick<LoyaltyOfGroup, 'purchases' | 'wavered'> {
  const { count, once, twice } = standingOf(changes);
  const current = (stretches: readonly Stretch[]): PurchaseMoment | undefined =>
    stretches.find(({ to }) => to === undefined)?.from;
  const [first, second] = [current(once), current(twice)];
  const hasWavered = [...once, ...twice].some(({ to }) => to !== undefined);
  return {
    purchases: { count, ...(first && { first }), ...(second && { second }) },
    ...(hasWavered && { wavered: { once, twice } }),
  };
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
