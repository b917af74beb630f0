/**
 * The pump looks for what is owed or due and lets the reaction record it, once the projection has passed a head of the
 * log read after the instant it acts at: what was known then is in the document. Due instants are an index, not timers.
 */
import type { EventStore } from '@timeline/event-store';
import {
  backoffMs,
  delay,
  errorCode,
  inSpan,
  measure,
  timed,
  toInstant,
  UnavailableError,
  type Clock,
} from '@timeline/kernel';
import type { FeedNotice, ReadModels } from '@timeline/projecting';
import type { AnyReaction, ReactionLook } from './reaction.js';

export interface ReactionPumpOptions {
  events: EventStore;
  models: ReadModels;
  reactions: readonly AnyReaction[];
  clock: Clock;
  report?: (notice: FeedNotice) => void;
  /** Between two looks when nothing wakes it, default 250 ms. */
  pollMs?: number;
}

const PAGE = 100;

export interface ReactionStatus {
  reaction: string;
  /** Subjects whose fact could not be recorded; each is tried again. */
  failing: number;
  /** Milliseconds since it last looked through to the end for what is owed. */
  sinceLookMs: number;
  /** Why its last look failed. */
  error?: string;
}

/** What failed, or was not to be recorded yet. */
interface Wait {
  attempts: number;
  notBefore: number;
  isReported: boolean;
}

export class ReactionPump {
  readonly #abort = new AbortController();
  #loops: Promise<void>[] = [];
  /** By reaction and subject: when an act that recorded nothing may be tried again. */
  readonly #waits = new Map<string, Map<string, Wait>>();

  /** By reaction: when it last looked through to the end, and what went wrong since. */
  readonly #looks = new Map<string, { at: number; error?: string }>();

  constructor(readonly options: ReactionPumpOptions) {}

  status(): ReactionStatus[] {
    return [...this.#looks].map(([reaction, { at, error }]) => ({
      reaction,
      failing: [...(this.#waits.get(reaction)?.values() ?? [])].filter(({ isReported }) => isReported).length,
      sinceLookMs: performance.now() - at,
      ...(error !== undefined && { error }),
    }));
  }

  start(): void {
    this.#loops = this.options.reactions.map((reaction) => this.#pump(reaction));
  }

  async stop(): Promise<void> {
    this.#abort.abort();
    await Promise.all(this.#loops);
  }

  async #pump(reaction: AnyReaction): Promise<void> {
    const { signal } = this.#abort;
    const { name } = reaction.projection;
    this.#looks.set(name, { at: performance.now() });
    for (let attempt = 0; !signal.aborted;) {
      try {
        const acted = await this.#round(reaction);
        attempt = 0;
        this.#looks.set(name, { at: performance.now() });
        if (acted === 0) await delay(this.options.pollMs ?? 250, signal);
      } catch (error) {
        if (attempt === 0) this.#report(reaction, error);
        const code = errorCode(error);
        this.#looks.set(name, { at: this.#looks.get(name)?.at ?? performance.now(), error: code });
        measure('retry', { part: 'reaction', code });
        await delay(backoffMs(attempt++), signal);
      }
    }
  }

  /** Acts on one page of what is owed or due; answers how many acts succeeded. */
  async #round(reaction: AnyReaction): Promise<number> {
    const now = toInstant(this.options.clock.now());
    // What has to wait must not fill the page: behind it others are owed.
    const waiting = this.#mayNotBeTried(reaction);
    const found = await this.#find(reaction, { now, subjects: { $nin: waiting }, limit: PAGE });
    const ready = found.map(({ subject }) => subject);
    if (ready.length === 0) return 0;

    const head = await this.options.events.head();
    const subjects = { $in: ready };
    const documents = await this.#find(reaction, { now, subjects, ...(head && { position: head.position }) });
    // Recorded by somebody else meanwhile: forgotten here.
    const owing = new Set(documents.map(({ subject }) => subject));
    for (const subject of ready) if (!owing.has(subject)) this.#waitsOf(reaction).delete(subject);
    let acted = 0;
    for (const document of documents) {
      if (this.#abort.signal.aborted) return acted;
      if (await this.#act(reaction, document)) acted += 1;
    }
    return acted;
  }

  async #find(reaction: AnyReaction, look: ReactionLook): Promise<{ subject: string }[]> {
    if (reaction.find) return reaction.find(look);
    const { now, subjects, limit, position } = look;
    const owed = { $or: [{ owed: true }, { dueAt: { $lte: now } }] };
    return this.options.models.read(reaction.projection, position, ({ documents }) =>
      documents.find({ $and: [owed, { _id: subjects }] }, limit === undefined ? {} : { limit }),
    );
  }

  async #act(reaction: AnyReaction, document: { subject: string }): Promise<boolean> {
    const waits = this.#waitsOf(reaction);
    const id = document.subject;
    const { attempts = 0, isReported = false } = waits.get(id) ?? {};
    const tryAgainLater = (): Wait => ({
      attempts: attempts + 1,
      notBefore: performance.now() + backoffMs(attempts + 1, 60_000),
      isReported,
    });
    const { name } = reaction.projection;
    try {
      const outcome = await inSpan(`react ${name}`, { 'timeline.reaction': name }, () =>
        timed(
          async () => (await reaction.act(document)) ?? 'recorded',
          (told) => measure('reaction', { reaction: name, outcome: told }),
          (told) => told,
        ),
      );
      if (outcome === 'later') {
        waits.set(id, tryAgainLater());
        return false;
      }
      waits.delete(id);
      return true;
    } catch (error) {
      if (error instanceof UnavailableError) throw error;
      waits.set(id, { ...tryAgainLater(), isReported: true });
      if (!isReported) this.#report(reaction, error);
      return false;
    }
  }

  #mayNotBeTried(reaction: AnyReaction): string[] {
    const now = performance.now();
    return [...this.#waitsOf(reaction)].flatMap(([subject, { notBefore }]) => (notBefore > now ? [subject] : []));
  }

  #waitsOf({ projection: { name } }: AnyReaction): Map<string, Wait> {
    const waits = this.#waits.get(name) ?? new Map<string, Wait>();
    this.#waits.set(name, waits);
    return waits;
  }

  #report(reaction: AnyReaction, error: unknown): void {
    this.options.report?.({
      level: 'warn',
      projection: reaction.projection.name,
      code: errorCode(error),
      message:
        error instanceof UnavailableError ? error.message : 'a reaction could not record what it owes; trying again',
    });
  }
}
