/** Intervals against published values, and what holds for any numbers. */
import fc from 'fast-check';
import { differenceInterval, meanInterval, wilsonInterval } from './statistics.js';

describe('The Wilson interval', () => {
  it('has the values of the literature', () => {
    // R. G. Newcombe, Statistics in Medicine 17 (1998), table I, method 3.
    const published = [
      [81, 263, 0.2553, 0.3662],
      [15, 148, 0.0624, 0.1605],
      [0, 20, 0, 0.1611],
      [1, 29, 0.0061, 0.1718],
    ] as const;
    for (const [successes, n, low, high] of published) {
      const interval = wilsonInterval(successes, n);
      expect(interval?.low).toBeCloseTo(low, 4);
      expect(interval?.high).toBeCloseTo(high, 4);
    }
  });

  it('holds the share, stays within 0 and 1, and is the mirror image for failures', () => {
    const counts = fc
      .integer({ min: 1, max: 10_000 })
      .chain((n) => fc.tuple(fc.integer({ min: 0, max: n }), fc.constant(n)));
    fc.assert(
      fc.property(counts, ([successes, n]) => {
        const { low, high } = wilsonInterval(successes, n) ?? { low: Number.NaN, high: Number.NaN };
        const mirrored = wilsonInterval(n - successes, n);
        expect(low).toBeGreaterThanOrEqual(0);
        expect(high).toBeLessThanOrEqual(1);
        expect(low - 1e-12).toBeLessThanOrEqual(successes / n);
        expect(high + 1e-12).toBeGreaterThanOrEqual(successes / n);
        expect(mirrored?.low).toBeCloseTo(1 - high, 10);
      }),
    );
    expect(wilsonInterval(0, 0)).toBeNull();
  });
});

describe('Intervals by the normal approximation', () => {
  it('use the spread of the values', () => {
    // 7, 6, 2: mean 5, sample variance 7.
    const half = 1.959963984540054 * Math.sqrt(7 / 3);
    const interval = meanInterval({ n: 3, sum: 15, squares: 89 });
    expect(interval?.low).toBeCloseTo(5 - half, 12);
    expect(interval?.high).toBeCloseTo(5 + half, 12);
    expect(meanInterval({ n: 1, sum: 7, squares: 49 })).toBeNull();
  });

  it('treat a net promoter score as the mean of +1, 0 and −1', () => {
    // 3 promoters, 1 passive, 1 detractor: difference 0.4, variance 0.8 − 0.16.
    const half = 1.959963984540054 * Math.sqrt(0.64 / 5);
    expect(differenceInterval(3, 1, 5)?.low).toBeCloseTo(0.4 - half, 12);
    expect(differenceInterval(3, 1, 5)?.high).toBe(1);
    expect(differenceInterval(1, 0, 1)).toBeNull();
    expect(differenceInterval(0, 0, 0)).toBeNull();
  });
});
