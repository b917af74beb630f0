import fc from 'fast-check';
import { creditCodeFault, mobileFault, postalCodeFault, residentIdFault } from './chinese-identifiers.js';

const NOW = '2026-03-01T12:00:00.000Z';
/** Printed in the standards themselves, and well-known since. */
const RESIDENT_IDS = ['11010519491231002X', '440524188001010014'];
const CREDIT_CODES = ['91350100M000100Y43', '91110000600037341L'];

/** The tables as they are usually printed; the product computes them. */
const WEIGHTS_OF_RESIDENT_ID = [7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2];
const WEIGHTS_OF_CREDIT_CODE = [1, 3, 9, 27, 19, 26, 16, 17, 20, 29, 25, 13, 8, 24, 10, 30, 28];
const ALPHABET = '0123456789ABCDEFGHJKLMNPQRTUWXY';
const weighted = (text: string, weights: readonly number[], alphabet: string): number =>
  weights.reduce((sum, weight, index) => sum + weight * alphabet.indexOf(text[index] ?? ''), 0);

const digits = (count: number): fc.Arbitrary<string> =>
  fc.string({ unit: fc.constantFrom(...'0123456789'), minLength: count, maxLength: count });
const residentIds = fc
  .tuple(
    fc.constantFrom('11', '31', '44', '51', '65', '82', '83'),
    digits(4),
    fc.date({ min: new Date('1900-01-01'), max: new Date('2026-02-28'), noInvalidDate: true }),
    digits(3),
  )
  .map(([province, region, born, order]) => {
    const body = `${province}${region}${born.toISOString().slice(0, 10).replaceAll('-', '')}${order}`;
    return `${body}${'10X98765432'[weighted(body, WEIGHTS_OF_RESIDENT_ID, '0123456789') % 11] ?? ''}`;
  });
const creditCodes = fc
  .tuple(
    fc.string({ unit: fc.constantFrom(...ALPHABET), minLength: 2, maxLength: 2 }),
    digits(6),
    fc.string({ unit: fc.constantFrom(...ALPHABET), minLength: 9, maxLength: 9 }),
  )
  .map((parts) => {
    const body = parts.join('');
    return `${body}${ALPHABET[(31 - (weighted(body, WEIGHTS_OF_CREDIT_CODE, ALPHABET) % 31)) % 31] ?? ''}`;
  });

/** With one character another one, in every place and by every other character of the alphabet. */
function* withOneWrong(text: string, alphabet: string): Iterable<string> {
  for (const [at, right] of [...text].entries()) {
    for (const wrong of alphabet) if (wrong !== right) yield `${text.slice(0, at)}${wrong}${text.slice(at + 1)}`;
  }
}

/** With two different neighbours in each other's place. */
function* withNeighboursSwapped(text: string): Iterable<string> {
  for (let at = 0; at + 1 < text.length; at += 1) {
    if (text[at] === text[at + 1]) continue;
    yield `${text.slice(0, at)}${text[at + 1] ?? ''}${text[at] ?? ''}${text.slice(at + 2)}`;
  }
}

describe('a resident id', () => {
  const fault = (text: string): string | undefined => residentIdFault(text, NOW);

  it.each(RESIDENT_IDS)('%s is one', (text) => {
    expect(fault(text)).toBeUndefined();
  });

  it('is refused with the reason for every single wrong character and every two neighbours swapped', () => {
    let tried = 0;
    fc.assert(
      fc.property(residentIds, (text) => {
        expect(fault(text)).toBeUndefined();
        const wrong = [...withOneWrong(text, '0123456789X'), ...withNeighboursSwapped(text)];
        for (const each of wrong) {
          tried += 1;
          // An X anywhere but at the end is not even of the shape.
          const reason = /^\d{17}[\dX]$/.test(each) ? /check digit is wrong/ : /must be a resident id/;
          if (!reason.test(fault(each) ?? '')) throw new Error(`${each}, from ${text}: ${fault(each)}`);
        }
      }),
      { numRuns: 300 },
    );
    expect(tried).toBeGreaterThan(50_000);
  });

  it.each([
    ['110105491231002', /15 digits/],
    ['11010519491231002x', /capital X/],
    ['1101051949123100', /17 digits/],
    ['１１0105194912310021', /17 digits/],
    ['', /17 digits/],
  ])('%s is none: %s', (text, reason) => {
    expect(fault(text)).toMatch(reason);
  });

  it('has a region, and a birth date that exists and is not to come', () => {
    const withCheck = (body: string): string =>
      `${body}${'10X98765432'[weighted(body, WEIGHTS_OF_RESIDENT_ID, '0123456789') % 11] ?? ''}`;
    expect(fault(withCheck('99010519491231002'))).toMatch(/no region/);
    expect(fault(withCheck('11010519490231002'))).toMatch(/does not exist/);
    expect(fault(withCheck('11010519000229002'))).toMatch(/does not exist/);
    expect(fault(withCheck('11010520000229002'))).toBeUndefined();
    expect(fault(withCheck('11010520260301002'))).toBeUndefined();
    expect(fault(withCheck('11010520260302002'))).toMatch(/future/);
    expect(residentIdFault('11010519491231002X', NOW, '1949-12-31')).toBeUndefined();
    expect(residentIdFault('11010519491231002X', NOW, '1949-12-30')).toMatch(/another birth date/);
  });
});

describe('a unified social credit code', () => {
  it.each(CREDIT_CODES)('%s is one', (text) => {
    expect(creditCodeFault(text)).toBeUndefined();
  });

  it('is refused with the reason for every single wrong character and every two neighbours swapped', () => {
    let tried = 0;
    fc.assert(
      fc.property(creditCodes, (text) => {
        expect(creditCodeFault(text)).toBeUndefined();
        for (const each of [...withOneWrong(text, ALPHABET), ...withNeighboursSwapped(text)]) {
          tried += 1;
          const reason = /^.{2}\d{6}/.test(each) ? /check character is wrong/ : /third to the eighth digits/;
          if (!reason.test(creditCodeFault(each) ?? '')) throw new Error(`${each}, from ${text}`);
        }
      }),
      { numRuns: 200 },
    );
    expect(tried).toBeGreaterThan(50_000);
  });

  it.each([
    ['91350100m000100y43', /capitals/],
    ['91350100MOOO100Y43', /I, O, S, V or Z/],
    ['91350100M000100Y4', /18 digits/],
    ['9135O100M000100Y43', /I, O, S, V or Z/],
    ['', /18 digits/],
  ])('%s is none: %s', (text, reason) => {
    expect(creditCodeFault(text)).toMatch(reason);
  });
});

it('knows mobile numbers and postal codes of mainland China', () => {
  for (const good of ['13800138000', '+86 138 0013 8000', '0086-199-0000-0000', '１３８００１３８０００'])
    expect([good, mobileFault(good)]).toEqual([good, undefined]);
  for (const bad of ['12800138000', '1380013800', '138001380000', '+1 13800138000', '01013800138000', '', 'a'])
    expect([bad, mobileFault(bad)]).toEqual([bad, expect.stringMatching(/mobile number/)]);
  for (const good of ['100000', '200040', '518000', '999077'])
    expect([good, postalCodeFault(good)]).toEqual([good, undefined]);
  for (const bad of ['10000', '1000000', '000000', '990000', '１00000', '', 'SW1A 1'])
    expect([bad, postalCodeFault(bad)]).toEqual([bad, expect.stringMatching(/postal code/)]);
});
