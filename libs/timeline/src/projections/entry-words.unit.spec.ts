import fc from 'fast-check';
import { entryWords, MAX_WORD_LENGTH, MAX_WORDS, wordsSought } from './entry-words.js';

const of = (body: string): string[] => entryWords({ data: {}, personal: { body } });
const finds = (sought: string, body: string): boolean => {
  const words = of(body);
  return wordsSought(sought).every((each) => words.some((word) => word.startsWith(each)));
};

describe('the words of an entry', () => {
  it.each([
    ['parc', 'My Parcel is late', true],
    ['LATE parcel', 'My parcel is late', true],
    ['arcel', 'My parcel is late', false],
    ['parcel lost', 'My parcel is late', false],
    ['cafe', 'Le Café', true],
    ['ｃａｆｅ', 'Le Café', true],
    ['坏了', '手机坏了', true],
    ['机', '手机坏了', true],
    ['了', '手机坏了', true],
    ['手机坏', '手机坏了', true],
    ['手坏', '手机坏了', false],
    ['iphone 手机', 'iPhone15手机', true],
    ['15', 'iPhone 15手机', true],
    ['𠮷野', '𠮷野家', true],
    ['עולם', 'שלום עולם', true],
    ['मेरा', 'मेरा पार्सल', true],
    ['parcel', 'par\u200Bcel', true],
    ['می‌خواهم', 'میخواهم', true],
  ])('%s in %s: %s', (sought, body, expected) => {
    expect(finds(sought, body)).toBe(expected);
  });

  it('are those of what was said and bought, not of ids, and none once the keys are gone', () => {
    const data = { caseId: 'case', lines: [{ sku: 'B-1', name: 'Oak Bookcase' }] };
    const personal = { subject: 'One', note: null, attachments: [{ name: 'bill.pdf', url: 'https://x.example' }] };
    expect(entryWords({ data, personal })).toEqual(['one', 'bill', 'pdf', 'oak', 'bookcase']);
    expect(entryWords({ data })).toEqual(['oak', 'bookcase']);
  });

  it('are bounded for any text, whole characters, and hold what a search for any of them makes', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary', maxLength: 400 }), (text) => {
        const words = of(text);
        expect(words.length).toBeLessThanOrEqual(MAX_WORDS);
        for (const word of words) {
          expect([...word].length).toBeLessThanOrEqual(MAX_WORD_LENGTH);
          expect(word.isWellFormed()).toBe(text.isWellFormed() || word.isWellFormed());
          expect(finds(word, text)).toBe(true);
        }
      }),
      { numRuns: 500 },
    );
    const long = of(Array.from({ length: 5_000 }, (_, n) => `w${n}`).join(' '));
    expect(long).toHaveLength(MAX_WORDS);
    expect(finds('x'.repeat(200), 'x'.repeat(150))).toBe(true);
  });
});
