/** `GET /v1/metrics`: the metrics of every slice, described and read. */
import { Controller, Get } from '@nestjs/common';
import { QueryBus } from '@nestjs/cqrs';
import type { MetricDescription } from '@timeline/composing';
import {
  Answers,
  Describes,
  fieldTypes,
  pageSchema,
  PathParam,
  PositionHeader,
  Refuses,
  StrictQuery,
} from '@timeline/http';
import { ListMetrics } from './queries/list-metrics.query.js';
import { MetricDescriptionView, MetricSeries } from './queries/metric-view.js';
import { MetricRange, ReadMetric } from './queries/read-metric.query.js';

@Controller('v1/metrics')
export class MetricsController {
  constructor(private readonly queries: QueryBus) {}

  @Get()
  @Describes('What metrics there are', 'Each with formula, version, unit and what numerator and denominator count.')
  @Answers(200, pageSchema(MetricDescriptionView))
  list(): Promise<{ items: MetricDescription[] }> {
    return this.queries.execute(new ListMetrics());
  }

  @Get(':name')
  @Describes(
    'A metric over time',
    'One point per interval (and per group with by), each with n, value, numerator, denominator and, where the metric has them, a 95 % confidence interval and percentiles. Days are days in the reporting time zone, from and to included. The value is null where there is nothing to divide by. How an interval is made stands in the description of the metric: proportions by Wilson, net promoter score and means by the normal approximation.',
  )
  @Answers(200, MetricSeries)
  @Refuses(
    'METRIC_NOT_FOUND',
    'METRIC_BREAKDOWN_UNKNOWN',
    'METRIC_RANGE_EMPTY',
    'METRIC_RANGE_TOO_LONG',
    'READ_MODEL_NOT_READY',
  )
  read(
    @PathParam('name', fieldTypes.text({ max: 60 })) name: string,
    @StrictQuery(MetricRange) range: MetricRange,
    @PositionHeader() position: string | undefined,
  ): Promise<MetricSeries> {
    return this.queries.execute(new ReadMetric(name, range, position));
  }
}
