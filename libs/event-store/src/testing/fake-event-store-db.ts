/**
 * Stands in for the client of EventStoreDB in unit tests: what the adapter sees of a server, as measured on 23.10 and
 * 24.6, with failures on demand. It proves the adapter's own logic; the protocol is proven against a server.
 */
import { PassThrough, Readable } from 'node:stream';
import type {
  AllStreamResolvedEvent,
  AllStreamSubscription,
  AppendResult,
  EventData,
  Filter,
  Position as ClientPosition,
  ReadPosition,
  ResolvedEvent,
  StreamingRead,
} from '@eventstore/db-client';
import type { EventStoreDbClient } from '../eventstoredb/log-subscription.js';

export interface FakeRecord {
  streamId: string;
  id: string;
  type: string;
  data: string;
  metadata: string;
  revision: bigint;
  position: ClientPosition;
  created: Date;
}

/** The adapter gives bytes of JSON; what servers write by themselves is given as it is. */
const jsonOf = (value: unknown): string =>
  value instanceof Uint8Array ? decoder.decode(value) : JSON.stringify(value);
const decoder = new TextDecoder();

/** An error as the client makes them: told apart by `type` and `code`; often without a message. */
export const clientError = (type: string | undefined, code?: number, more: object = {}): Error =>
  Object.assign(new Error(''), { type, code }, more);

export const wrongExpectedVersion = (actualVersion: bigint | 'no_stream'): Error =>
  clientError('wrong-expected-version', undefined, { actualVersion });

/** What becomes of one append: it fails with `error`, stored or not, or is never answered. */
export interface AppendFailure {
  stored: boolean;
  error: Error | 'no answer';
}

export class FakeServer {
  readonly records: FakeRecord[] = [];
  /** Taken one by one by the next appends. */
  readonly appendFailures: AppendFailure[] = [];
  /** Taken one by one by the next reads. */
  readonly readFailures: Error[] = [];
  /** Whether each of the next subscriptions fails at once. */
  readonly subscriptionFailures: Error[] = [];
  readonly subscriptions = new Set<AllStreamSubscription>();
  appends: { stream: string; ids: string[]; expectedRevision: unknown }[] = [];
  appendsUnderWay = 0;
  mostAppendsUnderWay = 0;
  clients = 0;
  #listeners = new Set<() => void>();

  constructor() {
    this.write('$$$scavenges', { id: crypto.randomUUID(), type: '$metadata', data: {} });
  }

  /** Writes without asking, as the server does with its own records. */
  write(streamId: string, event: { id: string; type: string; data: unknown; metadata?: unknown }): FakeRecord {
    const previous = this.records.at(-1);
    // Log offsets: they grow by what was written before.
    const offset = previous ? previous.position.commit + BigInt(100 + previous.data.length) : 548n;
    const record: FakeRecord = {
      streamId,
      id: event.id,
      type: event.type,
      data: jsonOf(event.data),
      metadata: jsonOf(event.metadata ?? {}),
      revision: BigInt(this.streamOf(streamId).length),
      position: { commit: offset, prepare: offset },
      created: new Date(),
    };
    this.records.push(record);
    for (const listener of [...this.#listeners]) listener();
    return record;
  }

  streamOf(streamId: string): FakeRecord[] {
    return this.records.filter((record) => record.streamId === streamId);
  }

  /** Ends every subscription as a server that goes away does. */
  drop(error: Error): void {
    for (const subscription of this.subscriptions) subscription.emit('error', error);
    this.subscriptions.clear();
  }

  onWrite(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => void this.#listeners.delete(listener);
  }

  client(): EventStoreDbClient {
    this.clients += 1;
    return {
      appendToStream: (stream, events, options) =>
        this.#append(
          stream,
          (Array.isArray(events) ? events : [events]) as EventData[],
          options?.expectedRevision ?? 'any',
        ),
      readStream: (stream, options) => this.#readStream(stream, options ?? {}) as never,
      readAll: (options) => this.#readAll(options ?? {}),
      subscribeToAll: (options, readable) =>
        this.#subscribe(options?.fromPosition ?? 'start', options?.filter, readable?.highWaterMark ?? 16),
      dispose: async () => this.drop(clientError('cancelled', 1)),
    };
  }

  async #append(stream: string, events: EventData[], expectedRevision: unknown): Promise<AppendResult> {
    this.appends.push({ stream, ids: events.map(({ id }) => id), expectedRevision });
    this.appendsUnderWay += 1;
    this.mostAppendsUnderWay = Math.max(this.mostAppendsUnderWay, this.appendsUnderWay);
    try {
      await new Promise((resolve) => setImmediate(resolve));
      const failure = this.appendFailures.shift();
      const answer = failure && !failure.stored ? undefined : this.#store(stream, events, expectedRevision);
      if (failure?.error === 'no answer') return await new Promise(() => undefined);
      if (failure) throw failure.error;
      return answer as AppendResult;
    } finally {
      this.appendsUnderWay -= 1;
    }
  }

  #store(stream: string, events: EventData[], expectedRevision: unknown): AppendResult {
    const existing = this.streamOf(stream);
    const current = BigInt(existing.length - 1);
    const expected = expectedRevision === 'no_stream' ? -1n : expectedRevision;
    const first = existing.findIndex(({ id }) => id === events[0]?.id);
    if (expected !== current && (expected === 'any' ? first >= 0 : first === Number(expected) + 1 && first >= 0)) {
      const known = existing.slice(first, first + events.length);
      const last = known.at(-1);
      if (last && known.length === events.length && known.every(({ id }, i) => id === events[i]?.id)) {
        return { success: true, nextExpectedRevision: last.revision, position: last.position };
      }
      throw wrongExpectedVersion(current);
    }
    if (expected !== 'any' && expected !== current) throw wrongExpectedVersion(current === -1n ? 'no_stream' : current);
    const records = events.map((event) => this.write(stream, event));
    const last = records.at(-1) as FakeRecord;
    return { success: true, nextExpectedRevision: last.revision, position: last.position };
  }

  #readStream(
    stream: string,
    options: { fromRevision?: 'start' | 'end' | bigint; direction?: string; maxCount?: number | bigint },
  ): StreamingRead<ResolvedEvent> {
    const existing = this.streamOf(stream);
    if (existing.length === 0) return this.#reading([], clientError('stream-not-found'));
    const { fromRevision = 'start', direction = 'forwards', maxCount = Infinity } = options;
    const found =
      direction === 'forwards'
        ? existing.filter(({ revision }) => fromRevision === 'start' || revision >= BigInt(fromRevision))
        : existing.filter(({ revision }) => fromRevision === 'end' || revision <= BigInt(fromRevision)).reverse();
    return this.#reading(found.slice(0, Number(maxCount)));
  }

  #readAll(options: {
    fromPosition?: ReadPosition;
    direction?: string;
    maxCount?: number | bigint;
  }): StreamingRead<AllStreamResolvedEvent> {
    const { fromPosition = 'start', direction = 'forwards', maxCount = Infinity } = options;
    if (typeof fromPosition === 'object') {
      const { commit, prepare } = fromPosition;
      const isBeyond = commit > (this.records.at(-1)?.position.commit ?? 0n);
      const isRecord = this.records.some(({ position }) => position.commit === commit && position.prepare === prepare);
      if (!isRecord && !isBeyond) return this.#reading([], clientError('unknown', 2));
    }
    const at = typeof fromPosition === 'object' ? fromPosition.commit : undefined;
    const found =
      direction === 'forwards'
        ? this.records.filter(({ position }) => at === undefined || position.commit >= at)
        : this.records.filter(({ position }) => at === undefined || position.commit < at).reverse();
    return this.#reading(found.slice(0, Number(maxCount)));
  }

  #reading(records: FakeRecord[], error?: Error): StreamingRead<never> {
    const failure = this.readFailures.shift() ?? error;
    const reading = new PassThrough({ objectMode: true });
    if (failure) setImmediate(() => reading.emit('error', failure));
    else Readable.from(records.map(resolved)).pipe(reading);
    return Object.assign(reading, { cancel: async () => undefined }) as never;
  }

  #subscribe(fromPosition: ReadPosition, filter: Filter | undefined, highWaterMark: number): AllStreamSubscription {
    const after = typeof fromPosition === 'object' ? fromPosition.commit : -1n;
    let next = 0;
    while (next < this.records.length && (this.records[next] as FakeRecord).position.commit <= after) next += 1;
    let examined = 0;
    let isLive = false;
    let isDone = false;
    let stopListening = (): void => undefined;
    const matches = ({ type }: FakeRecord): boolean =>
      filter === undefined ||
      ('regex' in filter
        ? new RegExp(filter.regex).test(type)
        : filter.prefixes.some((prefix) => type.startsWith(prefix)));
    const window = (filter?.maxSearchWindow ?? 32) * (filter?.checkpointInterval ?? 1);
    const { records, subscriptions } = this;
    const onWrite = (listener: () => void): (() => void) => this.onWrite(listener);
    const subscription = new Readable({
      objectMode: true,
      highWaterMark,
      read() {
        stopListening();
        const pull = (): void => {
          while (next < records.length && !isDone) {
            const record = records[next] as FakeRecord;
            next += 1;
            examined += 1;
            if (filter && examined % window === 0) {
              // While catching up the prepare of a checkpoint may be 0.
              const { commit } = record.position;
              const checkpoint = { commit, prepare: isLive || matches(record) ? commit : 0n };
              if (!matches(record)) void filter.checkpointReached?.(subscription, checkpoint);
            }
            if (matches(record) && !this.push(resolved(record))) return;
          }
          if (isDone) return;
          if (!isLive) {
            isLive = true;
            this.emit('caughtUp');
          }
          stopListening = onWrite(() => {
            stopListening();
            setImmediate(pull);
          });
        };
        setImmediate(pull);
      },
      destroy(error, done) {
        isDone = true;
        stopListening();
        subscriptions.delete(subscription);
        done(error);
      },
    }) as unknown as AllStreamSubscription;
    subscription.unsubscribe = async () => undefined;
    this.subscriptions.add(subscription);
    const failure = this.subscriptionFailures.shift();
    if (failure) setImmediate(() => subscription.emit('error', failure));
    return subscription;
  }
}

function resolved(record: FakeRecord): AllStreamResolvedEvent {
  const { data, metadata, ...rest } = record;
  const event = { ...rest, data: JSON.parse(data) as object, metadata: JSON.parse(metadata) as object, isJson: true };
  return { event: event as never, commitPosition: record.position.commit };
}
