/**
 * What was said of one field, by whom, as far as it may yet hold: the rule that profiles go by (`candidates.ts` of the
 * customers) for a slice that knows their events only. The latest holds; while a value stands verified, only what is
 * verified or entered by hand takes its place; what a sayer takes back holds no more.
 */
import type { Instant, Position, Recorded } from '@timeline/kernel';
import { importOf } from '../../../customers/src/customers.events.js';

export interface Said {
  /** `null`: removed. */
  value: unknown;
  at: Instant;
  position: Position;
  /** The system that said it; absent where it was entered by hand. */
  source?: string;
  importId?: string;
  verified?: true;
}

/** As many systems and imports as profiles keep. */
const SYSTEMS_KEPT = 6;

const isBySystem = ({ source, verified }: Said): boolean => source !== undefined && !verified;
const isSameSayer = (a: Said, b: Said): boolean =>
  a.verified || b.verified ? a.verified === b.verified : a.source === b.source && a.importId === b.importId;
const byTime = (a: Said, b: Said): number => ((a.at === b.at ? a.position > b.position : a.at > b.at) ? -1 : 1);

/** With one more, the latest first: of each sayer the last, of systems the last few. */
export function heardOf(
  said: readonly Said[],
  value: unknown,
  event: Pick<Recorded, 'metadata' | 'position'>,
  isVerified: boolean,
): Said[] {
  const { source, occurredAt: at } = event.metadata;
  const importId = importOf(event);
  const heard: Said = {
    value,
    at,
    position: event.position,
    ...(source !== undefined && { source }),
    ...(importId !== undefined && { importId }),
    ...(isVerified && { verified: true as const }),
  };
  const all = [...said, heard].sort(byTime);
  const last = all.filter((each, index) => all.findIndex((other) => isSameSayer(each, other)) === index);
  const systems = last.filter(isBySystem).slice(0, SYSTEMS_KEPT);
  return last.filter((each) => !isBySystem(each) || systems.includes(each));
}

/** What was verified since is no longer the sayer's word alone. */
export const retracted = (
  said: readonly Said[],
  { source, importId }: { source?: string; importId?: string },
): Said[] =>
  said.filter(
    (each) => each.verified || (importId === undefined ? each.source !== source : each.importId !== importId),
  );

/** The value that holds; `undefined` where nothing was said. */
export function holding(said: readonly Said[]): unknown {
  const isVerified = said.some(({ verified }) => verified);
  return said.find((each) => !isVerified || !isBySystem(each))?.value;
}
