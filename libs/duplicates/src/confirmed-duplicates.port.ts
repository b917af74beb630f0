/**
 * What becomes of a confirmed pair: the one place from which the merge is called. `ConfirmDuplicateHandler` calls it after
 * `DuplicateConfirmed` is recorded, and again when the command is resent, so it must be harmless when repeated.
 *
 * `duplicatesSlice({ confirmed })` takes the class that merges; without one a confirmed pair is only recorded.
 */
import type { CommandContext } from '@timeline/deciding';
import type { Pair } from './duplicates.events.js';

export abstract class ConfirmedDuplicates {
  /** @param context of the command that confirmed: actor, correlation and, for derived ids, its `commandId` */
  abstract merge(pair: { customers: Pair; survivor?: string }, context: CommandContext): Promise<void>;
}

export class OnlyRecorded extends ConfirmedDuplicates {
  override merge(): Promise<void> {
    return Promise.resolve();
  }
}
