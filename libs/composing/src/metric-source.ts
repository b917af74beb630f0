/**
 * What a slice that counts something gives to `GET /v1/metrics`: descriptions of its metrics and their values over
 * time. The metrics controller (`libs/satisfaction`) is given all sources and knows none of them by name.
 */
import type { Interval } from './calendar.js';

export interface MetricDescription {
  /** Lower case with dashes, unique in the product, e.g. `first-response-time`. */
  name: string;
  title: string;
  /** How the value comes from numerator and denominator, in words and signs. */
  formula: string;
  /** Goes up when the same events would give another value. */
  version: number;
  /** E.g. `points`, `percent`, `ms`. */
  unit: string;
  /** What numerator and denominator count. */
  numerator: string;
  denominator: string;
  /** How the confidence interval is made; absent where the metric has none. */
  confidence?: string;
  /** What `by` may be, e.g. `['channel']`. */
  breakdowns: readonly string[];
}

export interface MetricQuery {
  metric: string;
  /** First and last day, `YYYY-MM-DD` in the reporting time zone, both included; `from` is not after `to`. */
  from: string;
  to: string;
  interval: Interval;
  /** One of the metric's breakdowns. */
  by?: string;
  /** Only what had happened by this instant. */
  asOf?: string;
  /** Text of a `Timeline-Position` header. */
  position?: string;
}

export interface MetricPoint {
  /** First and last day that the point covers, both included. */
  from: string;
  to: string;
  /** With `by`: which one, e.g. `phone`. */
  group?: string;
  /** How many things were counted: answers, cases, orders … */
  n: number;
  /** In the metric's unit; null when there is nothing to divide by. */
  value: number | null;
  numerator: number;
  denominator: number;
  /** 95 %; null where `n` is too small for one. Absent where the metric has none. */
  confidence?: { low: number; high: number } | null;
  /** In the metric's unit, for times; null when n is 0. */
  percentiles?: { p50: number; p90: number; p99: number } | null;
  /** What the numerator is made of, e.g. promoters, passives and detractors. */
  parts?: Record<string, number>;
}

export abstract class MetricSource {
  abstract readonly metrics: readonly MetricDescription[];
  /**
   * Ordered by `from`, then `group`. Without `by` there is a point for every interval, with it one for every interval
   * and every group that occurs in the range. `query` has been checked against the description.
   */
  abstract series(query: MetricQuery): Promise<MetricPoint[]>;
}

/** Nest token of `readonly MetricSource[]`: those of all slices. */
export const METRIC_SOURCES = Symbol('METRIC_SOURCES');
