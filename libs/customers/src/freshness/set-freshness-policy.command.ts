/** Sets or ends the freshness policy of a field. */
import { CommandHandler, type ICommandHandler } from '@nestjs/cqrs';
import { CommandProcessor, DomainCommand, type CommandOutcome, type CommandType } from '@timeline/deciding';
import { Check, fieldTypes, MapOf, OneOf, Optional, violation, Whole } from '@timeline/http';
import { SEGMENT_IDS, type SegmentId } from '../../../segments/src/segments.events.js';
import { REVIEWED_FIELDS, type ReviewedField } from '../freshness.events.js';
import { freshnessPolicyDecider, policyStream } from './freshness-policy.decider.js';

/** A century: as good as never, and its instants are real ones. */
const DAYS = { min: 1, max: 36_500 };

@Check(
  ({ everyDays, tiers = {}, segments = {} }: FreshnessPolicyBody) =>
    everyDays === undefined && Object.keys({ ...tiers, ...segments }).length === 0
      ? [violation('/everyDays', 'REQUIRED', 'or tiers or segments says how often: give one of the three')]
      : [],
  {
    schema: {
      anyOf: [
        { required: ['everyDays'] },
        ...['tiers', 'segments'].map((name) => ({ required: [name], properties: { [name]: { minProperties: 1 } } })),
      ],
    },
  },
)
export class FreshnessPolicyBody {
  /** How long after it was said or verified a value is to be verified again; absent: only for tiers and segments. */
  @Optional()
  @Whole(DAYS)
  everyDays?: number;

  /** For customers whose trait `tier` is this; the shortest of what applies counts. */
  @Optional()
  @MapOf(fieldTypes.whole(DAYS), { keys: /^[A-Za-z0-9_-]{1,40}$/, max: 20 })
  tiers?: Record<string, number>;

  /** For members of these segments, from when they enter to when they leave. */
  @Optional()
  @MapOf(fieldTypes.whole(DAYS), { keys: new RegExp(`^(${SEGMENT_IDS.join('|')})$`) })
  segments?: Partial<Record<SegmentId, number>>;

  /** From the reminder to the task. */
  @Optional()
  @Whole({ min: 1, max: 3650 })
  taskAfterDays: number = 7;

  /** From the task to the escalation. */
  @Optional()
  @Whole({ min: 1, max: 3650 })
  escalateAfterDays: number = 14;
}

export class SetFreshnessPolicyData extends FreshnessPolicyBody {
  @OneOf(REVIEWED_FIELDS)
  field: ReviewedField;
}

export class EndFreshnessPolicyData {
  @OneOf(REVIEWED_FIELDS)
  field: ReviewedField;
}

export class SetFreshnessPolicy extends DomainCommand<SetFreshnessPolicyData> {}
export class EndFreshnessPolicy extends DomainCommand<EndFreshnessPolicyData> {}

export const setFreshnessPolicy: CommandType<SetFreshnessPolicyData> = {
  name: 'SetFreshnessPolicy',
  data: SetFreshnessPolicyData,
  command: SetFreshnessPolicy,
  target: ({ field }) => field,
  keys: ({ field }) => [policyStream(field)],
};

export const endFreshnessPolicy: CommandType<EndFreshnessPolicyData> = {
  name: 'EndFreshnessPolicy',
  data: EndFreshnessPolicyData,
  command: EndFreshnessPolicy,
  target: ({ field }) => field,
  keys: ({ field }) => [policyStream(field)],
};

@CommandHandler(SetFreshnessPolicy)
export class SetFreshnessPolicyHandler implements ICommandHandler<SetFreshnessPolicy> {
  constructor(private readonly processor: CommandProcessor) {}

  execute({ data, context }: SetFreshnessPolicy): Promise<CommandOutcome> {
    const { field, everyDays, tiers = {}, segments = {}, taskAfterDays, escalateAfterDays } = data;
    const policy = {
      field,
      ...(everyDays !== undefined && { everyDays }),
      tiers: { ...tiers },
      ...(Object.keys(segments).length > 0 && { segments: { ...segments } }),
      taskAfterDays,
      escalateAfterDays,
    };
    return this.processor.execute({
      decider: freshnessPolicyDecider,
      stream: policyStream(field),
      id: field,
      command: { type: 'set', policy },
      context,
    });
  }
}

@CommandHandler(EndFreshnessPolicy)
export class EndFreshnessPolicyHandler implements ICommandHandler<EndFreshnessPolicy> {
  constructor(private readonly processor: CommandProcessor) {}

  /** @throws DomainError FRESHNESS_POLICY_NOT_FOUND */
  execute({ data: { field }, context }: EndFreshnessPolicy): Promise<CommandOutcome> {
    return this.processor.execute({
      decider: freshnessPolicyDecider,
      stream: policyStream(field),
      id: field,
      command: { type: 'end', field },
      context,
    });
  }
}
