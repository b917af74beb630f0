/** Prometheus metrics of this process. */
import { Injectable } from '@nestjs/common';
import type { AnsweredRequest } from '@timeline/http';
import { collectDefaultMetrics, Counter, Gauge, Histogram, Registry } from 'prom-client';

@Injectable()
export class MetricsService {
  readonly #registry = new Registry();
  readonly #requests = new Histogram({
    name: 'timeline_http_request_seconds',
    help: 'Time from request to answer, by route and status',
    labelNames: ['method', 'route', 'status'],
    buckets: [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1, 5],
    registers: [this.#registry],
  });
  readonly #batches = new Histogram({
    name: 'timeline_projection_batch_events',
    help: 'Events that a batch moved a projection by',
    labelNames: ['projection'],
    buckets: [1, 2, 5, 10, 25, 50, 100, 250, 500, 1000],
    registers: [this.#registry],
  });
  readonly #notices = new Counter({
    name: 'timeline_notices_total',
    help: 'Troubles told by projections, reactions and the relay, by level and code',
    labelNames: ['level', 'code'],
    registers: [this.#registry],
  });
  readonly #lag = new Gauge({
    name: 'timeline_projection_lag_seconds',
    help: 'Age of the head of the log while a build is behind it; 0 when it is not',
    labelNames: ['projection', 'build'],
    registers: [this.#registry],
  });

  /** Called at each scrape. */
  lags: (() => Promise<{ projection: string; build: string; lagSeconds: number }[]>) | undefined;

  constructor() {
    collectDefaultMetrics({ register: this.#registry });
  }

  readonly contentType = this.#registry.contentType;

  answered({ method, route, status, seconds }: AnsweredRequest): void {
    this.#requests.observe({ method, route, status: String(status) }, seconds);
  }

  moved(projection: string, events: number): void {
    this.#batches.observe({ projection }, events);
  }

  noticed(level: string, code: string): void {
    this.#notices.inc({ level, code });
  }

  async text(): Promise<string> {
    this.#lag.reset();
    for (const { projection, build, lagSeconds } of (await this.lags?.()) ?? [])
      this.#lag.set({ projection, build }, lagSeconds);
    return this.#registry.metrics();
  }
}
