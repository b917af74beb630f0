/** How much memory documents take, so that what is held of them can be bounded, and they themselves. */
import { FaultError } from '@timeline/kernel';
import type { AnyProjection } from './projection.js';

/** About how many bytes a JSON value is. */
export function weightOf(value: unknown): number {
  if (typeof value === 'string') return value.length + 3;
  if (typeof value !== 'object' || value === null) return 8;
  let sum = 16;
  // Member by member, without the arrays that `Object.entries` makes: measured, a fifth of the price.
  if (Array.isArray(value)) for (const item of value) sum += 4 + weightOf(item);
  // Any object is a record of what it holds.
  else for (const name in value) sum += name.length + 3 + weightOf((value as Record<string, unknown>)[name]);
  return sum;
}

/**
 * What a document may weigh. MongoDB takes 16 MiB of BSON, which is at most three times the weight (a character takes up to
 * three bytes), and what is derived from a document may be larger than that: a profile is by half.
 */
export const MAX_WEIGHT = 3 * 1024 * 1024;

/** @throws FaultError DOCUMENT_TOO_LARGE */
export function assertWeight(projection: Pick<AnyProjection, 'name' | 'maxWeight'>, content: unknown): void {
  if (isTooHeavy(projection, content))
    throw new FaultError('DOCUMENT_TOO_LARGE', `a document of ${projection.name} became heavier than it may be`);
}

export const isTooHeavy = ({ maxWeight = MAX_WEIGHT }: Pick<AnyProjection, 'maxWeight'>, content: unknown): boolean =>
  content !== undefined && weightOf(content) > maxWeight;

/** Of a document after so many folds. Measured anew whenever they have doubled: it grows with what is folded into it. */
export const weightAfter = (folds: number, document: unknown, before: number): number =>
  isMeasuredAfter(folds) ? weightOf(document) : before;

export const isMeasuredAfter = (folds: number): boolean => (folds & (folds - 1)) === 0;
