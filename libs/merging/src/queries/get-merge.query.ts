/** One merge by its id, read from its stream: its one or two events are all that there is to it. */
import { Query, QueryHandler, type IQueryHandler } from '@nestjs/cqrs';
import { EntityStreams } from '@timeline/deciding';
import type { Position } from '@timeline/kernel';
import { mergeNotFound, mergeStream } from '../merge.decider.js';
import type { MergeEvent } from '../merging.events.js';
import { mergeView, type MergeView } from './merge-view.js';

export interface FoundMerge {
  view: MergeView;
  revision: number;
  position: Position | undefined;
}

export class GetMerge extends Query<FoundMerge> {
  constructor(
    readonly mergeId: string,
    readonly position: string | undefined,
  ) {
    super();
  }
}

@QueryHandler(GetMerge)
export class GetMergeHandler implements IQueryHandler<GetMerge> {
  constructor(private readonly streams: EntityStreams) {}

  /** @throws DomainError MERGE_NOT_FOUND, CUSTOMER_ERASED (the survivor) */
  async execute({ mergeId, position }: GetMerge): Promise<FoundMerge> {
    const found = await this.streams.read<MergeEvent>(mergeStream(mergeId), position);
    const view = found && mergeView(found.events);
    if (!view) throw mergeNotFound();
    return { view, revision: found.revision, position: found.position };
  }
}
