/** The quality of all records over time: a state, so an interval has the value that was measured last in it. */
import { Injectable } from '@nestjs/common';
import {
  intervalsOf,
  MetricSource,
  type DayRange,
  type MetricDescription,
  type MetricPoint,
  type MetricQuery,
} from '@timeline/composing';
import { FaultError } from '@timeline/kernel';
import { ReadModels } from '@timeline/projecting';
import { QUALITY_PARTS, QUALITY_VERSION } from './quality.js';
import type { QualityMeasurement, QualityTally } from '../data-quality.events.js';
import { qualityDaysProjection } from './quality-days.projection.js';

const MEASURED =
  'as it was measured last in the interval (once a day when the day is over, and on demand); null where it was not';

const QUALITY = {
  name: 'data-quality',
  title: 'Data quality',
  formula: `mean score of the records, 0 to 100: 35 completeness + 25 validity + 25 freshness + 15 uniqueness, see GET /v1/customers/{id}/quality; by source, of the values that hold and that it said; parts are the means of each part in percent; ${MEASURED}`,
  version: QUALITY_VERSION,
  unit: 'points',
  numerator: 'sum of the scores',
  denominator: 'customers who are not anonymous, merged ones once; by source, those of whom it said a value that holds',
  breakdowns: ['source'],
} as const satisfies MetricDescription;

const FRESHNESS = {
  name: 'contact-freshness',
  title: 'Fresh contact data',
  formula: `fresh / values · 100, over addresses, primary e-mail addresses, phone numbers and WeChat ids of customers who are not anonymous, merged ones once; fresh: said or verified within the days of the freshness policy, 365 where there is none; ${MEASURED}`,
  version: 1,
  unit: 'percent',
  numerator: 'fresh values',
  denominator: 'values',
  breakdowns: ['field'],
} as const satisfies MetricDescription;

type Values = Omit<MetricPoint, 'from' | 'to' | 'group'>;
const NONE: Values = { n: 0, value: null, numerator: 0, denominator: 0 };

function ofTally({ records, score, parts }: QualityTally): Values {
  if (records === 0) return NONE;
  const means = QUALITY_PARTS.flatMap((part) => {
    const { sum, records: n } = parts[part];
    return n === 0 ? [] : [[part, (100 * sum) / n] as const];
  });
  return {
    n: records,
    value: score / records,
    numerator: score,
    denominator: records,
    parts: Object.fromEntries(means),
  };
}

function ofContact(figures: readonly { values: number; fresh: number }[]): Values {
  const values = figures.reduce((sum, each) => sum + each.values, 0);
  const fresh = figures.reduce((sum, each) => sum + each.fresh, 0);
  return { n: values, value: values === 0 ? null : (100 * fresh) / values, numerator: fresh, denominator: values };
}

@Injectable()
export class QualityMetrics extends MetricSource {
  readonly metrics: readonly MetricDescription[] = [QUALITY, FRESHNESS];

  constructor(private readonly models: ReadModels) {
    super();
  }

  async series({ metric, from, to, interval, by, asOf, position }: MetricQuery): Promise<MetricPoint[]> {
    const groupsOf = reading(metric, by !== undefined);
    const intervals = [...intervalsOf({ from, to }, interval)];
    const last = await this.models.read(qualityDaysProjection, position, async ({ documents }) => {
      const measured = new Map<DayRange, QualityMeasurement>();
      for await (const days of documents.stream({ _id: { $gte: from, $lte: to } })) {
        for (const day of days) {
          const range = intervals.find((each) => day.day <= each.to);
          if (range && (asOf === undefined || day.measuredAt <= asOf)) measured.set(range, day);
        }
      }
      return measured;
    });
    const found = intervals.map((range) => {
      const measurement = last.get(range);
      return { range, groups: measurement ? groupsOf(measurement) : new Map<string, Values>() };
    });
    const names = by === undefined ? [''] : [...new Set(found.flatMap(({ groups }) => [...groups.keys()]))].sort();
    return found.flatMap(({ range, groups }) =>
      names.map((group) => ({ ...range, ...(by !== undefined && { group }), ...(groups.get(group) ?? NONE) })),
    );
  }
}

/** Without a breakdown all is one group, with no name. */
function reading(metric: string, isBroken: boolean): (measurement: QualityMeasurement) => Map<string, Values> {
  switch (metric) {
    case QUALITY.name:
      return ({ all, sources }) =>
        new Map(
          (isBroken ? sources : [{ source: '', tally: all }]).map(({ source, tally }) => [source, ofTally(tally)]),
        );
    case FRESHNESS.name:
      return ({ contact }) =>
        isBroken
          ? new Map(Object.entries(contact).map(([field, figures]) => [field, ofContact([figures])]))
          : new Map([['', ofContact(Object.values(contact))]]);
    default:
      throw new FaultError('METRIC_NOT_OURS', `customers have no metric ${metric}`);
  }
}
