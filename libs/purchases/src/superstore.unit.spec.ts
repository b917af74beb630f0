/** Real orders: prices of four decimals, orders that repeat a product. */
import { existsSync, readFileSync } from 'node:fs';
import { parse } from 'csv-parse/sync';
import { addDecimals, sumDecimals } from '@timeline/kernel';
import { Playing } from '../../kernel/src/testing/playing.js';
import { purchaseDecider, type OrderedLine } from './purchase.decider.js';

const FILE = '../shared/data/superstore.csv';
const isThere = existsSync(FILE);
if (!isThere) console.warn(`SKIPPED: there is no ${FILE}, so the Superstore totals are not checked`);

(isThere ? describe : describe.skip)('the Superstore orders', () => {
  it('add up to 2,297,200.8603, and to nothing once all is returned in parts', () => {
    const rows = parse(readFileSync(FILE), { columns: true, bom: true }) as Record<string, string>[];
    const orders = new Map<string, Record<string, string>[]>();
    for (const row of rows) {
      const orderNumber = row['Order ID'] ?? '';
      orders.set(orderNumber, [...(orders.get(orderNumber) ?? []), row]);
    }
    let total = '0';
    let returned = '0';
    let lineCount = 0;
    for (const [orderNumber, ofOrder] of orders) {
      const playing = new Playing(purchaseDecider);
      const lines = ofOrder.map((row): OrderedLine => ({
        lineId: row['Row ID'] ?? '',
        sku: row['Product ID'] ?? '',
        name: row['Product Name'] ?? '',
        quantity: row['Quantity'] ?? '',
        amount: row['Sales'] ?? '',
      }));
      const data = { purchaseId: orderNumber, orderNumber, channel: 'store', currency: 'USD', lines, payloadHash: '' };
      playing.carryOut({ type: 'record', customerId: ofOrder[0]?.['Customer ID'] ?? '', data });
      // One piece of every line, then all the rest.
      const pieces = lines.map(({ lineId = '' }) => ({ lineId, quantity: '1' }));
      playing.carryOut({ type: 'return', purchaseId: orderNumber, lines: pieces });
      if (lines.some(({ quantity }) => quantity !== '1')) playing.carryOut({ type: 'return', purchaseId: orderNumber });
      const [purchase, ...returns] = playing.events;
      total = addDecimals(total, purchase?.data.total ?? '0');
      returned = addDecimals(returned, sumDecimals(returns.map(({ data }) => data.total)));
      lineCount += lines.length;
    }
    expect([orders.size, lineCount, total, returned]).toEqual([5_009, 9_994, '2297200.8603', '2297200.8603']);
  });
});
