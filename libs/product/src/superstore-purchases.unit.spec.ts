/**
 * What the demo's orders come to in the read models against the CSV of the npm package read by itself: whole ten-thousandths
 * of a dollar in BigInt, none of the product's folds or decimals.
 */
import { readFileSync } from 'node:fs';
import { parse } from 'csv-parse/sync';
import { readSuperstore, superstoreCommands, superstoreFile } from '@timeline/demo';
import { divideDecimals, sumDecimals, type Fact, type Recorded } from '@timeline/kernel';
import { PureFold } from '@timeline/projecting';
import { profileProjection, type Profile } from '@timeline/customers';
import { Playing, recorded } from '../../kernel/src/testing/playing.js';
import {
  customerPurchases,
  type CustomerPurchases,
} from '../../purchases/src/projections/customer-purchases.projection.js';
import { purchaseDecider, type OrderedLine } from '../../purchases/src/purchase.decider.js';

const rows = parse(readFileSync(superstoreFile()), { columns: true, bom: true }) as Record<string, string>[];
const cell = (row: Record<string, string>, column: string): string => row[column] ?? '';

function tenThousandths(sales: string): bigint {
  const [whole = '', rest = ''] = sales.split('.');
  if (rest.length > 4) throw new Error('more than four decimals');
  return BigInt(whole + rest.padEnd(4, '0'));
}
function dollars(amount: bigint): string {
  const digits = String(amount).padStart(5, '0');
  return `${digits.slice(0, -4)}.${digits.slice(-4)}`.replace(/\.?0+$/, '');
}

interface OfCategory {
  sales: bigint;
  orders: Set<string>;
}
interface OfCustomer extends OfCategory {
  categories: Map<string, OfCategory>;
  days: string[];
}
const customers = new Map<string, OfCustomer>();
for (const row of rows) {
  const id = cell(row, 'Customer ID');
  const of: OfCustomer = customers.get(id) ?? { sales: 0n, categories: new Map(), orders: new Set(), days: [] };
  const category: OfCategory = of.categories.get(cell(row, 'Category')) ?? { sales: 0n, orders: new Set() };
  const sales = tenThousandths(cell(row, 'Sales'));
  of.sales += sales;
  category.sales += sales;
  category.orders.add(cell(row, 'Order ID'));
  of.orders.add(cell(row, 'Order ID'));
  of.days.push(cell(row, 'Order Date').slice(0, 10));
  customers.set(id, of);
  of.categories.set(cell(row, 'Category'), category);
}

describe('the purchases of the Superstore customers', () => {
  const log: Recorded<Fact>[] = [];
  const purchases = new PureFold(customerPurchases);
  const profiles = new PureFold(profileProjection);
  beforeAll(async () => {
    for (const { type, data } of superstoreCommands(await readSuperstore())) {
      // Made by the demo just now, with these members.
      const order = data as unknown as {
        customer: { identity: { value: string } };
        identities: { value: string }[];
        lines: OrderedLine[];
        orderNumber: string;
        occurredAt: string;
      };
      const isOrder = type === 'RecordPurchase';
      const customerId = isOrder ? order.customer.identity.value : (order.identities[0]?.value ?? '');
      const as = { customerId, occurredAt: order.occurredAt, position: log.length + 1 };
      if (!isOrder) {
        const registered = { customerId, kind: 'person', stage: 'customer', traits: {} };
        log.push(recorded({ type: 'CustomerRegistered', data: registered }, as));
        continue;
      }
      const { lines, orderNumber } = order;
      const told = { purchaseId: orderNumber, orderNumber, channel: 'store', currency: 'USD', lines, payloadHash: '' };
      const [fact] = new Playing(purchaseDecider).carryOut({ type: 'record', customerId, data: told });
      if (!fact) throw new Error('an order was not recorded');
      log.push(recorded<Fact>({ type: fact.type, data: fact.data }, as));
    }
    for (const event of log) for (const fold of [purchases, profiles]) if (handles(fold, event)) fold.apply(event);
  });
  const handles = (fold: PureFold, { type }: Recorded<Fact>): boolean =>
    new Set<string>((fold === purchases ? customerPurchases : profileProjection).handles).has(type);
  const profileOf = (customerId: string): Profile => {
    const text = profiles.derivedText(customerId);
    if (text === undefined) throw new Error(`there is no profile of ${customerId}`);
    return JSON.parse(text) as Profile;
  };

  it('are of the categories that the file says, for each of 793 customers to the last ten-thousandth', () => {
    // Written by this projection only.
    const documents = [...purchases.documents].map(
      ([key, { content }]) => [key, content as unknown as CustomerPurchases] as const,
    );
    const folded = new Map(
      documents.flatMap(([key, doc]) =>
        doc.kind === 'category' ? [[key, [doc.gross, doc.returned, doc.purchases]] as const] : [],
      ),
    );
    const expected = new Map(
      [...customers].flatMap(([id, { categories }]) =>
        [...categories].map(
          ([name, { sales, orders }]) => [`${id}/c/USD/${name}`, [dollars(sales), '0', orders.size]] as const,
        ),
      ),
    );
    expect(expected.size).toBeGreaterThan(2_000);
    expect(Object.fromEntries(folded)).toEqual(Object.fromEntries(expected));
  });

  it('are told in profiles: how many, since and until when, how much, and the average order', () => {
    for (const [id, { sales, orders, days }] of customers) {
      const noon = (day: string | undefined): string => `${day ?? ''}T12:00:00.000Z`;
      const inOrder = [...days].sort();
      expect(profileOf(id).purchases).toEqual({
        count: orders.size,
        repeat: orders.size > 1,
        firstAt: noon(inOrder[0]),
        lastAt: noon(inOrder.at(-1)),
        byCurrency: {
          USD: {
            count: orders.size,
            gross: dollars(sales),
            returned: '0',
            net: dollars(sales),
            averageOrder: divideDecimals(dollars(sales), orders.size),
          },
        },
      });
    }
  });

  it('come to 2,297,200.8603 in 5,009 orders, 458.614666 on average', () => {
    const all = [...customers.keys()].flatMap((id) => Object.values(profileOf(id).purchases.byCurrency));
    const net = sumDecimals(all.map((each) => each.net));
    const count = all.reduce((sum, each) => sum + each.count, 0);
    expect([all.length, count, net, divideDecimals(net, count)]).toEqual([793, 5_009, '2297200.8603', '458.614666']);
  });
});
