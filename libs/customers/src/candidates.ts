/**
 * What was said of one customer, by whom, field by field: the values that hold and those they hold against, so that what
 * one source or one import said can be taken back and the next best holds again. The rule is that of `told.events.ts`.
 */
import type { Recorded } from '@timeline/kernel';
import type { Consent } from './customers.events.js';
import { entryOf, isLater } from './latest.js';
import { ordered, toldIn, withoutSayer, type Sayer, type Told } from './told.events.js';

export interface Candidate<T = unknown> extends Told<T> {
  actor: string;
  commandId: string;
  verified?: { by: string; method: string };
}

export function candidateOf<T>(value: T | null, event: Pick<Recorded, 'metadata' | 'position'>): Candidate<T> {
  const { actor, commandId } = event.metadata;
  return { ...toldIn(event, value), actor, commandId };
}

/** What the source said last, in whichever import. */
export function lastOfSource(said: readonly Candidate[] | undefined, source: string): Candidate | undefined {
  const own = said?.filter((candidate) => candidate.source === source && candidate.verified === undefined) ?? [];
  return own.reduce<Candidate | undefined>((last, each) => (!last || isLater(each, last) ? each : last), undefined);
}

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
