/** The values of a metric over a range of days. */
import { Inject } from '@nestjs/common';
import { Query, QueryHandler, type IQueryHandler } from '@nestjs/cqrs';
import { addToDay, INTERVALS, intervalsOf, type DayRange, type Interval } from '@timeline/composing';
import { Instant, OneOf, Optional, PlainDate, Text } from '@timeline/http';
import { Clock, dayIn, DomainError, toInstant } from '@timeline/kernel';
import { REPORTING_TIME_ZONE } from '../satisfaction.metrics.js';
import { MetricCatalogue } from './metric-catalogue.js';
import type { MetricSeries } from './metric-view.js';

export class MetricRange {
  /** First day; 30 days up to the last where absent. */
  @Optional()
  @PlainDate()
  from?: string;

  /** Last day, included; today (with `asOf`: its day) where absent. */
  @Optional()
  @PlainDate()
  to?: string;

  /** One point for each; weeks begin on Monday. The first and the last are cut to the range. */
  @Optional()
  @OneOf(INTERVALS)
  interval: Interval = 'total';

  /** One of the metric's breakdowns. */
  @Optional()
  @Text({ max: 40 })
  by?: string;

  /** Only what had happened by then. */
  @Optional()
  @Instant()
  asOf?: string;
}

export class ReadMetric extends Query<MetricSeries> {
  constructor(
    readonly name: string,
    readonly range: MetricRange,
    readonly position: string | undefined,
  ) {
    super();
  }
}

const USUAL_DAYS = 30;
/** A day each for over ten years. */
const MAX_POINTS = 4_000;

@QueryHandler(ReadMetric)
export class ReadMetricHandler implements IQueryHandler<ReadMetric> {
  constructor(
    private readonly catalogue: MetricCatalogue,
    private readonly clock: Clock,
    @Inject(REPORTING_TIME_ZONE) private readonly zone: string,
  ) {}

  /** @throws DomainError METRIC_NOT_FOUND, METRIC_BREAKDOWN_UNKNOWN, METRIC_RANGE_EMPTY, METRIC_RANGE_TOO_LONG */
  async execute({ name, range, position }: ReadMetric): Promise<MetricSeries> {
    const { description, source } = this.catalogue.named(name);
    const { interval, by, asOf } = range;
    if (by !== undefined && !description.breakdowns.includes(by)) {
      const known = description.breakdowns.join(', ') || 'none';
      throw new DomainError(
        'METRIC_BREAKDOWN_UNKNOWN',
        `${name} cannot be broken down by ${by}; its breakdowns: ${known}`,
        {
          pointer: '/by',
        },
      );
    }
    const days = this.#daysOf(range);
    assertReadable(days, interval);
    const optional = { ...(by !== undefined && { by }), ...(asOf !== undefined && { asOf }) };
    const points = await source.series({
      metric: name,
      ...days,
      interval,
      ...optional,
      ...(position !== undefined && { position }),
    });
    return {
      metric: { ...description, breakdowns: [...description.breakdowns] },
      timeZone: this.zone,
      ...days,
      interval,
      ...optional,
      points,
    };
  }

  #daysOf({ from, to, asOf }: MetricRange): DayRange {
    const last = to ?? dayIn(this.zone, asOf ?? toInstant(this.clock.now()));
    return { from: from ?? addToDay(last, 1 - USUAL_DAYS), to: last };
  }
}

function assertReadable(days: DayRange, interval: Interval): void {
  if (days.from > days.to) {
    throw new DomainError('METRIC_RANGE_EMPTY', `from ${days.from} is after to ${days.to}`, { pointer: '/from' });
  }
  let points = 0;
  for (const _ of intervalsOf(days, interval)) {
    points += 1;
    if (points > MAX_POINTS) {
      throw new DomainError(
        'METRIC_RANGE_TOO_LONG',
        `more than ${MAX_POINTS} points; take a longer interval than ${interval}`,
        {
          pointer: '/interval',
        },
      );
    }
  }
}
