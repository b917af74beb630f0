import fc from 'fast-check';
import { decodeUtf8, MalformedJsonError, parseJsonStrict } from './json-strict.js';

const refusal = (text: string): MalformedJsonError => {
  try {
    parseJsonStrict(text);
  } catch (error) {
    if (error instanceof MalformedJsonError) return error;
    throw error;
  }
  throw new Error('nothing was refused');
};

describe('strict JSON', () => {
  it('reads what JSON.parse reads, for any value', () => {
    fc.assert(
      fc.property(fc.jsonValue({ maxDepth: 5, noUnicodeString: false }), fc.constantFrom(0, 1, 2), (value, indent) => {
        const text = JSON.stringify(value, null, indent);
        const whole = text.match(/(?<![\w.])-?\d{16,}(?![\d.e])/gi) ?? [];
        fc.pre(!/\\u0000|\\ud[89a-f]/i.test(text) && whole.map(Number).every(Number.isSafeInteger));
        expect(parseJsonStrict(text)).toEqual(JSON.parse(text.replaceAll(/(?<=[[:,\s]|^)-0(?=[,\]}\s]|$)/g, '0')));
      }),
      { numRuns: 300 },
    );
  });

  it('refuses what JSON.parse refuses, for any damage to a text', () => {
    const parses = (text: string): boolean => {
      try {
        JSON.parse(text);
        return true;
      } catch {
        return false;
      }
    };
    fc.assert(
      fc.property(
        fc.json(),
        fc.nat(),
        fc.constantFrom('', '"', '{', '}', ',', '\\', '0', 'e', '\n', ' '),
        (json, at, insert) => {
          const where = at % (json.length + 1);
          const damaged = json.slice(0, where) + insert + json.slice(where + (insert === '' ? 1 : 0));
          fc.pre(!parses(damaged));
          expect(() => parseJsonStrict(damaged)).toThrow(MalformedJsonError);
        },
      ),
      { numRuns: 1000 },
    );
  });

  it.each([
    ['{"a":1,}', 'expected the name of a member'],
    ['[1,]', 'expected a JSON value'],
    ['{"a" 1}', 'expected ":"'],
    ['{"a":1 "b":2}', 'expected "," or "}"'],
    ['{a:1}', 'double quotes'],
    ["{'a':1}", 'double quotes'],
    ['01', 'more text after the end'],
    ['-', 'expected a digit'],
    ['"abc', 'ends inside a string'],
    ['"a\tb"', 'must be written as an escape'],
    ['"\\x41"', 'no such escape'],
    ['"\\u12"', 'four hexadecimal digits'],
    ['"\\constructor"', 'no such escape'],
    ['{} {}', 'more text after the end'],
    ['', 'ends too early'],
    ['undefined', 'expected a JSON value'],
    ['NaN', 'expected a JSON value'],
  ])('refuses %s and says why', (text, why) => {
    const error = refusal(text);
    expect(error.code).toBe('MALFORMED_JSON');
    expect(error.message).toContain(why);
  });

  it('says at which line and column, and inside which member', () => {
    expect(refusal('{\n  "name": "Ann",\n  "tags": ["a", b]\n}').place).toEqual({
      pointer: '/tags/1',
      line: 3,
      column: 17,
    });
  });

  it('never quotes what was sent', () => {
    expect(refusal('{"card": 4111111111111111secret}').message).not.toMatch(/4111|secret/);
  });

  it('refuses two members of one name, and points at them', () => {
    const error = refusal('{"a":{"b~/c":1,"b~\\/c":2}}');
    expect(error.code).toBe('DUPLICATE_KEY');
    expect(error.place.pointer).toBe('/a/b~0~1c');
  });

  it('allows one name in different objects', () => {
    expect(parseJsonStrict('[{"a":1},{"a":2}]')).toEqual([{ a: 1 }, { a: 2 }]);
  });

  it.each(['"a\\u0000b"', '{"a\\u0000":1}', '["\0"]'])('refuses NUL: %j', (text) => {
    expect(['TEXT_HOLDS_NUL', 'MALFORMED_JSON']).toContain(refusal(text).code);
  });

  it.each(['"\\ud83d"', '"\\ude00\\ud83d"', '{"\\udc00":1}', '"\ud83d"'])(
    'refuses half a surrogate pair: %j',
    (text) => {
      expect(refusal(text).code).toBe('TEXT_NOT_UNICODE');
    },
  );

  it('takes a whole surrogate pair, escaped or not', () => {
    expect(parseJsonStrict('["\\ud83d\\ude00","😀"]')).toEqual(['😀', '😀']);
  });

  it('keeps __proto__ and constructor as members of their own, without touching any prototype', () => {
    const value = parseJsonStrict('{"__proto__":{"polluted":true},"constructor":{"prototype":{"polluted":true}}}');
    expect(Object.keys(value ?? {})).toEqual(['__proto__', 'constructor']);
    expect(Object.getPrototypeOf(value)).toBe(Object.prototype);
    expect(Reflect.get({}, 'polluted')).toBeUndefined();
    expect(refusal('{"__proto__":1,"__proto__":2}').code).toBe('DUPLICATE_KEY');
  });

  it.each(['12345678901234567890', '9007199254740992', '-9007199254740993', '1e999', '-1e309'])(
    'refuses %s, which a double cannot keep',
    (text) => {
      expect(refusal(text).code).toBe('NUMBER_NOT_EXACT');
    },
  );

  it('takes 64 levels and refuses 65', () => {
    expect(parseJsonStrict('['.repeat(64) + ']'.repeat(64))).toBeDefined();
    expect(refusal('['.repeat(65) + ']'.repeat(65)).code).toBe('JSON_TOO_DEEP');
    expect(refusal('{"a":'.repeat(200_000)).code).toBe('JSON_TOO_DEEP');
  });

  it('refuses bytes that are not UTF-8, and drops a byte order mark', () => {
    expect(() => decodeUtf8(Buffer.from([0x22, 0xff, 0x22]))).toThrow('not valid UTF-8');
    expect(() => decodeUtf8(Buffer.from([0xed, 0xa0, 0x80]))).toThrow('not valid UTF-8');
    expect(decodeUtf8(Buffer.from('\ufeff{}'))).toBe('{}');
  });
});
