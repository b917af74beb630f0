/**
 * Measures the quality of all records and writes down what it found, so that there is a trend: a state of millions of
 * records that age cannot be told afterwards for a day on which nobody looked. Anonymous customers do not count; merged
 * ones count once.
 */
import { CommandHandler, type ICommandHandler } from '@nestjs/cqrs';
import {
  CommandProcessor,
  DomainCommand,
  type CommandContext,
  type CommandOutcome,
  type CommandType,
} from '@timeline/deciding';
import { Injectable } from '@nestjs/common';
import { EventStore } from '@timeline/event-store';
import { Clock, dayIn, toInstant, type Decider, type Position } from '@timeline/kernel';
import { contentOf, ReadModels } from '@timeline/projecting';
import { CustomersSettings } from '../customers-settings.js';
import type { Profile } from '../projections/profile-document.js';
import { profileProjection } from '../projections/profile.projection.js';
import { CONTACT_FIELDS, QUALITY_PARTS, QUALITY_VERSION, type Quality } from './quality.js';
import type { QualityEvent, QualityMeasurement, QualityTally } from '../data-quality.events.js';
import { RecordQualities } from './record-quality.js';

export const qualityStream = (day: string): string => `data-quality-${day}`;

const qualityDecider: Decider<null, QualityMeasurement, QualityEvent> = {
  initialState: null,
  evolve: () => null,
  decide: (measurement) => [{ type: 'DataQualityMeasured', data: measurement }],
  customerOf: () => undefined,
};

/** So that a measurement stays small however many say something. */
const MAX_SOURCES = 200;
const OTHER_SOURCES = '(others)';

const emptyTally = (): QualityTally => ({
  records: 0,
  score: 0,
  // Filled for every part.
  parts: Object.fromEntries(QUALITY_PARTS.map((part) => [part, { sum: 0, records: 0 }])) as QualityTally['parts'],
});

function add(tally: QualityTally, { score, parts }: Pick<Quality, 'score' | 'parts'>): void {
  tally.records += 1;
  tally.score += score;
  for (const part of QUALITY_PARTS) {
    const figure = parts[part];
    if (figure === null) continue;
    tally.parts[part].sum += figure;
    tally.parts[part].records += 1;
  }
}

export function largest(sources: ReadonlyMap<string, QualityTally>): QualityMeasurement['sources'] {
  const sorted = [...sources].sort(([a, { records: x }], [b, { records: y }]) => y - x || (a < b ? -1 : 1));
  const rest = sorted.slice(MAX_SOURCES).map(([, tally]) => tally);
  const others = emptyTally();
  for (const tally of rest) {
    others.records += tally.records;
    others.score += tally.score;
    for (const part of QUALITY_PARTS) {
      others.parts[part].sum += tally.parts[part].sum;
      others.parts[part].records += tally.parts[part].records;
    }
  }
  return [
    ...sorted.slice(0, MAX_SOURCES).map(([source, tally]) => ({ source, tally })),
    ...(rest.length > 0 ? [{ source: OTHER_SOURCES, tally: others }] : []),
  ];
}

@Injectable()
export class QualityMeasurements {
  constructor(
    private readonly events: EventStore,
    private readonly models: ReadModels,
    private readonly qualities: RecordQualities,
    private readonly processor: CommandProcessor,
    private readonly clock: Clock,
    private readonly settings: CustomersSettings,
  ) {}

  /**
   * @param day which it is the measurement of; today where absent
   * @throws DomainError POSITION_NOT_REACHED while the read models are behind; nothing was measured then
   */
  async measure(context: CommandContext, day?: string): Promise<CommandOutcome> {
    const measuredAt = toInstant(this.clock.now());
    const of = day ?? dayIn(this.settings.reportingTimeZone, measuredAt);
    // Nobody looks at all records again for a command that was carried out.
    const done = await this.processor.doneBefore(qualityStream(of), context);
    if (done) return { id: of, ...done };
    // Of all that had happened, not of what the read models happen to show: a day is measured once.
    const head = (await this.events.head())?.position;
    const command = { day: of, ...(await this.#taken(measuredAt, head)) };
    return this.processor.execute({ decider: qualityDecider, stream: qualityStream(of), id: of, command, context });
  }

  async #taken(measuredAt: string, head: Position | undefined): Promise<Omit<QualityMeasurement, 'day'>> {
    const yardstick = await this.qualities.yardstick(head);
    return this.models.read(profileProjection, head, async ({ derived }) => {
      const all = emptyTally();
      const sources = new Map<string, QualityTally>();
      // Filled for every field.
      const contact = Object.fromEntries(
        CONTACT_FIELDS.map((field) => [field, { values: 0, fresh: 0 }]),
      ) as QualityMeasurement['contact'];
      for await (const page of derived.stream({ isSurvivor: true, anonymous: { $exists: false } })) {
        const profiles: Profile[] = page.map(contentOf);
        const qualityOf = await this.qualities.of(profiles, measuredAt, yardstick, head);
        for (const profile of profiles) {
          const quality = qualityOf(profile);
          add(all, quality);
          for (const [source, own] of quality.bySource) {
            const tally = sources.get(source) ?? emptyTally();
            add(tally, own);
            sources.set(source, tally);
          }
          for (const field of CONTACT_FIELDS) {
            const fresh = quality.values.find((value) => value.field === field)?.fresh;
            if (fresh === undefined) continue;
            contact[field].values += 1;
            if (fresh) contact[field].fresh += 1;
          }
        }
      }
      return { measuredAt, version: QUALITY_VERSION, all, sources: largest(sources), contact };
    });
  }
}

export class MeasureQualityData {}
export class MeasureQuality extends DomainCommand<MeasureQualityData> {}

export const measureQuality: CommandType<MeasureQualityData> = {
  name: 'MeasureDataQuality',
  data: MeasureQualityData,
  command: MeasureQuality,
  target: () => 'data-quality',
  keys: () => ['data-quality'],
};

@CommandHandler(MeasureQuality)
export class MeasureQualityHandler implements ICommandHandler<MeasureQuality> {
  constructor(private readonly measurements: QualityMeasurements) {}

  execute({ context }: MeasureQuality): Promise<CommandOutcome> {
    return this.measurements.measure(context);
  }
}
