/** Text as it is compared: without case, accents, width and script variants; and how far two texts are apart. */
import { Converter } from 'opencc-js/t2cn';
import { pinyin } from 'pinyin-pro';

// Looked up once: these run for every pair of records, and a global costs in a realm of its own (Jest).
const { abs, floor, max, min } = Math;

const HAN = /\p{Script=Han}/u;
const toSimplified = Converter({ from: 't', to: 'cn' });

export const hasHan = (text: string): boolean => HAN.test(text);

/** Half width, simplified, lower case, without accents; what is no letter or digit is one blank. */
export function foldText(text: string): string {
  const folded = text
    .normalize('NFKD')
    .replaceAll(/\p{M}|\p{Default_Ignorable_Code_Point}/gu, '')
    .normalize('NFC')
    .toLowerCase()
    .replaceAll(/[^\p{L}\p{N}]+/gu, ' ')
    .trim();
  return hasHan(folded) ? toSimplified(folded) : folded;
}

/** Han characters by their sound, without tones; the first as a surname reads (单 shan, 仇 qiu). Others stay. */
export function romanise(text: string, as: 'surname' | 'word' = 'word'): string {
  if (!hasHan(text)) return text.replaceAll(' ', '');
  return pinyin(text, {
    toneType: 'none',
    type: 'array',
    v: true,
    ...(as === 'surname' && { surname: 'head' }),
  })
    .join('')
    .replaceAll(' ', '');
}

/** Rows of the table below, kept: this runs for every pair of records. */
const rows = [new Int32Array(512), new Int32Array(512), new Int32Array(512)] as const;

/**
 * Damerau-Levenshtein distance with transpositions of neighbours (optimal string alignment); `limit + 1` when it is
 * more than `limit`. Of texts longer than 500 characters the beginnings are compared.
 */
export function editDistance(a: string, b: string, limit: number): number {
  if (a === b) return 0;
  let from = 0;
  let [endA, endB] = [min(a.length, 500), min(b.length, 500)];
  if (abs(endA - endB) > limit) return limit + 1;
  while (from < endA && from < endB && a.charCodeAt(from) === b.charCodeAt(from)) from += 1;
  while (endA > from && endB > from && a.charCodeAt(endA - 1) === b.charCodeAt(endB - 1)) {
    endA -= 1;
    endB -= 1;
  }
  const width = endB - from;
  let [before, last, row] = rows as readonly [Int32Array, Int32Array, Int32Array];
  for (let j = 0; j <= width; j += 1) last[j] = j;
  for (let i = 1; i <= endA - from; i += 1) {
    row[0] = i;
    let least = i;
    for (let j = 1; j <= width; j += 1) {
      const [x, y] = [from + i - 1, from + j - 1];
      const same = a.charCodeAt(x) === b.charCodeAt(y);
      let cost = min((last[j] ?? 0) + 1, (row[j - 1] ?? 0) + 1, (last[j - 1] ?? 0) + (same ? 0 : 1));
      if (i > 1 && j > 1 && a.charCodeAt(x) === b.charCodeAt(y - 1) && a.charCodeAt(x - 1) === b.charCodeAt(y))
        cost = min(cost, (before[j - 2] ?? 0) + 1);
      row[j] = cost;
      if (cost < least) least = cost;
    }
    // A transposition may still reach back one row, so one more than the limit is let pass.
    if (least > limit + 1) return limit + 1;
    [before, last, row] = [last, row, before];
  }
  return min(last[width] ?? 0, limit + 1);
}

/** Winkler (1990): Jaro's measure, raised for a common beginning of up to four characters. From 0 to 1, symmetric. */
export function jaroWinkler(a: string, b: string): number {
  if (a === b) return 1;
  if (a.length === 0 || b.length === 0) return 0;
  // Which one is matched against the other decides between equal matches; one order makes it symmetric.
  const [short, long] = a.length < b.length || (a.length === b.length && a < b) ? [a, b] : [b, a];
  const reach = max(0, floor(long.length / 2) - 1);
  const taken = new Array<boolean>(long.length).fill(false);
  let inShort = '';
  for (let i = 0; i < short.length; i += 1) {
    for (let j = max(0, i - reach); j <= min(long.length - 1, i + reach); j += 1) {
      if (taken[j] || short[i] !== long[j]) continue;
      taken[j] = true;
      inShort += short[i] ?? '';
      break;
    }
  }
  const common = inShort.length;
  if (common === 0) return 0;
  let moved = 0;
  let at = 0;
  for (let j = 0; j < long.length; j += 1) {
    if (!taken[j]) continue;
    if (long[j] !== inShort[at]) moved += 1;
    at += 1;
  }
  const jaro = (common / a.length + common / b.length + (common - moved / 2) / common) / 3;
  let prefix = 0;
  while (prefix < 4 && prefix < short.length && short[prefix] === long[prefix]) prefix += 1;
  return jaro + prefix * 0.1 * (1 - jaro);
}

const SOUND: Readonly<Record<string, string>> = Object.fromEntries(
  ['bfpv', 'cgjkqsxz', 'dt', 'l', 'mn', 'r'].flatMap((letters, group) =>
    [...letters].map((letter) => [letter, String(group + 1)]),
  ),
);

/** The first characters, none of them cut in half: many Chinese ones are two units of UTF-16. */
export const firstOf = (text: string, count: number): string => [...text].slice(0, count).join('');

/** American Soundex of Latin letters; the first four characters of what has none. */
export function soundOf(latin: string): string {
  const letters = [...latin].filter((letter) => letter >= 'a' && letter <= 'z');
  const [first] = letters;
  if (first === undefined) return firstOf(latin, 4);
  let code = first;
  let last = SOUND[first] ?? '';
  for (const letter of letters.slice(1)) {
    if (letter === 'h' || letter === 'w') continue;
    const digit = SOUND[letter] ?? '';
    if (digit !== '' && digit !== last) code += digit;
    last = digit;
    if (code.length === 4) break;
  }
  return code.padEnd(4, '0');
}
