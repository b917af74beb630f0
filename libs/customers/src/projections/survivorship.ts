/**
 * Which of the values of merged customers the profile shows. Of what was known when they were merged: from whom the
 * merge says that a field is taken; else the verified one; else that of the source which the merge ranks first; else
 * the latest; of two that were said for the same instant, the more complete. What was said since was said about the
 * merged customer: it counts when it is later, as with any customer. A rank must not keep out a correction of today.
 */
import { canonicalJson, type Instant } from '@timeline/kernel';
import type { Edge } from '../../../merging/src/merging.events.js';
import type { Candidate } from '../candidates.js';
import { isLater } from '../latest.js';

/** A value that is not shown. */
export interface OtherValue {
  customerId: string;
  value: unknown;
  at: Instant;
  source: string;
}

/** Of one field, so that a profile stays small whatever is merged. */
const MAX_CANDIDATES = 5;

type OfMember<T> = Candidate<T> & { customerId: string };

/**
 * @param merges that hold the parts together, the latest first
 * @returns `losing`: of names that have another value than the one shown
 */
export function survivingValues<T, Part>(
  parts: readonly { key: string; part: Part }[],
  valuesOf: (part: Part) => Readonly<Record<string, Candidate<T>>>,
  merges: readonly Edge[],
): { values: Record<string, Candidate<T>>; losing: Record<string, OtherValue[]> } {
  const [alone, ...others] = parts;
  if (alone && others.length === 0) return { values: valuesOf(alone.part), losing: {} };
  const byName = new Map<string, OfMember<T>[]>();
  for (const { key, part } of parts) {
    for (const [name, said] of Object.entries(valuesOf(part))) {
      const known = byName.get(name);
      const value = { ...said, customerId: key };
      if (known) known.push(value);
      else byName.set(name, [value]);
    }
  }
  const values: [string, Candidate<T>][] = [];
  const losing: [string, OtherValue[]][] = [];
  for (const [name, candidates] of byName) {
    const ranked = candidates.sort(inOrderOf(merges[0]?.sourceRank ?? []));
    const winner = winnerOf(name, ranked, merges);
    if (!winner) continue;
    const { customerId: _of, ...said } = winner;
    values.push([name, said]);
    const losers = losersTo(winner, ranked);
    if (losers.length > 0) losing.push([name, losers]);
  }
  return { values: Object.fromEntries(values), losing: Object.fromEntries(losing) };
}

/** @param ranked the best first */
function winnerOf<T>(name: string, ranked: readonly OfMember<T>[], merges: readonly Edge[]): OfMember<T> | undefined {
  const chosen = choiceOf(name, ranked, merges);
  const wasKnown = ({ position }: OfMember<T>): boolean => !merges[0] || position <= merges[0].position;
  let winner = chosen?.value ?? ranked.find(wasKnown);
  for (const candidate of ranked) {
    const isSince = chosen ? candidate.position > chosen.since : !wasKnown(candidate);
    if (isSince && (!winner || isLater(candidate, winner))) winner = candidate;
  }
  return winner;
}

/** By the latest merge that says from whom the field is taken, where that one has it. */
function choiceOf<T>(
  name: string,
  candidates: readonly OfMember<T>[],
  merges: readonly Edge[],
): { value: OfMember<T>; since: string } | undefined {
  for (const { choices = [], position } of merges) {
    const from = choices.find(({ field }) => field === name)?.from;
    const value = candidates.find(({ customerId }) => customerId === from);
    if (value) return { value, since: position };
  }
  return undefined;
}

const inOrderOf =
  (sourceRank: readonly string[]) =>
  <T>(a: OfMember<T>, b: OfMember<T>): number => {
    const rank = ({ source, actor }: OfMember<T>): number => {
      const at = sourceRank.indexOf(source ?? actor);
      return at < 0 ? Infinity : at;
    };
    if (Boolean(a.verified) !== Boolean(b.verified)) return a.verified ? -1 : 1;
    if (rank(a) !== rank(b)) return rank(a) - rank(b);
    if (a.at !== b.at) return a.at > b.at ? -1 : 1;
    return completeness(b.value) - completeness(a.value) || (a.position > b.position ? -1 : 1);
  };

/** How many members are filled in; a removed value is the least complete. */
function completeness(value: unknown): number {
  if (value === null) return 0;
  return typeof value === 'object' ? Object.values(value as object).filter((member) => member !== undefined).length : 1;
}

function losersTo<T>(winner: OfMember<T>, ranked: readonly OfMember<T>[]): OtherValue[] {
  const shown = canonicalJson(winner.value);
  return ranked
    .filter(({ value }) => value !== null && canonicalJson(value) !== shown)
    .slice(0, MAX_CANDIDATES)
    .map(({ customerId, value, at, source, actor }) => ({ customerId, value, at, source: source ?? actor }));
}
