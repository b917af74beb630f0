/**
 * The relay: reads the event log and publishes its public events to a message log, each once and in order per
 * customer. Its place in the log is committed together with the messages, so whatever dies in between, it goes on
 * from there. One relay writes at a time; others stand by and take over when the writer stands still.
 */
import type { EventStore, StoredEvent, SubscriptionMessage } from '@timeline/event-store';
import type { Position } from '@timeline/kernel';
import {
  backoffMs,
  comparePositions,
  delay,
  errorCode,
  FaultError,
  inBatchSpan,
  logOf,
  maxPosition,
  measure,
  timed,
  UnavailableError,
  Upcasters,
} from '@timeline/kernel';
import type {
  MessageLog,
  OpenedPublication,
  Publication,
  PublicationCheckpoint,
  PublicationSettings,
} from '@timeline/messaging';
import { FencedError } from '@timeline/messaging';
import { EventTranslator, parkedTopicOf, type ParkedCustomer } from './event-translator.js';
import type { BatchLimits } from './pending-batch.js';
import { DEFAULT_LIMITS, PendingBatch } from './pending-batch.js';
import type { PublicEventMapping } from './public-events.js';

export interface RelayNotice {
  level: 'info' | 'warn' | 'error';
  message: string;
  code?: string;
}

export interface RelayOptions {
  events: EventStore;
  messages: MessageLog;
  mappings: readonly PublicEventMapping[];
  /** One word, for good: with the log's id it names the publication. Another name begins at the first event. */
  publicationName: string;
  upcasters?: Upcasters;
  report?(notice: RelayNotice): void;
  limits?: Partial<BatchLimits>;
  /** How long a writer's checkpoint must stand still, with events waiting, until a stand-by takes over. Milliseconds. */
  takeOverAfterMs?: number;
  /** How often a stand-by looks. Milliseconds. */
  pollMs?: number;
  /** What `ce_dataschema` starts with; see `toCloudEvent`. */
  schemaBase?: string;
}

export type RelayState =
  /** Opening the publication for the first time. */
  | 'starting'
  | 'catching-up'
  | 'live'
  /** Another relay writes. */
  | 'standing-by'
  /** The message log or the event log is away; it tries again by itself. */
  | 'waiting'
  /** Stopped: by `stop()`, or for good by the fault in `lastError`, at which a person must look. */
  | 'stopped';

export interface RelayStatus {
  publication: string;
  state: RelayState;
  /** Everything up to here is published, as far as this relay knows. */
  position: Position | undefined;
  /** The last event of the log that this relay has seen. */
  head: Position | undefined;
  /** Messages committed by this relay since it was made. */
  published: number;
  /** Customers (per topic) whose events wait in a parked topic. */
  parked: number;
  lastError: { code: string; message: string; at: string } | undefined;
}

export interface ReleaseResult {
  /** Customers (per topic) that wait no longer. */
  released: number;
  stillParked: number;
}

/** What somebody wants of the loop while it publishes. */
interface Wish {
  carryOut(publication: Publication, translator: EventTranslator): Promise<void>;
  reject(error: unknown): void;
}

/** The publication's id, for good: also its `transactionalId`. */
export const publicationIdOf = (logId: string, publicationName: string): string =>
  `timeline-${logId}-${publicationName}`;

const DEFAULT_PARTITIONS = 12;
const SUBSCRIPTION_BATCH = 500;
/** Below this share of their limits batches do not shrink. */
const LEAST_SCALE = 1 / 64;

export class Relay {
  readonly #options: RelayOptions;
  readonly #settings: PublicationSettings;
  readonly #limits: BatchLimits;
  readonly #takeOverAfterMs: number;
  readonly #pollMs: number;
  #state: RelayState = 'stopped';
  #position: Position | undefined;
  #head: Position | undefined;
  #published = 0;
  #parked = 0;
  #lastError: RelayStatus['lastError'];
  /** Share of the limits that a batch may have; shrinks when publishing fails, since a batch may be too slow to commit. */
  #scale = 1;
  /** Failed tries in a row. */
  #attempt = 0;
  #stopping = new AbortController();
  #running: Promise<void> | undefined;
  readonly #wishes: Wish[] = [];
  #wake = (): void => undefined;

  /** @throws FaultError RELAY_MISCONFIGURED */
  constructor(options: RelayOptions) {
    this.#options = options;
    this.#limits = { ...DEFAULT_LIMITS, ...options.limits };
    this.#takeOverAfterMs = options.takeOverAfterMs ?? 15_000;
    this.#pollMs = options.pollMs ?? 1_000;
    this.#settings = {
      id: publicationIdOf(options.events.logId, options.publicationName),
      topics: topicsOf(options.mappings),
    };
  }

  start(): void {
    if (this.#running) return;
    this.#stopping = new AbortController();
    this.#state = 'starting';
    this.#running = this.#run(this.#stopping.signal).finally(() => {
      this.#running = undefined;
    });
  }

  /** Finishes the transaction under way; what was not yet sent goes out at the next start. */
  async stop(): Promise<void> {
    this.#stopping.abort();
    await this.#running;
  }

  status(): RelayStatus {
    return {
      publication: this.#settings.id,
      state: this.#state,
      position: this.#position,
      head: this.#head,
      published: this.#published,
      parked: this.#parked,
      lastError: this.#lastError,
    };
  }

  /**
   * Tries parked events again, in the log's order, for when the mapping has been mended. A customer whose events can
   * all be published now waits no longer. Reads the log from the first parked event on.
   * @throws UnavailableError when this relay is not the one that publishes, or the message log fails meanwhile (what
   * was published by then stays so; call again)
   */
  releaseParked(): Promise<ReleaseResult> {
    return this.#wish((publication, translator) => this.#release(publication, translator));
  }

  /**
   * Whose events wait in a parked topic.
   * @throws UnavailableError when this relay is not the one that publishes
   */
  parkedCustomers(): Promise<ParkedCustomer[]> {
    return this.#wish(async (publication, translator) => {
      // A relay that was fenced off does not know yet: what it remembers counts only if it may still write.
      if (this.#position !== undefined) await publication.publish([], await this.#checkpointAt(this.#position));
      return translator.waiting;
    });
  }

  #wish<T>(work: (publication: Publication, translator: EventTranslator) => Promise<T>): Promise<T> {
    if (this.#state !== 'live' && this.#state !== 'catching-up') {
      return Promise.reject(new UnavailableError('relay', `this relay does not publish now, it is ${this.#state}`));
    }
    return new Promise((resolve, reject) => {
      const carryOut: Wish['carryOut'] = async (...of) => resolve(await work(...of));
      this.#wishes.push({ carryOut, reject });
      this.#wake();
    });
  }

  async #run(stopping: AbortSignal): Promise<void> {
    let isStandBy = false;
    while (!stopping.aborted) {
      try {
        if (isStandBy) await this.#standBy(stopping);
        if (stopping.aborted) break;
        isStandBy = false;
        const opened = await this.#open(stopping);
        if (opened) await this.#publishAll(opened, stopping);
      } catch (error) {
        this.#note(error);
        if (!stopping.aborted && (error instanceof FencedError || error instanceof UnavailableError))
          measure('retry', { part: 'relay', code: error.code });
        if (error instanceof FencedError) {
          isStandBy = true;
        } else if (error instanceof UnavailableError) {
          this.#state = 'waiting';
          await delay(backoffMs(this.#attempt++), stopping);
        } else {
          this.#state = 'stopped';
          return;
        }
      } finally {
        this.#refuseWishes();
      }
    }
    this.#state = 'stopped';
  }

  /** Undefined when stopped meanwhile: opening may wait long for brokers that are away. */
  async #open(stopping: AbortSignal): Promise<OpenedPublication | undefined> {
    const opening = this.#options.messages.open(this.#settings);
    const opened = await unlessAborted(opening, stopping);
    if (opened) {
      if (!stopping.aborted) return opened;
      await opened.publication.close();
    } else {
      opening.then(({ publication }) => publication.close()).catch(() => undefined);
    }
    return undefined;
  }

  async #publishAll({ publication, checkpoint, state }: OpenedPublication, stopping: AbortSignal): Promise<void> {
    const ended = new AbortController();
    const signal = AbortSignal.any([stopping, ended.signal]);
    let events: AsyncIterator<SubscriptionMessage> | undefined;
    let publishing = Promise.resolve();
    /** Rejects when `publishing` does, and never resolves. */
    let failing = new Promise<never>(() => undefined);
    try {
      await this.#verify(checkpoint);
      this.#position = checkpoint?.position;
      const translator = this.#translator(state);
      this.#state = 'catching-up';
      this.#tell('info', `publishing from ${checkpoint?.position ?? 'the first event'} on`);

      const from = checkpoint && {
        after: checkpoint.position,
        seen: { position: checkpoint.position, id: checkpoint.eventId },
      };
      const subscription = this.#options.events.subscribe({ ...from, batchSize: SUBSCRIPTION_BATCH, signal });
      const iterator = subscription[Symbol.asyncIterator]();
      events = iterator;
      // The next events are fetched while the last ones are being published.
      const fetchNext = (): Promise<IteratorResult<SubscriptionMessage>> => {
        const fetching = iterator.next();
        // It may fail while nobody waits for it; whoever does later still hears of it.
        fetching.catch(() => undefined);
        return fetching;
      };
      let next = fetchNext();
      let batch = new PendingBatch();
      // The next batch is made while the last one is being published.
      const flush = async (): Promise<void> => {
        const full = batch;
        batch = new PendingBatch();
        await publishing;
        if (stopping.aborted) return;
        publishing = this.#publish(publication, full);
        failing = publishing.then(() => new Promise<never>(() => undefined));
        failing.catch(() => undefined);
      };
      const flushed = async (): Promise<void> => {
        await flush();
        await publishing;
      };

      while (!stopping.aborted) {
        const dueInMs = batch.dueInMs(this.#limits, this.#state === 'live');
        const result = await this.#within([next, failing], dueInMs);
        if (stopping.aborted) break;
        if (result?.done) throw new UnavailableError('event store', 'the subscription to the event log has ended');
        if (result) {
          next = fetchNext();
          const isCaughtUp = this.#look(result.value);
          if (result.value.kind === 'events') {
            for (const event of result.value.events) {
              batch.add(translator.translate(event), { position: event.position, eventId: event.id });
              this.#parked = translator.parked;
              if (batch.isFull(this.#limits, this.#scale)) await flush();
              if (stopping.aborted) return;
            }
          }
          if (isCaughtUp && this.#state !== 'live') {
            await flushed();
            this.#state = 'live';
            this.#tell('info', 'caught up with the log');
          }
        }
        for (let wish = this.#wishes.shift(); wish; wish = this.#wishes.shift()) {
          try {
            await flushed();
            await wish.carryOut(publication, translator);
          } catch (error) {
            wish.reject(error);
            throw error;
          }
        }
        if (batch.dueInMs(this.#limits, this.#state === 'live') === 0) await flushed();
      }
    } catch (error) {
      // While it ran: the store looks each time it connects.
      if (errorCode(error) !== 'LOG_WENT_BACK' || this.#position === undefined) throw error;
      throw notInThisLog(this.#settings.id, this.#position);
    } finally {
      ended.abort();
      await publishing.catch(() => undefined);
      // Waits for the read under way, so that nobody closes the store under it.
      await events?.return?.().catch(() => undefined);
      await publication.close();
    }
  }

  async #publish(publication: Publication, { messages, checkpoint, stateChanges }: PendingBatch): Promise<void> {
    if (!checkpoint) return;
    try {
      await inBatchSpan(
        'publish',
        { 'timeline.publication': this.#settings.id, 'timeline.batch.messages': messages.length },
        messages.map(({ headers }) => headers['ce_traceparent']),
        () =>
          timed(
            () => publication.publish(messages, checkpoint, stateChanges),
            (outcome, seconds) => measure('publish', { outcome, messages: messages.length, seconds }),
            () => 'published',
          ),
      );
    } catch (error) {
      if (error instanceof UnavailableError) this.#scale = Math.max(LEAST_SCALE, this.#scale / 2);
      throw error;
    }
    this.#scale = Math.min(1, this.#scale * 2);
    this.#attempt = 0;
    this.#position = checkpoint.position;
    this.#published += messages.length;
  }

  /** Notes how far the log has been seen; answers whether its end was reached. */
  #look(message: SubscriptionMessage): boolean {
    switch (message.kind) {
      case 'events':
        this.#head = maxPosition(this.#head, message.events.at(-1)?.position);
        return false;
      case 'checkpoint':
        // Cannot be a checkpoint of ours: it names no event that would prove whose log it is.
        return false;
      case 'caught-up':
        return true;
    }
  }

  async #release(publication: Publication, translator: EventTranslator): Promise<ReleaseResult> {
    const before = translator.parked;
    const first = translator.firstParked;
    const until = this.#position;
    if (until !== undefined) {
      const checkpoint = await this.#checkpointAt(until);
      const release = translator.release();
      let batch = new PendingBatch();
      for await (const events of first === undefined ? [] : this.#from(first, until)) {
        for (const event of events) {
          batch.add(release.translate(event), checkpoint);
          if (!batch.isFull(this.#limits, this.#scale)) continue;
          await this.#publish(publication, batch);
          batch = new PendingBatch();
        }
      }
      // Written also when nobody waits: a relay that was fenced off and does not know yet must not say so.
      batch.add({ messages: [], stateChanges: release.finish() }, checkpoint);
      await this.#publish(publication, batch);
      this.#parked = translator.parked;
    }
    return { released: before - translator.parked, stillParked: translator.parked };
  }

  /** The events from `first` to `until`, both included. */
  async *#from(first: Position, until: Position): AsyncGenerator<StoredEvent[]> {
    const event = await this.#options.events.eventAt(first);
    if (event) yield [event];
    yield* this.#options.events.readAll({ after: first, until, batchSize: SUBSCRIPTION_BATCH });
  }

  async #checkpointAt(position: Position): Promise<PublicationCheckpoint> {
    const event = await this.#options.events.eventAt(position);
    if (!event) throw notInThisLog(this.#settings.id, position);
    return { position, eventId: event.id };
  }

  /** A log restored from a backup, or another one, must not be published as the continuation of what was. */
  async #verify(checkpoint: PublicationCheckpoint | undefined): Promise<void> {
    if (!checkpoint) return;
    const { position, eventId } = checkpoint;
    const isOurs = logOf(position) === this.#options.events.logId;
    const event = isOurs ? await this.#options.events.eventAt(position) : undefined;
    if (event?.id !== eventId) throw notInThisLog(this.#settings.id, position);
  }

  /** Resolves when the other relay's checkpoint has stood still for long enough although there is something to publish. */
  async #standBy(stopping: AbortSignal): Promise<void> {
    const { events, messages } = this.#options;
    const watch = await messages.watch(this.#settings.id);
    this.#state = 'standing-by';
    this.#tell('info', 'another relay publishes; standing by');
    try {
      let seen: Position | undefined;
      let stillSince = performance.now();
      while (!stopping.aborted) {
        const position = watch.checkpoint()?.position;
        const head = (await events.head())?.position;
        this.#position = position ?? this.#position;
        this.#head = maxPosition(this.#head, head);
        this.#attempt = 0;
        const isBehind = head !== undefined && (position === undefined || comparePositions(position, head) < 0);
        if (!isBehind || position !== seen) {
          seen = position;
          stillSince = performance.now();
        } else if (performance.now() - stillSince >= this.#takeOverAfterMs) {
          this.#tell('warn', `the relay that published stands still at ${position ?? 'the beginning'}; taking over`);
          return;
        }
        await delay(this.#pollMs, stopping);
      }
    } finally {
      await watch.close();
    }
  }

  /** What the first of them answers, or undefined once `ms` have passed or somebody wants something of the loop. */
  async #within<T>(awaited: readonly Promise<T>[], ms: number | undefined): Promise<T | undefined> {
    if (this.#wishes.length > 0) return undefined;
    let timer: NodeJS.Timeout | undefined;
    try {
      return await Promise.race([
        ...awaited,
        new Promise<undefined>((resolve) => {
          this.#wake = () => resolve(undefined);
          if (ms !== undefined) timer = setTimeout(this.#wake, ms);
        }),
      ]);
    } finally {
      clearTimeout(timer);
      this.#wake = () => undefined;
    }
  }

  #translator(state: OpenedPublication['state']): EventTranslator {
    const { mappings, upcasters = new Upcasters(), messages, schemaBase } = this.#options;
    const { maxMessageBytes } = messages;
    const base = schemaBase === undefined ? {} : { schemaBase };
    const translator = new EventTranslator({ mappings, upcasters, maxMessageBytes, ...base }, state);
    this.#parked = translator.parked;
    return translator;
  }

  #refuseWishes(): void {
    for (const { reject } of this.#wishes.splice(0)) {
      reject(new UnavailableError('relay', 'this relay has stopped publishing meanwhile'));
    }
  }

  #note(error: unknown): void {
    const code = errorCode(error);
    // Of an error that is none of ours only the code: its message might quote what must not be in a log.
    const message = isOurs(error) ? error.message : `unexpected ${code}`;
    this.#lastError = { code, message, at: new Date().toISOString() };
    const level = error instanceof FencedError || error instanceof UnavailableError ? 'warn' : 'error';
    this.#tell(level, message, code);
  }

  #tell(level: RelayNotice['level'], message: string, code?: string): void {
    this.#options.report?.({ level, message: `relay ${this.#settings.id}: ${message}`, ...(code ? { code } : {}) });
  }
}

const isOurs = (error: unknown): error is Error =>
  error instanceof FaultError || error instanceof UnavailableError || error instanceof FencedError;

/** What `work` answers, or undefined as soon as the signal is aborted. */
async function unlessAborted<T>(work: Promise<T>, signal: AbortSignal): Promise<T | undefined> {
  if (signal.aborted) return undefined;
  let abort = (): void => undefined;
  const aborted = new Promise<undefined>((resolve) => {
    abort = () => resolve(undefined);
  });
  signal.addEventListener('abort', abort, { once: true });
  try {
    return await Promise.race([work, aborted]);
  } finally {
    signal.removeEventListener('abort', abort);
  }
}

const notInThisLog = (publication: string, position: Position): FaultError =>
  new FaultError(
    'PUBLICATION_CHECKPOINT_NOT_IN_LOG',
    `publication ${publication} has come to ${position}, but this event log does not hold the event that was ` +
      `published there: it is another log, or one restored from a backup older than what was published. Point the ` +
      `relay at the right log, or publish under a new publication name to new topics`,
  );

function topicsOf(mappings: readonly PublicEventMapping[]): PublicationSettings['topics'] {
  const topics = new Map<string, number>();
  for (const { topic, partitions = DEFAULT_PARTITIONS } of mappings) {
    const before = topics.get(topic);
    if (before !== undefined && before !== partitions) {
      throw new FaultError(
        'RELAY_MISCONFIGURED',
        `topic ${topic} is declared with ${before} and ${partitions} partitions`,
      );
    }
    topics.set(topic, partitions);
  }
  return [...topics].flatMap(([name, partitions]) => [
    { name, partitions },
    { name: parkedTopicOf(name), partitions: 1 },
  ]);
}
