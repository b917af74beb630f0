/**
 * How the specs of deciders and projections read. For deciders:
 *
 *     const given = givenOf(customerDecider);
 *     given(registered).when(renameToAda).then({ type: 'CustomerUpdated', … });
 *     given(registered, erased).when(renameToAda).then('CUSTOMER_ERASED');
 *
 * and for projections `recorder(…)`, which gives facts the envelope that the log would.
 */
import type { Decider, DecisionContext, Decision } from '../decider.js';
import { DomainError } from '../errors.js';
import type { EventMetadata, Fact, Recorded } from '../event.js';
import { deriveId } from '../ids.js';
import { makePosition } from '../position.js';
import { addDays } from '../time.js';

export const TEST_LOG_ID = '0123456789ab';
export const TEST_NOW = '2024-03-01T12:00:00.000Z';

export const testPosition = (offset: number) => makePosition(TEST_LOG_ID, String(offset).padStart(16, '0'));

export interface RecorderDefaults extends Partial<EventMetadata> {
  stream?: string;
  recordedAt?: string;
}

export interface RecorderOverrides extends RecorderDefaults {
  id?: string;
  revision?: number;
}

/** Records facts one after the other: position and the revision within each stream go up by one each time. */
export function recorder(
  defaults: RecorderDefaults = {},
): <E extends Fact>(fact: E, overrides?: RecorderOverrides) => Recorded<E> {
  let offset = 0;
  const revisions = new Map<string, number>();
  return <E extends Fact>(fact: E, overrides: RecorderOverrides = {}): Recorded<E> => {
    offset += 1;
    const { stream = 'stream', recordedAt = TEST_NOW, id, revision, ...metadata } = { ...defaults, ...overrides };
    const at = revision ?? (revisions.get(stream) ?? -1) + 1;
    revisions.set(stream, at);
    const commandId = deriveId('test-command', stream, at);
    const recorded = {
      ...fact,
      id: id ?? deriveId('test-event', stream, at),
      stream,
      revision: at,
      position: testPosition(offset),
      recordedAt,
      metadata: {
        schemaVersion: 1,
        occurredAt: recordedAt,
        actor: 'tester',
        commandId,
        bodyHash: 'hash',
        correlationId: commandId,
        causationId: commandId,
        ...metadata,
      },
    };
    // `Recorded<E>` is this very intersection, distributed over a union that is not known here.
    return recorded as unknown as Recorded<E>;
  };
}

export interface WhenOptions extends Partial<DecisionContext> {
  /**
   * Sends the command this often, each time as a command of its own and on what the times before it recorded; `then`
   * sees what all of them decided. (That a *resent* command appends nothing is the CommandProcessor's own test.)
   */
  numberOfTimes?: number;
}

export interface Outcome<Event extends Fact> {
  /** Exactly these decisions, or a refusal with this code. */
  then(...expected: [string] | Decision<Event>[]): void;
  /** A refusal, for more than its code. */
  thenRefused(look: (error: DomainError) => void): void;
  thenNothing(): void;
}

export interface Given<Command, Event extends Fact> {
  when(command: Command, options?: WhenOptions): Outcome<Event>;
}

/** Events of the past may be bare facts; they are then recorded a day before the decision. */
export function givenOf<State, Command, Event extends Fact>(
  decider: Decider<State, Command, Event>,
): (...past: (Event | Recorded<Event>)[]) => Given<Command, Event> {
  return (...past) => ({
    when(command, { numberOfTimes = 1, ...context } = {}) {
      const record = recorder({ recordedAt: addDays(TEST_NOW, -1) });
      let state = decider.initialState;
      for (const event of past) state = decider.evolve(state, isRecorded(event) ? event : record(event));
      const decided: Decision<Event>[] = [];
      let refusal: unknown;
      try {
        for (let time = 0; time < numberOfTimes; time += 1) {
          const now = context.now ?? TEST_NOW;
          const decisions = decider.decide(command, state, {
            occurredAt: now,
            commandId: deriveId('test-decision', time),
            actor: 'tester',
            ...context,
            now,
          });
          decided.push(...decisions);
          // A decision is the fact with context beside it; only the fact is folded.
          for (const decision of decisions)
            state = decider.evolve(state, record(decision as Event, occurred(decision)));
        }
      } catch (error) {
        refusal = error;
      }
      return outcomeOf(decided, refusal);
    },
  });
}

const occurred = ({ occurredAt }: Decision): RecorderOverrides => (occurredAt ? { occurredAt } : {});

function outcomeOf<Event extends Fact>(decided: Decision<Event>[], refusal: unknown): Outcome<Event> {
  const thenRefused = (look: (error: DomainError) => void): void => {
    if (refusal === undefined) throw new Error(`was not refused, but decided ${JSON.stringify(decided)}`);
    if (!(refusal instanceof DomainError)) throw refusal;
    look(refusal);
  };
  const thenDecided = (expected: readonly Decision<Event>[]): void => {
    if (refusal !== undefined) throw refusal;
    expect(decided).toEqual(expected);
  };
  return {
    thenRefused,
    then(...expected) {
      const [code] = expected;
      if (typeof code === 'string') thenRefused((error) => expect(error.code).toBe(code));
      // The union of the rest parameter leaves only decisions here.
      else thenDecided(expected as Decision<Event>[]);
    },
    thenNothing: () => thenDecided([]),
  };
}

const isRecorded = <Event extends Fact>(event: Event | Recorded<Event>): event is Recorded<Event> =>
  'position' in event;
