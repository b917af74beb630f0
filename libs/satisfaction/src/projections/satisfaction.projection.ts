/**
 * The figures of satisfaction and service per day: what spans customers is kept per bucket and added up when read. No
 * personal data is in it, so it stays as it is when a customer is erased.
 */
import { dayIn, FaultError, type Recorded } from '@timeline/kernel';
import { bucketOf, type Projection } from '@timeline/projecting';
import {
  combineTallies,
  contributionOf,
  MEASURED_TYPES,
  type Contribution,
  type Measure,
  type MeasuredEvent,
  type Tally,
} from '../measures.js';

export interface SatisfactionDay extends Tally {
  measure: Measure;
  /** `YYYY-MM-DD` in the reporting time zone. */
  day: string;
  channel: string;
  origin: Contribution['origin'];
}

/**
 * Day documents in the order of time, so that a range of days of one measure is one range of keys.
 * `upTo` ends behind every key of the day before.
 */
export const dayKeys = (measure: Measure, from: string, upTo: string): { $gte: string; $lt: string } => ({
  $gte: `${measure}/${from}`,
  $lt: `${measure}/${upTo}`,
});

/** Another zone has other days, so it is another projection: its name says so, and it is filled from the start. */
export function satisfactionProjection(zone: string): Projection<SatisfactionDay, MeasuredEvent> {
  return {
    name: zone === 'UTC' ? 'satisfaction' : `satisfaction-${slugOf(zone)}`,
    version: 1,
    handles: MEASURED_TYPES,
    keys(event) {
      const contribution = contributionOf(event);
      if (!contribution) return [];
      const { measure, channel, origin } = contribution;
      const bucket = bucketOf(customerOf(event));
      const day = dayIn(zone, event.metadata.occurredAt);
      return [{ key: `${measure}/${day}/${channel}/${origin}/${bucket}`, owner: `bucket:${bucket}` }];
    },
    evolve(before, event) {
      const contribution = contributionOf(event);
      if (!contribution) return before;
      const { measure, channel, origin, tally } = contribution;
      const day = dayIn(zone, event.metadata.occurredAt);
      return { measure, day, channel, origin, ...(before ? combineTallies(before, tally) : tally) };
    },
  };
}

/** `Etc/GMT+8` and `Etc/GMT-8` must not share a name. */
const slugOf = (zone: string): string =>
  zone
    .toLowerCase()
    .replaceAll('+', 'plus')
    .replaceAll(/[^a-z0-9]+/g, '-');

function customerOf({ metadata }: Recorded<MeasuredEvent>): string {
  if (metadata.customerId !== undefined) return metadata.customerId;
  throw new FaultError('CUSTOMER_MISSING', 'a fact that is measured names no customer; the log is damaged');
}
