/**
 * What events told of one field, by whom, and which of it holds: the rule that profiles go by, here for whoever knows
 * customers by their events only.
 *
 * The rule: **of what was said the latest holds; while a value stands verified, only what is verified or entered by hand
 * takes its place.** What has a `source` was told by a system, everything else was entered by hand.
 *
 * Kept are the latest of each: what was entered, what was verified, and what the last few systems and imports said. The
 * result depends on the set of what was said, not on the order in which it was heard.
 */
import type { Recorded } from '@timeline/kernel';
import { importOf } from './customers.events.js';
import { isLater, type Latest } from './latest.js';

/** A value, `null` where it was removed. */
export interface Told<T = unknown> extends Latest<T | null> {
  /** The system that said it; absent where it was entered by hand. */
  source?: string;
  /** The import that it came with. */
  importId?: string;
  /** There where it was verified. */
  verified?: unknown;
}

/** Of systems and imports; beside them what was entered and what was verified. */
const SYSTEMS_KEPT = 6;

export function toldIn<T>(event: Pick<Recorded, 'metadata' | 'position'>, value: T | null): Omit<Told<T>, 'verified'> {
  const { source, occurredAt: at } = event.metadata;
  const importId = importOf(event);
  return {
    value,
    at,
    position: event.position,
    ...(source !== undefined && { source }),
    ...(importId !== undefined && { importId }),
  };
}

const isBySystem = ({ source, verified }: Told): boolean => source !== undefined && verified === undefined;
const slotOf = ({ source, importId, verified }: Told): string =>
  JSON.stringify(verified === undefined ? [source ?? null, importId ?? null] : ['verified']);

/** The best first. */
export function ordered<C extends Told>(said: readonly C[]): C[] {
  const latestOfSlot = new Map<string, C>();
  for (const told of said) {
    const slot = slotOf(told);
    const before = latestOfSlot.get(slot);
    if (!before || isLater(told, before)) latestOfSlot.set(slot, told);
  }
  const byTime = [...latestOfSlot.values()].sort((a, b) => (isLater(a, b) ? -1 : 1));
  const hasVerified = byTime.some(({ verified }) => verified !== undefined);
  const systems = byTime.filter(isBySystem).slice(0, SYSTEMS_KEPT);
  const others = byTime.filter((told) => !isBySystem(told));
  return hasVerified
    ? [...others, ...systems]
    : byTime.filter((each) => others.includes(each) || systems.includes(each));
}

/** Whose words are meant: all of a source, or those of one import. */
export interface Sayer {
  source?: string;
  importId?: string;
}

/** What was verified since is no longer the source's word alone. */
export const isOf = (
  { source, importId, verified }: Pick<Told, 'source' | 'importId' | 'verified'>,
  sayer: Sayer,
): boolean =>
  verified === undefined &&
  (sayer.importId === undefined ? source !== undefined && source === sayer.source : importId === sayer.importId);

export const withoutSayer = <C extends Told>(said: readonly C[], sayer: Sayer): C[] =>
  said.filter((told) => !isOf(told, sayer));
