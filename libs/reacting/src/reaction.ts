/**
 * A reaction answers facts with new facts. What it wants recorded is a projection like any other, so it can be rebuilt;
 * the pump records what is owed. A reaction never acts from inside a projection.
 */
import type { Fact } from '@timeline/kernel';
import type { Projection } from '@timeline/projecting';

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

export interface Reaction<Doc extends ReactionDocument = ReactionDocument, Event extends Fact = Fact> {
  /** Its indexes must hold `owed` and `dueAt`: see `REACTION_INDEXES`. */
  projection: Projection<Doc, Event, never>;
  /**
   * Records what the document owes: appends at the expected revision under ids derived from (subject, recorded), so that
   * a second pump or a restart changes nothing. What is refused must be recorded too, or it stays owed for good.
   * `later`: what it waits for besides its instant has not come about; nothing was recorded, and it is asked again in a
   * while.
   */
  act(document: Doc): Promise<void | 'later'>;
}

export const REACTION_INDEXES = [
  { name: 'owed', key: { owed: 1 } },
  { name: 'due', key: { dueAt: 1 } },
] as const;
