/** Intervals that hold the true value with 95 % confidence. */

/** The 97.5 % quantile of the standard normal distribution. */
const Z = 1.959963984540054;

export interface ConfidenceInterval {
  low: number;
  high: number;
}

/**
 * Wilson's score interval of a proportion (E. B. Wilson, JASA 22, 1927): right also for few answers and for shares near
 * 0 and 1, where the plain normal approximation is not. Null when nobody answered.
 */
export function wilsonInterval(successes: number, n: number): ConfidenceInterval | null {
  if (n === 0) return null;
  const share = successes / n;
  const centre = share + (Z * Z) / (2 * n);
  const half = Z * Math.sqrt((share * (1 - share)) / n + (Z * Z) / (4 * n * n));
  const scale = 1 + (Z * Z) / n;
  return { low: Math.max(0, (centre - half) / scale), high: Math.min(1, (centre + half) / scale) };
}

/**
 * The mean of `n` values by the normal approximation, from their sum and sum of squares (sample variance with n − 1).
 * Null below two values, of which there is no spread to see.
 */
export function meanInterval({
  n,
  sum,
  squares,
}: {
  n: number;
  sum: number;
  squares: number;
}): ConfidenceInterval | null {
  if (n < 2) return null;
  const mean = sum / n;
  // Rounding may make what is zero a little less.
  const variance = Math.max(0, (squares - n * mean * mean) / (n - 1));
  const half = Z * Math.sqrt(variance / n);
  return { low: mean - half, high: mean + half };
}

/**
 * The difference of the shares of promoters and detractors among `n` answers by the normal approximation; its variance
 * per answer is p + d − (p − d)². From −1 to 1; null below two answers.
 */
export function differenceInterval(promoters: number, detractors: number, n: number): ConfidenceInterval | null {
  if (n < 2) return null;
  const difference = (promoters - detractors) / n;
  const half = Z * Math.sqrt(Math.max(0, (promoters + detractors) / n - difference * difference) / n);
  return { low: Math.max(-1, difference - half), high: Math.min(1, difference + half) };
}
