/**
 * A page of a timeline: newest or oldest first by (`occurredAt`, position), by keyset, so that ties, late arrivals and
 * writes make it neither skip nor repeat. Members of a merged customer are read one bounded page each and merged.
 */
import { Query, QueryHandler, type IQueryHandler } from '@nestjs/cqrs';
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
}

/** (`occurredAt`, position) of the last entry of the page before. */
type Cursor = [at: string, position: string];
const isCursor = (value: JsonValue): value is Cursor =>
  Array.isArray(value) && value.length === 2 && value.every((part) => typeof part === 'string');

export class TimelinePage extends Query<Page<TimelineEntry>> {
  constructor(
    /** The customer who was asked for first: source customers whose entries make the timeline; more than one once customers are merged. */
    readonly members: readonly string[],
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
  ) {}

  execute({ members, query, position }: TimelinePage): Promise<Page<TimelineEntry>> {
    const direction = query.order === 'newest' ? -1 : 1;
    // The customer who was asked for comes first; whom they are merged with may change from page to page.
    const list = this.cursors.of('timeline', { ...query, customerId: members[0] });
    const after = list.read(query.cursor, isCursor);
    const filter = filterOf(query, after);
    return this.models.read(timelineProjection, position, async ({ documents }) => {
      const pages = await Promise.all(
        members.map((customerId) =>
          documents.find(
            { customerId, ...filter },
            { sort: { customerId: direction, at: direction, position: direction }, limit: query.limit + 1 },
          ),
        ),
      );
      const entries = pages.flat();
      return list.page(
        (members.length > 1 ? merged(entries, direction) : entries).map(contentOf),
        query.limit,
        (last): Cursor => [last.at, last.position],
      );
    });
  }
}

function filterOf(query: TimelinePageQuery, after: Cursor | undefined): Filter {
  const and: Filter[] = [];
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

/**
 * In order, each event once: one that concerns several members (their merge itself) is an entry of each. Whose of these is
 * shown does not hang on who was asked for.
 */
function merged<Entry extends TimelineEntry>(entries: Entry[], direction: 1 | -1): Entry[] {
  entries.sort((a, b) => direction * compare(a, b) || (a.customerId < b.customerId ? -1 : 1));
  return entries.filter((entry, index) => entry.position !== entries[index - 1]?.position);
}

const compare = (a: TimelineEntry, b: TimelineEntry): number =>
  a.at < b.at ? -1 : a.at > b.at ? 1 : a.position < b.position ? -1 : a.position > b.position ? 1 : 0;
