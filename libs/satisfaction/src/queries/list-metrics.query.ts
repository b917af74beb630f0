/** What metrics there are and what they mean. */
import { Query, QueryHandler, type IQueryHandler } from '@nestjs/cqrs';
import type { MetricDescription } from '@timeline/composing';
import { MetricCatalogue } from './metric-catalogue.js';

export class ListMetrics extends Query<{ items: MetricDescription[] }> {}

@QueryHandler(ListMetrics)
export class ListMetricsHandler implements IQueryHandler<ListMetrics> {
  constructor(private readonly catalogue: MetricCatalogue) {}

  execute(): Promise<{ items: MetricDescription[] }> {
    return Promise.resolve({ items: this.catalogue.descriptions() });
  }
}
