/** Text as it is found and sorted: without case, Latin accents, width and what cannot be seen. */

/** Zero-width spaces and joiners, soft hyphens, marks of direction, variation selectors. */
const INVISIBLE = /\p{Default_Ignorable_Code_Point}/gu;

/** Nothing of what is folded away is in it, but case. */
// eslint-disable-next-line no-control-regex
const ASCII = /^[\x00-\x7f]*$/;

export const foldText = (text: string): string => (ASCII.test(text) ? text.toLowerCase().trim() : foldedText(text));

const foldedText = (text: string): string =>
  text
    .normalize('NFKD')
    .replaceAll(/[\u0300-\u036f]/g, '')
    .replaceAll(INVISIBLE, '')
    .normalize('NFC')
    .toLowerCase()
    .trim();

/** The words of a text as they are found, in its order; signs and punctuation part them. */
export const foldedWords = (text: string): string[] =>
  foldText(text)
    .split(/[\s\p{P}\p{S}]+/u)
    .filter((word) => word !== '');
