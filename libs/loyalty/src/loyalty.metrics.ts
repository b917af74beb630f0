/**
 * The metrics of loyalty: who comes back to buy again, and points issued and redeemed. Nothing here depends on the
 * moment of asking but through `asOf`.
 */
import { Injectable } from '@nestjs/common';
import {
  addToDay,
  intervalsOf,
  MetricSource,
  type DayRange,
  type MetricDescription,
  type MetricPoint,
  type MetricQuery,
} from '@timeline/composing';
import { EventStore } from '@timeline/event-store';
import { PersonalVault } from '@timeline/key-store';
import { dayIn, FaultError, type Recorded } from '@timeline/kernel';
import { ReadModels } from '@timeline/projecting';
import type { Condition, Filter } from '@timeline/read-store';
import type { LoyaltyEvent } from './loyalty.events.js';
import type { PurchaseMoment } from './projections/customer-loyalty.js';
import { flowKeys, LoyaltyProjection } from './projections/loyalty.projection.js';

const SUM = { unit: 'points', denominator: 'nothing: a sum, divided by 1', version: 1, breakdowns: [] };

const DESCRIPTIONS = [
  {
    name: 'repeat-purchase-rate',
    title: 'Repeat purchase rate',
    formula:
      'customers with two or more purchases / customers with one or more · 100, of all purchases up to the end of the interval, without those that were cancelled by then; purchases that were returned later count, customers who were erased do not, merged customers count once',
    version: 2,
    unit: 'percent',
    numerator: 'customers with two or more purchases',
    denominator: 'customers with one or more purchases',
    breakdowns: [],
  },
  {
    ...SUM,
    name: 'points-issued',
    title: 'Points issued',
    formula: 'sum of the points earned in the interval',
    numerator: 'points earned',
  },
  {
    ...SUM,
    name: 'points-redeemed',
    title: 'Points redeemed',
    formula: 'sum of the points spent in the interval',
    numerator: 'points spent',
  },
] as const satisfies readonly MetricDescription[];

/** Points, and how often they moved. */
interface Flow {
  points: number;
  times: number;
}

interface FlowMetric {
  type: LoyaltyEvent['type'];
  points: 'issued' | 'redeemed';
  times: 'earnings' | 'redemptions';
}

const ISSUED: FlowMetric = { type: 'PointsEarned', points: 'issued', times: 'earnings' };
const REDEEMED: FlowMetric = { type: 'PointsSpent', points: 'redeemed', times: 'redemptions' };

@Injectable()
export class LoyaltyMetrics extends MetricSource {
  readonly metrics: readonly MetricDescription[] = DESCRIPTIONS;

  constructor(
    private readonly models: ReadModels,
    private readonly projection: LoyaltyProjection,
    private readonly events: EventStore,
    private readonly vault: PersonalVault,
  ) {
    super();
  }

  series(query: MetricQuery): Promise<MetricPoint[]> {
    switch (query.metric) {
      case 'repeat-purchase-rate':
        return this.#repeatPurchaseRate(query);
      case 'points-issued':
        return this.#flow(query, ISSUED);
      case 'points-redeemed':
        return this.#flow(query, REDEEMED);
      default:
        throw new FaultError('METRIC_NOT_OURS', `loyalty has no metric ${query.metric}`);
    }
  }

  #repeatPurchaseRate({ from, to, interval, asOf, position }: MetricQuery): Promise<MetricPoint[]> {
    const intervals = [...intervalsOf({ from, to }, interval)];
    return this.models.read(this.projection, position, async ({ derived }) => {
      const isBy = ({ day, at }: PurchaseMoment, end: string): boolean =>
        day <= end && (asOf === undefined || at <= asOf);
      /** Of the few who were not so all the time since, as they were at the end of each interval. */
      const wavering = { first: intervals.map(() => 0), second: intervals.map(() => 0) };
      for await (const found of derived.stream({ isSurvivor: true, wavered: { $exists: true } })) {
        for (const { wavered } of found) {
          for (const [which, stretches] of [
            ['first', wavered?.once ?? []],
            ['second', wavered?.twice ?? []],
          ] as const) {
            intervals.forEach((range, index) => {
              if (
                stretches.some(
                  ({ from: since, to: until }) => isBy(since, range.to) && !(until && isBy(until, range.to)),
                )
              )
                wavering[which][index] = (wavering[which][index] ?? 0) + 1;
            });
          }
        }
      }
      /** How many customers had made their first or second purchase by the end of each interval. */
      const reached = async (which: 'first' | 'second'): Promise<number[]> => {
        const within = (day: Condition): Filter => ({
          isSurvivor: true,
          wavered: { $exists: false },
          [`purchases.${which}.day`]: day,
          ...(asOf !== undefined && { [`purchases.${which}.at`]: { $lte: asOf } }),
        });
        const counts = await Promise.all([
          derived.count(within({ $lt: from })),
          ...intervals.map((range) => derived.count(within({ $gte: range.from, $lte: range.to }))),
        ]);
        let sum = counts[0] ?? 0;
        return counts.slice(1).map((count, index) => (sum += count) + (wavering[which][index] ?? 0));
      };
      const [buyers, repeaters] = await Promise.all([reached('first'), reached('second')]);
      return intervals.map((range, index): MetricPoint => {
        const denominator = buyers[index] ?? 0;
        const numerator = repeaters[index] ?? 0;
        const value = denominator === 0 ? null : (numerator / denominator) * 100;
        return { ...range, n: denominator, value, numerator, denominator };
      });
    });
  }

  async #flow({ from, to, interval, asOf, position }: MetricQuery, metric: FlowMetric): Promise<MetricPoint[]> {
    const intervals = [...intervalsOf({ from, to }, interval)];
    const sums = intervals.map((): Flow => ({ points: 0, times: 0 }));
    const add = (day: string, { points, times }: Flow): void => {
      const sum = sums[intervals.findIndex((range) => day <= range.to)];
      if (!sum) return;
      sum.points += points;
      sum.times += times;
    };

    // The day of `asOf` had begun but was not over: its document may hold what came after. All days before it are whole.
    const brokenDay = asOf === undefined ? undefined : dayIn(this.projection.zone, asOf);
    const last = brokenDay !== undefined && brokenDay <= to ? addToDay(brokenDay, -1) : to;
    const byMonth = last === to && intervals.every(isWholeMonths);
    const keys = byMonth ? flowKeys('month', from.slice(0, 7), to.slice(0, 7)) : flowKeys('day', from, last);
    await this.models.read(this.projection, position, async ({ documents }) => {
      for await (const flows of documents.stream({ _id: keys })) {
        for (const flow of flows) {
          if (flow.kind !== 'points') continue;
          add(byMonth ? `${flow.start}-01` : flow.start, { points: flow[metric.points], times: flow[metric.times] });
        }
      }
    });
    if (asOf !== undefined && brokenDay !== undefined && brokenDay >= from && brokenDay <= to) {
      add(brokenDay, await this.#flowInLog(metric.type, brokenDay, asOf));
    }
    return intervals.map((range, index): MetricPoint => {
      const { points, times } = sums[index] ?? { points: 0, times: 0 };
      return { ...range, n: times, value: points, numerator: points, denominator: 1 };
    });
  }

  /** What happened on `day` up to `asOf`, from the log itself. */
  async #flowInLog(type: LoyaltyEvent['type'], day: string, asOf: string): Promise<Flow> {
    const sum: Flow = { points: 0, times: 0 };
    for await (const stored of this.events.readAll({ types: [type] })) {
      const that = stored.filter(
        ({ metadata: { occurredAt } }) => occurredAt <= asOf && dayIn(this.projection.zone, occurredAt) === day,
      );
      // Read for that type alone; opening lifts old versions of it.
      for (const { data } of (await this.vault.open(that)) as unknown as Recorded<LoyaltyEvent>[]) {
        sum.points += data.points;
        sum.times += 1;
      }
    }
    return sum;
  }
}

const isWholeMonths = ({ from, to }: DayRange): boolean => from.endsWith('-01') && addToDay(to, 1).endsWith('-01');
