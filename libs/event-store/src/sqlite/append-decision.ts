/** Whether an append is new, a repeat of an earlier one, or in conflict. Pure: the store looks up what it needs. */

export type AppendDecision = { kind: 'write' } | { kind: 'repeat'; lastRevision: number } | { kind: 'conflict' };

/**
 * @param expected revision after which the events are meant to stand (-1: of a new stream), or any
 * @param current revision of the stream's last event, -1 when there is no stream
 * @param known revisions, in the order of the append, of those of its ids that the stream already holds
 * @param count number of events in the append
 */
export function decideAppend(
  expected: number | 'any',
  current: number,
  known: readonly number[],
  count: number,
): AppendDecision {
  const first = known[0];
  if (first === undefined) {
    return expected === 'any' || expected === current ? { kind: 'write' } : { kind: 'conflict' };
  }
  // Known ids at another place than asked for are never written a second time, whatever the revision.
  const isWhole = known.length === count && known.every((revision, index) => revision === first + index);
  const isWhereAsked = expected === 'any' || first === expected + 1;
  return isWhole && isWhereAsked ? { kind: 'repeat', lastRevision: first + count - 1 } : { kind: 'conflict' };
}
