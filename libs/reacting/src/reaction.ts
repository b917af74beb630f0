/**
 * A reaction answers facts with new facts. What it wants recorded is a projection like any other, so it can be rebuilt;
 * the pump records what is owed. A reaction never acts from inside a projection.
 */
import type { Fact, Instant, Position } from '@timeline/kernel';
import type { Projection } from '@timeline/projecting';
import type { Condition } from '@timeline/read-store';

export interface ReactionDocument {
  /** What it is about; also the key of the document. */
  subject: string;
  /** `wanted ≠ recorded`: something is to be recorded now. An index, so kept as a member. */
  owed: boolean;
  /** ISO 8601 UTC: something is to be recorded from this instant on. */
  dueAt?: string;
  /** How many times it was recorded: with the subject it gives the id of the next record. */
  recorded: number;
}

/** What the pump asks for. */
export interface ReactionLook {
  now: Instant;
  /** Of `_id`: some subjects only, or all but some. */
  subjects: Condition;
  limit?: number;
  /** To have been seen. */
  position?: Position;
}

export interface Reaction<Doc extends { subject: string } = ReactionDocument, Event extends Fact = Fact> {
  /** Its indexes must hold `owed` and `dueAt` (see `REACTION_INDEXES`) unless `find` looks for something else. */
  // What is derived matters to `find` only.
  // eslint-disable-next-line @typescript-eslint/no-explicit-any
  projection: Projection<any, Event, any>;
  /**
   * What owes something at `now`, where that is not told by `owed` and `dueAt`: because it hangs on rules that change
   * without touching a document, or stands in derived ones. Served by an index all the same; every look asks it.
   */
  find?(look: ReactionLook): Promise<Doc[]>;
  /**
   * Records what the document owes: appends at the expected revision under ids derived from (subject, recorded), so that
   * a second pump or a restart changes nothing. What is refused must be recorded too, or it stays owed for good.
   * `later`: what it waits for besides its instant has not come about; nothing was recorded, and it is asked again in a
   * while.
   */
  act(document: Doc): Promise<void | 'later'>;
}

/** A reaction whatever it looks at, as the pump holds it. */
export type AnyReaction = Reaction<{ subject: string }>;

export const REACTION_INDEXES = [
  { name: 'owed', key: { owed: 1 } },
  { name: 'due', key: { dueAt: 1 } },
] as const;
