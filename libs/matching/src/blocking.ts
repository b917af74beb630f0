/**
 * Which records are worth comparing. Each record has a key in several *passes*; two that share a key in any pass are
 * candidates. A pass tolerates an error in whatever it does not look at, so an error in one field is met by another pass.
 *
 * Every pass is one text per record (a few for phones and the like), so that a store can serve it from an index.
 */
import type { Features } from './features.js';
import { latinOf } from './names.js';
import { soundOf } from './text.js';

export const PASSES = [
  'name',
  'sounds',
  'birth',
  'birthYearName',
  'birthDayName',
  'familyPlace',
  'givenPlace',
  'street',
  'house',
  'phone',
  'phoneName',
  'email',
  'id',
  'idHead',
  'idTail',
] as const;
export type Pass = (typeof PASSES)[number];

/** The keys of a record by pass. */
export type BlockingKeys = { [P in Pass]?: string[] };

export function blockingKeys({ name, birth, address, phones, emails, ids }: Features): BlockingKeys {
  const [given, family] = [latinOf(name.given), latinOf(name.family)];
  // In either order, since forms mix them up, and Chinese names in Latin letters have no fixed one.
  const parts = [given, family].filter((part) => part !== '').sort();
  const sounds = [given, family]
    .filter((part) => part !== '')
    .map(soundOf)
    .sort();
  const initials = [given, family]
    .map((part) => part.slice(0, 1))
    .sort()
    .join('');
  const { street = [], city, postcode } = address;
  const place = postcode ?? city;
  const numbers = street.filter((word) => /^\d/.test(word));
  const all: { [P in Pass]: (string | undefined)[] } = {
    name: [parts.length === 2 ? [...parts.join('')].sort().join('') : undefined],
    sounds: [sounds.length === 2 ? joined(...sounds) : undefined],
    birth: [birth],
    birthYearName: birth === undefined ? [] : [...new Set(sounds)].map((sound) => joined(birth.slice(0, 4), sound)),
    birthDayName: [birth === undefined ? undefined : joined(birth.slice(4), initials)],
    familyPlace: [family === '' ? undefined : joined(soundOf(family), place)],
    givenPlace: [given === '' ? undefined : joined(soundOf(given), place)],
    street: [street.length >= 2 ? joined(...street) : undefined],
    house: [joined(numbers[0], place)],
    phone: phones.map((phone) => phone.slice(-8)),
    phoneName: phones.flatMap((phone) => [...new Set(sounds)].map((sound) => joined(phone.slice(-4), sound))),
    email: emails.map((email) => email.slice(0, email.lastIndexOf('@'))),
    id: ids,
    idHead: ids.map((id) => half(id, 'head')),
    idTail: ids.map((id) => half(id, 'tail')),
  };
  const keys: BlockingKeys = {};
  for (const pass of PASSES) {
    const found = [...new Set(all[pass].filter((key) => key !== undefined))];
    if (found.length > 0) keys[pass] = found;
  }
  return keys;
}

/** Nothing where any part is missing. */
const joined = (...parts: (string | undefined)[]): string | undefined =>
  parts.includes(undefined) || parts.includes('') ? undefined : parts.join('|');

/** One wrong digit leaves the other half right. */
function half(id: string, which: 'head' | 'tail'): string | undefined {
  const at = id.indexOf(':') + 1;
  const value = id.slice(at);
  if (value.length < 6) return undefined;
  const middle = value.length >> 1;
  return id.slice(0, at) + (which === 'head' ? value.slice(0, middle) : value.slice(middle));
}

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
    for (const [pass, keys] of Object.entries(blockingKeys(record)))
      for (const key of keys) {
        const block = blocks.get(`${pass}:${key}`);
        if (block) block.push(place);
        else blocks.set(`${pass}:${key}`, [place]);
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
