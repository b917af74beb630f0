/**
 * Readers ten times slower than the log grows: the streams of server-sent events, of the log and of one customer's
 * timeline. The product does not keep for them what they have not taken: its memory under the load with them is that of
 * the same load without. In the end each has every event once and in order, over a connection that was cut too.
 */
import { readFile } from 'node:fs/promises';
import { RunningProduct } from '../support/running-product.js';
import { Api, SseClient, sideBySide } from '../e2e/api.js';
import { sleep } from './support/random.js';

/** In each phase. About 26 kB each; what a slow reader has not taken must weigh more than what memory may differ by. */
const EVENTS = process.env['CRASH_LONG'] === '1' ? 12_000 : 2_400;
/** Of what was produced since it began, a slow reader takes at most this share. */
const SHARE = 0.1;
/** Where the heap may grow as it likes, its size says little about what is held. */
const HEAP_MB = 160;
const LINES_PER_PURCHASE = 100;
const TOLERANCE_MB = 40;

/** A stream of events read no faster than it is let; what it got, in order, over as many connections as it took. */
class SlowReader {
  readonly ids: string[] = [];
  #client: SseClient | undefined;

  constructor(
    readonly url: string,
    private readonly firstAfter: string,
  ) {}

  async #next(): Promise<void> {
    this.#client ??= await SseClient.open(this.url, { 'last-event-id': this.ids.at(-1) ?? this.firstAfter });
    const message = await this.#client.next();
    if (!message) throw new Error('the stream has ended');
    this.ids.push(message.id ?? '');
  }

  /** Reads while it is behind its share of what `produced` says. */
  async dawdle(produced: () => number, until: AbortSignal): Promise<void> {
    await this.#next();
    while (!until.aborted) {
      if (this.ids.length < produced() * SHARE) await this.#next();
      else await sleep(20);
    }
  }

  /** Until it is cut. */
  async keepUp(): Promise<void> {
    try {
      for (;;) await this.#next();
    } catch {
      // Cut.
    }
  }

  cut(): void {
    this.#client?.close();
    this.#client = undefined;
  }

  async catchUp(last: string): Promise<void> {
    while ((this.ids.at(-1) ?? '') < last) await this.#next();
    this.cut();
  }
}

describe('readers that are slow', () => {
  let product: RunningProduct;
  let api: Api;
  let customerId = '';
  let number = 0;

  beforeAll(async () => {
    product = await RunningProduct.create({ DEMO: 'off' });
    await product.start({ NODE_OPTIONS: `--max-old-space-size=${HEAP_MB}` });
    api = new Api(product.url);
    const json = { kind: 'person', name: { full: 'Ann Example' } };
    const response = await fetch(`${product.url}/v1/customers`, post(json));
    customerId = ((await response.json()) as { id: string }).id;
  });
  afterAll(() => product.dispose());

  const post = (json: object): RequestInit => ({
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(json),
  });

  /** Purchases of many lines; answers the most memory that the product took in the second half of them. */
  async function produce(more: { count: number }): Promise<number> {
    let maxMb = 0;
    let sent = 0;
    const lane = async (): Promise<void> => {
      while (sent < EVENTS) {
        sent += 1;
        const lines = Array.from({ length: LINES_PER_PURCHASE }, (_, line) => ({
          lineId: String(line),
          sku: `S-${number}-${line}`,
          name: 'A thing with a name that is long enough to make an event that weighs something '.repeat(2),
          quantity: '1',
          unitPrice: '1.00',
        }));
        number += 1;
        const json = { customer: { customerId }, channel: 'web', currency: 'USD', lines };
        const response = await fetch(`${product.url}/v1/purchases`, post(json));
        if (!response.ok) throw new Error(`${response.status}: ${await response.text()}`);
        await response.arrayBuffer();
        more.count += 1;
        if (more.count > EVENTS / 2) maxMb = Math.max(maxMb, await residentMb(product.pid));
      }
    };
    await sideBySide([1, 2, 3, 4], 4, lane);
    return maxMb;
  }

  it(
    'cost no memory and miss nothing',
    async () => {
      const paths = ['/v1/events/stream', `/v1/customers/${customerId}/timeline/stream`];
      const open = (after: string): SlowReader[] => paths.map((path) => new SlowReader(`${product.url}${path}`, after));

      /** With readers that keep up, to compare with. */
      const besideQuickOnes = async (): Promise<number> => {
        const quick = open((await api.head()) ?? '');
        const keepingUp = quick.map((reader) => reader.keepUp());
        const maxMb = await produce({ count: 0 });
        for (const reader of quick) reader.cut();
        await Promise.all(keepingUp);
        return maxMb;
      };
      const before = await besideQuickOnes();

      const from = (await api.head()) ?? '';
      const readers = open(from);
      const produced = { count: 0 };
      const over = new AbortController();
      const reading = readers.map((reader) => reader.dawdle(() => produced.count, over.signal));
      const accompaniedMb = await produce(produced);
      over.abort();
      await Promise.all(reading);

      const events = await api.events('', from);
      const bytes = JSON.stringify(events).length;
      // The log's stream holds all of them, the timeline's what a timeline shows.
      const purchases = events.filter(({ type }) => type === 'PurchaseRecorded');
      const expected = [events, purchases].map((list) => list.map(({ position }) => position));
      for (const [index, reader] of readers.entries()) {
        // Far enough behind that keeping it all would show.
        expect(reader.ids.length).toBeLessThan(produced.count / 5);
        reader.cut();
        await reader.catchUp(expected[index]?.at(-1) ?? '');
        expect(reader.ids).toEqual(expected[index]);
      }
      // Before and after, since the heap of a process that works grows by itself.
      const after = await besideQuickOnes();
      process.stderr.write(
        `${EVENTS} events (${Math.round(bytes / 1e6)} MB) with readers that keep up: at most ${before} MB before and ${after} MB after; ` +
          `with slow ones ${accompaniedMb} MB\n`,
      );
      expect((1 - SHARE) * (bytes / 1e6)).toBeGreaterThan(TOLERANCE_MB);
      expect(accompaniedMb).toBeLessThan(Math.max(before, after) + TOLERANCE_MB);
      await product.verify();
    },
    EVENTS * 200,
  );
});

async function residentMb(pid: number): Promise<number> {
  const status = await readFile(`/proc/${pid}/status`, 'utf8');
  return Math.round(Number(/VmRSS:\s+(\d+)/.exec(status)?.[1] ?? 0) / 1_024);
}
