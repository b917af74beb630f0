/** The order in which stores answer documents: by the UTF-8 bytes of the key. */
import type { Filter } from '@timeline/read-store';

/** UTF-16 units, which JavaScript compares, are in another order only from the surrogates up. */
const ORDERED_OTHERWISE = /[\ud800-\uffff]/;

export function compareKeys(a: string, b: string): number {
  if (ORDERED_OTHERWISE.test(a) || ORDERED_OTHERWISE.test(b)) return Buffer.compare(Buffer.from(a), Buffer.from(b));
  return a < b ? -1 : a > b ? 1 : 0;
}

/** A stretch of keys: from `from` on, up to but without `below`; open where a bound is missing. */
export class KeyRange {
  constructor(
    readonly from?: string,
    readonly below?: string,
  ) {}

  has(key: string): boolean {
    return (
      (this.from === undefined || compareKeys(key, this.from) >= 0) &&
      (this.below === undefined || compareKeys(key, this.below) < 0)
    );
  }

  /** Documents in the range that are there. */
  get filter(): Filter {
    const bounds = {
      ...(this.from !== undefined && { $gte: this.from }),
      ...(this.below !== undefined && { $lt: this.below }),
    };
    return { _x: { $exists: false }, ...(Object.keys(bounds).length > 0 && { _id: bounds }) };
  }
}
