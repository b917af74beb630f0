/**
 * What of a proposal is accepted by itself: what its provider is sure enough of, where nobody entered or verified anything.
 * A value that somebody removed by hand was entered by hand, too. All else waits for a person.
 */
import { namesIn, saidOf, type Heard } from '../candidates.js';

export const SURE_ENOUGH = 0.9;

export function acceptedByItself(heard: Heard, fields: readonly string[], confidence: number): string[] {
  if (confidence < SURE_ENOUGH) return [];
  const known = new Set(namesIn(heard));
  return fields.filter((field) => {
    const holds = known.has(field) ? saidOf(heard, field)[0] : undefined;
    return !holds || (holds.source !== undefined && holds.verified === undefined);
  });
}
