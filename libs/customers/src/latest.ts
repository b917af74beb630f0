/**
 * What was said last about something: the greatest (`occurredAt`, position) wins, so that what arrives late does not
 * undo what is newer, and an import of old history changes nothing that is known since.
 */
import type { Instant, Position, Recorded } from '@timeline/kernel';

export interface Said {
  /** `occurredAt` of the event. */
  at: Instant;
  position: Position;
}

export interface Latest<T> extends Said {
  value: T;
}

export const saidBy = (event: Recorded): Said => ({ at: event.metadata.occurredAt, position: event.position });

export const isLater = (a: Said, b: Said): boolean => (a.at === b.at ? a.position > b.position : a.at > b.at);

/** Associative and commutative; two that were said by the same event hold the same. */
export function latestOf<S extends Said>(a: S | undefined, b: S | undefined): S | undefined {
  if (!a || !b) return a ?? b;
  return isLater(b, a) ? b : a;
}

/** Keys are data: one named `constructor` must not find what every object inherits. */
export const entryOf = <T>(map: Readonly<Record<string, T>>, key: string): T | undefined =>
  Object.hasOwn(map, key) ? map[key] : undefined;

/** The map with `said` under `key` unless what is there is later. */
export function withLatest<S extends Said>(map: Readonly<Record<string, S>>, key: string, said: S): Record<string, S> {
  const before = entryOf(map, key);
  return before && isLater(before, said) ? { ...map } : { ...map, [key]: said };
}
