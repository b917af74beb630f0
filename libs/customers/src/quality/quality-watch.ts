/**
 * Measures the quality of all records once a day, when the day is over: the first look of a day writes down how yesterday
 * ended. A day on which no process ran has no measurement, and nor has one before the first record.
 */
import { Injectable } from '@nestjs/common';
import { addToDay, type Follower } from '@timeline/composing';
import { EventStore } from '@timeline/event-store';
import { KeyedHashes } from '@timeline/key-store';
import { backoffMs, Clock, dayIn, delay, deriveId, errorCode, toInstant } from '@timeline/kernel';
import type { FeedNotice } from '@timeline/projecting';
import { CustomersSettings } from '../customers-settings.js';
import { QualityMeasurements } from './measure-quality.command.js';
import { qualityDaysProjection } from './quality-days.projection.js';

const POLL_MS = 60_000;

@Injectable()
export class QualityWatch implements Follower {
  constructor(
    private readonly measurements: QualityMeasurements,
    private readonly events: EventStore,
    private readonly hashes: KeyedHashes,
    private readonly clock: Clock,
    private readonly settings: CustomersSettings,
  ) {}

  async follow(signal: AbortSignal, report: (notice: FeedNotice) => void): Promise<void> {
    for (let attempt = 0; !signal.aborted;) {
      try {
        await this.look();
        attempt = 0;
        await delay(POLL_MS, signal);
      } catch (error) {
        if (attempt === 0)
          report({
            level: 'warn',
            projection: qualityDaysProjection.name,
            code: errorCode(error),
            message: 'the quality of the records could not be measured; trying again',
          });
        await delay(backoffMs(attempt++), signal);
      }
    }
  }

  /** Answers whether it measured. Two at once record it once. */
  async look(): Promise<boolean> {
    const zone = this.settings.reportingTimeZone;
    const today = dayIn(zone, toInstant(this.clock.now()));
    const yesterday = addToDay(today, -1);
    const commandId = deriveId('data-quality', yesterday);
    const first = await this.#firstRecordedAt();
    if (first === undefined || dayIn(zone, first) >= today) return false;
    const bodyHash = this.hashes.hashBody(commandId);
    const context = { commandId, bodyHash, actor: 'data-quality', correlationId: commandId, causationId: commandId };
    return !(await this.measurements.measure(context, yesterday)).resent;
  }

  async #firstRecordedAt(): Promise<string | undefined> {
    for await (const [event] of this.events.readAll({ limit: 1 })) return event?.recordedAt;
    return undefined;
  }
}
