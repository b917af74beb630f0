/** Whose memberships are recorded as facts. Slices that act by segments say it; by itself nobody does. */
import type { SegmentId } from './segments.events.js';

export abstract class WatchedSegments {
  /** @param position to have been seen */
  abstract current(position: string | undefined): Promise<readonly SegmentId[]>;
}

export class NoneWatched extends WatchedSegments {
  override current(): Promise<readonly SegmentId[]> {
    return Promise.resolve([]);
  }
}
