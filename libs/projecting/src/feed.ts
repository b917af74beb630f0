/**
 * A feed is one subscription to the log that moves several builds. The product has one live feed; builds that are
 * behind (a rebuild, a new version) are filled by a feed of their own and then handed to the live one.
 */
import { getHeapStatistics } from 'node:v8';
import type { PersonalVault } from '@timeline/key-store';
import type { EventStore, StoredEvent, SubscriptionMessage } from '@timeline/event-store';
import {
  backoffMs,
  comparePositions,
  CUSTOMER_ERASED,
  delay,
  DomainError,
  errorCode,
  FaultError,
  inBatchSpan,
  measure,
  severalAtOnce,
  UnavailableError,
  type Fact,
  type Position,
  type Recorded,
  type Upcasters,
} from '@timeline/kernel';
import { applyBatch, StoreWentBack, type BatchTarget, type IsMeant } from './apply-batch.js';
import { assertSameLog, type Builds, type BuildRecord, type Checkpoint } from './build.js';
import { LogWindow } from './log-window.js';
import type { Block } from './projection.js';
import { SpillFile } from './spill-file.js';
import { weightOf } from './weight.js';
import { WriteBehind } from './write-behind.js';

/** What a projection's runner needs of the world. */
export interface FeedContext {
  events: EventStore;
  vault: Pick<PersonalVault, 'open'>;
  upcasters: Upcasters;
  builds: Builds;
  batchSize: number;
  /** Of the first window of what is filled; see `log-window.ts`. */
  windowBytes: number;
  /** Of documents folded and not written, as JSON, in all builds that a feed fills: at most about so many. */
  behindBytes: number;
  /** Tells of trouble and of its end; never a payload. */
  report(notice: FeedNotice): void;
  /** After each batch. */
  progressed?(progress: FeedProgress): void;
}

/** `share`, 0 to 1: how much of the work between the two positions is done; to put events into a window counts for half of it. */
export interface FeedProgress {
  from: Position | undefined;
  to: Position | undefined;
  share: number;
}

export interface FeedNotice {
  level: 'info' | 'warn' | 'error';
  message: string;
  projection?: string;
  code?: string;
}

/** One build on its way through the log. */
export class BuildRunner {
  /** At its stored checkpoint. */
  static async of(build: BuildRecord, target: BatchTarget, builds: Builds): Promise<BuildRunner> {
    // Before it is read: what changes it later is noticed.
    const { epoch } = builds.store;
    return new BuildRunner(build, target, (await builds.checkpoints([build._id])).get(build._id), epoch);
  }

  /** Its build is being dropped: nothing is moved any more. */
  isGone = false;
  /** Set when it stopped for good; a person must look. */
  fault: { code: string; message: string } | undefined;
  /** All up to there is in its documents; the checkpoint follows. */
  #seen: Position | undefined;
  readonly #waiters = new Set<{ position: Position; wake: () => void }>();

  private constructor(
    readonly build: BuildRecord,
    readonly target: BatchTarget,
    public checkpoint: Checkpoint | undefined,
    /** Of the read store when it was last known to hold all that was applied. */
    public epoch: number,
  ) {
    this.#seen = checkpoint?.position;
  }

  get position(): Position | undefined {
    return this.checkpoint?.position;
  }

  moveTo(checkpoint: Checkpoint): void {
    if (this.checkpoint && this.checkpoint.position >= checkpoint.position) return;
    this.standAt(checkpoint);
  }

  /** Also where that is behind. */
  standAt(checkpoint: Checkpoint | undefined): void {
    this.checkpoint = checkpoint;
    this.#seen = undefined;
    if (checkpoint) this.sees(checkpoint.position);
  }

  /** Tells those who wait for it, before the other builds and the checkpoint have come there. */
  sees(position: Position): void {
    if (this.#seen !== undefined && this.#seen >= position) return;
    this.#seen = position;
    for (const waiter of this.#waiters) if (waiter.position <= position) waiter.wake();
  }

  /** Resolves to true once the documents have seen all up to `position`, to false after `timeoutMs`. */
  async waitFor(position: Position, timeoutMs: number): Promise<boolean> {
    const reached = (): boolean => this.#seen !== undefined && this.#seen >= position;
    if (reached()) return true;
    await new Promise<void>((resolve) => {
      const waiter = { position, wake: done };
      const timer = setTimeout(done, timeoutMs);
      const waiters = this.#waiters;
      function done(): void {
        clearTimeout(timer);
        waiters.delete(waiter);
        resolve();
      }
      waiters.add(waiter);
    });
    return reached();
  }
}

/** `event`: the last of its kind up to `position`. */
interface Place {
  position: Position | undefined;
  event: Checkpoint['event'] | undefined;
}

/** Documents on their way into the store. */
interface Flush {
  /** By build; a build that is stopped before its turn is not there. */
  outcomes: Map<BuildRunner, ReturnType<WriteBehind['flush']>>;
  /** Never rejects. */
  ended: Promise<void>;
}

/** What of some events is to be applied, and how. */
interface Pass {
  /** `behind`: documents are held in memory for a while before they are written. `first-look`: there is another pass. */
  kind: 'at-once' | 'behind' | 'first-look';
  isMeant?: IsMeant;
}

export class Feed {
  readonly members: BuildRunner[] = [];
  /** Why it is waiting, while it does. */
  waiting: { code: string; message: string } | undefined;
  /** All up to there was applied to all members; they may be further. */
  #applied: Place;
  /** Some of what lies between the two may be applied already: whoever joins or begins again has to come to here. */
  #read: Place;
  /** What was read and is not applied yet. */
  readonly #window: LogWindow;
  readonly #spillFile: SpillFile;
  #windowBytes: number;
  #windowSince = 0;
  #inOrderBytes = 0;
  /** Deliveries and adoptions, one after the other. */
  #turn: Promise<unknown> = Promise.resolve();
  #isCatchingUp = true;
  /** What nothing touches again is written while the next batch is folded. */
  #appending: Promise<void> = Promise.resolve();
  /** So is what later batches of a window do not touch. */
  #flush: Flush = { outcomes: new Map(), ended: Promise.resolve() };
  /** Documents folded and not written yet, by build. */
  readonly #behind = new Map<BuildRunner, WriteBehind>();
  readonly #abort = new AbortController();
  #running: Promise<void> | undefined;

  constructor(
    readonly context: FeedContext,
    /** A filling feed asks the log only for what its members handle, and ends once it caught up. */
    readonly kind: 'live' | 'filling',
    members: readonly BuildRunner[],
    /** Where to start when there is no member to start from; default: the beginning of the log. */
    start?: Checkpoint,
  ) {
    this.members.push(...members);
    this.#spillFile = new SpillFile({
      report: (code) => {
        const message = 'there is no room in the temporary folder; what is being filled takes longer';
        context.report({ level: 'warn', code, message });
      },
    });
    this.#window = new LogWindow(this.#spillFile);
    this.#windowBytes = context.windowBytes;
    const first = [...members].sort((a, b) => comparePositions(a.position ?? NOTHING, b.position ?? NOTHING))[0];
    const checkpoint = first ? first.checkpoint : start;
    this.#applied = this.#read = { position: checkpoint?.position, event: checkpoint?.event };
  }

  get position(): Position | undefined {
    return this.#applied.position;
  }

  /** Until it has caught up for the first time. Documents are written behind meanwhile: see `write-behind.ts`. */
  get isCatchingUp(): boolean {
    return this.#isCatchingUp;
  }

  start(): void {
    this.#running ??= this.#run().finally(async () => {
      // What it throws was thrown by `#run`, or is for nobody any more.
      await Promise.allSettled([this.#appending, this.#flush.ended]);
      await this.#spillFile.close();
    });
  }

  /** For a filling feed: resolves when it has caught up, was stopped, or all its members stopped. */
  async finished(): Promise<void> {
    await this.#running;
  }

  async stop(): Promise<void> {
    this.#abort.abort();
    await this.#running;
  }

  /** Takes a build over from a filling feed: brings it to where this feed has read, then moves it along. */
  async adopt(runner: BuildRunner): Promise<void> {
    await this.#inTurn(async () => {
      const { position, event } = this.#read;
      if (position && (runner.position ?? NOTHING) < position) {
        await this.#applyFromLog(runner);
        if (event) await this.#moveAll([runner], { position, event });
      }
      if (isMoving(runner)) this.members.push(runner);
    });
  }

  /** From the runner's checkpoint to where this feed has read, batch by batch, for as long as it takes. */
  async #applyFromLog(runner: BuildRunner): Promise<void> {
    let after = runner.position;
    const until = this.#read.position;
    if (!until) return;
    await this.#patiently(runner, async () => {
      const reading = this.context.events.readAll({
        ...(after && { after }),
        until,
        types: this.#storedTypes([runner]),
        batchSize: this.context.batchSize,
        signal: this.#abort.signal,
      });
      for await (const batch of reading) {
        await this.#apply([runner], batch, { kind: 'at-once' });
        if (batch.some(wasErased)) await this.context.builds.store.scrub();
        if (runner.fault) return;
        after = batch.at(-1)?.position ?? after;
      }
      // A reading that was ended has not come to its end: nobody may move the checkpoint there.
      this.#abort.signal.throwIfAborted();
    });
  }

  async release(runner: BuildRunner): Promise<void> {
    await this.#inTurn(async () => {
      await Promise.allSettled([this.#appending, this.#flush.ended]);
      const at = this.members.indexOf(runner);
      if (at >= 0) this.members.splice(at, 1);
      this.#behind.delete(runner);
    });
  }

  /**
   * A read store may come back as an older copy of itself, and events applied to that would be applied over a gap. So
   * whatever is loaded or moved on over another epoch of the store than before is begun again at the stored checkpoint.
   * Here it is looked for where nothing happens, so that what was forgotten is there again.
   */
  async redoForgotten(): Promise<void> {
    await this.#inTurn(() => this.#redoForgotten());
  }

  async #redoForgotten(): Promise<void> {
    const ids = this.members.map(({ build }) => build._id);
    const stored = await this.#patiently(undefined, () => this.context.builds.checkpoints(ids));
    const forgotten = this.members.filter(
      (member) => isMoving(member) && isBehind(stored.get(member.build._id), member.position),
    );
    const { position, event } = this.#read;
    if (forgotten.length === 0 || !position || !event) return;
    await this.#appending;
    for (const member of forgotten) await this.#applying(member, () => this.#redo(member));
    await this.#moveAll(forgotten, { position, event });
  }

  #isSameStore({ epoch }: BuildRunner): boolean {
    return epoch === this.context.builds.store.epoch;
  }

  /** Begins again where the store says that the build stands. What is there already is not applied twice. */
  async #redo(runner: BuildRunner): Promise<void> {
    await this.#flush.ended;
    this.#behind.delete(runner);
    const { builds, report } = this.context;
    // Before it is read: what changes it later is noticed.
    runner.epoch = builds.store.epoch;
    const stored = await this.#patiently(runner, () => builds.restoredCheckpoint(runner.build._id));
    if (!stored && !(await this.#patiently(runner, () => builds.isKept(runner.build._id)))) {
      // It is being dropped; whoever follows the builds lets go of it.
      runner.isGone = true;
      return;
    }
    // One that is further may have been moved by this process over what the copy lacks.
    if (isBehind(stored, runner.position)) {
      const to = stored?.position ?? 'the beginning';
      const message = `the read store has gone back to ${to}, as a copy that is older; it goes on from there`;
      report({ level: 'warn', code: 'READ_STORE_WENT_BACK', projection: runner.build.projection, message });
      runner.standAt(stored);
    }
    await this.#applyFromLog(runner);
  }

  #watched(runner: BuildRunner): BatchTarget {
    const afterLoad = (): void => {
      if (!this.#isSameStore(runner)) throw new StoreWentBack();
    };
    return { ...runner.target, afterLoad };
  }

  #inTurn<T>(work: () => Promise<T>): Promise<T> {
    const result = this.#turn.then(work);
    this.#turn = result.catch(() => undefined);
    return result;
  }

  async #run(): Promise<void> {
    const { signal } = this.#abort;
    for (let attempt = 0; !signal.aborted;) {
      try {
        await this.#beginWindow();
        const { position, event } = (this.#read = this.#applied);
        const subscription = this.context.events.subscribe({
          ...(position && { after: position }),
          ...(event && { seen: event }),
          ...(this.kind === 'filling' && { types: this.#storedTypes(this.members) }),
          batchSize: this.context.batchSize,
          signal,
        });
        for await (const message of subscription) {
          await (this.#isCatchingUp ? this.#gather(message) : this.#inTurn(() => this.#deliver(message)));
          attempt = 0;
          this.#recovered();
          if (this.kind === 'filling' && (message.kind === 'caught-up' || this.members.length === 0)) return;
        }
      } catch (error) {
        if (signal.aborted) return;
        this.#trouble(error);
        if (!(error instanceof UnavailableError)) {
          for (const member of [...this.members]) this.#stopMember(member, await this.#causeFor(member, error));
          return;
        }
        measure('retry', { part: 'projection', code: error.code });
        await delay(backoffMs(attempt++), signal);
      }
    }
  }

  /** What a member can say and do about it, where the log has gone back. */
  async #causeFor({ build, checkpoint }: BuildRunner, error: unknown): Promise<unknown> {
    if (errorCode(error) !== 'LOG_WENT_BACK' || !checkpoint) return error;
    return assertSameLog(this.context.events, build, checkpoint).then(
      () => error,
      (fault: unknown) => (fault instanceof FaultError ? fault : error),
    );
  }

  async #deliver(message: SubscriptionMessage): Promise<void> {
    this.#readTo(message);
    if (message.kind === 'events') {
      await this.#redoForgotten();
      await this.#apply(this.members, message.events, { kind: 'at-once' });
      if (message.events.some(wasErased)) await this.context.builds.store.scrub();
    }
    await this.#moveOn();
  }

  #tellProgress(isFirst: boolean): void {
    const share = isFirst ? 1 : (1 + this.#window.shareTaken) / 2;
    this.context.progressed?.({ from: this.#applied.position, to: this.#read.position, share });
  }

  #readTo(message: SubscriptionMessage): void {
    const last = message.kind === 'events' ? message.events.at(-1) : undefined;
    const position = last ? last.position : message.kind === 'events' ? undefined : message.position;
    if (!position || position <= (this.#read.position ?? NOTHING)) return;
    this.#read = { position, event: last ? { position: last.position, id: last.id } : this.#read.event };
  }

  async #moveOn(): Promise<void> {
    this.#applied = this.#read;
    const { position, event } = this.#applied;
    if (position && event) await this.#moveAll(this.members, { position, event });
  }

  /**
   * While it catches up: reads a window, then applies it bucket by bucket (see `log-window.ts`). The first one is applied as
   * it comes, and ends when its documents are more than memory may hold: what is not far behind is written once, too.
   */
  async #gather(message: SubscriptionMessage): Promise<void> {
    const isFirst = this.#windowBytes <= this.context.windowBytes;
    await this.#inTurn(async () => {
      this.#readTo(message);
      if (message.kind !== 'events') return;
      if (isFirst) {
        await this.#applyBehind(message.events);
        for (const event of message.events) this.#inOrderBytes += weightOf(event);
      } else {
        // What follows the whole log has to be applied in its order.
        const isMeant: IsMeant = (owner, { position }) => !this.#window.puts(owner, position);
        await this.#apply(this.members, message.events, { kind: 'first-look', isMeant });
        await this.#window.add(message.events);
      }
      this.#tellProgress(isFirst);
    });
    const isFull = isFirst
      ? this.#inOrderBytes >= this.#windowBytes || this.#weightBehind() > this.context.behindBytes
      : this.#window.isFull(this.#windowBytes);
    const isDue = isFull || performance.now() - this.#windowSince >= MAX_GATHERING_MS;
    if (message.kind !== 'caught-up' && !isDue) return;
    for await (const { events, holds, isLast } of this.#window.batches(this.context.batchSize)) {
      await this.#inTurn(async () => {
        await this.#applyBehind(events, holds);
        await this.#writeDue(isLast);
        this.#tellProgress(isFirst);
      });
    }
    await this.#inTurn(async () => {
      await this.#appending;
      await this.#beginFlush();
      await this.#flushed();
      await this.#moveOn();
      // What a crash may lose of a window is worth several times what was done before.
      this.#windowBytes *= WINDOW_GROWTH;
      await this.#beginWindow();
      if (message.kind === 'caught-up') this.#isCatchingUp = false;
    });
  }

  async #beginWindow(): Promise<void> {
    await this.#window.clear();
    this.#inOrderBytes = 0;
    this.#windowSince = performance.now();
  }

  async #applyBehind(events: readonly StoredEvent[], isMeant?: IsMeant): Promise<void> {
    this.#abort.signal.throwIfAborted();
    await this.#redoForgotten();
    const hasErased = events.some(wasErased);
    if (hasErased) await this.#flushed();
    await this.#apply(this.members, events, { kind: 'behind', ...(isMeant && { isMeant }) });
    if (!hasErased) return;
    await this.#appending;
    await this.context.builds.store.scrub();
  }

  /**
   * In a window: what its next batches do not touch while they are folded, or the heaviest while it is too much. Of a million
   * events, twice as much takes some 120 MiB more and is no faster.
   */
  async #writeDue(isLast: boolean): Promise<void> {
    let weight = this.#weightBehind();
    if (isLast && weight > this.context.behindBytes / 8) return this.#beginFlush();
    const heaviestFirst = [...this.#behind].sort(([, a], [, b]) => b.weight - a.weight);
    const due: BuildRunner[] = [];
    for (const [runner, documents] of heaviestFirst) {
      if (weight <= this.context.behindBytes / 4) break;
      due.push(runner);
      weight -= documents.weight;
    }
    if (due.length === 0) return;
    await this.#beginFlush(due);
    await this.#flushed();
  }

  /** Begins to write the documents that wait in memory; what came of it is for `#flushed`. */
  async #beginFlush(runners: readonly BuildRunner[] = [...this.#behind.keys()]): Promise<void> {
    await this.#flushed();
    const outcomes: Flush['outcomes'] = new Map();
    const due = runners.flatMap((runner) => {
      const documents = this.#behind.get(runner);
      this.#behind.delete(runner);
      return documents ? [{ runner, documents }] : [];
    });
    const ended = severalAtOnce(due, BUILDS_AT_ONCE, async ({ runner, documents }) => {
      if (this.#abort.signal.aborted) return;
      const outcome = this.#patiently(runner, () => documents.flush());
      outcomes.set(runner, outcome);
      await Promise.allSettled([outcome]);
    });
    this.#flush = { outcomes, ended };
  }

  /** Resolves once nothing that was folded before is on its way any more. */
  async #flushed(): Promise<void> {
    const { outcomes, ended } = this.#flush;
    await ended;
    this.#abort.signal.throwIfAborted();
    for (const [runner, outcome] of outcomes) {
      outcomes.delete(runner);
      if (!isMoving(runner)) continue;
      await this.#applying(runner, async () => {
        if ((await outcome) === 'missed') await this.#afterMiss(runner);
      });
    }
  }

  #weightBehind(): number {
    let sum = 0;
    for (const documents of this.#behind.values()) sum += documents.weight;
    return sum;
  }

  /** Folds a batch into each runner that has not seen it. */
  async #apply(runners: readonly BuildRunner[], stored: readonly StoredEvent[], pass: Pass): Promise<void> {
    let events: readonly Recorded<Fact>[] | undefined;
    try {
      events = await this.#open(runners, stored);
    } catch (error) {
      if (this.#abort.signal.aborted) throw error;
      // One event does not open or cannot be lifted: only those that handle it are to stop, so each opens its own.
    }
    const atOnce = pass.kind === 'at-once' ? LIVE_BUILDS_AT_ONCE : BUILDS_AT_ONCE;
    const applyAll = (some: readonly BuildRunner[]): Promise<void> =>
      severalAtOnce(some, atOnce, (runner) => this.#applyTo(runner, stored, events, pass));
    if (pass.kind !== 'behind') return applyAll(runners);
    const [appended, folded] = partition(runners, ({ target }) => target.projection.appendOnly === true);
    await applyAll(folded);
    await this.#appending;
    this.#appending = applyAll(appended);
    // Whoever waits for it is told.
    this.#appending.catch(() => undefined);
  }

  async #applyTo(
    runner: BuildRunner,
    stored: readonly StoredEvent[],
    events: readonly Recorded<Fact>[] | undefined,
    { kind, isMeant }: Pass,
  ): Promise<void> {
    const work = async (): Promise<void> => {
      const fresh = unseen(events ?? (await this.#open([runner], stored)), runner.position);
      if (fresh.length === 0) return;
      const { projection } = runner.build;
      const start = performance.now();
      await inBatchSpan(
        `project ${projection}`,
        { 'timeline.projection': projection, 'timeline.batch.events': fresh.length },
        this.#tracesOf(runner, fresh),
        async () => {
          // What nothing touches again is written at once.
          if (kind !== 'at-once' && !runner.target.projection.appendOnly)
            await this.#foldBehind(runner, fresh, isMeant);
          else {
            const { blocked } = await this.#patiently(runner, () => applyBatch(this.#watched(runner), fresh, isMeant));
            for (const block of blocked) this.#tellParked(runner, block);
          }
        },
      );
      if (kind === 'first-look') return;
      measure('batch', { projection, events: fresh.length, seconds: (performance.now() - start) / 1000 });
    };
    await this.#applying(runner, async () => {
      try {
        await work();
      } catch (error) {
        if (!(error instanceof StoreWentBack)) throw error;
        await this.#redo(runner);
      }
      const last = stored.at(-1);
      if (kind === 'at-once' && last && isMoving(runner)) runner.sees(last.position);
    });
  }

  async #foldBehind(runner: BuildRunner, events: readonly Recorded<Fact>[], isMeant?: IsMeant): Promise<void> {
    const documents = this.#behind.get(runner) ?? new WriteBehind(this.#watched(runner));
    this.#behind.set(runner, documents);
    const outcome = await this.#patiently(runner, () => documents.fold(events, isMeant));
    for (const block of documents.takeBlocked()) this.#tellParked(runner, block);
    if (outcome === 'missed') await this.#afterMiss(runner);
  }

  /** While somebody else fills the same build, what is done twice is a window: so it had better be small. */
  async #afterMiss(runner: BuildRunner): Promise<void> {
    this.#windowBytes = this.context.windowBytes / WINDOW_GROWTH;
    await this.#flush.ended;
    this.#behind.delete(runner);
    await this.#applyFromLog(runner);
  }

  /** A fault of the work stops this build alone. */
  async #applying(runner: BuildRunner, work: () => Promise<void>): Promise<void> {
    try {
      await work();
    } catch (error) {
      if (this.#abort.signal.aborted) throw error;
      this.#stopMember(runner, error);
    }
  }

  /** What fills a build works on history: the traces of its events ended long ago. */
  #tracesOf(runner: BuildRunner, events: readonly Recorded<Fact>[]): string[] {
    const traces: string[] = [];
    if (this.kind !== 'live') return traces;
    const { handles } = runner.target.projection;
    for (const { type, metadata } of events)
      if (metadata.traceparent !== undefined && handles.includes(type)) traces.push(metadata.traceparent);
    return traces;
  }

  #open(runners: readonly BuildRunner[], stored: readonly StoredEvent[]): Promise<readonly Recorded<Fact>[]> {
    const wanted = new Set(this.#storedTypes(runners));
    return this.#patiently(undefined, () => this.context.vault.open(stored.filter((event) => wanted.has(event.type))));
  }

  /** Position, event id and code only: what the event says stays out of logs. */
  #tellParked({ build: { projection } }: BuildRunner, { position, eventId, code }: Block): void {
    const message = `event ${eventId} at ${position} cannot be applied and is parked; see \`timeline parked list\``;
    this.context.report({ level: 'error', projection, code, message });
  }

  async #moveAll(runners: readonly BuildRunner[], checkpoint: Checkpoint): Promise<void> {
    const behind = runners.filter((runner) => isMoving(runner) && (runner.position ?? NOTHING) < checkpoint.position);
    if (behind.length === 0) return;
    for (let pending = behind; ;) {
      for (const runner of pending)
        if (!this.#isSameStore(runner)) await this.#applying(runner, () => this.#redo(runner));
      pending = pending.filter(isMoving);
      if (pending.length === 0) return;
      const moves = new Map(pending.map(({ build }) => [build._id, checkpoint]));
      const wentBack = await this.#patiently(undefined, () => this.context.builds.saveCheckpoints(moves));
      // A copy as old as the checkpoint was lets it be moved, and lacks what was applied since.
      const [back, moved] = partition(
        pending,
        (runner) => wentBack.includes(runner.build._id) || !this.#isSameStore(runner),
      );
      for (const runner of moved) runner.moveTo(checkpoint);
      for (const runner of back) await this.#applying(runner, () => this.#redo(runner));
      pending = back;
    }
  }

  /** Tries again, with backoff, for as long as a store is away; throws when stopped meanwhile. */
  async #patiently<T>(runner: BuildRunner | undefined, work: () => Promise<T>): Promise<T> {
    for (let attempt = 0; ; attempt += 1) {
      try {
        return await work();
      } catch (error) {
        if (!(error instanceof UnavailableError)) throw error;
        this.#trouble(error, runner?.build.projection);
        measure('retry', { part: 'projection', code: error.code });
        await delay(backoffMs(attempt), this.#abort.signal);
        // What was not written must not be counted as moved: the feed ends here and resumes from its checkpoints.
        if (this.#abort.signal.aborted) throw error;
      }
    }
  }

  #trouble(error: unknown, projection?: string): void {
    const trouble = faultOf(error);
    if (!this.waiting) this.context.report({ level: 'warn', ...trouble, ...(projection && { projection }) });
    this.waiting = trouble;
  }

  #recovered(): void {
    if (!this.waiting) return;
    this.waiting = undefined;
    this.context.report({ level: 'info', message: 'the stores are back; projections go on' });
  }

  #stopMember(runner: BuildRunner, error: unknown): void {
    runner.fault = faultOf(error);
    this.#behind.delete(runner);
    const at = this.members.indexOf(runner);
    if (at >= 0) this.members.splice(at, 1);
    this.context.report({ level: 'error', projection: runner.build.projection, ...runner.fault });
  }

  #storedTypes(runners: readonly BuildRunner[]): string[] {
    const types = runners.flatMap((runner) => [...runner.target.projection.handles]);
    return this.context.upcasters.storedTypes([...types, CUSTOMER_ERASED]);
  }
}

const WINDOW_GROWTH = 16;
/** Where there is little to apply, so that progress is kept. */
const MAX_GATHERING_MS = 60_000;
/** In memory about ten times as much: a tenth of the heap, and no more than is measured to help. */
export const MAX_BEHIND_BYTES = Math.min(24 * 1024 * 1024, getHeapStatistics().heap_size_limit / 100);

/** Each holds documents in memory; more at once would only wait for the same store. */
const BUILDS_AT_ONCE = 3;
/** Of one batch alone: a database server works on all of them, and what is asked for does not wait for the slowest. */
const LIVE_BUILDS_AT_ONCE = 8;

/** Of an error that is none of ours only the code: its message might quote what must not be in a log. */
export function faultOf(error: unknown): { code: string; message: string } {
  const code = errorCode(error);
  const isOurs = error instanceof DomainError || error instanceof FaultError || error instanceof UnavailableError;
  return { code, message: isOurs ? error.message : `unexpected ${code}` };
}

const isMoving = ({ fault, isGone }: BuildRunner): boolean => !fault && !isGone;

const wasErased = ({ type }: StoredEvent): boolean => type === CUSTOMER_ERASED;

function partition<T>(items: readonly T[], isFirst: (item: T) => boolean): [T[], T[]] {
  return [items.filter(isFirst), items.filter((item) => !isFirst(item))];
}

const isBehind = (stored: Checkpoint | undefined, position: Position | undefined): boolean =>
  position !== undefined && (stored?.position ?? NOTHING) < position;

/** Sorts before every position. */
const NOTHING = '' as Position;

function unseen(events: readonly Recorded<Fact>[], position: Position | undefined): readonly Recorded<Fact>[] {
  const first = events[0];
  if (!first || !position || first.position > position) return events;
  return events.filter((event) => event.position > position);
}
