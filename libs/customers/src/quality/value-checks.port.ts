/** What may judge values beside the product's own checks: data standards, where the product has them. */
import type { Check } from './quality.js';

export abstract class ValueChecks {
  /** By the standards in force now. */
  abstract inForce(): Promise<Check>;
}

/** Where there are no standards. */
export class NoValueChecks extends ValueChecks {
  inForce(): Promise<Check> {
    return Promise.resolve(() => undefined);
  }
}
