/**
 * Quantiles of times that can be added up over days, channels and buckets: a sketch with a bounded relative error.
 *
 * DDSketch: C. Masson, J. E. Rim, H. K. Lee, "DDSketch: A fast and fully-mergeable quantile sketch with relative-error
 * guarantees", PVLDB 12(12), 2019. With relative error α and γ = (1 + α) / (1 − α), a value x > 0 counts in bucket
 * i = ⌈log_γ x⌉, that is γ^(i−1) < x ≤ γ^i, and is told as 2γ^i / (γ + 1), which is within α·x of every x in it. The
 * q-quantile of n values is the one with rank ⌊q(n − 1)⌋ from 0. Buckets only count, so two sketches are joined by
 * adding their counts, in any order. Between a millisecond and a hundred years there are 1,439 buckets, hence no limit
 * on their number is needed.
 */
export const RELATIVE_ERROR = 0.01;

const GAMMA = (1 + RELATIVE_ERROR) / (1 - RELATIVE_ERROR);
const LN_GAMMA = Math.log(GAMMA);

/** Plain JSON: how many values are zero, and how many are in each bucket, by its number in decimal. */
export interface QuantileSketch {
  zeros: number;
  counts: Record<string, number>;
}

export const emptySketch = (): QuantileSketch => ({ zeros: 0, counts: {} });

/** The sketch of one value. @throws RangeError when it is negative or not finite */
export function sketchOf(value: number): QuantileSketch {
  if (!(value >= 0) || value === Infinity) throw new RangeError('a sketch counts finite values from 0 up');
  if (value === 0) return { zeros: 1, counts: {} };
  return { zeros: 0, counts: { [String(Math.ceil(Math.log(value) / LN_GAMMA))]: 1 } };
}

/** Adds `other` to `sketch` in place; for sums over many. */
export function addToSketch(sketch: QuantileSketch, other: QuantileSketch): void {
  sketch.zeros += other.zeros;
  for (const [bucket, count] of Object.entries(other.counts)) {
    sketch.counts[bucket] = (sketch.counts[bucket] ?? 0) + count;
  }
}

/** A new sketch of the values of both. */
export function combineSketches(a: QuantileSketch, b: QuantileSketch): QuantileSketch {
  const both = { zeros: a.zeros, counts: { ...a.counts } };
  addToSketch(both, b);
  return both;
}

/** Each `q` from 0 to 1; answers in their order. Undefined when nothing was counted. */
export function quantilesOf<const Q extends readonly number[]>(
  { zeros, counts }: QuantileSketch,
  qs: Q,
): { [I in keyof Q]: number } | undefined {
  const buckets = Object.entries(counts)
    .map(([bucket, count]) => ({ index: Number(bucket), count }))
    .sort((a, b) => a.index - b.index);
  const n = buckets.reduce((sum, { count }) => sum + count, zeros);
  if (n === 0) return undefined;
  const quantileOf = (q: number): number => {
    const rank = Math.floor(q * (n - 1));
    let below = zeros;
    if (rank < below) return 0;
    for (const { index, count } of buckets) {
      below += count;
      if (rank < below) return (2 * GAMMA ** index) / (GAMMA + 1);
    }
    throw new RangeError('a quantile is from 0 to 1');
  };
  // `map` keeps the length; its type does not say so.
  return qs.map(quantileOf) as { [I in keyof Q]: number };
}
