/** Distances of texts: what must hold for any two, and known values. */
import fc from 'fast-check';
import { blockingKeys } from './blocking.js';
import { featuresOf } from './features.js';
import { editDistance, foldText, jaroWinkler, romanise, soundOf } from './text.js';

const text = fc.oneof(
  fc.string({ maxLength: 12 }),
  fc.string({ unit: fc.constantFrom('a', 'b', 'c', '王', '伟'), maxLength: 10 }),
);

describe('distances of texts', () => {
  it('are symmetric, in their range, and say that a text is itself', () => {
    fc.assert(
      fc.property(text, text, fc.integer({ min: 0, max: 4 }), (a, b, limit) => {
        expect(jaroWinkler(a, b)).toBe(jaroWinkler(b, a));
        expect(jaroWinkler(a, b)).toBeGreaterThanOrEqual(0);
        expect(jaroWinkler(a, b)).toBeLessThanOrEqual(1);
        expect(jaroWinkler(a, a)).toBe(1);
        expect(editDistance(a, b, limit)).toBe(editDistance(b, a, limit));
        expect(editDistance(a, a, limit)).toBe(0);
        expect(editDistance(a, b, 1000)).toBeLessThanOrEqual(Math.max(a.length, b.length));
      }),
      { numRuns: 2000 },
    );
  });

  it('stop counting at the limit and otherwise count as without one', () => {
    fc.assert(
      fc.property(text, text, fc.integer({ min: 0, max: 4 }), (a, b, limit) => {
        expect(editDistance(a, b, limit)).toBe(Math.min(editDistance(a, b, 1000), limit + 1));
      }),
      { numRuns: 2000 },
    );
  });

  it.each([
    ['martha', 'marhta', 0.9611],
    ['dwayne', 'duane', 0.84],
    ['dixon', 'dicksonx', 0.8133],
    ['abc', 'xyz', 0],
  ])('Jaro-Winkler of %s and %s is %d', (a, b, expected) => expect(jaroWinkler(a, b)).toBeCloseTo(expected, 4));

  it.each([
    ['ca', 'abc', 3],
    ['abcdef', 'abdcef', 1],
    ['kitten', 'sitting', 3],
    ['', 'abc', 3],
  ])('from %s to %s it is %d steps', (a, b, steps) => expect(editDistance(a, b, 10)).toBe(steps));
});

describe('folding', () => {
  it.each([
    ['ＡＢＣ　１２', 'abc 12'],
    ['Ångström-Žižek', 'angstrom zizek'],
    ['張偉', '张伟'],
    ['a\u200bb', 'ab'],
  ])('%s is compared as %s', (given, folded) => expect(foldText(given)).toBe(folded));

  it('changes nothing the second time', () => {
    fc.assert(fc.property(text, (given) => expect(foldText(foldText(given))).toBe(foldText(given))));
  });

  it('reads surnames in their own way', () => {
    expect(romanise('单雄信', 'surname')).toBe('shanxiongxin');
    expect(romanise('仇', 'surname')).toBe('qiu');
  });

  it.each([
    ['robert', 'r163'],
    ['rupert', 'r163'],
    ['ashcraft', 'a261'],
    ['tymczak', 't522'],
  ])('%s sounds as %s', (name, sound) => expect(soundOf(name)).toBe(sound));
});

it('takes names that objects have for words like any others', () => {
  const words = '__proto__ constructor toString valueOf';
  const features = featuresOf({ kind: 'person', name: { full: words }, address: { lines: [words], city: words } });
  expect(JSON.parse(JSON.stringify(features))).toEqual(features);
  expect(JSON.stringify(features)).toContain('constructor');
});

it('cuts no character in half, whatever is compared and looked up by', () => {
  const records = [
    { kind: 'person' as const, name: { full: '𠮷野家' }, ids: [{ system: 'member', value: '😀😁😂😃😄😅😆' }] },
    { kind: 'person' as const, name: { given: '𠮷', family: '𠮷𠮷' } },
  ];
  for (const record of records) {
    const features = featuresOf(record);
    const told = [...blockingKeys(features), JSON.stringify(features)];
    expect(told.filter((text) => !text.isWellFormed() || text.includes(String.raw`\ud8`))).toEqual([]);
  }
});
