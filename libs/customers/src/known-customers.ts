/**
 * Customers that were found registered and not erased a moment ago, so that not every fact about one reads their stream.
 * What erases or withdraws customers is searched for in the log, for all of them at once: while it is found to be nothing
 * of a customer's, one look at them is enough.
 */
import { Injectable } from '@nestjs/common';
import { LATELY_MS } from '@timeline/deciding';
import { EventStore, type LogHead } from '@timeline/event-store';
import { customersOf } from '@timeline/kernel';
import type { CustomerEvent } from './customers.events.js';

const SIZE = 50_000;
/** So that a search that takes long is over before what it extends has run out. */
const SEARCH_EVERY_MS = LATELY_MS / 2;

/** What nobody asked about for so long is not searched: the log may have become long meanwhile. */
const MAX_GAP_MS = 60_000;

const ENDINGS: CustomerEvent['type'][] = ['CustomerErased', 'CustomerRegistrationWithdrawn'];

/** That the log was searched without a gap. Times are of a monotonic clock. */
interface Searched {
  /** Who was looked at after this was seen with all that stands before the first search. */
  since: number;
  /** What was acknowledged before this stands before the end of the last search. */
  until: number;
  head: LogHead;
}

@Injectable()
export class KnownCustomers {
  /** When each was looked at, by a monotonic clock; the oldest look first. */
  readonly #looks = new Map<string, number>();
  /** Counts what was forgotten: a look that began before may have seen what is not so any more. */
  #forgotten = 0;
  #searched: Searched | undefined;
  #lastSearch = -Infinity;
  #isSearching = false;

  constructor(private readonly events: EventStore) {}

  /** Where the answer grows old, begins a search beside it. */
  has(customerId: string): boolean {
    const now = performance.now();
    const at = this.#looks.get(customerId) ?? -Infinity;
    const searched = this.#searched;
    const seen = searched && at > searched.since ? Math.max(at, searched.until) : at;
    if (seen + SEARCH_EVERY_MS <= now) this.#search(now);
    return seen + LATELY_MS > now;
  }

  /** @throws what `look` throws; then nothing is kept */
  async lookAt(customerId: string, look: () => Promise<void>): Promise<void> {
    const [at, forgotten] = [performance.now(), this.#forgotten];
    await look();
    if (forgotten !== this.#forgotten) return;
    this.#looks.delete(customerId);
    this.#looks.set(customerId, at);
    const [oldest] = this.#looks.keys();
    if (this.#looks.size > SIZE && oldest !== undefined) this.#looks.delete(oldest);
  }

  /** Runs what may erase or withdraw the customer: whatever comes of it, the next who asks looks again. */
  async ending<T>(customerId: string, work: () => Promise<T>): Promise<T> {
    try {
      return await work();
    } finally {
      this.#forget(customerId);
    }
  }

  /** Unless that was begun a moment ago. Who is not known because it failed is looked at. */
  #search(now: number): void {
    if (this.#lastSearch + SEARCH_EVERY_MS > now || this.#isSearching) return;
    this.#lastSearch = now;
    this.#isSearching = true;
    void this.#searchLog(now)
      .catch(() => undefined)
      .finally(() => (this.#isSearching = false));
  }

  async #searchLog(begun: number): Promise<void> {
    const before = this.#searched;
    const head = await this.events.head();
    if (!head) return;
    if (!before || before.until + MAX_GAP_MS < begun) {
      this.#searched = { since: performance.now(), until: begun, head };
      return;
    }
    if ((await this.events.eventAt(before.head.position))?.id !== before.head.eventId) {
      // The log has gone back, as after it was restored: who was there then is not known.
      this.#searched = undefined;
      return;
    }
    const found = this.events.readAll({ after: before.head.position, until: head.position, types: ENDINGS });
    for await (const batch of found)
      for (const event of batch) for (const customerId of customersOf(event)) this.#forget(customerId);
    this.#searched = { since: before.since, until: begun, head };
  }

  #forget(customerId: string): void {
    this.#forgotten += 1;
    this.#looks.delete(customerId);
  }
}
