import { etagOf, isNotModified } from './reading.js';
import { codeOfStatus, statusOf } from './status-of.js';

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
