import { given } from '../../kernel/src/testing/playing.js';
import { mergeDecider, type MergeCommand } from './merge.decider.js';
import type { MergeEvent } from './merging.events.js';

const merge = (more: Partial<Extract<MergeCommand, { type: 'merge' }>> = {}): MergeCommand => ({
  type: 'merge',
  mergeId: 'm',
  survivor: 'a',
  others: ['b', 'c'],
  ...more,
});
const merged: MergeEvent = { type: 'CustomersMerged', data: { mergeId: 'm', survivor: 'a', others: ['b', 'c'] } };
const unmerged: MergeEvent = { type: 'CustomersUnmerged', data: { mergeId: 'm', survivor: 'a', others: ['b', 'c'] } };
const all = { customerIds: ['a', 'b', 'c'] };

describe('a merge', () => {
  it('names all whom it concerns, when it is made and when it is undone', () => {
    given(mergeDecider, [])
      .when(merge())
      .then([{ ...merged, ...all }]);
    given(mergeDecider, [merged])
      .when({ type: 'unmerge' })
      .then([{ ...unmerged, ...all }]);
  });

  it('keeps what the caller chose', () => {
    const choices = [{ field: 'name' as const, from: 'b' }];
    const said = { choices, sourceRank: ['crm'], reason: 'same phone' };
    given(mergeDecider, [])
      .when(merge(said))
      .then([{ type: 'CustomersMerged', data: { mergeId: 'm', survivor: 'a', others: ['b', 'c'], ...said }, ...all }]);
  });

  it('is undone once', () => {
    given(mergeDecider, []).when({ type: 'unmerge' }).then('MERGE_NOT_FOUND');
    given(mergeDecider, [merged, unmerged]).when({ type: 'unmerge' }).then('MERGE_ALREADY_UNDONE');
    given(mergeDecider, [merged, unmerged]).when(merge()).then('MERGE_EXISTS');
  });

  it('names each customer once', () => {
    given(mergeDecider, [])
      .when(merge({ others: ['a'] }))
      .then('MERGE_WITH_ITSELF');
    given(mergeDecider, [])
      .when(merge({ others: ['b', 'b'] }))
      .then('MERGE_WITH_ITSELF');
  });

  it('takes each field from one of its members', () => {
    given(mergeDecider, [])
      .when(merge({ choices: [{ field: 'name', from: 'x' }] }))
      .then('CHOICE_NOT_A_MEMBER');
    const twice = (['a', 'b'] as const).map((from) => ({ field: 'note' as const, from }));
    given(mergeDecider, [])
      .when(merge({ choices: twice }))
      .then('CHOICE_REPEATED');
  });
});
