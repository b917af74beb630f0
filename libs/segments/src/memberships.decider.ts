/**
 * What was recorded of one customer's memberships, the stream `segments-{customerId}`. What is recorded was worked out from a
 * document that had seen so many of this stream's facts: where there are more by now, somebody was quicker and this is
 * nothing.
 */
import type { Decider } from '@timeline/kernel';
import type { MembershipStep } from './recorded-memberships.js';
import type { SegmentEvent } from './segments.events.js';

export const membershipsStream = (customerId: string): string => `segments-${customerId}`;

export interface RecordMemberships {
  customerId: string;
  /** How many facts of this stream the document had seen. */
  recorded: number;
  steps: readonly MembershipStep[];
}

export const membershipsDecider: Decider<{ recorded: number }, RecordMemberships, SegmentEvent> = {
  initialState: { recorded: 0 },
  evolve: ({ recorded }) => ({ recorded: recorded + 1 }),
  decide: ({ recorded, steps }, state) => (recorded === state.recorded ? [...steps] : []),
  customerOf: ({ customerId }) => customerId,
};
