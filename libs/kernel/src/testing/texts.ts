/** Texts that somewhere come back as others, or not at all: for tests that send each through a store or the product. */

export interface Told {
  what: string;
  text: string;
  /** A search by which it is found; absent where it has no words, or what holds it is not looked for. */
  sought?: string;
}

/** What must come back code unit by code unit. */
export const KEPT: readonly Told[] = [
  { what: 'Chinese', text: '欧阳娜娜', sought: '娜娜' },
  { what: 'Chinese beyond the basic plane', text: '𠮷野𤭢𪚥', sought: '𠮷野' },
  { what: 'Japanese, full and half width', text: 'ﾀﾅｶ　さくら', sought: 'タナカ' },
  { what: 'Korean in single letters', text: '\u1112\u1161\u11ab글', sought: '한글' },
  { what: 'Arabic with vowel marks', text: 'مُحَمَّد العَرَبِيّ', sought: 'العَرَبِيّ' },
  { what: 'Hebrew among Latin', text: 'Dr. שָׁלוֹם (Shalom) 42', sought: 'shalom' },
  { what: 'direction overrides and marks', text: 'a\u202Eb\u202Cc \u200Fd\u2067e\u2069', sought: 'abc' },
  { what: 'Persian with a zero-width non-joiner', text: 'علی\u200Cرضا', sought: 'علیرضا' },
  {
    what: 'zero-width spaces, joiners and a soft hyphen',
    text: 'Zo\u200B\u2060\uFEFFe\u0301 So\u00ADfie',
    sought: 'zoe sofie',
  },
  { what: 'letters composed', text: 'Ågnès Łukasiewicz', sought: 'agnes' },
  { what: 'letters decomposed', text: 'A\u030Agne\u0300s', sought: 'Ågnès' },
  { what: 'a hundred marks on one letter', text: `Z${'\u0301\u0323'.repeat(50)}algo`, sought: 'z' },
  { what: 'Devanagari, Thai and Tamil', text: 'क्षत्रिय สมชาย தமிழ்', sought: 'สมชาย' },
  { what: 'Turkish and German letters that fold oddly', text: 'İpek Weiß ẞ ı', sought: 'weiß' },
  { what: 'emoji of several code points', text: '👩🏽‍🚀👨‍👩‍👧‍👦🏳️‍🌈🇨🇳#️⃣' },
  { what: 'a name with an emoji', text: 'Mia 🎉', sought: 'mia' },
  { what: 'private use and characters that are none', text: 'x\uE000\uFDD0\uFFFE\u{10FFFF}y' },
  { what: 'line and paragraph separators', text: 'one\u2028two\u2029three', sought: 'two' },
  { what: 'line breaks and tabs', text: 'one\ntwo\tthree', sought: 'three' },
  { what: 'blanks around it', text: '  Ann  ', sought: 'ann' },
  { what: 'quotes, backslashes and braces', text: `"O'Neil\\n\\u0000" {$set: 1} ' OR 1=1; --`, sought: 'neil' },
  { what: 'markup', text: '<script>alert(1)</script>&amp;', sought: 'script' },
  { what: 'names that objects have', text: '__proto__ constructor', sought: 'proto' },
  { what: 'a formula', text: '=1+1;@SUM(A1)', sought: 'sum' },
  { what: 'as long as a name can be', text: '𠮷'.repeat(200), sought: '𠮷𠮷' },
];

/** What is refused, with the code; nothing of it is kept. */
export const REFUSED: readonly (Told & { status: number; code: string })[] = [
  { what: 'NUL', text: 'a\0b', status: 400, code: 'TEXT_HOLDS_NUL' },
  { what: 'half a character', text: 'a\ud83d', status: 400, code: 'TEXT_NOT_UNICODE' },
  { what: 'a control character', text: 'a\u0085b', status: 422, code: 'NOT_TEXT' },
  { what: 'an escape', text: 'a\u001b[31m', status: 422, code: 'NOT_TEXT' },
  { what: 'nothing that can be seen', text: '\u200B\u2060\u00AD\uFEFF', status: 422, code: 'NOT_TEXT' },
  { what: 'blanks', text: ' \u3000\t', status: 422, code: 'NOT_TEXT' },
  { what: 'one character too many', text: '𠮷'.repeat(201), status: 422, code: 'NOT_TEXT' },
];

/** Instants before 1970 and at its edge, as they are kept. */
export const EARLY = [
  '0001-01-01T00:00:00.000Z',
  '1582-10-10T12:00:00.000Z',
  '1899-12-31T23:59:59.999Z',
  '1931-03-04T05:06:07.089Z',
  '1969-12-31T23:59:59.999Z',
  '1970-01-01T00:00:00.000Z',
] as const;
