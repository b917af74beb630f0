/**
 * The pump looks for what is owed or due and lets the reaction record it, once the projection has passed a head of the
 * log read after the instant it acts at: what was known then is in the document. Due instants are an index, not timers.
 */
import type { EventStore } from '@timeline/event-store';
import { backoffMs, delay, errorCode, toInstant, UnavailableError, type Clock } from '@timeline/kernel';
import type { FeedNotice, ReadModels } from '@timeline/projecting';
import type { Reaction, ReactionDocument } from './reaction.js';

export interface ReactionPumpOptions {
  events: EventStore;
  models: ReadModels;
  reactions: readonly Reaction[];
  clock: Clock;
  report?: (notice: FeedNotice) => void;
  /** Between two looks when nothing wakes it, default 250 ms. */
  pollMs?: number;
}

const PAGE = 100;

interface Failure {
  attempts: number;
  notBefore: number;
}

export class ReactionPump {
  readonly #abort = new AbortController();
  #loops: Promise<void>[] = [];
  /** By reaction and subject: when a failed act may be tried again. */
  readonly #failures = new Map<string, Map<string, Failure>>();

  constructor(readonly options: ReactionPumpOptions) {}

  start(): void {
    this.#loops = this.options.reactions.map((reaction) => this.#pump(reaction));
  }

  async stop(): Promise<void> {
    this.#abort.abort();
    await Promise.all(this.#loops);
  }

  async #pump(reaction: Reaction): Promise<void> {
    const { signal } = this.#abort;
    for (let attempt = 0; !signal.aborted;) {
      try {
        const acted = await this.#round(reaction);
        attempt = 0;
        if (acted === 0) await delay(this.options.pollMs ?? 250, signal);
      } catch (error) {
        if (attempt === 0) this.#report(reaction, error);
        await delay(backoffMs(attempt++), signal);
      }
    }
  }

  /** Acts on one page of what is owed or due; answers how many acts succeeded. */
  async #round(reaction: Reaction): Promise<number> {
    const now = toInstant(this.options.clock.now());
    const owed = { $or: [{ owed: true }, { dueAt: { $lte: now } }] };
    // What failed and has to wait must not fill the page: behind it others are owed.
    const waiting = this.#mayNotBeTried(reaction);
    const ready = await this.options.models.read(reaction.projection, undefined, async ({ documents }) =>
      (await documents.find({ $and: [owed, { _id: { $nin: waiting } }] }, { limit: PAGE })).map(({ _id }) => _id),
    );
    if (ready.length === 0) return 0;

    const head = await this.options.events.head();
    const documents = await this.options.models.read(reaction.projection, head?.position, ({ documents }) =>
      documents.find({ $and: [{ _id: { $in: ready } }, owed] }),
    );
    // Recorded by somebody else meanwhile: forgotten here.
    const owing = new Set(documents.map(({ _id }) => _id));
    for (const subject of ready) if (!owing.has(subject)) this.#failuresOf(reaction).delete(subject);
    let acted = 0;
    for (const document of documents) {
      if (this.#abort.signal.aborted) return acted;
      if (await this.#act(reaction, document)) acted += 1;
    }
    return acted;
  }

  async #act(reaction: Reaction, document: ReactionDocument): Promise<boolean> {
    const failures = this.#failuresOf(reaction);
    const id = document.subject;
    try {
      await reaction.act(document);
      failures.delete(id);
      return true;
    } catch (error) {
      if (error instanceof UnavailableError) throw error;
      const attempts = (failures.get(id)?.attempts ?? 0) + 1;
      failures.set(id, { attempts, notBefore: performance.now() + backoffMs(attempts, 60_000) });
      if (attempts === 1) this.#report(reaction, error);
      return false;
    }
  }

  #mayNotBeTried(reaction: Reaction): string[] {
    const now = performance.now();
    return [...this.#failuresOf(reaction)].flatMap(([subject, { notBefore }]) => (notBefore > now ? [subject] : []));
  }

  #failuresOf({ projection: { name } }: Reaction): Map<string, Failure> {
    const failures = this.#failures.get(name) ?? new Map<string, Failure>();
    this.#failures.set(name, failures);
    return failures;
  }

  #report(reaction: Reaction, error: unknown): void {
    this.options.report?.({
      level: 'warn',
      projection: reaction.projection.name,
      code: errorCode(error),
      message:
        error instanceof UnavailableError ? error.message : 'a reaction could not record what it owes; trying again',
    });
  }
}
