/**
 * The rules of one merge, the stream `merge-{id}`: it is opened once and closed once. That its members are there and not
 * erased is asked of their own streams before; whoever is erased meanwhile is dealt with by what the log says (see
 * `erasure-reach.ts`), so nothing here has to hold across streams. Closed is final: merging again is another merge.
 */
import { DomainError, type Decider } from '@timeline/kernel';
import type { FieldChoice, MergeEvent } from './merging.events.js';

export const mergeStream = (mergeId: string): string => `merge-${mergeId}`;

export type MergeCommand =
  | {
      type: 'merge';
      mergeId: string;
      survivor: string;
      others: string[];
      choices?: FieldChoice[];
      sourceRank?: string[];
      reason?: string;
    }
  | { type: 'unmerge'; reason?: string };

export type MergeState =
  { status: 'unknown' } | { status: 'open' | 'closed'; mergeId: string; survivor: string; others: string[] };

export const mergeDecider: Decider<MergeState, MergeCommand, MergeEvent> = {
  initialState: { status: 'unknown' },

  evolve(_state, { type, data: { mergeId, survivor, others } }) {
    return { status: type === 'CustomersMerged' ? 'open' : 'closed', mergeId, survivor, others };
  },

  decide(command, state) {
    if (command.type === 'merge') {
      const { type: _type, ...data } = command;
      // Its id derives from the command, which the processor would have recognised.
      if (state.status !== 'unknown') throw new DomainError('MERGE_EXISTS', 'there is a merge with this id already');
      assertMembers(command);
      return [{ type: 'CustomersMerged', data, customerIds: [data.survivor, ...data.others] }];
    }
    if (state.status === 'unknown') throw mergeNotFound();
    if (state.status === 'closed') throw new DomainError('MERGE_ALREADY_UNDONE', 'this merge was undone before');
    const { mergeId, survivor, others } = state;
    const { reason } = command;
    const data = { mergeId, survivor, others, ...(reason !== undefined && { reason }) };
    return [{ type: 'CustomersUnmerged', data, customerIds: [survivor, ...others] }];
  },

  customerOf: (command, state) =>
    command.type === 'merge' ? command.survivor : state.status === 'unknown' ? undefined : state.survivor,
};

export const mergeNotFound = (): DomainError => new DomainError('MERGE_NOT_FOUND', 'there is no merge with this id');

function assertMembers({ survivor, others, choices = [] }: Extract<MergeCommand, { type: 'merge' }>): void {
  const members = new Set([survivor]);
  for (const [index, other] of others.entries()) {
    if (members.has(other))
      throw new DomainError('MERGE_WITH_ITSELF', 'each customer is named once, and the survivor not among the others', {
        pointer: `/others/${index}`,
      });
    members.add(other);
  }
  const chosen = new Set<string>();
  for (const [index, { field, from }] of choices.entries()) {
    const pointer = `/choices/${index}`;
    if (!members.has(from))
      throw new DomainError('CHOICE_NOT_A_MEMBER', 'a field is taken from one of the customers that are merged', {
        pointer: `${pointer}/from`,
      });
    if (chosen.has(field))
      throw new DomainError('CHOICE_REPEATED', 'a field is taken from one customer', { pointer: `${pointer}/field` });
    chosen.add(field);
  }
}
