/**
 * Something that goes on by itself beside the log, such as a watch that compares what changed. For what is neither a pure
 * fold (a projection) nor owed for one subject (a reaction). It must be harmless when it runs twice or starts over.
 */
import type { FeedNotice } from '@timeline/projecting';

export interface Follower {
  /** Returns when `signal` says so; deals with its own errors. */
  follow(signal: AbortSignal, report: (notice: FeedNotice) => void): Promise<void>;
}
