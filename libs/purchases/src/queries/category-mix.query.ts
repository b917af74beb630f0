/** What a customer buys: how much of which category, in each currency, the most first. Exact; shares are rounded. */
import { Query, QueryHandler, type IQueryHandler } from '@nestjs/cqrs';
import { CustomerDirectory, CustomerGroups } from '@timeline/deciding';
import { Currency, DecimalAmount, Id, Nested, NestedArray, Optional, Text, Whole } from '@timeline/http';
import { addDecimals, compareDecimals, divideDecimals, subtractDecimals, type Decimal } from '@timeline/kernel';
import { ReadModels } from '@timeline/projecting';
import {
  categoriesOf,
  customerPurchases,
  type CategoryTurnover,
} from '../projections/customer-purchases.projection.js';

const MAX_TOP = 200;

export class CategoryMixQuery {
  /** So many categories of each currency; the rest together is `others`. */
  @Optional()
  @Whole({ min: 1, max: MAX_TOP })
  top: number = 20;
}

export class TurnoverView {
  /** Of lines, discounts taken off, without shipping and tax. Cancelled purchases are not in it. */
  @DecimalAmount({ min: '0' })
  gross: string;
  @DecimalAmount({ min: '0' })
  returned: string;
  /** Below 0 only for lines without a category, where returns were recorded before they told that of their lines. */
  @DecimalAmount()
  net: string;
  /** Of the currency's net; to six decimals, half even. */
  @DecimalAmount()
  share: string;
}

export class CategoryView extends TurnoverView {
  /** Absent for lines that have none. */
  @Optional()
  @Text()
  category?: string;
  /** With a line of it. */
  @Whole({ min: 0 })
  purchases: number;
}

export class OtherCategoriesView extends TurnoverView {
  /** How many. */
  @Whole({ min: 1 })
  categories: number;
}

export class CurrencyMixView {
  @Currency()
  currency: string;
  @DecimalAmount({ min: '0' })
  net: string;
  @NestedArray(() => CategoryView, { max: MAX_TOP })
  categories: CategoryView[];
  @Optional()
  @Nested(() => OtherCategoriesView)
  others?: OtherCategoriesView;
}

export class CategoryMixView {
  @Id()
  customerId: string;
  /** By currency. */
  @NestedArray(() => CurrencyMixView)
  items: CurrencyMixView[];
}

export class GetCategoryMix extends Query<CategoryMixView> {
  constructor(
    readonly customerId: string,
    readonly top: number,
    readonly position: string | undefined,
  ) {
    super();
  }
}

@QueryHandler(GetCategoryMix)
export class GetCategoryMixHandler implements IQueryHandler<GetCategoryMix> {
  constructor(
    private readonly models: ReadModels,
    private readonly directory: CustomerDirectory,
    private readonly groups: CustomerGroups,
  ) {}

  /** @throws DomainError CUSTOMER_NOT_FOUND, CUSTOMER_ERASED */
  async execute({ customerId, top, position }: GetCategoryMix): Promise<CategoryMixView> {
    await this.directory.resolve({ customerId });
    const members = await this.groups.membersOf(customerId, position);
    const mixes = await this.models.read(customerPurchases, position, async ({ documents }) => {
      const sums = new Map<string, Map<string, CategoryTurnover>>();
      for (const member of members) {
        for await (const found of documents.stream({ _id: { $prefix: categoriesOf(member) } }))
          for (const each of found) if (each.kind === 'category') addTo(sums, each);
      }
      return sums;
    });
    const currencies = [...mixes].sort(([a], [b]) => (a < b ? -1 : 1));
    return {
      customerId,
      items: currencies.map(([currency, categories]) => mixOf(currency, [...categories.values()], top)),
    };
  }
}

function addTo(sums: Map<string, Map<string, CategoryTurnover>>, more: CategoryTurnover): void {
  const ofCurrency = sums.get(more.currency) ?? new Map<string, CategoryTurnover>();
  const before = ofCurrency.get(more.category);
  const both = before && {
    ...before,
    purchases: before.purchases + more.purchases,
    gross: addDecimals(before.gross, more.gross),
    returned: addDecimals(before.returned, more.returned),
  };
  sums.set(more.currency, ofCurrency.set(more.category, both ?? more));
}

type Turnover = Pick<CategoryTurnover, 'gross' | 'returned'>;

const netOf = ({ gross, returned }: Turnover): Decimal => subtractDecimals(gross, returned);

const sumOf = (turnovers: readonly Turnover[]): Turnover => ({
  gross: turnovers.reduce((sum, { gross }) => addDecimals(sum, gross), '0'),
  returned: turnovers.reduce((sum, { returned }) => addDecimals(sum, returned), '0'),
});

function mixOf(currency: string, turnovers: readonly CategoryTurnover[], top: number): CurrencyMixView {
  const net = netOf(sumOf(turnovers));
  const view = (turnover: Turnover): TurnoverView => ({
    gross: turnover.gross,
    returned: turnover.returned,
    net: netOf(turnover),
    share: compareDecimals(net, '0') === 0 ? '0' : divideDecimals(netOf(turnover), net),
  });
  const mostFirst = turnovers.toSorted(
    (a, b) => compareDecimals(netOf(b), netOf(a)) || (a.category < b.category ? -1 : 1),
  );
  const others = mostFirst.slice(top);
  return {
    currency,
    net,
    categories: mostFirst.slice(0, top).map((each) => ({
      ...(each.category !== '' && { category: each.category }),
      purchases: each.purchases,
      ...view(each),
    })),
    ...(others.length > 0 && { others: { categories: others.length, ...view(sumOf(others)) } }),
  };
}
