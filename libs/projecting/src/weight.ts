/** How much memory documents take, so that what is held of them can be bounded. */

/** About how many bytes a JSON value is. */
export function weightOf(value: unknown): number {
  if (typeof value === 'string') return value.length + 3;
  if (typeof value !== 'object' || value === null) return 8;
  let sum = 16;
  for (const [name, member] of Object.entries(value)) sum += name.length + 3 + weightOf(member);
  return sum;
}

/** Of a document after so many folds. Measured anew whenever they have doubled: it grows with what is folded into it. */
export const weightAfter = (folds: number, document: unknown, before: number): number =>
  (folds & (folds - 1)) === 0 ? weightOf(document) : before;
