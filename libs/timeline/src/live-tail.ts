/**
 * The end of the log for many readers at once: one subscription per process, the latest events in a bounded ring. A
 * reader that is further behind reads from the store until it is back in the ring, so a slow one costs no memory.
 */
import { Injectable, type OnModuleDestroy } from '@nestjs/common';
import { EventStore, logWentBack, type StoredEvent } from '@timeline/event-store';
import { backoffMs, delay, errorCode, type Position } from '@timeline/kernel';

const RING_EVENTS = 2_000;
/** About, as JSON: in memory two or three times as much. */
const RING_BYTES = 4 * 1024 * 1024;
/** Sorts before every position. */
const NOTHING = '' as Position;
/** What each reader holds until its client has taken it. */
const EVENTS_AT_ONCE = 50;

/** About, as JSON. */
export const sizeOf = ({ data, personal }: StoredEvent): number =>
  JSON.stringify(data).length + (personal?.length ?? 0);

@Injectable()
export class LiveTail implements OnModuleDestroy {
  readonly #ring: StoredEvent[] = [];
  /** Of each event of the ring, about how many bytes it is; and of all of them. */
  readonly #sizes: number[] = [];
  #bytes = 0;
  /** Everything after this position, up to the last event of the ring, is in the ring. */
  #ringAfter: Position | undefined;
  /** The event that came last: what proves that the log still is that log. */
  #last: { position: Position; id: string } | undefined;
  /** How often the log has gone back: who began before reads what is no longer there. */
  #generation = 0;
  #started: Promise<void> | undefined;
  readonly #abort = new AbortController();
  readonly #waiting = new Set<() => void>();

  constructor(private readonly events: EventStore) {}

  onModuleDestroy(): void {
    this.#abort.abort();
    this.#wake();
  }

  /**
   * Events after `after` (default: those to come), in order, until the signal ends it.
   * @throws FaultError LOG_WENT_BACK when the log is restored from a backup meanwhile
   */
  async *follow(after: Position | undefined, signal: AbortSignal): AsyncGenerator<readonly StoredEvent[]> {
    this.#started ??= this.#start();
    await this.#started.catch((error: unknown) => {
      // The store was away: the next reader tries again.
      this.#started = undefined;
      throw error;
    });
    let seen: Position | undefined = after ?? (await this.events.head())?.position;
    const generation = this.#generation;
    const isOver = (): boolean => {
      if (generation !== this.#generation) throw logWentBack(seen ?? NOTHING);
      return signal.aborted || this.#abort.signal.aborted;
    };
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
    await this.#begin();
    void this.#run();
  }

  async #run(): Promise<void> {
    const { signal } = this.#abort;
    for (let attempt = 0; !signal.aborted;) {
      try {
        const from = this.#last && { after: this.#last.position, seen: this.#last };
        for await (const message of this.events.subscribe({ ...from, signal })) {
          attempt = 0;
          if (message.kind !== 'events') continue;
          this.#keep(message.events);
          this.#last = message.events.at(-1) ?? this.#last;
          this.#wake();
        }
      } catch (error) {
        // The store is away: readers see nothing new until it is back; health tells.
        await delay(backoffMs(attempt++), signal);
        if (errorCode(error) === 'LOG_WENT_BACK') await this.#begin().catch(() => undefined);
      }
    }
  }

  /** At the log's end, with an empty ring: also once the log has gone back, since what was in it is in the log no longer. */
  async #begin(): Promise<void> {
    const head = await this.events.head();
    for (const list of [this.#ring, this.#sizes]) list.length = 0;
    this.#bytes = 0;
    this.#ringAfter = head?.position;
    this.#last = head && { position: head.position, id: head.eventId };
    this.#generation += 1;
    this.#wake();
  }

  #keep(events: readonly StoredEvent[]): void {
    for (const event of events) {
      const size = sizeOf(event);
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
