/** What may be said of a pair of customers, as sentences. */
import type { Decision, Position } from '@timeline/kernel';
import { makePosition } from '@timeline/kernel';
import { given } from '../../kernel/src/testing/playing.js';
import { duplicateDecider, pairIdOf, pairOf, type DuplicateCommand } from './duplicate.decider.js';
import type { DuplicateEvent, Pair } from './duplicates.events.js';

const [A, B] = ['11111111-1111-4111-8111-111111111111', '22222222-2222-4222-8222-222222222222'];
const customers: Pair = [A, B];
const of = { pairId: pairIdOf(customers), customers };
const concerning = { customerId: A, customerIds: [A, B] };
const at = (position: number): Position => makePosition('000000000000', String(position).padStart(16, '0'));

const suspect = (a: number, b: number): DuplicateCommand => ({
  type: 'suspect',
  customers,
  probability: 0.9,
  namesakes: 1,
  model: 'person-1',
  asOf: [at(a), at(b)],
});
const suspected = (a: number, b: number): Decision<DuplicateEvent> => ({
  type: 'DuplicateSuspected',
  data: { ...of, probability: 0.9, namesakes: 1, model: 'person-1', asOf: [at(a), at(b)] },
  ...concerning,
});
const clear = (a: number, b: number): DuplicateCommand => ({
  type: 'clear',
  probability: 0.01,
  model: 'person-1',
  asOf: [at(a), at(b)],
});
const cleared = (a: number, b: number): Decision<DuplicateEvent> => ({
  type: 'DuplicateCleared',
  data: { ...of, probability: 0.01, model: 'person-1', asOf: [at(a), at(b)] },
  ...concerning,
});
const dismissed: Decision<DuplicateEvent> = { type: 'DuplicateDismissed', data: of, ...concerning };
const confirmed: Decision<DuplicateEvent> = { type: 'DuplicateConfirmed', data: of, ...concerning };

describe('A pair of customers', () => {
  it('is named alike from either side', () => {
    expect(pairOf(B, A)).toEqual(pairOf(A, B));
  });

  it('is suspected once, and again only when a record changed', () => {
    given(duplicateDecider)
      .when(suspect(1, 2), { numberOfTimes: 3 })
      .then([suspected(1, 2)]);
    given(duplicateDecider, [suspected(1, 2)])
      .when(suspect(1, 3))
      .then([suspected(1, 3)]);
    given(duplicateDecider, [suspected(1, 3)])
      .when(suspect(1, 2))
      .then([]);
  });

  it('is cleared once, on records that have changed since it was suspected and are no older on either side', () => {
    given(duplicateDecider, [suspected(1, 2)])
      .when(clear(3, 2), { numberOfTimes: 3 })
      .then([cleared(3, 2)]);
    for (const seenBefore of [clear(1, 2), clear(0, 3), clear(3, 0)])
      given(duplicateDecider, [suspected(1, 2)])
        .when(seenBefore)
        .then([]);
    given(duplicateDecider).when(clear(1, 2)).then([]);
  });

  it('that was cleared is suspected again on records that are as new, and then has to change to be cleared', () => {
    const past = [suspected(1, 2), cleared(3, 2)];
    for (const [a, b] of [
      [3, 2],
      [4, 2],
    ] as const)
      given(duplicateDecider, past)
        .when(suspect(a, b), { numberOfTimes: 2 })
        .then([suspected(a, b)]);
    given(duplicateDecider, past).when(suspect(1, 2)).then([]);
    given(duplicateDecider, [...past, suspected(3, 2)])
      .when(clear(3, 2))
      .then([]);
  });

  it('that a person has decided about is not cleared, and one that was cleared can be decided about', () => {
    for (const decided of [dismissed, confirmed]) {
      given(duplicateDecider, [suspected(1, 2), decided])
        .when(clear(3, 2))
        .then([]);
      given(duplicateDecider, [suspected(1, 2), cleared(3, 2)])
        .when({ type: decided === dismissed ? 'dismiss' : 'confirm' })
        .then([decided]);
    }
  });

  it('stays dismissed until a record changes', () => {
    given(duplicateDecider, [suspected(1, 2)])
      .when({ type: 'dismiss' }, { numberOfTimes: 2 })
      .then([dismissed]);
    given(duplicateDecider, [suspected(1, 2), dismissed])
      .when(suspect(1, 2))
      .then([]);
    given(duplicateDecider, [suspected(1, 2), dismissed])
      .when(suspect(4, 2))
      .then([suspected(4, 2)]);
  });

  it('is confirmed, with a survivor of the two, and suspected anew only on records that have changed since', () => {
    const confirm = { type: 'confirm' } as const;
    given(duplicateDecider, [suspected(1, 2)])
      .when(confirm, { numberOfTimes: 2 })
      .then([confirmed]);
    given(duplicateDecider, [suspected(1, 2), dismissed])
      .when(confirm)
      .then([confirmed]);
    given(duplicateDecider, [suspected(1, 2)])
      .when({ ...confirm, survivor: B, reason: 'called' })
      .then([{ type: 'DuplicateConfirmed', data: { ...of, survivor: B, reason: 'called' }, ...concerning }]);
    given(duplicateDecider, [suspected(1, 2)])
      .when({ ...confirm, survivor: 'other' })
      .then('SURVIVOR_NOT_OF_PAIR');
    given(duplicateDecider, [suspected(1, 2), confirmed])
      .when(suspect(1, 2))
      .then([]);
    given(duplicateDecider, [suspected(1, 2), confirmed])
      .when(suspect(1, 9))
      .then([suspected(1, 9)]);
    given(duplicateDecider, [suspected(1, 2), confirmed])
      .when({ type: 'dismiss' })
      .then('DUPLICATE_ALREADY_CONFIRMED');
  });

  it('that nobody suspects cannot be decided about', () => {
    given(duplicateDecider).when({ type: 'dismiss' }).then('DUPLICATE_NOT_FOUND');
    given(duplicateDecider).when({ type: 'confirm' }).then('DUPLICATE_NOT_FOUND');
  });
});
