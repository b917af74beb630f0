/** Exact decimals for money: strings outside, decimal.js inside, never floating point. */
import { Decimal as DecimalJs } from 'decimal.js';

// Sums must not round: 60 significant digits are more than any sum of orders needs.
const Exact = DecimalJs.clone({ precision: 60, toExpNeg: -40, toExpPos: 60 });

/** A finite decimal in plain notation, e.g. `"261.96"`. */
export type Decimal = string;

const SHAPE = /^-?\d{1,18}(\.\d{1,10})?$/;
export const isDecimal = (value: unknown): value is Decimal => typeof value === 'string' && SHAPE.test(value);

const plain = (value: InstanceType<typeof Exact>): Decimal => value.toFixed();

export const addDecimals = (a: Decimal, b: Decimal): Decimal => plain(new Exact(a).plus(b));
export const subtractDecimals = (a: Decimal, b: Decimal): Decimal => plain(new Exact(a).minus(b));
export const multiplyDecimals = (a: Decimal, b: Decimal | number): Decimal => plain(new Exact(a).times(b));
export const compareDecimals = (a: Decimal, b: Decimal): number => new Exact(a).comparedTo(b);
export const sumDecimals = (values: Iterable<Decimal>): Decimal => {
  let sum = new Exact(0);
  for (const value of values) sum = sum.plus(value);
  return plain(sum);
};
/** Of each value, whether the sum of those up to it is at least `bound`. */
export function sumsReach(values: readonly Decimal[], bound: Decimal): boolean[] {
  const least = new Exact(bound);
  let sum = new Exact(0);
  return values.map((value) => (sum = sum.plus(value)).greaterThanOrEqualTo(least));
}
/** Division for display, to `places` decimals, half even. */
export const divideDecimals = (a: Decimal, b: Decimal | number, places = 6): Decimal =>
  new Exact(a).dividedBy(b).toDecimalPlaces(places, DecimalJs.ROUND_HALF_EVEN).toFixed();
export const toNumber = (value: Decimal): number => new Exact(value).toNumber();

/** The one way to write a value: no leading or trailing zeros, e.g. `"1.5"` for `"01.50"`. */
export const normalDecimal = (value: Decimal): Decimal => plain(new Exact(value));
export const placesOf = (value: Decimal): number => new Exact(value).decimalPlaces();
/** `amount` · `part` / `whole`, to `places` decimals, half even; rounded once, from the exact product. */
export const proportionOf = (amount: Decimal, part: Decimal, whole: Decimal, places: number): Decimal =>
  plain(new Exact(amount).times(part).dividedBy(whole).toDecimalPlaces(places, DecimalJs.ROUND_HALF_EVEN));
