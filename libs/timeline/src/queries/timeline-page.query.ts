/**
 * A page of a timeline: newest or oldest first by (`occurredAt`, position), by keyset, so that ties, late arrivals and
 * writes make it neither skip nor repeat. Members of a merged customer are read one bounded page each and merged.
 */
import { Query, QueryHandler, type IQueryHandler } from '@nestjs/cqrs';
import { KnownAt, type Moment } from '@timeline/as-of';
import {
  Cursors,
  Instant,
  isTwoTexts,
  ListOf,
  OneOf,
  Optional,
  PageQuery,
  Text,
  ToAfterFrom,
  fieldTypes,
  type Page,
} from '@timeline/http';
import { contentWithout, ReadModels, type Documents, type Stored } from '@timeline/projecting';
import type { Filter } from '@timeline/read-store';
import { ofMoment, TimelineHistory } from '../timeline-history.js';
import { wordsSought } from '../projections/entry-words.js';
import {
  TIMELINE_TYPES,
  timelineKey,
  timelineProjection,
  type KeptEntry,
  type TimelineEntry,
} from '../projections/timeline.projection.js';

@ToAfterFrom()
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

  /** The system it came from. */
  @Optional()
  @Text({ max: 60 })
  source?: string;

  /** The conversation, over channels. */
  @Optional()
  @Text({ max: 200 })
  threadId?: string;

  /** Words that words of the entry begin with, in any order: of what was said, and of what was bought. */
  @Optional()
  @Text({ max: 200 })
  text?: string;

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

/** What an entry is found by. */
const UNSEEN = new Set(['words', 'isCaused'] as const);

/** The entry that the command behind an entry was caused by. */
export type Cause = Pick<TimelineEntry, 'id' | 'type' | 'at' | 'position'>;

/** With its cause where that is an entry of the same timeline; else `causationId` alone tells it. */
export type ShownEntry = TimelineEntry & { cause?: Cause };

/** (`occurredAt`, position) of the last entry of the page before. */
type Cursor = [at: string, position: string];

export class TimelinePage extends Query<Page<ShownEntry>> {
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
    private readonly history: TimelineHistory,
  ) {}

  /** @throws DomainError CURSOR_MALFORMED, and as `History` */
  async execute({ customerId, query, position }: TimelinePage): Promise<Page<ShownEntry>> {
    const direction = query.order === 'newest' ? -1 : 1;
    // Of the customer who was asked for: whom they are merged with may change from page to page.
    const list = this.cursors.of('timeline', { ...query, customerId });
    const after = list.read(query.cursor, isTwoTexts);
    const moment = await this.history.momentOf(query);
    const words = query.text === undefined ? [] : wordsSought(query.text);
    // Nothing but punctuation: no word begins with that.
    if (query.text !== undefined && words.length === 0) return { items: [] };
    const members = await this.history.membersAsOf(customerId, moment, position);
    const filter = filterOf(query, words, moment, after);
    return this.models.read(timelineProjection, this.history.toHaveSeen(moment, position), async ({ documents }) => {
      const pages = await Promise.all(
        members.map((member) =>
          documents.find(
            { customerId: member, ...filter },
            { sort: { customerId: direction, at: direction, position: direction }, limit: query.limit + 1 },
          ),
        ),
      );
      const entries = pages.flat();
      const inOrder = members.length > 1 ? merged(entries, direction) : entries;
      const page = list.page(inOrder, query.limit, (last): Cursor => [last.at, last.position]);
      const causes = await causesOf(page.items, members, moment, documents);
      return {
        ...page,
        items: page.items.map((entry): ShownEntry => {
          const shown = contentWithout(entry, UNSEEN);
          const cause = causes.get(entry.causationId);
          return cause ? { ...shown, cause } : shown;
        }),
      };
    });
  }
}

/** The entries that entries of a page name as their cause, by id: one read for all of them. */
async function causesOf(
  entries: readonly KeptEntry[],
  members: readonly string[],
  moment: Moment,
  documents: Documents<Stored & KeptEntry>,
): Promise<Map<string, Cause>> {
  const named = [...new Set(entries.filter(({ isCaused }) => isCaused).map(({ causationId }) => causationId))];
  if (named.length === 0) return new Map();
  const keys = members.flatMap((member) => named.map((id) => timelineKey(member, id)));
  const found = await documents.find({ $and: [{ _id: { $in: keys } }, ...ofMoment(moment)] });
  return new Map(found.map(({ id, type, at, position }) => [id, { id, type, at, position }]));
}

function filterOf(
  query: TimelinePageQuery,
  words: readonly string[],
  moment: Moment,
  after: Cursor | undefined,
): Filter {
  const and = [...ofMoment(moment), ...words.map((word): Filter => ({ words: { $prefix: word } }))];
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
    ...(query.source !== undefined && { source: query.source }),
    ...(query.threadId !== undefined && { 'data.threadId': query.threadId }),
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
