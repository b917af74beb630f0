/**
 * A decider is the pure middle of a slice: what a command may do given what has happened. It reads no clock and
 * does no I/O; the time comes in with the context. `libs/deciding` runs it.
 */
import type { Fact, Recorded } from './event.js';

export interface DecisionContext {
  /** The instant of the decision, ISO 8601 UTC. */
  now: string;
  /** When the command says it happened; equals `now` unless the command says otherwise. */
  occurredAt: string;
  commandId: string;
  actor: string;
}

/** A fact decided on, with what differs from the command's own context. */
export type Decision<E extends Fact = Fact> = E & {
  readonly customerId?: string;
  readonly customerIds?: string[];
  readonly channel?: string;
  readonly occurredAt?: string;
};

export interface Decider<State, Command, Event extends Fact> {
  /** Versions of the facts this decider writes; 1 where not named. */
  readonly schemaVersions?: Partial<Record<Event['type'], number>>;
  readonly initialState: State;
  /** Never mutates `state`. */
  evolve(state: State, event: Recorded<Event>): State;
  /** No facts means nothing to do. @throws DomainError when a rule refuses the command. */
  decide(command: Command, state: State, context: DecisionContext): Decision<Event>[];
  /** The customer whose key seals `personal` and whom the facts concern, where a decision does not say. */
  customerOf(command: Command, state: State): string | undefined;
}
