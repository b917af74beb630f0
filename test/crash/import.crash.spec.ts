/**
 * `kill -9` at random instants while the demo is imported, on the built product: whatever is cut off, the next start goes
 * on, and in the end every read model equals the log, every order is there once and the sums are exact.
 */
import { rm } from 'node:fs/promises';
import path from 'node:path';
import { RunningProduct } from '../support/running-product.js';
import { Random, sleep } from './support/random.js';

const KILLS = 20;
const SEED = Number(process.env['CRASH_SEED'] ?? Date.now() % 1_000_000);

interface EventPage {
  items: { type: string; data: { total?: string } }[];
  next?: string;
}

describe(`the import of the demo, killed ${KILLS} times (CRASH_SEED=${SEED})`, () => {
  let product: RunningProduct;
  beforeAll(async () => (product = await RunningProduct.create({ LOG_LEVEL: 'info' })));
  afterAll(() => product.dispose());

  const isImported = (): boolean => product.log.includes('the demo is imported');
  const eventsOf = async (type: string): Promise<EventPage['items']> => {
    const items: EventPage['items'] = [];
    for (let from = ''; ;) {
      const response = await fetch(`${product.url}/v1/events?types=${type}&limit=1000${from && `&from=${from}`}`);
      const page = (await response.json()) as EventPage;
      items.push(...page.items);
      if (page.items.length === 0 || !page.next) return items;
      from = page.next;
    }
  };
  /** Exact, in ten-thousandths, which is all the decimals that the file has. */
  const sumOf = (totals: (string | undefined)[]): bigint =>
    totals.reduce((sum, total = '0') => {
      const [whole = '0', fraction = ''] = total.split('.');
      return sum + BigInt(whole + fraction.padEnd(4, '0'));
    }, 0n);

  it('goes on after every kill and ends with nothing lost, nothing doubled, no difference', async () => {
    const random = new Random(SEED);
    for (let kill = 0; kill < KILLS; kill += 1) {
      product.spawn();
      // From before the stores are open to well into the import.
      await sleep(300 + random.next() * 2_500);
      await product.kill('SIGKILL');
    }
    product.log = '';
    await product.start();
    await product.until(isImported, 'the demo is imported', 240_000);

    expect(await eventsOf('CustomerRegistered')).toHaveLength(793);
    const orders = await eventsOf('PurchaseRecorded');
    expect(orders).toHaveLength(5_009);
    expect(sumOf(orders.map(({ data }) => data.total))).toBe(22_972_008_603n);
    await product.verify();
  }, 600_000);

  it('adds no event when it is imported again', async () => {
    const head = async (): Promise<unknown> => JSON.parse((await product.cli('--json', 'status')).out).head.position;
    const before = await head();
    const again = await product.cli('--json', 'import', 'superstore', '--generated');
    expect(JSON.parse(again.out)).toMatchObject({ recorded: 0, failed: 0 });
    expect(await head()).toBe(before);
  }, 240_000);

  it('gives the same read models after a rebuild of everything, and after the read store was deleted', async () => {
    const rebuilt = await product.cli('--json', 'rebuild', '--all');
    expect({ code: rebuilt.code, err: rebuilt.err }).toEqual({ code: 0, err: '' });
    await product.verify();

    await product.kill('SIGTERM');
    for (const end of ['', '-wal', '-shm'])
      await rm(path.join(product.folder, 'data', `reads.db${end}`), { force: true });
    await product.start();
    await product.verify();
  }, 300_000);
});
