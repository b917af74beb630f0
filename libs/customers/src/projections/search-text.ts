/** How names are found and sorted: without case, Latin accents and width. */

/** More than any name has; keeps the profile small. */
const MAX_WORDS = 60;
const HAN = /^[\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}\p{Script=Hangul}]{2,12}$/u;

export const foldText = (text: string): string =>
  text
    .normalize('NFKD')
    .replaceAll(/[\u0300-\u036f]/g, '')
    .normalize('NFC')
    .toLowerCase()
    .trim();

const wordsOf = (text: string): string[] =>
  foldText(text)
    .split(/[\s\p{P}\p{S}]+/u)
    .filter((word) => word !== '');

/** The words that a search's words may be the beginnings of. */
export function searchWords(names: readonly string[]): string[] {
  const words = new Set<string>();
  for (const word of names.flatMap(wordsOf)) {
    words.add(word);
    // Chinese, Japanese and Korean names have no spaces: 小明 must find 王小明.
    if (HAN.test(word)) for (let at = 1; at < word.length; at += 1) words.add(word.slice(at));
  }
  return [...words].slice(0, MAX_WORDS);
}

/** The words of a search, each to be found. */
export const queryWords = (text: string): string[] => [...new Set(wordsOf(text))].slice(0, 10);
