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
import { importOf, type Consent } from './customers.events.js';
import { entryOf, isLater, type Latest } from './latest.js';

export interface Candidate<T = unknown> extends Latest<T | null> {
  /** The system that said it; absent where it was entered by hand. */
  source?: string;
  /** The import that it came with. */
  importId?: string;
  actor: string;
  commandId: string;
  verified?: { by: string; method: string };
}

/** Of systems and imports; beside them what was entered and what was verified. */
export const SYSTEMS_KEPT = 6;

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
export const isOf = (
  { source, importId, verified }: Pick<Candidate, 'source' | 'importId' | 'verified'>,
  sayer: Sayer,
): boolean =>
  verified === undefined &&
  (sayer.importId === undefined ? source !== undefined && source === sayer.source : importId === sayer.importId);

export const withoutSayer = <C extends Candidate>(said: readonly C[], sayer: Sayer): C[] =>
  said.filter((candidate) => !isOf(candidate, sayer));

/**
 * All that was said about one customer: what holds, by name, and beside it what it holds against. Names in `losing` are
 * those of fields, `traits.{name}` and `consents.{key}`.
 */
export interface Heard {
  fields: Readonly<Record<string, Candidate>>;
  traits: Readonly<Record<string, Candidate<string | number | boolean>>>;
  consents: Readonly<Record<string, Candidate<Consent>>>;
  losing: Readonly<Record<string, readonly Candidate[]>>;
}

const MAPS = ['traits', 'consents'] as const;

/** Where a name's value is kept, and under which key. */
function placeOf(name: string): { map: 'fields' | 'traits' | 'consents'; key: string } {
  const map = MAPS.find((each) => name.startsWith(`${each}.`));
  return map ? { map, key: name.slice(map.length + 1) } : { map: 'fields', key: name };
}

/** The best first; empty where nothing was said. */
export function saidOf(heard: Heard, name: string): Candidate[] {
  const { map, key } = placeOf(name);
  const held: Candidate | undefined = entryOf<Candidate>(heard[map], key);
  return held ? [held, ...(entryOf(heard.losing, name) ?? [])] : [];
}

export const namesIn = ({ fields, traits, consents }: Heard): string[] => [
  ...Object.keys(fields),
  ...Object.keys(traits).map((name) => `traits.${name}`),
  ...Object.keys(consents).map((key) => `consents.${key}`),
];

/** With what is said of each name put anew; a name of which nothing is left goes. */
export function settle(heard: Heard, said: ReadonlyMap<string, readonly Candidate[]>): Heard {
  const maps: Record<'fields' | 'traits' | 'consents', Record<string, Candidate>> = {
    fields: { ...heard.fields },
    traits: { ...heard.traits },
    consents: { ...heard.consents },
  };
  const losing = { ...heard.losing };
  for (const [name, candidates] of said) {
    const { map, key } = placeOf(name);
    const [best, ...others] = ordered(candidates);
    if (best) maps[map][key] = best;
    else delete maps[map][key];
    if (others.length > 0) losing[name] = others;
    else delete losing[name];
  }
  // What is put under a name is what was said under it.
  return { ...maps, losing } as Heard;
}

/** With more heard; `undefined` members were not said. */
export function hear(
  heard: Heard,
  members: Readonly<Record<string, unknown>>,
  event: Pick<Recorded, 'metadata' | 'position'>,
): Heard {
  const said = Object.entries(members).filter(([, value]) => value !== undefined);
  return settle(
    heard,
    new Map(said.map(([name, value]) => [name, [...saidOf(heard, name), candidateOf(value, event)]])),
  );
}

/** Verified is said anew, at the instant of the verification. */
export function hearVerified(
  heard: Heard,
  { field, by, method, value }: { field: string; by: string; method: string; value: unknown },
  event: Pick<Recorded, 'metadata' | 'position'>,
): Heard {
  const candidate = { ...candidateOf(value, event), verified: { by, method } };
  return settle(heard, new Map([[field, [...saidOf(heard, field), candidate]]]));
}

/** Without what the sayer said of these names. */
export const takeBack = (heard: Heard, names: readonly string[], sayer: Sayer): Heard =>
  settle(heard, new Map(names.map((name) => [name, withoutSayer(saidOf(heard, name), sayer)])));

/** What two source customers were told about, together. Associative and commutative. */
export const together = (a: Heard, b: Heard): Heard =>
  settle(a, new Map(namesIn(b).map((name) => [name, [...saidOf(a, name), ...saidOf(b, name)]])));

/** Preferences are fields among the others. */
export const preferenceNames = (preferences: object): Record<string, unknown> =>
  Object.fromEntries(Object.entries(preferences).map(([name, value]) => [`preferences.${name}`, value]));

export const traitNames = (traits: Readonly<Record<string, unknown>>): Record<string, unknown> =>
  Object.fromEntries(Object.entries(traits).map(([name, value]) => [`traits.${name}`, value]));
