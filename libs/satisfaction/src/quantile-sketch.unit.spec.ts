/** What the sketch promises: an error bound, and sums that do not depend on order or grouping. */
import { canonicalJson } from '@timeline/kernel';
import fc from 'fast-check';
import {
  addToSketch,
  combineSketches,
  emptySketch,
  quantilesOf,
  RELATIVE_ERROR,
  sketchOf,
  type QuantileSketch,
} from './quantile-sketch.js';

/** Milliseconds from none to a hundred years, of every size alike. */
const times = fc.oneof(
  { arbitrary: fc.constant(0), weight: 1 },
  {
    arbitrary: fc.double({ min: 0, max: Math.log10(3.2e12), noNaN: true }).map((size) => Math.round(10 ** size)),
    weight: 9,
  },
);
const sketchAll = (values: readonly number[]): QuantileSketch => {
  const sketch = emptySketch();
  for (const value of values) addToSketch(sketch, sketchOf(value));
  return sketch;
};
const sketches = fc.array(times, { maxLength: 60 }).map(sketchAll);

describe('A quantile sketch', () => {
  it('tells every quantile within its relative error of the value with that rank', () => {
    fc.assert(
      fc.property(
        fc.array(times, { minLength: 1, maxLength: 200 }),
        fc.double({ min: 0, max: 1, noNaN: true }),
        (values, q) => {
          const sorted = [...values].sort((a, b) => a - b);
          const exact = sorted[Math.floor(q * (values.length - 1))] ?? Number.NaN;
          const [told] = quantilesOf(sketchAll(values), [q]) ?? [Number.NaN];
          // Beside the bound itself only what floating point adds at the edge of a bucket.
          expect(Math.abs(told - exact)).toBeLessThanOrEqual(RELATIVE_ERROR * exact * (1 + 1e-9));
        },
      ),
      { numRuns: 500 },
    );
  });

  it('joined with another is the sketch of the values of both', () => {
    fc.assert(
      fc.property(fc.array(times), fc.array(times), (a, b) => {
        expect(combineSketches(sketchAll(a), sketchAll(b))).toEqual(sketchAll([...a, ...b]));
      }),
    );
  });

  it('is joined in any order and grouping, with the empty one changing nothing, and changes neither', () => {
    fc.assert(
      fc.property(sketches, sketches, sketches, (a, b, c) => {
        const before = canonicalJson([a, b, c]);
        expect(combineSketches(a, b)).toEqual(combineSketches(b, a));
        expect(combineSketches(combineSketches(a, b), c)).toEqual(combineSketches(a, combineSketches(b, c)));
        expect(combineSketches(a, emptySketch())).toEqual(a);
        expect(canonicalJson([a, b, c])).toBe(before);
      }),
    );
  });

  it('is plain JSON, with no name that a store would take for a path', () => {
    fc.assert(
      fc.property(fc.double({ min: 1e-300, max: 1e300, noNaN: true }), (value) => {
        const sketch = sketchOf(value);
        expect(JSON.parse(JSON.stringify(sketch))).toEqual(sketch);
        expect(Object.keys(sketch.counts)).toEqual([expect.stringMatching(/^-?\d+$/)]);
      }),
    );
  });

  it('knows no quantile of nothing, and no negative or endless time', () => {
    expect(quantilesOf(emptySketch(), [0.5])).toBeUndefined();
    for (const wrong of [-1, Number.NaN, Infinity]) expect(() => sketchOf(wrong)).toThrow(RangeError);
  });
});
