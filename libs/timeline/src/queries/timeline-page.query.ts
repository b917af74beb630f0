/**
 * A page of a timeline: newest or oldest first by (`occurredAt`, position), by keyset, so that ties, late arrivals and
 * writes make it neither skip nor repeat. Members of a merged customer are read one bounded page each and merged.
 */
import { Query, QueryHandler, type IQueryHandler } from '@nestjs/cqrs';
import { KnownAt, type Moment } from '@timeline/as-of';
import { CustomerDirectory } from '@timeline/deciding';
import {
  Check,
  Cursors,
  Instant,
  ListOf,
  OneOf,
  Optional,
  PageQuery,
  Text,
  fieldTypes,
  type Page,
} from '@timeline/http';
import type { JsonValue } from '@timeline/kernel';
import { contentOf, ReadModels } from '@timeline/projecting';
import type { Filter } from '@timeline/read-store';
import { ofMoment, TimelineHistory } from '../timeline-history.js';
import { TIMELINE_TYPES, timelineProjection, type TimelineEntry } from '../projections/timeline.projection.js';

@Check((query: TimelinePageQuery) =>
  query.from !== undefined && query.to !== undefined && query.from >= query.to
    ? [{ pointer: '/to', code: 'RANGE_EMPTY', message: 'to must be after from' }]
    : [],
)
export class TimelinePageQuery extends PageQuery {
  @Optional()
  @OneOf(['newest', 'oldest'])
  order: 'newest' | 'oldest' = 'newest';

  @Optional()
  @ListOf(fieldTypes.oneOf(TIMELINE_TYPES), { min: 1, max: 20 })
  type?: string[];

  @Optional()
  @ListOf(fieldTypes.text({ max: 40 }), { min: 1, max: 20 })
  channel?: string[];

  @Optional()
  @Text({ max: 200 })
  actor?: string;

  @Optional()
  @Text({ max: 200 })
  correlationId?: string;

  /** Inclusive. */
  @Optional()
  @Instant()
  from?: string;

  /** Exclusive. */
  @Optional()
  @Instant()
  to?: string;

  /** Only what had happened by then. */
  @Optional()
  @Instant()
  asOf?: string;

  /** Only what was recorded by then. */
  @Optional()
  @KnownAt()
  knownAt?: string;
}

/** (`occurredAt`, position) of the last entry of the page before. */
type Cursor = [at: string, position: string];
const isCursor = (value: JsonValue): value is Cursor =>
  Array.isArray(value) && value.length === 2 && value.every((part) => typeof part === 'string');

export class TimelinePage extends Query<Page<TimelineEntry>> {
  constructor(
    readonly customerId: string,
    readonly query: TimelinePageQuery,
    readonly position: string | undefined,
  ) {
    super();
  }
}

@QueryHandler(TimelinePage)
export class TimelinePageHandler implements IQueryHandler<TimelinePage> {
  constructor(
    private readonly models: ReadModels,
    private readonly cursors: Cursors,
    private readonly directory: CustomerDirectory,
    private readonly history: TimelineHistory,
  ) {}

  /** @throws DomainError CURSOR_MALFORMED, and as `History` */
  async execute({ customerId, query, position }: TimelinePage): Promise<Page<TimelineEntry>> {
    const direction = query.order === 'newest' ? -1 : 1;
    // Of the customer who was asked for: whom they are merged with may change from page to page.
    const list = this.cursors.of('timeline', { ...query, customerId });
    const after = list.read(query.cursor, isCursor);
    const moment = await this.history.momentOf(query);
    const members = await this.directory.membersAsOf(customerId, moment.known);
    const filter = filterOf(query, moment, after);
    return this.models.read(timelineProjection, this.history.toHaveSeen(moment, position), async ({ documents }) => {
      const pages = await Promise.all(
        members.map((customerId) =>
          documents.find(
            { customerId, ...filter },
            { sort: { customerId: direction, at: direction, position: direction }, limit: query.limit + 1 },
          ),
        ),
      );
      const entries = pages.flat();
      if (members.length > 1) entries.sort((a, b) => direction * compare(a, b));
      return list.page(entries.map(contentOf), query.limit, (last): Cursor => [last.at, last.position]);
    });
  }
}

function filterOf(query: TimelinePageQuery, moment: Moment, after: Cursor | undefined): Filter {
  const and = ofMoment(moment);
  if (query.from !== undefined) and.push({ at: { $gte: query.from } });
  if (query.to !== undefined) and.push({ at: { $lt: query.to } });
  if (after) {
    const [at, position] = after;
    // The first condition bounds the index; the second is exact.
    if (query.order === 'newest')
      and.push({ at: { $lte: at } }, { $or: [{ at: { $lt: at } }, { position: { $lt: position } }] });
    else and.push({ at: { $gte: at } }, { $or: [{ at: { $gt: at } }, { position: { $gt: position } }] });
  }
  return {
    ...(query.type && { type: { $in: query.type } }),
    ...(query.channel && { channel: { $in: query.channel } }),
    ...(query.actor !== undefined && { actor: query.actor }),
    ...(query.correlationId !== undefined && { correlationId: query.correlationId }),
    ...(and.length > 0 && { $and: and }),
  };
}

const compare = (a: TimelineEntry, b: TimelineEntry): number =>
  a.at < b.at ? -1 : a.at > b.at ? 1 : a.position < b.position ? -1 : a.position > b.position ? 1 : 0;
