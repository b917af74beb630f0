/**
 * A stretch of the log in the order of buckets instead of positions. What fills a build goes through the log in such windows:
 * all that a window holds about a customer comes together, so the customer's documents are loaded, derived from and
 * written once a window, not once for every batch that has something about them. Each document still sees its events in
 * the order of the log, since it has one owner and an owner is in one bucket.
 */
import type { StoredEvent } from '@timeline/event-store';
import { comparePositions, type Position } from '@timeline/kernel';
import { BUCKETS, bucketOf, idOf, type Owner } from './projection.js';
import type { Segment, SpillFile } from './spill-file.js';

export interface WindowBatch {
  /** In the order of the log. */
  events: StoredEvent[];
  /** Whether all that these events do to the owner's documents is for this batch; otherwise it is for others. */
  holds(owner: Owner): boolean;
  /** Nothing that follows holds any of these owners; `false` where something may. */
  isLast: boolean;
}

/** Of JSON, outside of the heap; what is more goes into the file. */
const IN_MEMORY_BYTES = 16 * 1024 * 1024;

/** Whose buckets are remembered, so that not every touch costs a hash. */
const MAX_KNOWN_OWNERS = 50_000;

/** What waits in one bucket: lines of JSON, some events each. */
interface Bucket {
  events: number;
  spilled: Segment[];
  lines: Buffer[];
}

export class LogWindow {
  readonly #buckets = Array.from({ length: BUCKETS }, emptyBucket);
  readonly #bucketsOf = new Map<Owner, number>();
  /** Of events that are about to be added. */
  readonly #wanted = new Map<Position, Set<number>>();
  #bytes = 0;
  #inMemory = 0;
  #added = 0;
  #taken = 0;

  constructor(
    private readonly file: SpillFile,
    private readonly inMemoryBytes = IN_MEMORY_BYTES,
  ) {}

  /** How much of what was added was taken out again, 0 to 1. */
  get shareTaken(): number {
    return this.#added === 0 ? 0 : this.#taken / this.#added;
  }

  /** About `bytes` of JSON, or as much as there is room for. */
  isFull(bytes: number): boolean {
    return this.#bytes >= bytes || this.#inMemory > 2 * this.inMemoryBytes;
  }

  /**
   * Says that the event at `position`, which is to be added next, does something to a document of the owner. `false`: the
   * owner follows the whole log and is in no bucket.
   */
  puts(owner: Owner, position: Position): boolean {
    const bucket = this.#bucketOf(owner);
    if (bucket === undefined) return false;
    const wanted = this.#wanted.get(position);
    if (wanted) wanted.add(bucket);
    else this.#wanted.set(position, new Set([bucket]));
    return true;
  }

  /** Those of them that were said to do something. */
  async add(events: readonly StoredEvent[]): Promise<void> {
    const byBucket = new Map<number, StoredEvent[]>();
    for (const event of events) {
      for (const bucket of this.#wanted.get(event.position) ?? []) {
        const others = byBucket.get(bucket);
        if (others) others.push(event);
        else byBucket.set(bucket, [event]);
      }
    }
    this.#wanted.clear();
    for (const [at, some] of byBucket) {
      const line = Buffer.from(`${JSON.stringify(some)}\n`);
      const bucket = this.#buckets[at];
      bucket?.lines.push(line);
      if (bucket) bucket.events += some.length;
      this.#added += some.length;
      this.#bytes += line.length;
      this.#inMemory += line.length;
    }
    if (this.#inMemory >= this.inMemoryBytes) await this.#spill();
  }

  /** Where there is no room, what is in memory stays there. */
  async #spill(): Promise<void> {
    const filled = this.#buckets.filter(({ lines }) => lines.length > 0);
    const segments = await this.file.append(filled.map(({ lines }) => Buffer.concat(lines)));
    if (!segments) return;
    for (const [index, { spilled, lines }] of filled.entries()) {
      spilled.push(...segments.slice(index, index + 1));
      lines.length = 0;
    }
    this.#inMemory = 0;
  }

  /**
   * One after the other, each of about `size` events: some buckets, or a part of one. Each can be had once.
   * @throws UnavailableError
   */
  async *batches(size: number): AsyncGenerator<WindowBatch> {
    for (let first = 0, end = 0; first < BUCKETS; first = end) {
      let count = 0;
      do count += this.#buckets[end++]?.events ?? 0;
      while (end < BUCKETS && count + (this.#buckets[end]?.events ?? 0) <= size);
      const [from, to] = [first, end];
      const holds = (owner: Owner): boolean => {
        const bucket = this.#bucketOf(owner);
        return bucket !== undefined && bucket >= from && bucket < to;
      };
      let events: StoredEvent[] = [];
      for (const bucket of this.#buckets.slice(from, to)) {
        for await (const some of this.#eventsIn(bucket)) {
          events.push(...some);
          this.#taken += some.length;
          // Only one bucket by itself can have so many.
          if (events.length < size || to > from + 1) continue;
          yield { events, holds, isLast: false };
          events = [];
        }
      }
      if (events.length > 0) yield { events: inLogOrder(events), holds, isLast: true };
    }
  }

  async *#eventsIn({ spilled, lines }: Bucket): AsyncGenerator<StoredEvent[]> {
    for (const segment of spilled) yield* parsed(await this.file.read(segment));
    yield* parsed(Buffer.concat(lines));
  }

  async clear(): Promise<void> {
    this.#buckets.forEach((_, at) => (this.#buckets[at] = emptyBucket()));
    this.#bucketsOf.clear();
    this.#wanted.clear();
    this.#bytes = 0;
    this.#inMemory = 0;
    this.#added = 0;
    this.#taken = 0;
    await this.file.clear();
  }

  #bucketOf(owner: Owner): number | undefined {
    const known = this.#bucketsOf.get(owner);
    if (known !== undefined || owner === 'all') return known;
    if (this.#bucketsOf.size >= MAX_KNOWN_OWNERS) this.#bucketsOf.clear();
    const id = idOf(owner);
    const bucket = owner.startsWith('bucket:') ? Number(id) : bucketOf(id);
    this.#bucketsOf.set(owner, bucket);
    return bucket;
  }
}

function emptyBucket(): Bucket {
  return { events: 0, spilled: [], lines: [] };
}

function* parsed(lines: Buffer): Generator<StoredEvent[]> {
  for (let from = 0, end; from < lines.length; from = end + 1) {
    end = lines.indexOf('\n', from);
    // What was added here.
    yield JSON.parse(lines.toString('utf8', from, end)) as StoredEvent[];
  }
}

/** What is in several buckets once. */
const inLogOrder = (events: StoredEvent[]): StoredEvent[] =>
  events
    .sort((a, b) => comparePositions(a.position, b.position))
    .filter(({ position }, at) => position !== events[at - 1]?.position);
