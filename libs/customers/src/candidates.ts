/**
 * What was said of one thing, by whom: the value that holds and those it holds against, so that what one source or one
 * import said can be taken back and the next best holds again.
 *
 * The rule: **of what was said the latest holds; while a value stands verified, only what is verified or entered by hand
 * takes its place.** What has a `source` was told by a system, everything else was entered by hand.
 *
 * Kept are the latest of each: what was entered, what was verified, and what the last few systems and imports said. The
 * result depends on the set of what was said, not on the order in which it was heard.
 */
import type { Recorded } from '@timeline/kernel';
import { isLater, type Latest } from './latest.js';

export interface Candidate<T = unknown> extends Latest<T | null> {
  /** The system that said it; absent where it was entered by hand. */
  source?: string;
  /** The import that it came with. */
  importId?: string;
  actor: string;
  commandId: string;
  /** How it was verified. */
  verified?: string;
}

/** By name of the field; in each list the one that holds comes first. */
export type Candidates = Readonly<Record<string, readonly Candidate[]>>;

/** Of systems and imports; beside them what was entered and what was verified. */
export const SYSTEMS_KEPT = 6;

/** The import behind an event. Imports are the only ones that give many commands of one source one correlation. */
export const importOf = ({
  metadata: { source, correlationId, commandId },
}: Pick<Recorded, 'metadata'>): string | undefined =>
  source !== undefined && correlationId !== commandId ? correlationId : undefined;

export function candidateOf<T>(value: T | null, event: Pick<Recorded, 'metadata' | 'position'>): Candidate<T> {
  const { source, actor, commandId } = event.metadata;
  const importId = importOf(event);
  return {
    value,
    at: event.metadata.occurredAt,
    position: event.position,
    ...(source !== undefined && { source }),
    ...(importId !== undefined && { importId }),
    actor,
    commandId,
  };
}

const isBySystem = ({ source, verified }: Candidate): boolean => source !== undefined && verified === undefined;
const slotOf = ({ source, importId, verified }: Candidate): string =>
  JSON.stringify(verified === undefined ? [source ?? null, importId ?? null] : ['verified']);

/** The best first. */
export function ordered<C extends Candidate>(said: readonly C[]): C[] {
  const latestOfSlot = new Map<string, C>();
  for (const candidate of said) {
    const slot = slotOf(candidate);
    const before = latestOfSlot.get(slot);
    if (!before || isLater(candidate, before)) latestOfSlot.set(slot, candidate);
  }
  const byTime = [...latestOfSlot.values()].sort((a, b) => (isLater(a, b) ? -1 : 1));
  const hasVerified = byTime.some(({ verified }) => verified !== undefined);
  const systems = byTime.filter(isBySystem).slice(0, SYSTEMS_KEPT);
  const others = byTime.filter((candidate) => !isBySystem(candidate));
  return hasVerified
    ? [...others, ...systems]
    : byTime.filter((each) => others.includes(each) || systems.includes(each));
}

/** What the source said last, in whichever import. */
export function lastOfSource(said: readonly Candidate[] | undefined, source: string): Candidate | undefined {
  const own = said?.filter((candidate) => candidate.source === source && candidate.verified === undefined) ?? [];
  return own.reduce<Candidate | undefined>((last, each) => (!last || isLater(each, last) ? each : last), undefined);
}

/** Whose words are meant: all of a source, or those of one import. */
export interface Sayer {
  source?: string;
  importId?: string;
}

/** What was verified since is no longer the source's word alone. */
export const isOf = ({ source, importId, verified }: Candidate, sayer: Sayer): boolean =>
  verified === undefined &&
  (sayer.importId === undefined ? source !== undefined && source === sayer.source : importId === sayer.importId);

export const withoutSayer = <C extends Candidate>(said: readonly C[], sayer: Sayer): C[] =>
  said.filter((candidate) => !isOf(candidate, sayer));

/** `said` with more of it heard; `undefined` members were not said. */
export function hear(
  said: Candidates,
  members: Readonly<Record<string, unknown>>,
  event: Pick<Recorded, 'metadata' | 'position'>,
): Candidates {
  const after: Record<string, readonly Candidate[]> = { ...said };
  for (const [name, value] of Object.entries(members)) {
    if (value === undefined) continue;
    const before = Object.hasOwn(after, name) ? after[name] : undefined;
    after[name] = ordered([...(before ?? []), candidateOf(value, event)]);
  }
  return after;
}
