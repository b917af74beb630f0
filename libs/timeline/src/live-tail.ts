/**
 * The end of the log for many readers at once: one subscription per process, the latest events in a bounded ring. A
 * reader that is further behind reads from the store until it is back in the ring, so a slow one costs no memory.
 */
import { Injectable, type OnModuleDestroy } from '@nestjs/common';
import { EventStore, type StoredEvent } from '@timeline/event-store';
import { backoffMs, delay, errorCode, type Position } from '@timeline/kernel';

const RING_EVENTS = 2_000;
/** About, as JSON: in memory two or three times as much. */
const RING_BYTES = 4 * 1024 * 1024;
/** What each reader holds until its client has taken it. */
const EVENTS_AT_ONCE = 50;

@Injectable()
export class LiveTail implements OnModuleDestroy {
  readonly #ring: StoredEvent[] = [];
  /** Of each event of the ring, about how many bytes it is; and of all of them. */
  readonly #sizes: number[] = [];
  #bytes = 0;
  /** Everything after this position, up to the last event of the ring, is in the ring. */
  #ringAfter: Position | undefined;
  #started: Promise<void> | undefined;
  readonly #abort = new AbortController();
  readonly #waiting = new Set<() => void>();

  constructor(private readonly events: EventStore) {}

  onModuleDestroy(): void {
    this.#abort.abort();
    this.#wake();
  }

  /** Events after `after` (default: those to come), in order, until the signal ends it. */
  async *follow(after: Position | undefined, signal: AbortSignal): AsyncGenerator<readonly StoredEvent[]> {
    this.#started ??= this.#start();
    await this.#started.catch((error: unknown) => {
      // The store was away: the next reader tries again.
      this.#started = undefined;
      throw error;
    });
    let seen: Position | undefined = after ?? (await this.events.head())?.position;
    const isOver = (): boolean => signal.aborted || this.#abort.signal.aborted;
    while (!isOver()) {
      if ((seen ?? '') >= (this.#ringAfter ?? '')) {
        // A few at a time: a slow reader would keep from being forgotten what the ring has dropped.
        const batch = this.#ring.filter((event) => event.position > (seen ?? '')).slice(0, EVENTS_AT_ONCE);
        if (batch.length === 0) await this.#change(signal);
        else yield batch;
        seen = batch.at(-1)?.position ?? seen;
        continue;
      }
      const until = this.#ringAfter;
      const reading = { ...(seen && { after: seen }), ...(until && { until }), batchSize: EVENTS_AT_ONCE, signal };
      for await (const page of this.events.readAll(reading)) {
        if (isOver()) return;
        yield page;
        seen = page.at(-1)?.position ?? seen;
      }
      seen = (seen ?? '') < (until ?? '') ? until : seen;
    }
  }

  async #start(): Promise<void> {
    this.#ringAfter = (await this.events.head())?.position;
    void this.#run();
  }

  async #run(): Promise<void> {
    const { signal } = this.#abort;
    let last = this.#ringAfter;
    for (let attempt = 0; !signal.aborted;) {
      try {
        for await (const message of this.events.subscribe({ ...(last && { after: last }), signal })) {
          attempt = 0;
          if (message.kind !== 'events') continue;
          this.#keep(message.events);
          last = message.events.at(-1)?.position ?? last;
          this.#wake();
        }
      } catch (error) {
        // The store is away: readers see nothing new until it is back; health tells.
        await delay(backoffMs(attempt++), signal);
        if (errorCode(error) === 'LOG_WENT_BACK') last = await this.#forget().catch(() => last);
      }
    }
  }

  /** The log has gone back: what is in the ring is no longer in it. Answers the new end. */
  async #forget(): Promise<Position | undefined> {
    const end = (await this.events.head())?.position;
    for (const list of [this.#ring, this.#sizes]) list.length = 0;
    this.#bytes = 0;
    this.#ringAfter = end;
    return end;
  }

  #keep(events: readonly StoredEvent[]): void {
    for (const event of events) {
      const size = JSON.stringify(event.data).length + (event.personal?.length ?? 0);
      this.#ring.push(event);
      this.#sizes.push(size);
      this.#bytes += size;
    }
    let excess = 0;
    while (this.#ring.length - excess > RING_EVENTS || this.#bytes > RING_BYTES) {
      this.#bytes -= this.#sizes[excess] ?? 0;
      excess += 1;
    }
    this.#sizes.splice(0, excess);
    this.#ringAfter = this.#ring.splice(0, excess).at(-1)?.position ?? this.#ringAfter;
  }

  #wake(): void {
    for (const wake of this.#waiting) wake();
    this.#waiting.clear();
  }

  #change(signal: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      const wake = (): void => {
        signal.removeEventListener('abort', wake);
        this.#waiting.delete(wake);
        resolve();
      };
      this.#waiting.add(wake);
      signal.addEventListener('abort', wake, { once: true });
      if (signal.aborted || this.#abort.signal.aborted) wake();
    });
  }
}
