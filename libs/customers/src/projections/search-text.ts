/** How names are found. */
import { foldedWords } from '@timeline/kernel';

/** More than any name has; keeps the profile small. */
const MAX_WORDS = 60;
const HAN = /^[\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}\p{Script=Hangul}]{2,12}$/u;

/** The words that a search's words may be the beginnings of. */
export function searchWords(names: readonly string[]): string[] {
  const words = new Set<string>();
  for (const word of names.flatMap(foldedWords)) {
    words.add(word);
    // Chinese, Japanese and Korean names have no spaces: 小明 must find 王小明.
    // By characters: half of one beyond the basic plane could not be stored.
    if (HAN.test(word)) for (const [at] of [...word].entries()) words.add([...word].slice(at).join(''));
  }
  return [...words].slice(0, MAX_WORDS);
}

/** The words of a search, each to be found. */
export const queryWords = (text: string): string[] => [...new Set(foldedWords(text))].slice(0, 10);
