/**
 * One pair of customers: suspected, then dismissed or confirmed by a person. Dismissed stays dismissed until either record
 * changes in what is compared; so does confirmed: who is merged is not suspected, so that happens only to those who were
 * parted again.
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
  | { type: 'dismiss'; reason?: string }
  | { type: 'confirm'; survivor?: string; reason?: string };

/** `undefined` while nobody suspects the pair. */
export type DuplicateState =
  { status: 'suspected' | 'dismissed' | 'confirmed'; customers: Pair; asOf: [Position, Position] } | undefined;

export const duplicateDecider: Decider<DuplicateState, DuplicateCommand, DuplicateEvent> = {
  initialState: undefined,

  evolve(state, event) {
    switch (event.type) {
      case 'DuplicateSuspected':
        return { status: 'suspected', customers: event.data.customers, asOf: event.data.asOf };
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
      const isNews = !state || asOf.some((at, side) => at > (state.asOf[side] ?? ''));
      if (!isNews) return [];
      const data = { pairId: pairIdOf(customers), customers, probability, namesakes, model, asOf };
      return [concerning(customers, { type: 'DuplicateSuspected', data })];
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

const concerning = <E extends DuplicateEvent>(
  [a, b]: Pair,
  fact: E,
): E & { customerId: string; customerIds: string[] } => ({
  ...fact,
  customerId: a,
  customerIds: [a, b],
});
