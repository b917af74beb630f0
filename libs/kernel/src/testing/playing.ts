/**
 * Specs of deciders read as sentences: `given(decider, events).when(command).then(events | code)`. Pure; a test that
 * wants the real thing drives the CommandProcessor. Beside it what property tests need: `recorded` makes an event
 * of a fact, `Playing` carries out commands one after the other, as the processor would.
 */
import type { Decider, Decision, DecisionContext } from '../decider.js';
import { errorCode } from '../errors.js';
import type { Fact, Recorded } from '../event.js';
import { deriveId, eventIdOf } from '../ids.js';
import { makePosition } from '../position.js';
import { toInstant } from '../time.js';

export const NOON = '2024-06-15T12:00:00.000Z';

export interface RecordedAs {
  stream?: string;
  revision?: number;
  /** The how manieth event of the log, from 1; with `recorded` a position that orders as numbers do. */
  position?: number;
  customerId?: string | undefined;
  occurredAt?: string;
  recordedAt?: string;
  commandId?: string;
  actor?: string;
  source?: string;
  correlationId?: string;
  schemaVersion?: number;
}

/** The fact as it would be read back; what the decision itself says (customer, channel, time) comes first. */
export function recorded<Event extends Fact>(decision: Decision<Event>, as: RecordedAs = {}): Recorded<Event> {
  const { customerId = as.customerId, customerIds, channel, occurredAt = as.occurredAt ?? NOON, ...fact } = decision;
  const stream = as.stream ?? 'stream-1';
  const revision = as.revision ?? 0;
  const commandId = as.commandId ?? deriveId('command', stream, revision);
  const recording = {
    id: eventIdOf({ commandId, bodyHash: '' }, stream, revision),
    stream,
    revision,
    position: makePosition('000000000000', String(as.position ?? revision + 1).padStart(20, '0')),
    recordedAt: as.recordedAt ?? occurredAt,
    metadata: {
      schemaVersion: as.schemaVersion ?? 1,
      occurredAt,
      ...(customerId !== undefined && { customerId }),
      ...(customerIds && { customerIds }),
      actor: as.actor ?? 'test',
      ...(channel !== undefined && { channel }),
      ...(as.source !== undefined && { source: as.source }),
      commandId,
      bodyHash: 'hash',
      correlationId: as.correlationId ?? commandId,
      causationId: commandId,
    },
  };
  // `fact` is the decision without what a decision adds to a fact; types cannot follow that through a union.
  return { ...fact, ...recording } as unknown as Recorded<Event>;
}

export interface Carrying {
  now?: string;
  /** Default: `now`. */
  occurredAt?: string;
  commandId?: string;
  actor?: string;
}

/** One stream that commands are carried out on. */
export class Playing<State, Command, Event extends Fact> {
  state: State;
  readonly events: Recorded<Event>[] = [];
  #commands = 0;

  constructor(
    readonly decider: Decider<State, Command, Event>,
    readonly stream = 'stream-1',
    /** Numbers the events of several streams that share a log. */
    readonly nextPosition: () => number = () => this.events.length + 1,
  ) {
    this.state = decider.initialState;
  }

  /** What happened before, as facts. */
  happened(decision: Decision<Event>, as: RecordedAs = {}): void {
    const revision = this.events.length;
    const event = recorded<Event>(decision, { stream: this.stream, revision, position: this.nextPosition(), ...as });
    this.state = this.decider.evolve(this.state, event);
    this.events.push(event);
  }

  /** Answers what was decided; throws what the decider throws, with nothing changed. */
  carryOut(command: Command, carrying: Carrying = {}): Decision<Event>[] {
    this.#commands += 1;
    const now = carrying.now ?? toInstant(Math.max(Date.parse(NOON), Date.parse(carrying.occurredAt ?? NOON)));
    const context: DecisionContext = {
      now,
      occurredAt: carrying.occurredAt ?? now,
      commandId: carrying.commandId ?? deriveId('command', this.stream, this.#commands),
      actor: carrying.actor ?? 'test',
    };
    const decisions = this.decider.decide(command, this.state, context);
    const customerId = this.decider.customerOf(command, this.state);
    for (const decision of decisions) {
      this.happened(decision, {
        customerId,
        occurredAt: context.occurredAt,
        commandId: context.commandId,
        recordedAt: now,
      });
    }
    return decisions;
  }
}

export interface WhenOptions extends Carrying {
  /** The same command over again under new command ids, as a second delivery is; `then` sees the events of all times. */
  numberOfTimes?: number;
}

export interface Then<Event extends Fact> {
  /** The facts decided on, exactly; the code of a refusal; or a look at the facts. */
  then(expected: readonly Decision<Event>[] | string | ((decisions: Decision<Event>[]) => void)): void;
}

/** `history` as facts, or as pairs of a fact and how it was recorded. */
export function given<State, Command, Event extends Fact>(
  decider: Decider<State, Command, Event>,
  history: readonly (Decision<Event> | [Decision<Event>, RecordedAs])[] = [],
): { when(command: Command, options?: WhenOptions): Then<Event> } {
  return {
    when: (command, { numberOfTimes = 1, ...carrying } = {}) => ({
      then: (expected) => {
        const playing = new Playing(decider);
        for (const each of history) {
          if (Array.isArray(each)) playing.happened(each[0], each[1]);
          else playing.happened(each);
        }
        const outcome = outcomeOf(() =>
          Array.from({ length: numberOfTimes }, (_, time) =>
            playing.carryOut(command, {
              ...carrying,
              ...(carrying.commandId !== undefined && time > 0 && { commandId: deriveId(carrying.commandId, time) }),
            }),
          ).flat(),
        );
        if (typeof expected === 'string') expect(outcome.code).toBe(expected);
        else {
          if (outcome.error !== undefined) throw outcome.error;
          if (typeof expected === 'function') expected(outcome.decisions);
          else expect(outcome.decisions).toEqual(expected);
        }
      },
    }),
  };
}

function outcomeOf<T>(decide: () => T[]): { decisions: T[]; code?: string; error?: unknown } {
  try {
    return { decisions: decide() };
  } catch (error) {
    return { decisions: [], code: errorCode(error), error };
  }
}
