/** The identities that a customer holds, in the order they were added; each kind that is there has one primary. */
import type { Identity } from '../customers.events.js';

/** More than anyone has; keeps a customer's stream and profile small. */
export const MAX_IDENTITIES = 50;

/** Whether the identity goes by this hash, in whichever normal form. */
export const goesBy = ({ hash, also = [] }: Pick<Identity, 'hash' | 'also'>, sought: string): boolean =>
  hash === sought || also.some((other) => other.hash === sought);

/** All that the identity rests on, each in a stream of its own. */
export const claimsOf = ({ hash, claim, also = [] }: Identity): { hash: string; claim: string }[] => [
  { hash, claim },
  ...also.map((other) => ({ hash: other.hash, claim: other.claim })),
];

/**
 * That which is the same by one normal form or another; where several are, the one by the oldest.
 * @param hashes all that the sought one goes by, the oldest form's first
 */
export const sameAmong = (held: readonly Identity[], hashes: readonly string[]): Identity | undefined =>
  hashes.map((hash) => held.find((each) => goesBy(each, hash))).find((found) => found !== undefined);

/** What the rules look at. */
type Held = Pick<Identity, 'kind' | 'hash' | 'primary'>;

export function withIdentity<I extends Held>(held: readonly I[], added: I): I[] {
  const others = held
    .filter(({ hash }) => hash !== added.hash)
    .map((other) => (added.primary && other.kind === added.kind ? { ...other, primary: false } : other));
  const at = held.findIndex(({ hash }) => hash === added.hash);
  return onePrimary(at < 0 ? [...others, added] : others.toSpliced(at, 0, added));
}

export const withoutIdentity = <I extends Held>(held: readonly I[], hash: string): I[] =>
  onePrimary(held.filter((identity) => identity.hash !== hash));

/** Where a kind has no primary, or several, the first that would do is the one. */
export function onePrimary<I extends Held>(held: readonly I[]): I[] {
  const primary = new Map<string, string>();
  for (const { kind, hash, primary: isPrimary } of held) if (isPrimary && !primary.has(kind)) primary.set(kind, hash);
  for (const { kind, hash } of held) if (!primary.has(kind)) primary.set(kind, hash);
  return held.map((identity) => {
    const isPrimary = primary.get(identity.kind) === identity.hash;
    return identity.primary === isPrimary ? identity : { ...identity, primary: isPrimary };
  });
}
