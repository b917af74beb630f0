import type { JsonValue } from '@timeline/kernel';
import fc from 'fast-check';
import { decodeCursor, encodeCursor, etagOf, isNotModified, pageOf } from './reading.js';
import { codeOfStatus, statusOf } from './status-of.js';

const isAny = (_: JsonValue): _ is JsonValue => true;
const isText = (value: JsonValue): value is string => typeof value === 'string';

describe('cursors', () => {
  it('hold any value, in characters that need no escaping', () => {
    fc.assert(
      fc.property(
        fc.array(fc.oneof(fc.string({ unit: 'grapheme' }), fc.integer(), fc.boolean(), fc.constant(null))),
        (value) => {
          fc.pre(!JSON.stringify(value).includes('\\u0000'));
          const cursor = encodeCursor(value);
          expect(encodeURIComponent(cursor)).toBe(cursor);
          expect(decodeCursor(cursor, isAny)).toEqual(value);
        },
      ),
    );
  });

  it.each([
    '',
    'x',
    '!!!',
    Buffer.from('{').toString('base64url'),
    Buffer.from('[2,"a"]').toString('base64url'),
    Buffer.from('[1]').toString('base64url'),
    Buffer.from('[1,"a","a"]').toString('base64url'),
    Buffer.from([0xff, 0xfe]).toString('base64url'),
    encodeCursor(5),
    `${encodeCursor('a')}=`,
  ])('that this list did not make are refused: %j', (cursor) => {
    expect(() => decodeCursor(cursor, isText)).toThrow('was not made by this list');
  });
});

describe('a page', () => {
  it('has a next one exactly when there was one item more than asked for', () => {
    expect(pageOf([1, 2, 3], 3, (last) => last)).toEqual({ items: [1, 2, 3] });
    expect(pageOf([1, 2, 3], 2, (last) => last)).toEqual({ items: [1, 2], next: encodeCursor(2) });
    expect(pageOf([], 2, (last) => last)).toEqual({ items: [] });
  });
});

describe('tags', () => {
  const matches = (given: string): boolean =>
    isNotModified({ headers: { 'if-none-match': given } }, etagOf('build 1', 7));
  it('are weak and hold no quotes', () => {
    expect(etagOf('a"b', 7)).toBe('W/"a%22b.7"');
  });
  it('are compared weakly, one by one', () => {
    expect(['W/"build%201.7"', '"build%201.7"', '"x", W/"build%201.7"', '*'].map(matches)).toEqual([
      true,
      true,
      true,
      true,
    ]);
    expect(['W/"build%201.70"', 'build%201.7', '', '"x"'].map(matches)).toEqual([false, false, false, false]);
    expect(isNotModified({ headers: {} }, etagOf(1))).toBe(false);
  });
});

describe('the status of a code', () => {
  it.each([
    ['MALFORMED_JSON', 400],
    ['POSITION_OF_ANOTHER_LOG', 400],
    ['UNAUTHENTICATED', 401],
    ['SURVEY_NOT_FOUND', 404],
    ['IDENTITY_TAKEN', 409],
    ['CASE_ALREADY_RATED', 409],
    ['CUSTOMER_ERASED', 410],
    ['PRECONDITION_FAILED', 412],
    ['WHATEVER_A_SLICE_REFUSES', 422],
    ['POSITION_NOT_REACHED', 503],
    ['toString', 422],
    ['__proto__', 422],
  ])('%s is %i', (code, status) => {
    expect(statusOf(code)).toBe(status);
  });
  it('leads back from a bare status to a code of that status', () => {
    for (const status of [400, 401, 403, 404, 405, 413, 414, 415, 429, 431, 500, 503])
      expect(statusOf(codeOfStatus(status))).toBe(status);
  });
});
