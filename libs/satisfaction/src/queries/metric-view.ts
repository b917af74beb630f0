/** How metrics look from outside. */
import type { Interval, MetricDescription, MetricPoint } from '@timeline/composing';
import { INTERVALS } from '@timeline/composing';
import {
  fieldTypes,
  Instant,
  ListOf,
  MapOf,
  Nested,
  NestedArray,
  Nullable,
  Numeric,
  OneOf,
  Optional,
  PlainDate,
  Text,
  Whole,
} from '@timeline/http';

export class MetricDescriptionView implements MetricDescription {
  @Text()
  name: string;
  @Text()
  title: string;
  /** How the value comes from numerator and denominator. */
  @Text({ max: 2000 })
  formula: string;
  /** Goes up when the same events would give another value. */
  @Whole({ min: 1 })
  version: number;
  @Text()
  unit: string;
  /** What the numerator counts. */
  @Text()
  numerator: string;
  /** What the denominator counts. */
  @Text()
  denominator: string;
  /** How the confidence interval is made; absent where there is none. */
  @Optional()
  @Text()
  confidence?: string;
  /** What `by` may be. */
  @ListOf(fieldTypes.text())
  breakdowns: string[];
}

export class ConfidenceView {
  @Numeric()
  low: number;
  @Numeric()
  high: number;
}

export class PercentilesView {
  @Numeric()
  p50: number;
  @Numeric()
  p90: number;
  @Numeric()
  p99: number;
}

export class MetricPointView implements MetricPoint {
  /** First day. */
  @PlainDate()
  from: string;
  /** Last day. */
  @PlainDate()
  to: string;
  /** With `by`: which one. */
  @Optional()
  @Text()
  group?: string;
  @Numeric()
  n: number;
  /** null when there is nothing to divide by. */
  @Nullable()
  @Numeric()
  value: number | null;
  @Numeric()
  numerator: number;
  @Numeric()
  denominator: number;
  @Optional()
  @Nullable()
  @Nested(() => ConfidenceView)
  confidence?: ConfidenceView | null;
  @Optional()
  @Nullable()
  @Nested(() => PercentilesView)
  percentiles?: PercentilesView | null;
  @Optional()
  @MapOf(fieldTypes.numeric())
  parts?: Record<string, number>;
}

export class MetricSeries {
  @Nested(() => MetricDescriptionView)
  metric: MetricDescriptionView;
  /** The time zone of the days. */
  @Text()
  timeZone: string;
  @PlainDate()
  from: string;
  @PlainDate()
  to: string;
  @OneOf(INTERVALS)
  interval: Interval;
  @Optional()
  @Text()
  by?: string;
  @Optional()
  @Instant()
  asOf?: string;
  @NestedArray(() => MetricPointView, { max: 100_000 })
  points: MetricPointView[];
}
