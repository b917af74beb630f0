/**
 * The reviews of one customer's values, the stream `reviews-{customerId}`. What is recorded was worked out from a document
 * that had seen so many of this stream's facts: where there are more by now, somebody was quicker and this is nothing.
 */
import type { Decider } from '@timeline/kernel';
import type { FieldReviewEvent } from '../freshness.events.js';

export const reviewsStream = (customerId: string): string => `reviews-${customerId}`;

/** A fact without what the envelope adds. */
export type ReviewStep = FieldReviewEvent extends infer Event
  ? Event extends { type: infer Type; data: infer Data }
    ? { type: Type; data: Data }
    : never
  : never;

export interface RecordSteps {
  customerId: string;
  /** How many facts of this stream the document had seen. */
  recorded: number;
  steps: readonly ReviewStep[];
}

export const fieldReviewsDecider: Decider<{ recorded: number }, RecordSteps, FieldReviewEvent> = {
  initialState: { recorded: 0 },
  evolve: ({ recorded }) => ({ recorded: recorded + 1 }),
  decide: ({ recorded, steps }, state) => (recorded === state.recorded ? [...steps] : []),
  customerOf: ({ customerId }) => customerId,
};
