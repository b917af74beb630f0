import fc from 'fast-check';
import { canonicalJson, defined, isSameJson } from './json.js';

describe('canonical JSON', () => {
  it('is what it was, for good: hashes of it stand in logs', () => {
    const value = {
      b: [1, { d: null, c: undefined, '10': true }],
      '\u{1f600}': 'x',
      '\uffff': 'y',
      a: '"',
      A: {},
      9: 0,
      10: 1,
    };
    expect(canonicalJson(value)).toBe(
      '{"10":1,"9":0,"A":{},"a":"\\"","b":[1,{"10":true,"d":null}],"\u{1f600}":"x","\uffff":"y"}',
    );
  });
});

it('leaves out the members that are undefined, and no others', () => {
  const members = { a: undefined, b: null, c: 0, d: '', e: false, f: [undefined] };
  expect(Object.entries(defined(members))).toEqual(Object.entries(members).slice(1));
});

describe('comparing JSON values', () => {
  const values = fc.jsonValue({ maxDepth: 3 });

  it('finds the same as comparing canonical texts', () => {
    fc.assert(
      fc.property(values, values, (a, b) => isSameJson(a, b) === (canonicalJson(a) === canonicalJson(b))),
      { numRuns: 500 },
    );
  });

  it('takes a value for the same whatever the order of its members, and undefined ones for absent', () => {
    fc.assert(
      fc.property(fc.dictionary(fc.string(), values), (members) => {
        const reversed = Object.fromEntries(Object.entries(members).reverse());
        return isSameJson({ ...members, absent: undefined }, reversed) && isSameJson(reversed, members);
      }),
    );
  });

  it.each([
    [{ a: 1 }, { a: 1, b: null }],
    [
      [1, 2],
      [2, 1],
    ],
    [[], {}],
    [{ a: undefined }, { b: 1 }],
    [JSON.parse('{"__proto__":{}}'), { b: 1 }],
    ['1', 1],
  ])('tells %j and %j apart', (a, b) => {
    expect([isSameJson(a, b), isSameJson(b, a)]).toEqual([false, false]);
  });
});
