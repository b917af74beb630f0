/** Customers that were found registered and not erased a moment ago, so that not every fact about one reads their stream. */
import { Injectable } from '@nestjs/common';
import { LATELY_MS } from '@timeline/deciding';

const SIZE = 20_000;

@Injectable()
export class KnownCustomers {
  /** When each was looked at, by a monotonic clock; the oldest look first. */
  readonly #looks = new Map<string, number>();
  /** Counts what was forgotten: a look that began before may have seen what is not so any more. */
  #forgotten = 0;

  has(customerId: string): boolean {
    const at = this.#looks.get(customerId);
    return at !== undefined && at + LATELY_MS > performance.now();
  }

  /** @throws what `look` throws; then nothing is kept */
  async lookAt(customerId: string, look: () => Promise<void>): Promise<void> {
    const [at, forgotten] = [performance.now(), this.#forgotten];
    await look();
    if (forgotten !== this.#forgotten) return;
    this.#looks.delete(customerId);
    this.#looks.set(customerId, at);
    if (this.#looks.size > SIZE) {
      for (const [oldest, lookedAt] of this.#looks) {
        if (this.#looks.size <= SIZE && lookedAt + LATELY_MS > at) break;
        this.#looks.delete(oldest);
      }
    }
  }

  /** Runs what may erase or withdraw the customer: whatever comes of it, the next who asks looks again. */
  async ending<T>(customerId: string, work: () => Promise<T>): Promise<T> {
    try {
      return await work();
    } finally {
      this.#forgotten += 1;
      this.#looks.delete(customerId);
    }
  }
}
