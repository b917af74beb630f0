/**
 * Who is merged with whom: a document per customer who was ever merged or erased, with all merges there were; and a group
 * per customer, derived from these. It holds ids only and belongs to buckets, since what was once merged must be
 * known after an erasure: whom that takes too is told from it (`erasure-reach.ts`).
 */
import type { Position } from '@timeline/kernel';
import { bucketOf, type Projection } from '@timeline/projecting';
import type { CustomerEvent } from '../../../customers/src/customers.events.js';
import { isMergeEvent, mergedCustomers, type MergeEvent } from '../merging.events.js';

export interface PastMerge {
  survivor: string;
  /** Told by the survivor: the others. */
  others?: string[];
  /** Positions of the merge and of its undoing. */
  from: Position;
  to?: Position;
}

export interface MergesOfCustomer {
  /** By merge. */
  merges: Record<string, PastMerge>;
  erasedAt?: Position;
  /** Whose erasure took this customer too; absent where the customer's own was asked for. */
  erasedWith?: string;
}

export interface CustomerGroup {
  customerId: string;
  /** Source customers, itself included; sorted. */
  members: string[];
}

type GroupFact = MergeEvent | Extract<CustomerEvent, { type: 'CustomerErased' }>;

export const groupsProjection: Projection<MergesOfCustomer, GroupFact, CustomerGroup> = {
  name: 'groups',
  version: 1,
  handles: ['CustomersMerged', 'CustomersUnmerged', 'CustomerErased'],

  keys(event) {
    const { customerId } = event.metadata;
    const concerned = isMergeEvent(event) ? mergedCustomers(event) : customerId === undefined ? [] : [customerId];
    return concerned.map((key) => ({ key, owner: `bucket:${bucketOf(key)}` }));
  },

  evolve(doc = { merges: {} }, event, key) {
    switch (event.type) {
      case 'CustomersMerged': {
        const { mergeId, survivor, others } = event.data;
        const merge = { survivor, from: event.position, ...(key === survivor && { others }) };
        return { ...doc, merges: { ...doc.merges, [mergeId]: merge } };
      }
      case 'CustomersUnmerged': {
        const merge = doc.merges[event.data.mergeId];
        if (!merge) return doc;
        return { ...doc, merges: { ...doc.merges, [event.data.mergeId]: { ...merge, to: event.position } } };
      }
      case 'CustomerErased': {
        // Final: nothing that came later says otherwise.
        if (doc.erasedAt !== undefined) return doc;
        const { erasedWith } = event.data;
        return { ...doc, erasedAt: event.position, ...(erasedWith !== undefined && { erasedWith }) };
      }
      default:
        return event satisfies never;
    }
  },

  derivation: {
    links: (doc) =>
      doc.erasedAt === undefined
        ? Object.values(doc.merges).flatMap((merge) => (merge.to === undefined ? counterparts(merge) : []))
        : [],
    // An erased customer is linked with nobody, so it is alone here.
    derive: (key, parts) =>
      parts.some(({ part }) => part.erasedAt !== undefined)
        ? undefined
        : { customerId: key, members: parts.map((each) => each.key) },
  },
};

/** With whom the merge puts the customer who tells it. */
export const counterparts = ({ survivor, others = [survivor] }: PastMerge): string[] => others;
