/**
 * The past as slices ask for it. What is known of a customer as of a moment is a fold of the customer's own events, by the
 * same code as the read model's, over those that had happened by `asOf` (`occurredAt`) and were recorded by `knownAt`.
 * The timeline slice implements it: its read model knows which events those are.
 */
import type { Fact, Instant, Position, Recorded } from '@timeline/kernel';

/** As it is asked for. */
export interface AsOf {
  asOf?: Instant;
  /** An instant, or the text of a position. */
  knownAt?: string;
}

/** As it is looked up; what is absent limits nothing. */
export interface Moment {
  asOf?: Instant;
  /** The last position known then; one before every event where nothing was. */
  known?: Position;
}

export abstract class History {
  /**
   * An instant `knownAt` stands for everything before the first event, in the order of the log, that was recorded after
   * it: the running maximum of `recordedAt` counts, so that a clock which jumped back does no harm.
   * @throws DomainError POSITION_MALFORMED, POSITION_OF_ANOTHER_LOG, POSITION_NOT_REACHED, READ_MODEL_NOT_READY
   */
  abstract momentOf(asked: AsOf): Promise<Moment>;

  /**
   * The source customers whose history is this customer's, itself first: the group of merged customers as of `known`
   * (merges follow what was known, not when it happened), by now where it is absent.
   * @param position text of a `Timeline-Position`: seen at least that
   */
  abstract membersAsOf(customerId: string, moment: Moment, position: string | undefined): Promise<string[]>;

  /**
   * Gives `apply` the customer's events of the moment, in the order of the log, a few hundred in memory at a time.
   * `start` may be called again: a read starts over when its read model is switched meanwhile.
   * @param position text of a `Timeline-Position`: seen at least that
   * @throws DomainError POSITION_MALFORMED, POSITION_OF_ANOTHER_LOG, POSITION_NOT_REACHED, READ_MODEL_NOT_READY
   */
  abstract fold<State>(
    customerId: string,
    moment: Moment,
    position: string | undefined,
    start: () => State,
    apply: (state: State, event: Recorded<Fact>) => void,
  ): Promise<State>;
}
