/**
 * Which records are worth comparing. Each record has a key in several *passes*; two that share a key in any pass are
 * candidates. A pass tolerates an error in whatever it does not look at, so an error in one field is met by another pass.
 *
 * A record has one key in each pass over the person, and one for each number or mailbox in those over identities, so that
 * a store can serve every pass from an index.
 */
import type { Features } from './features.js';
import { latinOf } from './names.js';
import { firstOf, soundOf } from './text.js';

export const PERSON_PASSES = [
  'name',
  'sounds',
  'birth',
  'birthYearFamily',
  'birthYearGiven',
  'birthDayName',
  'familyPlace',
  'givenPlace',
  'street',
  'house',
] as const;
export const IDENTITY_PASSES = ['exact', 'head', 'tail'] as const;
export type PersonKeys = { [P in (typeof PERSON_PASSES)[number]]?: string };
export type IdentityKeys = { [P in (typeof IDENTITY_PASSES)[number]]?: string };

export function personKeys({ name, birth, address }: Features): PersonKeys {
  const [given, family] = [latinOf(name.given), latinOf(name.family)];
  const isWhole = given !== '' && family !== '';
  // In either order, since forms mix them up, and Chinese names in Latin letters have no fixed one.
  const sounds = [soundOf(given), soundOf(family)].sort();
  const initials = [firstOf(given, 1), firstOf(family, 1)].sort().join('');
  const { street = [], city, postcode } = address;
  const place = postcode ?? city;
  const year = birth?.slice(0, 4);
  return present({
    // Whatever order, and wherever a syllable is cut off.
    name: isWhole ? [...(given + family)].sort().join('') : undefined,
    sounds: isWhole ? joined(...sounds) : undefined,
    birth,
    birthYearFamily: joined(year, soundOf(family)),
    birthYearGiven: joined(year, soundOf(given)),
    birthDayName: joined(birth?.slice(4), initials),
    familyPlace: joined(soundOf(family), place),
    givenPlace: joined(soundOf(given), place),
    street: street.length >= 2 ? street.join('|') : undefined,
    house: joined(
      street.find((word) => /^\d/.test(word)),
      place,
    ),
  });
}

/** Of each phone, mailbox and number: whole, and both halves, of which one wrong digit leaves one right. */
export function identityKeys({ phones, emails, ids }: Pick<Features, 'phones' | 'emails' | 'ids'>): IdentityKeys[] {
  const keysOf = (system: string, value: string): IdentityKeys => {
    const letters = [...value];
    const middle = letters.length >> 1;
    return present({
      exact: joined(system, value),
      ...(letters.length >= 6 && {
        head: joined(system, letters.slice(0, middle).join('')),
        tail: joined(system, letters.slice(middle).join('')),
      }),
    });
  };
  return [
    // With country code or without.
    ...phones.map((phone) => keysOf('phone', phone.slice(-8))),
    // The same mailbox name at another provider too.
    ...emails.map((email) => keysOf('email', email.slice(0, email.lastIndexOf('@')))),
    ...ids.map((id) => keysOf(`id:${id.slice(0, id.indexOf(':'))}`, id.slice(id.indexOf(':') + 1))),
  ];
}

/** All keys of a record, each told apart by its pass. */
export const blockingKeys = (features: Features): string[] => [
  ...new Set(
    [personKeys(features), ...identityKeys(features)].flatMap((keys) =>
      Object.entries(keys).map(([pass, key]) => `${pass}:${key}`),
    ),
  ),
];

function present<T extends object>(keys: T): { [P in keyof T]?: Exclude<T[P], undefined> } {
  // Only undefined ones are left out.
  return Object.fromEntries(Object.entries(keys).filter(([, key]) => key !== undefined)) as {
    [P in keyof T]?: Exclude<T[P], undefined>;
  };
}

/** Nothing where any part is missing. */
const joined = (...parts: (string | undefined)[]): string | undefined =>
  parts.includes(undefined) || parts.includes('') ? undefined : parts.join('|');

/** The order in which neighbours are likely the same: what a pass with too many under one key looks at. */
export const sortKeyOf = ({ name, birth = '' }: Features): string =>
  `${latinOf(name.family)} ${latinOf(name.given)} ${birth}`;

export interface PairsOptions {
  /** Under a key that more records than this share, each is only compared with its neighbours in `sortKeyOf` order. */
  maxBlock?: number;
  /** How many neighbours on each side. */
  window?: number;
}

/** All candidate pairs of one list, or between two (`across`), each once, by place in the list. */
export function candidatePairs(
  records: readonly Features[],
  { maxBlock = 100, window = 10 }: PairsOptions = {},
  across?: (a: number, b: number) => boolean,
): [number, number][] {
  const blocks = new Map<string, number[]>();
  records.forEach((record, place) => {
    for (const key of blockingKeys(record)) {
      const block = blocks.get(key);
      if (block) block.push(place);
      else blocks.set(key, [place]);
    }
  });
  const sortKeys = records.map(sortKeyOf);
  const seen = new Set<number>();
  for (const block of blocks.values()) {
    const reach = block.length > maxBlock ? window : block.length;
    if (block.length > maxBlock)
      block.sort((a, b) => ((sortKeys[a] ?? '') < (sortKeys[b] ?? '') ? -1 : sortKeys[a] === sortKeys[b] ? a - b : 1));
    for (let i = 0; i < block.length; i += 1)
      for (let j = i + 1; j < Math.min(block.length, i + 1 + reach); j += 1) {
        const [x = 0, y = 0] = [block[i], block[j]];
        const [a, b] = x < y ? [x, y] : [y, x];
        if (!across || across(a, b)) seen.add(a * records.length + b);
      }
  }
  return [...seen].sort((a, b) => a - b).map((pair) => [Math.floor(pair / records.length), pair % records.length]);
}
