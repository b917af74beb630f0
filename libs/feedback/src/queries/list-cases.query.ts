/**
 * The inbox: what of the cases is to be done next. By default the open cases, who waits longest first; `order=severity`
 * puts the most severe first (unclassified ones between high and normal) and of equals the oldest.
 */
import { Query, QueryHandler, type IQueryHandler } from '@nestjs/cqrs';
import { CustomerGroups } from '@timeline/deciding';
import { Cursors, Id, OneOf, Optional, PageQuery, Text, type Page } from '@timeline/http';
import { DomainError, type JsonValue } from '@timeline/kernel';
import { ReadModels } from '@timeline/projecting';
import type { Filter, Sort } from '@timeline/read-store';
import { CHANNELS, type Channel } from '../../../interactions/src/interactions.events.js';
import { FEEDBACK_KINDS, SEVERITIES, type FeedbackKind, type Severity } from '../feedback.events.js';
import { caseInbox, type InboxCase } from '../projections/case-inbox.projection.js';
import { caseView, type CaseView } from './case-view.js';

const STATUSES = ['open', 'resolved', 'all'] as const;
const ORDERS = ['oldest', 'newest', 'severity'] as const;
type Order = (typeof ORDERS)[number];

export class ListCasesQuery extends PageQuery {
  @Optional()
  @OneOf(STATUSES)
  status: (typeof STATUSES)[number] = 'open';

  /** Oldest or newest by intake, or most severe first. */
  @Optional()
  @OneOf(ORDERS)
  order: Order = 'oldest';

  @Optional()
  @OneOf(CHANNELS)
  channel?: Channel;

  @Optional()
  @Text({ max: 100 })
  agent?: string;

  @Optional()
  @OneOf(SEVERITIES)
  severity?: Severity;

  @Optional()
  @OneOf(FEEDBACK_KINDS)
  kind?: FeedbackKind;

  /** Of merged customers the cases of all. */
  @Optional()
  @Id()
  customerId?: string;
}

export class ListCases extends Query<Page<CaseView>> {
  constructor(
    readonly query: ListCasesQuery,
    readonly position: string | undefined,
  ) {
    super();
  }
}

/** Where a page ended: the last case's place in any of the orders. */
type Place = [severityRank: number, openedAt: string, caseId: string];

const isPlace = (value: JsonValue): value is Place =>
  Array.isArray(value) &&
  value.length === 3 &&
  typeof value[0] === 'number' &&
  typeof value[1] === 'string' &&
  typeof value[2] === 'string';

const SORT: Readonly<Record<Order, Sort>> = {
  oldest: { openedAt: 1, _id: 1 },
  newest: { openedAt: -1, _id: -1 },
  severity: { severityRank: -1, openedAt: 1, _id: 1 },
};

@QueryHandler(ListCases)
export class ListCasesHandler implements IQueryHandler<ListCases> {
  constructor(
    private readonly models: ReadModels,
    private readonly cursors: Cursors,
    private readonly groups: CustomerGroups,
  ) {}

  /** @throws DomainError CURSOR_MALFORMED, CUSTOMER_ERASED */
  async execute({ query, position }: ListCases): Promise<Page<CaseView>> {
    const { order, limit, customerId } = query;
    const list = this.cursors.of('cases', query);
    const place = list.read(query.cursor, isPlace);
    const members = customerId === undefined ? undefined : await this.groups.membersOf(customerId, position);
    const filter: Filter = { $and: [matching(query, members), ...(place ? [after(place, order)] : [])] };
    return this.models.read(caseInbox, position, async ({ documents, isErased }) => {
      if (customerId !== undefined && (await isErased(customerId))) {
        throw new DomainError('CUSTOMER_ERASED', 'this customer was erased');
      }
      const found = await documents.find(filter, { sort: SORT[order], limit: limit + 1 });
      const page = list.page(found, limit, placeOf);
      return { ...page, items: page.items.map(caseView) };
    });
  }
}

const placeOf = ({ severityRank, openedAt, caseId }: InboxCase): Place => [severityRank, openedAt, caseId];

function matching(
  { status, channel, agent, severity, kind }: ListCasesQuery,
  members: readonly string[] | undefined,
): Filter {
  return {
    status: status === 'all' ? { $in: ['open', 'resolved'] } : status,
    ...(channel !== undefined && { channel }),
    ...(agent !== undefined && { agent }),
    ...(severity !== undefined && { severity }),
    ...(kind !== undefined && { kind }),
    ...(members && { customerId: { $in: [...members] } }),
  };
}

function after([severityRank, openedAt, _id]: Place, order: Order): Filter {
  const later: Filter = { $or: [{ openedAt: { $gt: openedAt } }, { openedAt, _id: { $gt: _id } }] };
  switch (order) {
    case 'oldest':
      return later;
    case 'newest':
      return { $or: [{ openedAt: { $lt: openedAt } }, { openedAt, _id: { $lt: _id } }] };
    case 'severity':
      return { $or: [{ severityRank: { $lt: severityRank } }, { $and: [{ severityRank }, later] }] };
  }
}
