/**
 * The metrics made of the day documents: net promoter score, customer satisfaction, customer effort, first response
 * and resolution time. A range is read in the order of its days, so that only one interval is held at a time.
 */
import { Inject, Injectable } from '@nestjs/common';
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
import { dayIn, DomainError, FaultError, Upcasters, type Recorded } from '@timeline/kernel';
import { PersonalVault } from '@timeline/key-store';
import { ReadModels, type Projection } from '@timeline/projecting';
import {
  addToTally,
  contributionOf,
  MEASURED_TYPES,
  type Measure,
  type MeasuredEvent,
  type Tally,
} from './measures.js';
import { dayKeys, satisfactionProjection, type SatisfactionDay } from './projections/satisfaction.projection.js';
import { quantilesOf } from './quantile-sketch.js';
import { differenceInterval, meanInterval, wilsonInterval, type ConfidenceInterval } from './statistics.js';

/** Nest token of the IANA time zone that a day in a metric is a day in. */
export const REPORTING_TIME_ZONE = Symbol('REPORTING_TIME_ZONE');

type Values = Omit<MetricPoint, 'from' | 'to' | 'group'>;

interface Metric {
  measure: Measure;
  description: Omit<MetricDescription, 'name'>;
  valuesOf(tally: Tally): Values;
}

const percent = (interval: ConfidenceInterval | null): ConfidenceInterval | null =>
  interval && { low: interval.low * 100, high: interval.high * 100 };

const WILSON = '95 %, Wilson score interval';

function proportion({ figures: { n = 0, favourable = 0 } }: Tally): Values {
  return {
    n,
    value: n === 0 ? null : (favourable / n) * 100,
    numerator: favourable,
    denominator: n,
    confidence: percent(wilsonInterval(favourable, n)),
  };
}

function time({ figures: { n = 0, sum = 0 }, sketch }: Tally): Values {
  const quantiles = sketch && quantilesOf(sketch, [0.5, 0.9, 0.99]);
  return {
    n,
    value: n === 0 ? null : sum / n,
    numerator: sum,
    denominator: n,
    percentiles: quantiles ? { p50: quantiles[0], p90: quantiles[1], p99: quantiles[2] } : null,
  };
}

const METRICS: Readonly<Record<string, Metric>> = {
  nps: {
    measure: 'nps',
    description: {
      title: 'Net promoter score',
      formula:
        '(promoters − detractors) / answers · 100; promoters answer 9 or 10, passives 7 or 8, detractors 0 to 6; by day of the answer',
      version: 1,
      unit: 'points',
      numerator: 'promoters − detractors',
      denominator: 'answers to NPS surveys',
      confidence:
        '95 %, normal approximation of the difference of the shares of promoters and detractors; none below two answers',
      breakdowns: ['channel'],
    },
    valuesOf({ figures: { n = 0, promoters = 0, passives = 0, detractors = 0 } }) {
      return {
        n,
        value: n === 0 ? null : ((promoters - detractors) / n) * 100,
        numerator: promoters - detractors,
        denominator: n,
        confidence: percent(differenceInterval(promoters, detractors, n)),
        parts: { promoters, passives, detractors },
      };
    },
  },
  csat: {
    measure: 'csat',
    description: {
      title: 'Customer satisfaction',
      formula:
        'satisfied / answers · 100, over answers to CSAT surveys and ratings of resolved cases together (by=origin tells them apart: survey, case); satisfied are the scores that the survey calls favourable, by default the two highest of its scale, and the two highest of a rating; by day of the answer',
      version: 1,
      unit: 'percent',
      numerator: 'satisfied answers and ratings',
      denominator: 'answers to CSAT surveys and ratings of cases',
      confidence: WILSON,
      breakdowns: ['channel', 'origin'],
    },
    valuesOf: proportion,
  },
  ces: {
    measure: 'ces',
    description: {
      title: 'Customer effort score',
      formula: 'mean score on 7 points; answers on 1 to 5 count as 1 + 6 · (score − 1) / 4; by day of the answer',
      version: 1,
      unit: 'points of 7',
      numerator: 'sum of the scores on 7 points',
      denominator: 'answers to CES surveys',
      confidence: '95 %, normal approximation of the mean; none below two answers',
      breakdowns: ['channel'],
    },
    valuesOf({ figures: { n = 0, sum = 0, squares = 0, favourable = 0 } }) {
      return {
        n,
        value: n === 0 ? null : sum / n,
        numerator: sum,
        denominator: n,
        confidence: meanInterval({ n, sum, squares }),
        parts: { agreeing: favourable },
      };
    },
  },
  'ces-agreement': {
    measure: 'ces',
    description: {
      title: 'Customer effort: agreeing',
      formula:
        'agreeing / answers · 100; agreeing are scores above the middle of the scale (5 to 7 of 7) unless the survey says otherwise; by day of the answer',
      version: 1,
      unit: 'percent',
      numerator: 'agreeing answers',
      denominator: 'answers to CES surveys',
      confidence: WILSON,
      breakdowns: ['channel'],
    },
    valuesOf: proportion,
  },
  'first-response-time': {
    measure: 'first-response-time',
    description: {
      title: 'First response time',
      formula:
        'mean time from the intake of a case to its first answer, by day of that answer; percentiles within 1 % (DDSketch)',
      version: 1,
      unit: 'ms',
      numerator: 'sum of the times',
      denominator: 'cases answered for the first time',
      breakdowns: ['channel'],
    },
    valuesOf: time,
  },
  'resolution-time': {
    measure: 'resolution-time',
    description: {
      title: 'First resolution time',
      formula:
        'mean time from the intake of a case to its first resolution, by day of that resolution; resolutions after a reopening do not count; percentiles within 1 % (DDSketch)',
      version: 1,
      unit: 'ms',
      numerator: 'sum of the times',
      denominator: 'cases resolved for the first time',
      breakdowns: ['channel'],
    },
    valuesOf: time,
  },
};

type Breakdown = 'channel' | 'origin';

/** Adds up what comes in the order of days; an interval that is over is kept as its points only. */
class Series {
  readonly #closed: Map<string, MetricPoint>[] = [];
  readonly #groups = new Set<string>();
  #open = new Map<string, Tally>();

  constructor(
    readonly intervals: readonly DayRange[],
    readonly metric: Metric,
    readonly by: Breakdown | undefined,
  ) {}

  add({ day, ...part }: Pick<SatisfactionDay, 'day' | 'channel' | 'origin'> & Tally): void {
    while (day > (this.intervals[this.#closed.length]?.to ?? day)) this.#close();
    // Without a breakdown all is one group, with no name.
    const group = this.by === undefined ? '' : part[this.by];
    this.#groups.add(group);
    const tally = this.#open.get(group) ?? { figures: {} };
    addToTally(tally, part);
    this.#open.set(group, tally);
  }

  #close(): void {
    const range = this.intervals[this.#closed.length];
    if (!range) return;
    this.#closed.push(new Map([...this.#open].map(([group, tally]) => [group, this.#pointOf(range, group, tally)])));
    this.#open = new Map();
  }

  #pointOf({ from, to }: DayRange, group: string, tally: Tally): MetricPoint {
    return { from, to, ...(this.by !== undefined && { group }), ...this.metric.valuesOf(tally) };
  }

  points(): MetricPoint[] {
    while (this.#closed.length < this.intervals.length) this.#close();
    const groups = this.by === undefined ? [''] : [...this.#groups].sort();
    return this.intervals.flatMap((range, index) =>
      groups.map((group) => this.#closed[index]?.get(group) ?? this.#pointOf(range, group, { figures: {} })),
    );
  }
}

@Injectable()
export class SatisfactionMetrics extends MetricSource {
  readonly metrics = Object.entries(METRICS).map(([name, { description }]): MetricDescription => ({
    name,
    ...description,
  }));
  readonly #projection: Projection<SatisfactionDay, MeasuredEvent>;

  constructor(
    @Inject(REPORTING_TIME_ZONE) private readonly zone: string,
    private readonly models: ReadModels,
    private readonly events: EventStore,
    private readonly vault: PersonalVault,
    private readonly upcasters: Upcasters,
  ) {
    super();
    this.#projection = satisfactionProjection(zone);
  }

  async series(query: MetricQuery): Promise<MetricPoint[]> {
    const { from, to, interval, by, asOf, position } = query;
    const metric = METRICS[query.metric];
    if (!metric) throw new FaultError('METRIC_NOT_OURS', `satisfaction has no metric ${query.metric}`);
    if (by !== undefined && by !== 'channel' && by !== 'origin') {
      throw new DomainError('METRIC_BREAKDOWN_UNKNOWN', `${query.metric} has no breakdown by ${by}`, {
        pointer: '/by',
      });
    }
    // The day of `asOf` had begun but was not over: its document may hold what came after. All days before it are whole.
    const brokenDay = asOf === undefined ? undefined : dayIn(this.zone, asOf);
    const upTo = brokenDay !== undefined && brokenDay <= to ? brokenDay : addToDay(to, 1);
    const series = await this.models.read(this.#projection, position, async ({ documents }) => {
      const read = new Series([...intervalsOf({ from, to }, interval)], metric, by);
      for await (const days of documents.stream({
        _id: dayKeys(metric.measure, from, upTo),
        measure: metric.measure,
      })) {
        for (const day of days) read.add(day);
      }
      return read;
    });
    if (asOf !== undefined && brokenDay !== undefined && brokenDay >= from && brokenDay <= to) {
      for await (const part of this.#fromLog(metric.measure, brokenDay, asOf)) series.add(part);
    }
    return series.points();
  }

  /** What happened on `day` up to `asOf`, from the log itself. */
  async *#fromLog(measure: Measure, day: string, asOf: string): AsyncIterable<Parameters<Series['add']>[0]> {
    for await (const stored of this.events.readAll({ types: this.upcasters.storedTypes(MEASURED_TYPES) })) {
      const that = stored.filter(
        ({ metadata }) => metadata.occurredAt <= asOf && dayIn(this.zone, metadata.occurredAt) === day,
      );
      // Nothing of a person is needed here, so no key is asked for; opening also lifts old versions.
      const lifted = await this.vault.open(that.map(({ personal: _sealed, ...event }) => event));
      for (const event of lifted) {
        // Only these types were asked for, and opening lifted them to their newest shape.
        const contribution = contributionOf(event as Recorded<MeasuredEvent>);
        if (contribution?.measure !== measure) continue;
        yield { day, channel: contribution.channel, origin: contribution.origin, ...contribution.tally };
      }
    }
  }
}
