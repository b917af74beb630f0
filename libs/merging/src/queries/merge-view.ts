/** How a merge looks from outside. Times are ISO 8601 UTC. */
import { fieldTypes, Id, Instant, ListOf, NestedArray, OneOf, Optional, Text } from '@timeline/http';
import type { Recorded } from '@timeline/kernel';
import { FieldChoiceDto } from '../commands/merge-customers.command.js';
import { CHOSEN_FIELDS, type MergeEvent } from '../merging.events.js';

export class MergeView {
  @Id()
  mergeId: string;
  @OneOf(['open', 'undone'])
  state: 'open' | 'undone';
  @Id()
  survivor: string;
  @ListOf(fieldTypes.id())
  others: string[];
  @Optional()
  @NestedArray(() => FieldChoiceDto, { max: CHOSEN_FIELDS.length })
  choices?: FieldChoiceDto[];
  @Optional()
  @ListOf(fieldTypes.text())
  sourceRank?: string[];
  @Optional()
  @Text()
  reason?: string;
  @Instant()
  mergedAt: string;
  /** Who merged them, as the caller names them. */
  @Text()
  mergedBy: string;
  @Optional()
  @Instant()
  undoneAt?: string;
  @Optional()
  @Text()
  undoneBy?: string;
  @Optional()
  @Text()
  undoneFor?: string;
}

/** @param events of the merge's stream; undefined where there is none */
export function mergeView(events: readonly Recorded<MergeEvent>[]): MergeView | undefined {
  let view: MergeView | undefined;
  for (const { type, data, metadata } of events) {
    const { occurredAt, actor } = metadata;
    if (type === 'CustomersMerged') view = { ...data, state: 'open', mergedAt: occurredAt, mergedBy: actor };
    else if (view) {
      const { reason } = data;
      view = {
        ...view,
        state: 'undone',
        undoneAt: occurredAt,
        undoneBy: actor,
        ...(reason !== undefined && { undoneFor: reason }),
      };
    }
  }
  return view;
}
