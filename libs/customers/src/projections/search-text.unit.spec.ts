import { KEPT } from '../../../kernel/src/testing/texts.js';
import { queryWords, searchWords } from './search-text.js';

describe('the words that a name is found by', () => {
  it.each(KEPT)('of $what can be stored, and hold what is looked for', ({ text, sought }) => {
    const words = searchWords([text]);
    expect(words.filter((word) => !word.isWellFormed())).toEqual([]);
    for (const word of sought === undefined ? [] : queryWords(sought)) {
      expect(words).toContainEqual(expect.stringMatching(new RegExp(`^${word}`, 'u')));
    }
  });

  it('begin at any character of a name without spaces', () => {
    expect(searchWords(['王小明'])).toEqual(['王小明', '小明', '明']);
    expect(searchWords(['𠮷野𤭢'])).toEqual(['𠮷野𤭢', '野𤭢', '𤭢']);
  });
});
