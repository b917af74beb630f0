/**
 * The one command handler: load, fold, decide, seal, append. Correct under races (the expected revision), under resends
 * (the folded stream knows every command it holds) and under unknown outcomes (the adapter sends the same again).
 */
import { Injectable } from '@nestjs/common';
import { EventStore, WrongExpectedRevisionError, type NewEvent } from '@timeline/event-store';
import { PersonalVault, type SealedPersonal } from '@timeline/key-store';
import {
  activeTraceparent,
  backoffMs,
  delay,
  DomainError,
  eventIdOf,
  defined,
  measure,
  toInstant,
  Clock,
  type Decider,
  type Decision,
  type EventMetadata,
  type Fact,
  type Instant,
  type JsonObject,
  type Recorded,
} from '@timeline/kernel';
import type { CommandContext, CommandOutcome } from './command.js';
import { InTurn } from './in-turn.js';

export interface DecisionTarget<State, Command, Event extends Fact> {
  decider: Decider<State, Command, Event>;
  stream: string;
  /** The entity's id, for the answer. */
  id: string;
  command: Command;
  occurredAt?: Instant | undefined;
  context: CommandContext;
  /** Names the key that seals `personal`; default the customer's own. */
  keySlot?: string;
  /** The events must not tell in the clear whom they concern: only `personal` does. */
  concealCustomer?: boolean;
  /**
   * Most likely the stream is not there yet: it is begun unread, and read only where it was there. For commands that append
   * nothing to one that is: what has its turn after them does not wait for a second try.
   */
  expectNew?: boolean;
}

/** An `occurredAt` may be this far ahead of this machine's clock. */
const CLOCK_SKEW_MS = 5 * 60_000;
const MAX_DECISIONS = 20;

@Injectable()
export class CommandProcessor {
  /** Commands of one process to the same stream go one after the other instead of racing each other. */
  readonly #inTurn = new InTurn();

  constructor(
    private readonly events: EventStore,
    private readonly vault: PersonalVault,
    private readonly clock: Clock,
  ) {}

  /**
   * @throws DomainError of the decider; IDEMPOTENCY_KEY_REUSED; PRECONDITION_FAILED (`ifMatch`); OCCURRED_IN_FUTURE,
   * OCCURRED_BEFORE_START; WrongExpectedRevisionError when others were quicker too often; UnavailableError
   */
  execute<State, Command, Event extends Fact>(target: DecisionTarget<State, Command, Event>): Promise<CommandOutcome> {
    return this.#inTurn.run(target.stream, async () => {
      const begun = target.expectNew && (await this.#begin(target));
      if (begun) return begun;
      for (let attempt = 0; ; attempt += 1) {
        try {
          return await this.#decide(target, await this.load(target.decider, target.stream));
        } catch (error) {
          if (!(error instanceof WrongExpectedRevisionError)) throw error;
          if (target.context.ifMatch !== undefined) throw preconditionFailed(target.context.ifMatch, error.actual);
          if (attempt + 1 >= MAX_DECISIONS) throw error;
          measure('retry', { part: 'command', code: error.code });
          await delay(backoffMs(attempt, 200));
        }
      }
    });
  }

  /** The state of a stream as deciders see it, for commands that must look at another stream first. */
  async load<State, Event extends Fact>(
    decider: Pick<Decider<State, never, Event>, 'initialState' | 'evolve'>,
    stream: string,
  ): Promise<{ state: State; events: Recorded<Event>[] }> {
    const stored = await this.events.readStream(stream);
    // A slice's streams hold only the slice's own facts.
    const events = (await this.vault.open(stored)) as unknown as Recorded<Event>[];
    return { state: events.reduce((state, event) => decider.evolve(state, event), decider.initialState), events };
  }

  /**
   * The answer of the first time, where the stream holds the command already: for handlers that ask somebody else, or look
   * at more than the stream, before they decide.
   * @throws DomainError IDEMPOTENCY_KEY_REUSED
   */
  async doneBefore(stream: string, context: CommandContext): Promise<DoneBefore | undefined> {
    return doneBefore(await this.events.readStream(stream), context);
  }

  /** Undefined where the stream has to be read: somebody had begun it, or the command is refused without it. */
  async #begin<State, Command, Event extends Fact>(
    target: DecisionTarget<State, Command, Event>,
  ): Promise<CommandOutcome | undefined> {
    if (target.context.ifMatch !== undefined) return undefined;
    try {
      return await this.#decide(target, { state: target.decider.initialState, events: [] });
    } catch (error) {
      if (error instanceof DomainError) return undefined;
      throw error;
    }
  }

  async #decide<State, Command, Event extends Fact>(
    target: DecisionTarget<State, Command, Event>,
    { state, events }: { state: State; events: readonly Recorded<Event>[] },
  ): Promise<CommandOutcome> {
    const { decider, stream, id, command, context } = target;
    const last = events.at(-1);

    const before = doneBefore(events, context);
    if (before) return { id, ...before };
    if (context.ifMatch !== undefined && context.ifMatch !== last?.revision) {
      throw preconditionFailed(context.ifMatch, last?.revision ?? 'no-stream');
    }

    const clock = toInstant(this.clock.now());
    const start = events[0]?.metadata.occurredAt;
    // Who began the stream may have a clock a little ahead of this one's: "now" is never before that.
    const now = start !== undefined && start > clock ? start : clock;
    const occurredAt = target.occurredAt ?? now;
    const decisions = decider.decide(command, state, {
      now,
      occurredAt,
      commandId: context.commandId,
      actor: context.actor,
    });
    if (decisions.length === 0) {
      if (!last)
        throw new DomainError('NOTHING_TO_DO', 'the command changes nothing and there is nothing to answer with');
      return { id, revision: last.revision, position: last.position, resent: false };
    }
    // After the decision: a second delivery with another `occurredAt` is a conflict first of all. What the caller did not
    // say cannot be wrong: "now" is ahead of this clock where the clock was put back since the stream began.
    if (target.occurredAt !== undefined) assertPlausible(target.occurredAt, clock, start);

    const customerId = decider.customerOf(command, state);
    const sealed = await Promise.all(
      decisions.map((decision, index) => this.#seal(target, decision, index, occurredAt, customerId)),
    );
    const appended = this.events.append(stream, sealed, { expectedRevision: last?.revision ?? 'no-stream' });
    if (this.events.keepsOrder) context.settled?.();
    const { revision, position, repeated = false } = await appended;
    return { id, revision, position, resent: repeated, ...(!last && { created: true }) };
  }

  async #seal<State, Command, Event extends Fact>(
    target: DecisionTarget<State, Command, Event>,
    decision: Decision<Event>,
    index: number,
    occurredAt: Instant,
    defaultCustomerId: string | undefined,
  ): Promise<NewEvent> {
    const { decider, context, stream } = target;
    const id = eventIdOf(context, stream, index);
    const customerId = decision.customerId ?? defaultCustomerId;
    const type: string = decision.type;
    const versions: Partial<Record<string, number>> = decider.schemaVersions ?? {};
    let sealed: SealedPersonal | undefined;
    if (decision.personal && Object.keys(decision.personal).length > 0) {
      if (!customerId) throw new DomainError('PERSONAL_WITHOUT_CUSTOMER', `${type} holds personal data of no customer`);
      sealed = await this.vault.seal(decision.personal, defined({ eventId: id, customerId, slot: target.keySlot }));
    }
    const metadata: EventMetadata = defined({
      schemaVersion: versions[type] ?? 1,
      occurredAt: decision.occurredAt ?? occurredAt,
      customerId: target.concealCustomer ? undefined : customerId,
      customerIds: decision.customerIds,
      actor: context.actor,
      channel: decision.channel,
      source: context.source,
      commandId: context.commandId,
      bodyHash: context.bodyHash,
      correlationId: context.correlationId,
      causationId: context.causationId,
      traceparent: activeTraceparent(),
      keyId: sealed?.keyId,
    });
    // Facts are declared as JSON shapes by their slices.
    return defined({ id, type, data: decision.data as JsonObject, metadata, personal: sealed?.personal });
  }
}

export type DoneBefore = Omit<CommandOutcome, 'id'> & { resent: true };

/**
 * As `CommandProcessor.doneBefore`, of a stream that is read already.
 * @throws DomainError IDEMPOTENCY_KEY_REUSED when the command was carried out with another body
 */
export function doneBefore(
  events: readonly Pick<Recorded, 'metadata' | 'revision' | 'position'>[],
  context: CommandContext,
): DoneBefore | undefined {
  const last = events.findLast((event) => event.metadata.commandId === context.commandId);
  if (!last) return undefined;
  if (last.metadata.bodyHash !== context.bodyHash) {
    throw new DomainError(
      'IDEMPOTENCY_KEY_REUSED',
      'this Idempotency-Key was used for a command with another body; send a new key with a new command',
    );
  }
  const isFirst = events[0]?.metadata.commandId === context.commandId;
  return { revision: last.revision, position: last.position, resent: true, ...(isFirst && { created: true }) };
}

/** @throws DomainError OCCURRED_IN_FUTURE, OCCURRED_BEFORE_START */
export function assertPlausible(occurredAt: Instant, now: Instant, streamStart: Instant | undefined): void {
  // Instants are in the order of their texts.
  if (occurredAt > now && Date.parse(occurredAt) > Date.parse(now) + CLOCK_SKEW_MS) {
    throw new DomainError('OCCURRED_IN_FUTURE', `occurredAt ${occurredAt} is more than five minutes ahead of ${now}`, {
      pointer: '/occurredAt',
    });
  }
  if (streamStart !== undefined && occurredAt < streamStart) {
    throw new DomainError(
      'OCCURRED_BEFORE_START',
      `occurredAt ${occurredAt} is before the first event, ${streamStart}`,
      {
        pointer: '/occurredAt',
      },
    );
  }
}

const preconditionFailed = (ifMatch: number, actual: number | string): DomainError =>
  new DomainError(
    'PRECONDITION_FAILED',
    `If-Match asks for revision ${ifMatch}, the stream is at ${actual}; read it again`,
    {
      actual,
    },
  );
