/**
 * Readers ten times slower than the log grows: the streams of server-sent events, of the log and of one customer's
 * timeline. The product does not keep for them what they have not taken: its memory under the load with them is that of
 * the same load without. In the end each has every event once and in order, over a connection that was cut too.
 *
 * And one who sends lines of NDJSON and reads no answer: nothing more is taken from it, until it reads.
 */
import { once } from 'node:events';
import { request, type IncomingMessage } from 'node:http';
import { createInterface } from 'node:readline';
import { RunningProduct } from '../support/running-product.js';
import { Api, SseClient } from '../e2e/api.js';
import { HeavyPurchases, residentMb } from './support/heavy-purchases.js';
import { sleep } from './support/random.js';

/** In each phase. About 26 kB each; what a slow reader has not taken must weigh more than what memory may differ by. */
const EVENTS = process.env['CRASH_LONG'] === '1' ? 12_000 : 2_400;
/** Of what was produced since it began, a slow reader takes at most this share. */
const SHARE = 0.1;
/** Where the heap may grow as it likes, its size says little about what is held. */
const HEAP_MB = 160;
const TOLERANCE_MB = 40;
/** What a client sends that reads no answers: 10 kB each, many times what sockets hold. */
const LINES = 50_000;

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
  let purchases: HeavyPurchases;

  beforeAll(async () => {
    product = await RunningProduct.create({ DEMO: 'off' });
    await product.start({ NODE_OPTIONS: `--max-old-space-size=${HEAP_MB}` });
    api = new Api(product.url);
    purchases = await HeavyPurchases.of(product);
  });
  afterAll(() => product.dispose());

  it(
    'cost no memory and miss nothing',
    async () => {
      const paths = ['/v1/events/stream', `/v1/customers/${purchases.customerId}/timeline/stream`];
      const open = (after: string): SlowReader[] => paths.map((path) => new SlowReader(`${product.url}${path}`, after));

      /** With readers that keep up, to compare with. */
      const besideQuickOnes = async (): Promise<number> => {
        const quick = open((await api.head()) ?? '');
        const keepingUp = quick.map((reader) => reader.keepUp());
        const maxMb = await purchases.send(EVENTS);
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
      const accompaniedMb = await purchases.send(EVENTS, produced);
      over.abort();
      await Promise.all(reading);

      const events = await api.events('', from);
      const bytes = JSON.stringify(events).length;
      // The log's stream holds all of them, the timeline's what a timeline shows.
      const shown = events.filter(({ type }) => type === 'PurchaseRecorded');
      const expected = [events, shown].map((list) => list.map(({ position }) => position));
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

  it('are taken no more lines from than answers they read', async () => {
    // Lines that are refused cost the least: the product would take them as quickly as they come.
    const padding = 'x'.repeat(10_000);
    const before = await residentMb(product.pid);
    const sending = request(`${product.url}/v1/commands`, {
      method: 'POST',
      headers: { 'content-type': 'application/x-ndjson', 'transfer-encoding': 'chunked' },
    });
    const answered = once(sending, 'response') as Promise<[IncomingMessage]>;
    let sent = 0;
    /** Bytes that the product's side of the connection has taken. */
    const taken = (): number => (sending.socket?.bytesWritten ?? 0) - sending.writableLength;
    const fill = (): void => {
      while (sent < LINES) {
        sent += 1;
        if (!sending.write(`{"id":"${sent}","type":"NoSuchCommand","data":{"text":"${padding}"}}\n`)) return;
      }
    };
    sending.on('drain', fill);
    fill();
    const [response] = await answered;
    for (let at = -1; taken() !== at;) {
      at = taken();
      await sleep(2_000);
    }
    const [held, during] = [sent, await residentMb(product.pid)];
    process.stderr.write(
      `of ${LINES} lines of 10 kB ${held} were taken unread; ${before} MB before, ${during} MB then\n`,
    );
    expect(held).toBeLessThan(LINES / 2);
    expect(during).toBeLessThan(before + TOLERANCE_MB);

    // It reads again, and every line is answered, in order.
    let line = 0;
    sending.on('drain', () => sent === LINES && sending.end());
    for await (const text of createInterface({ input: response })) {
      line += 1;
      if (JSON.parse(text).line !== line) throw new Error(`line ${line} was answered ${text}`);
    }
    expect(line).toBe(LINES);
  }, 180_000);
});
