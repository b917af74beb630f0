/** Satisfaction and service in figures, and the metrics of every slice over HTTP. */
import type { Slice } from '@timeline/composing';
import { MetricsController } from './metrics.controller.js';
import { satisfactionProjection } from './projections/satisfaction.projection.js';
import { ListMetricsHandler } from './queries/list-metrics.query.js';
import { MetricCatalogue } from './queries/metric-catalogue.js';
import { ReadMetricHandler } from './queries/read-metric.query.js';
import { REPORTING_TIME_ZONE, SatisfactionMetrics } from './satisfaction.metrics.js';

/** `zone`: IANA name, whose days metrics count in. Another zone is another read model, filled from the start. */
export const satisfactionSlice = ({ zone }: { zone: string }) =>
  ({
    name: 'satisfaction',
    queryProviders: [
      { provide: REPORTING_TIME_ZONE, useValue: zone },
      MetricCatalogue,
      ListMetricsHandler,
      ReadMetricHandler,
    ],
    queryControllers: [MetricsController],
    projections: [satisfactionProjection(zone)],
    metricSources: [SatisfactionMetrics],
  }) satisfies Slice;
