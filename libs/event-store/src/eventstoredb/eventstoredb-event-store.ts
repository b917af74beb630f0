/**
 * The event log in EventStoreDB. Written from measurements of servers 23.10 and 24.6 with client 6.2.1; the traps it
 * steps around are named where it does. Two differences to the SQLite adapter remain, both the server's: the same
 * event ids at a *newer* revision are written again (whoever appends looks for its command first), and "caught up"
 * comes when the server says so.
 *
 * Appends go through the client's shared call, twice as fast as one call each, without its queue (`unqueued-client.ts`):
 * at most 64 of them are under way.
 */
import { randomBytes } from 'node:crypto';
import { setMaxListeners } from 'node:events';
import { Readable } from 'node:stream';
import eventStoreDb from '@eventstore/db-client';
import type {
  EventData,
  Position as ClientPosition,
  ReadPosition,
  ReadRevision,
  ResolvedEvent,
  StreamingRead,
} from '@eventstore/db-client';
import type { Position } from '@timeline/kernel';
import {
  backoffMs,
  delay,
  deriveId,
  FaultError,
  logOf,
  maxPosition,
  measure,
  UnavailableError,
  within,
} from '@timeline/kernel';
import { eitherSignal } from '../either-signal.js';
import { checkAppend, checkCounts, checkReadAll, revisionBefore } from '../append-validation.js';
import type {
  AppendResult,
  ExpectedRevision,
  LogHead,
  NewEvent,
  ReadAllOptions,
  ReadStreamOptions,
  StoredEvent,
  SubscribeOptions,
  SubscriptionMessage,
} from '../event-store.port.js';
import { EventStore, logWentBack, WrongExpectedRevisionError } from '../event-store.port.js';
import { measuredAppend } from '../measured-append.js';
import {
  actualRevision,
  isNoSuchPosition,
  isOfType,
  isRetryable,
  leavesClientStuck,
  NoAnswerError,
  SERVICE,
  toPortError,
} from './errors.js';
import { Gate } from './gate.js';
import type { EventStoreDbClient } from './log-subscription.js';
import { AppendingClient } from './appending-client.js';
import { subscribeToLog } from './log-subscription.js';
import { Turnstile } from './turnstile.js';
import {
  isDomainEvent,
  toClientEvent,
  toClientPosition,
  toClientRevision,
  toPosition,
  toStoredEvent,
} from './mapping.js';

const { ANY, BACKWARDS, END, NO_STREAM, START } = eventStoreDb;

/** Holds the log's id, made with the first connection. */
const LOG_STREAM = 'timeline-log';
const LOG_CREATED = '$log-created';

const APPENDS_UNDER_WAY = 64;
/**
 * HTTP/2 sends when the event loop turns. Answers come together: handed on all at once, what they lead to would be sent
 * together too, when the last of it is made, and the server and this process would work in turn instead of at once.
 */
const ANSWERS_A_TURN = 8;
const RESENDS = 5;
/** For an append with all its resends, or a read with its tries: a hung server says nothing for up to 20 s. */
const GIVE_UP_MS = 15_000;
const READ_TRIES = 3;
/** Failures in a row, nothing received in between, after which a subscription gives up: about 3 s. */
const RESUBSCRIPTIONS = 6;
const DEFAULT_BATCH = 500;

export interface EventStoreDbOptions {
  /** Makes the client; tests give their own. */
  connect?: () => EventStoreDbClient;
  giveUpMs?: number;
}

/** What a subscription has looked at since its last word. */
interface Look {
  events: StoredEvent[];
  /** Everything up to here was looked at. */
  upTo: Position | undefined;
  caughtUp: boolean;
}

export class EventStoreDbEventStore extends EventStore {
  #logId = '';
  #client: EventStoreDbClient;
  readonly #clients = new Set<EventStoreDbClient>();
  readonly #gate = new Gate(APPENDS_UNDER_WAY);
  readonly #answers = new Turnstile(ANSWERS_A_TURN);
  readonly #underWay = new Set<Promise<unknown>>();
  /** How far the log is known to go: an append that is answered with less is one that was there. */
  #known: Position | undefined;
  readonly #ending = new AbortController();
  #closed: Promise<void> | undefined;

  private constructor(
    private readonly connect: () => EventStoreDbClient,
    private readonly giveUpMs: number,
  ) {
    super();
    this.#client = this.#newClient();
    // Each read under way listens; beyond ten of them Node would warn of a leak.
    setMaxListeners(0, this.#ending.signal);
  }

  /**
   * Connects and learns the log's id. `url` is `esdb://…` or `esdb+discover://…`.
   * @throws FaultError CONFIG_INVALID; UnavailableError while the server is away
   */
  static async open(url: string, options: EventStoreDbOptions = {}): Promise<EventStoreDbEventStore> {
    const connect = options.connect ?? (() => AppendingClient.at(url));
    let store: EventStoreDbEventStore;
    try {
      store = new EventStoreDbEventStore(connect, options.giveUpMs ?? GIVE_UP_MS);
    } catch (error) {
      // The client's message shows the whole URL, password included.
      throw new FaultError('CONFIG_INVALID', 'EVENT_STORE_URL is no connection string of EventStoreDB', {
        cause: error,
      });
    }
    try {
      store.#logId = await store.#obtainLogId();
      store.#known = (await store.head())?.position;
      return store;
    } catch (error) {
      await store.close();
      throw error;
    }
  }

  override get logId(): string {
    return this.#logId;
  }

  override async append(
    stream: string,
    events: readonly NewEvent[],
    { expectedRevision }: { expectedRevision: ExpectedRevision },
  ): Promise<AppendResult> {
    return measuredAppend(stream, events.length, () => this.#append(stream, events, revisionBefore(expectedRevision)));
  }

  override async appendUnsafelyAtAnyRevision(stream: string, events: readonly NewEvent[]): Promise<AppendResult> {
    return measuredAppend(stream, events.length, () => this.#append(stream, events, 'any'));
  }

  override async readStream(stream: string, options: ReadStreamOptions = {}): Promise<StoredEvent[]> {
    this.#refuseClosed();
    checkCounts(options.limit);
    return this.#readStream(stream, options);
  }

  override readAll(options: ReadAllOptions = {}): AsyncIterable<StoredEvent[]> {
    return options.direction === 'backwards' ? this.#readBackwards(options) : this.#readForwards(options);
  }

  override async *subscribe(options: SubscribeOptions = {}): AsyncIterable<SubscriptionMessage> {
    checkCounts(undefined, options.batchSize);
    let last = options.after;
    for await (const { events, upTo, caughtUp } of this.#follow(options)) {
      this.#known = maxPosition(this.#known, upTo);
      if (events.length > 0) {
        last = events.at(-1)?.position ?? last;
        yield { kind: 'events', events };
      }
      // From a given position 24.6 first sends that position back; and a checkpoint may be `commit/0`.
      if (upTo !== undefined && upTo > (last ?? '')) {
        last = upTo;
        yield { kind: 'checkpoint', position: upTo };
      }
      if (caughtUp) yield { kind: 'caught-up', position: last };
    }
  }

  override async head(): Promise<LogHead | undefined> {
    for await (const events of this.#readBackwards({ limit: 1 })) {
      const last = present(events[0]);
      return { position: last.position, eventId: last.id, recordedAt: last.recordedAt };
    }
    return undefined;
  }

  override async eventAt(position: Position): Promise<StoredEvent | undefined> {
    this.#refuseClosed();
    if (logOf(position) !== this.logId) return undefined;
    const { commit, prepare } = toClientPosition(this.logId, position);
    const options = { fromPosition: { commit, prepare: commit }, maxCount: 1, requiresLeader: true };
    const [found] = await this.#readAgain(async () => {
      try {
        return await this.#collect(this.#client.readAll(options));
      } catch (error) {
        if (isNoSuchPosition(error)) return [];
        throw error;
      }
    });
    const event = found?.event;
    const isHere = event?.position.commit === commit && event.position.prepare === prepare && isDomainEvent(event);
    return isHere ? toStoredEvent(this.logId, event) : undefined;
  }

  /** Waits for appends under way, then ends subscriptions. */
  override close(): Promise<void> {
    this.#closed ??= (async () => {
      await Promise.allSettled(this.#underWay);
      this.#ending.abort();
      await Promise.allSettled([...this.#clients].map((client) => client.dispose()));
    })();
    return this.#closed;
  }

  async #append(stream: string, events: readonly NewEvent[], before: number | 'any'): Promise<AppendResult> {
    this.#refuseClosed();
    // An id that is no UUID, or an empty type, would end the process two seconds later.
    const checked = checkAppend(stream, events);
    const known = this.#known;
    const sending = this.#sendUntilKnown(stream, checked.map(toClientEvent), before);
    this.#underWay.add(sending);
    try {
      const result = await sending;
      this.#known = maxPosition(this.#known, result.position);
      await this.#answers.enter();
      return known !== undefined && result.position <= known ? { ...result, repeated: true } : result;
    } finally {
      this.#underWay.delete(sending);
    }
  }

  /** The same ids at the same revision each time: the server then answers as the first time. */
  async #sendUntilKnown(stream: string, events: EventData[], before: number | 'any'): Promise<AppendResult> {
    const giveUpAt = performance.now() + this.giveUpMs;
    for (let attempt = 0; ; attempt++) {
      try {
        return await this.#send(stream, events, before, giveUpAt - performance.now());
      } catch (error) {
        if (isOfType(error, 'wrong-expected-version')) {
          const earlier =
            attempt > 0 && before !== 'any' ? await this.#findAppended(stream, events, before) : undefined;
          if (earlier) return earlier;
          throw new WrongExpectedRevisionError(stream, named(before), namedRevision(actualRevision(error)));
        }
        if (!isRetryable(error)) throw toPortError(error);
        if (attempt >= RESENDS || performance.now() >= giveUpAt) {
          throw new UnavailableError(
            SERVICE,
            'the event store does not answer, so it is not known whether the events were stored; send the same events ' +
              'again at the same revision',
            { cause: error },
          );
        }
      }
      measure('retry', { part: 'event-store', code: 'STORE_UNAVAILABLE' });
      await delay(backoffMs(attempt));
    }
  }

  async #send(stream: string, events: EventData[], before: number | 'any', timeoutMs: number): Promise<AppendResult> {
    if (!(await this.#gate.enter(timeoutMs))) throw new NoAnswerError('earlier appends are still waiting');
    const client = this.#client;
    const answer = client.appendToStream(stream, events, {
      expectedRevision: before === 'any' ? ANY : toClientRevision(before),
      requiresLeader: true,
    });
    // The place stays taken until the client itself is done, not until we stop waiting.
    const leave = (): void => this.#gate.leave();
    answer.then(leave, leave);
    try {
      const { nextExpectedRevision, position } = await within(timeoutMs, answer, noAnswer);
      const revision = Number(nextExpectedRevision);
      return {
        revision,
        position: position ? toPosition(this.logId, position) : await this.#positionOf(stream, revision),
      };
    } catch (error) {
      if (leavesClientStuck(error) && client === this.#client) this.#client = this.#newClient();
      throw error;
    }
  }

  /** Older servers leave the position out. */
  async #positionOf(stream: string, revision: number): Promise<Position> {
    const [event] = await this.#readStream(stream, { fromRevision: revision, limit: 1 });
    return present(event).position;
  }

  /** The events as an earlier send of the same append stored them, if it did. */
  async #findAppended(stream: string, events: EventData[], before: number): Promise<AppendResult | undefined> {
    const found = await this.#readStream(stream, { fromRevision: before + 1, limit: events.length });
    const last = found.at(-1);
    const isSame = found.length === events.length && found.every(({ id }, index) => id === events[index]?.id);
    return isSame && last ? { revision: last.revision, position: last.position } : undefined;
  }

  async #readStream(
    stream: string,
    { fromRevision, direction = 'forwards', limit = Number.MAX_SAFE_INTEGER }: ReadStreamOptions,
  ): Promise<StoredEvent[]> {
    // The server never answers a read of 0 events.
    if (limit === 0) return [];
    const end: ReadRevision = direction === 'forwards' ? START : END;
    const options = {
      direction,
      fromRevision: fromRevision === undefined ? end : BigInt(fromRevision),
      maxCount: limit,
      requiresLeader: true,
    };
    const found = await this.#readAgain(() => this.#collect(this.#client.readStream(stream, options)));
    return found.map(({ event }) => toStoredEvent(this.logId, present(event)));
  }

  /**
   * The client cannot filter reads, the server can filter subscriptions: reading forwards is a subscription that
   * stops when it has caught up.
   */
  async *#readForwards(options: ReadAllOptions): AsyncIterable<StoredEvent[]> {
    checkReadAll(options);
    const { until } = options;
    if (until !== undefined) toClientPosition(this.logId, until);
    let left = options.limit ?? Infinity;
    if (left === 0 || options.types?.length === 0) return;
    for await (const { events, upTo, caughtUp } of this.#follow(options)) {
      const wanted = (until === undefined ? events : events.filter(({ position }) => position <= until)).slice(0, left);
      left -= wanted.length;
      if (wanted.length > 0) yield wanted;
      const isPastUntil = until !== undefined && (upTo ?? '') >= until;
      if (left === 0 || isPastUntil || caughtUp) return;
    }
  }

  async *#readBackwards(options: ReadAllOptions): AsyncIterable<StoredEvent[]> {
    this.#refuseClosed();
    checkReadAll(options);
    const { types, batchSize = DEFAULT_BATCH, signal } = options;
    const wanted = types && new Set(types);
    let left = options.limit ?? Infinity;
    let from: ReadPosition =
      options.after === undefined ? END : toReadPosition(toClientPosition(this.logId, options.after));
    let giveUpAt = performance.now() + this.giveUpMs;
    for (let failures = 0; left > 0 && !signal?.aborted;) {
      const reading = this.#client.readAll({ direction: BACKWARDS, fromPosition: from, requiresLeader: true });
      const stop = this.#stopWith(reading, signal);
      let batch: StoredEvent[] = [];
      try {
        for await (const { event } of reading) {
          if (event === undefined || !isDomainEvent(event) || (wanted && !wanted.has(event.type))) continue;
          batch.push(toStoredEvent(this.logId, event));
          if (batch.length < Math.min(batchSize, left)) continue;
          left -= batch.length;
          from = toReadPosition(event.position);
          failures = 0;
          yield batch;
          batch = [];
          if (left === 0) return;
          giveUpAt = performance.now() + this.giveUpMs;
        }
        if (batch.length > 0) yield batch;
        return;
      } catch (error) {
        if (signal?.aborted) return;
        failures += 1;
        if (!isRetryable(error) || failures >= READ_TRIES || performance.now() >= giveUpAt) throw toPortError(error);
        await delay(backoffMs(failures - 1), signal);
      } finally {
        stop();
      }
    }
  }

  /** What the log holds after a position and what comes, resubscribing after each passing failure where it stood. */
  async *#follow(options: SubscribeOptions): AsyncIterable<Look> {
    this.#refuseClosed();
    const { after, types, batchSize = DEFAULT_BATCH, signal } = options;
    let { seen } = options;
    let from: ReadPosition = after === undefined ? START : toClientPosition(this.logId, after);
    const ended = eitherSignal(this.#ending.signal, signal);
    const wanted = types && new Set(types);
    try {
      for (let failures = 0; !ended.signal.aborted;) {
        let failure: unknown = new NoAnswerError('the server ended the subscription');
        let stop: (() => void) | undefined;
        try {
          // Each time: the server may be back as an older copy of itself.
          if (seen && (await this.eventAt(seen.position))?.id !== seen.id) throw logWentBack(seen.position);
          // 23.10 says nothing about what its filter left out last: once caught up, all that was there before is behind.
          const head = types === undefined ? undefined : (await this.head())?.position;
          const subscription = subscribeToLog(this.#client, { fromPosition: from, types, bufferSize: batchSize });
          stop = () => subscription.stop();
          ended.signal.addEventListener('abort', stop, { once: true });
          let events: StoredEvent[] = [];
          let upTo: Position | undefined;
          for await (const items of subscription.items) {
            failures = 0;
            const last = items.at(-1);
            for (const item of items) {
              const caughtUp = 'caughtUp' in item;
              if (caughtUp) {
                upTo = maxPosition(upTo, head);
              } else if ('checkpoint' in item) {
                from = item.checkpoint;
                upTo = toPosition(this.logId, from);
              } else if (item.event) {
                from = item.event.position;
                if (isDomainEvent(item.event) && (!wanted || wanted.has(item.event.type))) {
                  const event = toStoredEvent(this.logId, item.event);
                  seen = { position: event.position, id: event.id };
                  upTo = event.position;
                  events.push(event);
                } else {
                  upTo = toPosition(this.logId, from);
                }
              }
              if (caughtUp || events.length >= batchSize || item === last) {
                const look = { events, upTo, caughtUp };
                events = [];
                yield look;
                if (ended.signal.aborted) return;
              }
            }
          }
        } catch (error) {
          failure = error;
        } finally {
          if (stop) ended.signal.removeEventListener('abort', stop);
          stop?.();
        }
        if (ended.signal.aborted) return;
        failures += 1;
        if (!isRetryable(failure) || failures > RESUBSCRIPTIONS) throw toPortError(failure);
        await delay(backoffMs(failures - 1), ended.signal);
      }
    } finally {
      ended.release();
    }
  }

  async #obtainLogId(): Promise<string> {
    const known = await this.#readLogId();
    if (known !== undefined) return known;
    const logId = randomBytes(6).toString('hex');
    const event = eventStoreDb.jsonEvent({ id: deriveId('log', logId), type: LOG_CREATED, data: { logId } });
    await this.#readAgain(async () => {
      try {
        const appending = this.#client.appendToStream(LOG_STREAM, event, { expectedRevision: NO_STREAM });
        await within(this.giveUpMs, appending, noAnswer);
      } catch (error) {
        // Someone else was first, and theirs counts.
        if (!isOfType(error, 'wrong-expected-version')) throw error;
      }
    });
    const written = await this.#readLogId();
    if (written === undefined)
      throw new FaultError('EVENT_STORE_FAULT', `stream ${LOG_STREAM} was written and is not there`);
    return written;
  }

  async #readLogId(): Promise<string | undefined> {
    const reading = (): Promise<ResolvedEvent[]> =>
      this.#collect(this.#client.readStream(LOG_STREAM, { maxCount: 1, requiresLeader: true }));
    const [first] = await this.#readAgain(reading);
    if (first === undefined) return undefined;
    const data = first.event?.data;
    const logId = typeof data === 'object' && data !== null && 'logId' in data ? data.logId : undefined;
    if (first.event?.type !== LOG_CREATED || typeof logId !== 'string' || !/^[0-9a-f]{12}$/.test(logId)) {
      throw new FaultError(
        'EVENT_STORE_FOREIGN',
        `stream ${LOG_STREAM} of this EventStoreDB is not ours; give the timeline an event store of its own`,
      );
    }
    return logId;
  }

  /** All of a short read. A stream that does not exist is empty. */
  async #collect<T>(reading: StreamingRead<T>): Promise<T[]> {
    const timeUp = new AbortController();
    const timer = setTimeout(() => timeUp.abort(), this.giveUpMs);
    const stop = this.#stopWith(reading, timeUp.signal);
    const found: T[] = [];
    try {
      for await (const item of reading) found.push(item);
      return found;
    } catch (error) {
      if (timeUp.signal.aborted) throw new NoAnswerError('no answer to a read');
      if (isOfType(error, 'stream-not-found')) return [];
      throw error;
    } finally {
      clearTimeout(timer);
      stop();
    }
  }

  /** Answers what ends the reading; the signal, or closing the store, ends it too. */
  #stopWith(reading: StreamingRead<unknown>, signal?: AbortSignal): () => void {
    // Iterating throws what happens meanwhile; what comes after it was left must not end the process.
    reading.on('error', () => undefined);
    // A read left with all its answers already here would never be done with: the client keeps it, and waits for it
    // when it is disposed of. What is left of it must flow away.
    reading.on('unpipe', (source) => {
      if (source instanceof Readable) source.resume();
    });
    const ended = eitherSignal(this.#ending.signal, signal);
    const stop = (): void => {
      ended.release();
      // Fails only if there never was a connection; then there is nothing to end.
      reading.cancel().catch(() => undefined);
      reading.destroy();
    };
    ended.signal.addEventListener('abort', stop, { once: true });
    return stop;
  }

  async #readAgain<T>(read: () => Promise<T>): Promise<T> {
    const giveUpAt = performance.now() + this.giveUpMs;
    for (let failures = 1; ; failures++) {
      try {
        return await read();
      } catch (error) {
        if (!isRetryable(error) || failures >= READ_TRIES || performance.now() >= giveUpAt) throw toPortError(error);
      }
      await delay(backoffMs(failures - 1), this.#ending.signal);
    }
  }

  #newClient(): EventStoreDbClient {
    const client = this.connect();
    this.#clients.add(client);
    return client;
  }

  #refuseClosed(): void {
    if (this.#closed) throw new FaultError('EVENT_STORE_CLOSED', 'the event store is closed');
  }
}

/** A checkpoint's prepare may be 0, which is no record's start; reads want one, subscriptions do not mind. */
const toReadPosition = ({ commit }: ClientPosition): ClientPosition => ({ commit, prepare: commit });

const namedRevision = (revision: number): ExpectedRevision => (revision === -1 ? 'no-stream' : revision);
const named = (before: number | 'any'): ExpectedRevision | 'any' => (before === 'any' ? 'any' : namedRevision(before));

const noAnswer = (): NoAnswerError => new NoAnswerError('no answer in time');

/** Without `resolveLinkTos` every record has its event. */
function present<T>(value: T | undefined): T {
  if (value === undefined) throw new FaultError('EVENT_STORE_FAULT', 'the event store answered without the event');
  return value;
}
