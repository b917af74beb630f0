/**
 * Whether a membership is still as it was recorded. It ends when the clock says so, which is recorded a little later, or
 * later yet where no process was running: whoever was due by it in the meantime is not.
 */
import type { Instant } from '@timeline/kernel';
import type { SegmentId } from '../../../segments/src/segments.events.js';

export interface Membership {
  customerId: string;
  segment: SegmentId;
  /** As it was recorded. */
  since: Instant;
}

export abstract class Memberships {
  abstract holds(membership: Membership, now: Instant): Promise<boolean>;
}

/** Without somebody who knows better. */
export class AsRecorded extends Memberships {
  override holds(): Promise<boolean> {
    return Promise.resolve(true);
  }
}
