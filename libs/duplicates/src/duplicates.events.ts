/**
 * The facts about pairs of customers that may be one (`duplicate-{id}.{id}`, the lesser id first). They hold ids and how
 * likely it is, never what the records say: that is read from the customers' own documents, and is gone with them.
 */
import type { Fact, Position } from '@timeline/kernel';

/** The lesser id first. */
export type Pair = [a: string, b: string];

interface OfPair {
  pairId: string;
  customers: Pair;
}

export type DuplicateEvent =
  /** By the watch. Again when a record changed since, also after it was dismissed or cleared. */
  | Fact<
      'DuplicateSuspected',
      OfPair & {
        /** From 0 to 1, by the model. */
        probability: number;
        /** How many were found with the same whole name: what the name is worth is shared among them. */
        namesakes: number;
        model: string;
        /** The last change of each record that the comparison looked at. */
        asOf: [a: Position, b: Position];
      }
    >
  /** By the watch: a record changed, and nothing speaks for a suspected pair any more that nobody has decided about. */
  | Fact<'DuplicateCleared', OfPair & { probability: number; model: string; asOf: [a: Position, b: Position] }>
  | Fact<'DuplicateDismissed', OfPair & { reason?: string }>
  /** `survivor`: whom the merged customer goes by, where the decision says. */
  | Fact<'DuplicateConfirmed', OfPair & { survivor?: string; reason?: string }>;
