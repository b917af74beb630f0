/**
 * The words that an entry is found by: those of what was said in it (subject, body, comment, note, message), of what was
 * bought and of the names of attachments. A search finds the beginnings of words. Chinese, Japanese and Korean are written
 * without spaces, so of them every two characters that stand together are a word: 手机 and 机坏 in 手机坏.
 */
import { foldedWords } from '@timeline/kernel';

/** The first words of an entry; more of a long message are not found. Keeps the read model small. */
export const MAX_WORDS = 300;
/** Of a word; longer ones are found by their beginning. */
export const MAX_WORD_LENGTH = 40;
/** Looked at of one text, so that a message of any length costs the same. */
const MAX_CHARACTERS = 20_000;
const MAX_QUERY_WORDS = 20;

const SAID = ['subject', 'body', 'comment', 'message', 'note'] as const;
const NAMED = ['lines', 'attachments'] as const;

const UNSPACED_ANYWHERE = /[\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}\p{Script=Hangul}ー]/u;
const UNSPACED = /[\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}\p{Script=Hangul}ー]+/gu;

export function entryWords(fact: { data: object; personal?: object | undefined }): string[] {
  const words = new Set<string>();
  for (const text of textsOf(fact)) {
    for (const word of foldedWords(text.slice(0, MAX_CHARACTERS))) {
      // Nearly all words: to hand each out as a part would take as long again.
      if (!UNSPACED_ANYWHERE.test(word)) words.add(cut(word));
      else for (const part of partsOf(word)) for (const each of wordsOf(part)) words.add(each);
      if (words.size >= MAX_WORDS) return [...words].slice(0, MAX_WORDS);
    }
  }
  return [...words];
}

/** The words of a search: each begins a word of an entry that is found. */
export function wordsSought(text: string): string[] {
  const words = new Set<string>();
  for (const { unspaced, word } of foldedWords(text).flatMap(partsOf)) {
    const characters = [...word];
    if (!unspaced || characters.length === 1) words.add(cut(word));
    else for (const [at, next] of characters.slice(1).entries()) words.add((characters[at] ?? '') + next);
  }
  return [...words].slice(0, MAX_QUERY_WORDS);
}

/** Not in the middle of a character. */
const cut = (word: string): string =>
  word.length <= MAX_WORD_LENGTH ? word : [...word].slice(0, MAX_WORD_LENGTH).join('');

function textsOf({ data, personal }: { data: object; personal?: object | undefined }): string[] {
  const texts: string[] = [];
  for (const members of [personal ?? {}, data].map((each): Record<string, unknown> => ({ ...each }))) {
    for (const name of SAID) {
      const text = members[name];
      if (typeof text === 'string') texts.push(text);
    }
    for (const name of NAMED) {
      const list = members[name];
      if (!Array.isArray(list)) continue;
      for (const item of list as unknown[]) {
        if (typeof item === 'object' && item !== null && 'name' in item && typeof item.name === 'string')
          texts.push(item.name);
      }
    }
  }
  return texts;
}

interface Part {
  unspaced: boolean;
  word: string;
}

/** A word like 手机x2 is of both kinds. */
function partsOf(word: string): Part[] {
  const parts: Part[] = [];
  let end = 0;
  for (const match of word.matchAll(UNSPACED)) {
    if (match.index > end) parts.push({ unspaced: false, word: word.slice(end, match.index) });
    parts.push({ unspaced: true, word: match[0] });
    end = match.index + match[0].length;
  }
  if (end < word.length) parts.push({ unspaced: false, word: word.slice(end) });
  return parts;
}

function wordsOf({ unspaced, word }: Part): string[] {
  if (!unspaced) return [cut(word)];
  const characters = [...word];
  // The last one by itself too, so that a search for one character finds it.
  return characters.map((character, at) => character + (characters[at + 1] ?? ''));
}
