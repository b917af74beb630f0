/** A page of a conversation, over channels and customers, by keyset on (`occurredAt`, position). */
import { Query, QueryHandler, type IQueryHandler } from '@nestjs/cqrs';
import { KnownAt } from '@timeline/as-of';
import { Cursors, Instant, isTwoTexts, OneOf, Optional, PageQuery, Text, type Page } from '@timeline/http';
import { DomainError } from '@timeline/kernel';
import { contentOf, ReadModels } from '@timeline/projecting';
import { afterKeyset, type Filter, type Sort } from '@timeline/read-store';
import { threadsProjection } from '../projections/threads.projection.js';
import type { TimelineEntry } from '../projections/timeline.projection.js';
import { ofMoment, TimelineHistory } from '../timeline-history.js';

export class ThreadQuery extends PageQuery {
  /** A conversation is read from its beginning. */
  @Optional()
  @OneOf(['newest', 'oldest'])
  order: 'newest' | 'oldest' = 'oldest';

  /** The system it came from: where several name their threads alike. */
  @Optional()
  @Text({ max: 60 })
  source?: string;

  /** Only what had happened by then. */
  @Optional()
  @Instant()
  asOf?: string;

  /** Only what was recorded by then. */
  @Optional()
  @KnownAt()
  knownAt?: string;
}

export class ThreadPage extends Query<Page<TimelineEntry>> {
  constructor(
    readonly threadId: string,
    readonly query: ThreadQuery,
    readonly position: string | undefined,
  ) {
    super();
  }
}

/** (`occurredAt`, position) of the last entry of the page before. */
type Place = [at: string, position: string];

@QueryHandler(ThreadPage)
export class ThreadPageHandler implements IQueryHandler<ThreadPage> {
  constructor(
    private readonly models: ReadModels,
    private readonly cursors: Cursors,
    private readonly history: TimelineHistory,
  ) {}

  /** @throws DomainError THREAD_NOT_FOUND, CURSOR_MALFORMED, and as `History` */
  async execute({ threadId, query, position }: ThreadPage): Promise<Page<TimelineEntry>> {
    const direction = query.order === 'newest' ? -1 : 1;
    const sort: Sort = { threadId: direction, at: direction, position: direction };
    const list = this.cursors.of('thread', { ...query, threadId });
    const after = list.read(query.cursor, isTwoTexts);
    const moment = await this.history.momentOf(query);
    const and: Filter[] = [
      { threadId },
      ...(query.source === undefined ? [] : [{ source: query.source }]),
      ...ofMoment(moment),
      ...(after ? [afterKeyset({ at: direction, position: direction }, { at: after[0], position: after[1] })] : []),
    ];
    const found = await this.models.read(
      threadsProjection,
      this.history.toHaveSeen(moment, position),
      ({ documents }) => documents.find({ $and: and }, { sort, limit: query.limit + 1 }),
    );
    if (found.length === 0 && !after)
      throw new DomainError('THREAD_NOT_FOUND', 'there is no interaction of this thread');
    const entries = found.map((entry): TimelineEntry => {
      const { threadId: _thread, ...shown } = contentOf(entry);
      return shown;
    });
    return list.page(entries, query.limit, ({ at, position: last }): Place => [at, last]);
  }
}
