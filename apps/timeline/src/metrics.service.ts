/**
 * Prometheus metrics of this process. What happens is counted as the libraries tell it (`measures.ts` of the kernel); how
 * things stand is looked at with each scrape. Labels are names and codes of ours, so there are few of each.
 */
import { Injectable, type OnApplicationShutdown } from '@nestjs/common';
import type { AnsweredRequest } from '@timeline/http';
import { onMeasure } from '@timeline/kernel';
import { collectDefaultMetrics, Counter, Gauge, Histogram, Registry } from 'prom-client';
import type { Health } from './health.service.js';

const SECONDS = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1, 5, 15];
const SIZES = [1, 2, 5, 10, 25, 50, 100, 250, 500, 1000, 5000];
const LIGHTS = { green: 0, yellow: 1, red: 2 };

@Injectable()
export class MetricsService implements OnApplicationShutdown {
  readonly #registry = new Registry();
  readonly #requests = this.#histogram('timeline_http_request_seconds', 'From request to answer', SECONDS, [
    'method',
    'route',
    'status',
  ]);
  readonly #commands = this.#histogram('timeline_command_seconds', 'From a valid command to its outcome', SECONDS, [
    'command',
    'outcome',
  ]);
  readonly #appends = this.#histogram('timeline_append_seconds', 'Appends to the event log', SECONDS, ['outcome']);
  readonly #appended = this.#counter('timeline_appended_events_total', 'Events appended', []);
  readonly #batches = this.#histogram('timeline_projection_batch_events', 'Events that moved a build at once', SIZES, [
    'projection',
  ]);
  readonly #batchSeconds = this.#histogram('timeline_projection_batch_seconds', 'Time a batch took', SECONDS, [
    'projection',
  ]);
  readonly #published = this.#histogram('timeline_publish_messages', 'Messages of a transaction', SIZES, []);
  readonly #publishSeconds = this.#histogram('timeline_publish_seconds', 'Transactions of the relay', SECONDS, [
    'outcome',
  ]);
  readonly #reactions = this.#counter('timeline_reactions_total', 'Facts that reactions recorded, or could not', [
    'reaction',
    'outcome',
  ]);
  readonly #retries = this.#counter('timeline_retries_total', 'Work that had to be tried again, and why', [
    'part',
    'code',
  ]);
  readonly #notices = this.#counter('timeline_notices_total', 'Troubles told in the log', ['level', 'code']);

  readonly #health = this.#gauge('timeline_health', '0 green, 1 yellow, 2 red, as /health/ready says', []);
  readonly #stores = this.#gauge('timeline_store_up', '1 while the store or broker answers', ['store']);
  readonly #lag = this.#gauge(
    'timeline_projection_lag_seconds',
    'Age of the head of the log while a build is behind it; 0 when it is not',
    ['projection', 'build'],
  );
  readonly #parked = this.#gauge('timeline_projection_parked_documents', 'Wait behind an event that was not applied', [
    'projection',
    'build',
  ]);
  readonly #relayLag = this.#gauge('timeline_relay_lag_seconds', 'The same for the relay', []);
  readonly #relayParked = this.#gauge(
    'timeline_relay_parked_keys',
    'Customers whose events wait in a parked topic',
    [],
  );
  readonly #failing = this.#gauge('timeline_reaction_failing_subjects', 'Owed facts that could not be recorded', [
    'reaction',
  ]);

  /** Called at each scrape. */
  look: (() => Promise<Health>) | undefined;

  readonly #ends = [
    onMeasure('command', ({ command, outcome, seconds }) => this.#commands.observe({ command, outcome }, seconds)),
    onMeasure('append', ({ outcome, events, seconds }) => {
      this.#appends.observe({ outcome }, seconds);
      if (outcome === 'appended') this.#appended.inc(events);
    }),
    onMeasure('batch', ({ projection, events, seconds }) => {
      this.#batches.observe({ projection }, events);
      this.#batchSeconds.observe({ projection }, seconds);
    }),
    onMeasure('publish', ({ outcome, messages, seconds }) => {
      this.#publishSeconds.observe({ outcome }, seconds);
      if (outcome === 'published') this.#published.observe(messages);
    }),
    onMeasure('reaction', (labels) => this.#reactions.inc({ ...labels })),
    onMeasure('retry', (labels) => this.#retries.inc({ ...labels })),
  ];

  constructor() {
    collectDefaultMetrics({ register: this.#registry });
  }

  readonly contentType = this.#registry.contentType;

  answered({ method, route, status, seconds }: AnsweredRequest): void {
    this.#requests.observe({ method, route, status: String(status) }, seconds);
  }

  noticed(level: string, code: string): void {
    this.#notices.inc({ level, code });
  }

  async text(): Promise<string> {
    const health = await this.look?.();
    if (health) this.#stand(health);
    return this.#registry.metrics();
  }

  onApplicationShutdown(): void {
    for (const end of this.#ends) end();
  }

  #stand({ status, stores, projections, relay, reactions }: Health): void {
    // Builds come and go.
    for (const gauge of [this.#stores, this.#lag, this.#parked, this.#failing]) gauge.reset();
    this.#health.set(LIGHTS[status]);
    for (const [store, light] of Object.entries(stores)) this.#stores.set({ store }, light.status === 'red' ? 0 : 1);
    for (const { projection, build, lagSeconds, parked } of projections) {
      this.#lag.set({ projection, build }, lagSeconds);
      this.#parked.set({ projection, build }, parked);
    }
    for (const { reaction, failing } of reactions) this.#failing.set({ reaction }, failing);
    if (!relay) return;
    this.#relayLag.set(relay.lagSeconds);
    this.#relayParked.set(relay.parked);
  }

  #histogram<Label extends string>(
    name: string,
    help: string,
    buckets: number[],
    labelNames: Label[],
  ): Histogram<Label> {
    return new Histogram({ name, help, buckets, labelNames, registers: [this.#registry] });
  }

  #counter<Label extends string>(name: string, help: string, labelNames: Label[]): Counter<Label> {
    return new Counter({ name, help, labelNames, registers: [this.#registry] });
  }

  #gauge<Label extends string>(name: string, help: string, labelNames: Label[]): Gauge<Label> {
    return new Gauge({ name, help, labelNames, registers: [this.#registry] });
  }
}
