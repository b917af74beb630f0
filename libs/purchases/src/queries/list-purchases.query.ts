/** A customer's purchases, newest first, as they stand: with what came back, and cancelled ones among them as such. */
import { Query, QueryHandler, type IQueryHandler } from '@nestjs/cqrs';
import { CustomerDirectory, CustomerGroups } from '@timeline/deciding';
import {
  Currency,
  Cursors,
  DecimalAmount,
  fieldTypes,
  Id,
  Instant,
  isTwoTexts,
  ListOf,
  OneOf,
  Optional,
  PageQuery,
  Text,
  ToAfterFrom,
  Whole,
  type Page,
} from '@timeline/http';
import { subtractDecimals } from '@timeline/kernel';
import { ReadModels } from '@timeline/projecting';
import { afterKeyset, type Filter } from '@timeline/read-store';
import { MAX_LINES } from '../commands/purchase-stream.js';
import { customerPurchases, type PurchaseOfCustomer } from '../projections/customer-purchases.projection.js';
import { PURCHASE_STATUSES, type PurchaseStatus } from '../purchases.events.js';

@ToAfterFrom()
export class ListPurchasesQuery extends PageQuery {
  /** Bought then or later. */
  @Optional()
  @Instant()
  from?: string;

  /** Bought before then. */
  @Optional()
  @Instant()
  to?: string;

  /** With a line of this category. */
  @Optional()
  @Text({ max: 100 })
  category?: string;

  @Optional()
  @ListOf(fieldTypes.oneOf(PURCHASE_STATUSES), { min: 1, max: PURCHASE_STATUSES.length })
  status?: PurchaseStatus[];
}

export class PurchaseSummary {
  @Id()
  purchaseId: string;
  /** Under which it came in, merged or not. */
  @Id()
  customerId: string;
  @Instant()
  occurredAt: string;
  @Optional()
  @Text()
  orderNumber?: string;
  @Text()
  channel: string;
  @Optional()
  @Text()
  region?: string;
  @Optional()
  @Text()
  source?: string;
  @Currency()
  currency: string;
  /** What it came to, shipping and tax included. */
  @DecimalAmount({ min: '0' })
  total: string;
  /** Paid back, over all returns. */
  @DecimalAmount({ min: '0' })
  returned: string;
  /** What counts of it: total less returned, and nothing once it is cancelled. */
  @DecimalAmount({ min: '0' })
  net: string;
  @OneOf(PURCHASE_STATUSES)
  status: PurchaseStatus;
  @Optional()
  @Instant()
  cancelledAt?: string;
  /** How many. */
  @Whole({ min: 1 })
  lines: number;
  /** Of its lines, sorted. */
  @ListOf(fieldTypes.text(), { max: MAX_LINES })
  categories: string[];
}

export class ListPurchases extends Query<Page<PurchaseSummary>> {
  constructor(
    readonly customerId: string,
    readonly query: ListPurchasesQuery,
    readonly position: string | undefined,
  ) {
    super();
  }
}

/** (`occurredAt`, position) of the last purchase of the page before. */
type Place = [at: string, position: string];

const NEWEST_FIRST = { at: -1, position: -1 } as const;

@QueryHandler(ListPurchases)
export class ListPurchasesHandler implements IQueryHandler<ListPurchases> {
  constructor(
    private readonly models: ReadModels,
    private readonly cursors: Cursors,
    private readonly directory: CustomerDirectory,
    private readonly groups: CustomerGroups,
  ) {}

  /** @throws DomainError CUSTOMER_NOT_FOUND, CUSTOMER_ERASED, CURSOR_MALFORMED */
  async execute({ customerId, query, position }: ListPurchases): Promise<Page<PurchaseSummary>> {
    await this.directory.resolve({ customerId });
    // Of the customer who was asked for: whom they are merged with may change from page to page.
    const list = this.cursors.of('purchases', { ...query, customerId });
    const filter = matching(query, list.read(query.cursor, isTwoTexts));
    const members = await this.groups.membersOf(customerId, position);
    return this.models.read(customerPurchases, position, async ({ documents }) => {
      const pages = await Promise.all(
        members.map((member) =>
          documents.find(
            { customerId: member, ...filter },
            { sort: { customerId: -1, ...NEWEST_FIRST }, limit: query.limit + 1 },
          ),
        ),
      );
      // Only purchases name a customer.
      const purchases = (pages.flat() as PurchaseOfCustomer[]).sort(newestFirst);
      const page = list.page(purchases, query.limit, ({ at, position: of }): Place => [at, of]);
      return { ...page, items: page.items.map(summary) };
    });
  }
}

function matching({ from, to, category, status }: ListPurchasesQuery, place: Place | undefined): Filter {
  const and: Filter[] = [
    ...(from === undefined ? [] : [{ at: { $gte: from } }]),
    ...(to === undefined ? [] : [{ at: { $lt: to } }]),
    ...(place ? [afterKeyset(NEWEST_FIRST, { at: place[0], position: place[1] })] : []),
  ];
  return {
    ...(category !== undefined && { categories: category }),
    ...(status && { status: { $in: status } }),
    ...(and.length > 0 && { $and: and }),
  };
}

const newestFirst = (a: PurchaseOfCustomer, b: PurchaseOfCustomer): number =>
  a.at === b.at ? (a.position > b.position ? -1 : 1) : a.at > b.at ? -1 : 1;

function summary(purchase: PurchaseOfCustomer): PurchaseSummary {
  const { purchaseId, customerId, at, orderNumber, channel, region, source, currency, total, returned } = purchase;
  const { status, cancelledAt, lines, categories } = purchase;
  return {
    purchaseId,
    customerId,
    occurredAt: at,
    ...(orderNumber !== undefined && { orderNumber }),
    channel,
    ...(region !== undefined && { region }),
    ...(source !== undefined && { source }),
    currency,
    total,
    returned,
    net: status === 'cancelled' ? '0' : subtractDecimals(total, returned),
    status,
    ...(cancelledAt !== undefined && { cancelledAt }),
    lines,
    categories,
  };
}
