/**
 * One pair of customers: suspected, then dismissed or confirmed by a person, or cleared where the records have changed so
 * that nothing speaks for it any more. Dismissed stays dismissed until either record changes in what is compared; so does
 * confirmed: who is merged is not suspected, so that happens only to those who were parted again.
 *
 * On the same records a pair is suspected once and cleared once at most, and the suspicion has the last word: one side's
 * neighbours may make likely what those of the other do not.
 */
import { DomainError, type Decider, type Position } from '@timeline/kernel';
import type { DuplicateEvent, Pair } from './duplicates.events.js';

export const pairOf = (one: string, other: string): Pair => (one < other ? [one, other] : [other, one]);
export const pairIdOf = ([a, b]: Pair): string => `${a}.${b}`;
export const duplicateStream = (pairId: string): string => `duplicate-${pairId}`;

export type DuplicateCommand =
  | {
      type: 'suspect';
      customers: Pair;
      probability: number;
      namesakes: number;
      model: string;
      asOf: [Position, Position];
    }
  | { type: 'clear'; probability: number; model: string; asOf: [Position, Position] }
  | { type: 'dismiss'; reason?: string }
  | { type: 'confirm'; survivor?: string; reason?: string };

/** `undefined` while nobody has suspected the pair. */
export type DuplicateState =
  | { status: 'suspected' | 'cleared' | 'dismissed' | 'confirmed'; customers: Pair; asOf: [Position, Position] }
  | undefined;

export const duplicateDecider: Decider<DuplicateState, DuplicateCommand, DuplicateEvent> = {
  initialState: undefined,

  evolve(state, event) {
    switch (event.type) {
      case 'DuplicateSuspected':
        return { status: 'suspected', customers: event.data.customers, asOf: event.data.asOf };
      case 'DuplicateCleared':
        return state && { ...state, status: 'cleared', asOf: event.data.asOf };
      case 'DuplicateDismissed':
        return state && { ...state, status: 'dismissed' };
      case 'DuplicateConfirmed':
        return state && { ...state, status: 'confirmed' };
      default:
        return event satisfies never;
    }
  },

  decide(command, state) {
    if (command.type === 'suspect') {
      const { customers, probability, namesakes, model, asOf } = command;
      const isNews = !state || isLater(asOf, state.asOf) || (state.status === 'cleared' && !isLater(state.asOf, asOf));
      if (!isNews) return [];
      const data = { pairId: pairIdOf(customers), customers, probability, namesakes, model, asOf };
      return [concerning(customers, { type: 'DuplicateSuspected', data })];
    }
    if (command.type === 'clear') {
      const { probability, model, asOf } = command;
      const isNews = state?.status === 'suspected' && isLater(asOf, state.asOf) && !isLater(state.asOf, asOf);
      if (!isNews) return [];
      const data = { pairId: pairIdOf(state.customers), customers: state.customers, probability, model, asOf };
      return [concerning(state.customers, { type: 'DuplicateCleared', data })];
    }
    if (!state) throw new DomainError('DUPLICATE_NOT_FOUND', 'these two customers are not suspected of being one');
    const { customers, status } = state;
    const of = { pairId: pairIdOf(customers), customers };
    const reason = command.reason !== undefined && { reason: command.reason };
    if (command.type === 'dismiss') {
      if (status === 'confirmed') {
        throw new DomainError(
          'DUPLICATE_ALREADY_CONFIRMED',
          'this pair was confirmed; part the customers by unmerging them',
        );
      }
      return status === 'dismissed'
        ? []
        : [concerning(customers, { type: 'DuplicateDismissed', data: { ...of, ...reason } })];
    }
    const { survivor } = command;
    if (survivor !== undefined && !customers.includes(survivor)) {
      throw new DomainError('SURVIVOR_NOT_OF_PAIR', 'the survivor must be one of the two customers', {
        pointer: '/survivor',
      });
    }
    if (status === 'confirmed') return [];
    const data = { ...of, ...(survivor !== undefined && { survivor }), ...reason };
    return [concerning(customers, { type: 'DuplicateConfirmed', data })];
  },

  customerOf: (_command, state) => state?.customers[0],
};

/** Whether either record was seen later. */
const isLater = (asOf: [Position, Position], than: [Position, Position]): boolean =>
  asOf[0] > than[0] || asOf[1] > than[1];

const concerning = <E extends DuplicateEvent>(
  [a, b]: Pair,
  fact: E,
): E & { customerId: string; customerIds: string[] } => ({
  ...fact,
  customerId: a,
  customerIds: [a, b],
});
