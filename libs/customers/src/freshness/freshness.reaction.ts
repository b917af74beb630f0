/**
 * Records that a value is to be verified: a reminder when it falls due, a task and an escalation while nobody answers. A
 * policy is a range of an index: a look reads what is due, and nothing of anybody else.
 */
import { Injectable } from '@nestjs/common';
import { StepRecorder, stepsIn } from '@timeline/deciding';
import { addDays, Clock, toInstant, type Instant } from '@timeline/kernel';
import { contentOf, ReadModels } from '@timeline/projecting';
import type { Reaction, ReactionLook } from '@timeline/reacting';
import type { Filter } from '@timeline/read-store';
import { REVIEWED_FIELDS, type FieldReviewEvent } from '../freshness.events.js';
import { nextStepAt, type Freshness } from './freshness-part.js';
import { freshnessPoliciesProjection, type PolicyDocument } from './freshness-policies.projection.js';
import { freshnessProjection } from './freshness.projection.js';
import { Memberships } from './memberships.port.js';
import { dueSince, firstDue } from './policy.js';

/** `reviews-{customerId}` */
const reviews = stepsIn<FieldReviewEvent>('reviews', { actor: 'freshness', command: 'field-review' });

@Injectable()
export class FreshnessReaction implements Reaction<Freshness> {
  readonly projection = freshnessProjection;

  constructor(
    private readonly models: ReadModels,
    private readonly recorder: StepRecorder,
    private readonly clock: Clock,
    private readonly memberships: Memberships,
  ) {}

  async find({ now, subjects, limit, position }: ReactionLook): Promise<Freshness[]> {
    const owing: Filter = { $or: whatOwes(await this.#policies(position), now) };
    return this.models.read(freshnessProjection, position, async ({ derived }) =>
      (await derived.find({ $and: [owing, { _id: subjects }] }, limit === undefined ? {} : { limit })).map(contentOf),
    );
  }

  async act(found: Freshness): Promise<void | 'later'> {
    const { subject: customerId, recorded } = found;
    const now = toInstant(this.clock.now());
    const steps = stepsOf(found, await this.#policies(undefined), now);
    // The policy was changed since.
    if (steps.length === 0) return 'later';
    for (const { type, data } of steps) {
      const { segment } = type === 'FieldReviewDue' ? data : {};
      const since = segment && found.segments?.[segment];
      if (segment && since !== undefined && !(await this.memberships.holds({ customerId, segment, since }, now)))
        return 'later';
    }
    return this.recorder.record(reviews, { customerId, recorded, steps });
  }

  #policies(position: string | undefined): Promise<PolicyDocument[]> {
    return this.models.read(freshnessPoliciesProjection, position, async ({ documents }) =>
      (await documents.find({})).map(contentOf),
    );
  }
}

/** `$exists`: what a sparse index serves. */
const upTo = (instant: Instant): Filter[string] => ({ $exists: true, $lte: instant });

export const whatOwes = (policies: readonly PolicyDocument[], now: Instant): Filter[] => [
  { nextAt: upTo(now) },
  ...policies.flatMap(({ field, everyDays, tiers, segments = {} }): Filter[] => [
    ...(everyDays === undefined ? [] : [{ [`due.${field}`]: upTo(dueSince(now, everyDays)) }]),
    ...Object.entries(tiers).map(([tier, days]) => ({ tier, [`due.${field}`]: { $lte: dueSince(now, days) } })),
    ...Object.entries(segments).map(([id, days]) => ({ [`dueIn.${id}.${field}`]: upTo(dueSince(now, days)) })),
  ]),
];

/** One step of each field at most: the next comes with the next look. */
export function stepsOf(
  { due, open, ...kin }: Pick<Freshness, 'tier' | 'segments' | 'due' | 'open'>,
  policies: readonly PolicyDocument[],
  now: Instant,
): FieldReviewEvent[] {
  return REVIEWED_FIELDS.flatMap((field): FieldReviewEvent[] => {
    const review = open[field];
    if (review) {
      const at = nextStepAt(review);
      if (at === undefined || at > now) return [];
      const type = review.state === 'reminder' ? 'FieldReviewTaskOpened' : 'FieldReviewEscalated';
      return [{ type, data: { field, since: review.since, dueAt: at } }];
    }
    const since = due[field];
    const policy = policies.find((each) => each.field === field);
    const by = policy && since !== undefined ? firstDue(policy, kin, since) : undefined;
    if (since === undefined || !policy || !by || by.at > now) return [];
    // From the reminder on: nobody is called to account for one that did not come.
    const taskAt = addDays(now, policy.taskAfterDays);
    return [
      {
        type: 'FieldReviewDue',
        data: {
          field,
          since,
          dueAt: by.at,
          everyDays: by.days,
          ...(by.tier !== undefined && { tier: by.tier }),
          ...(by.segment !== undefined && { segment: by.segment }),
          taskAt,
          escalateAt: addDays(taskAt, policy.escalateAfterDays),
        },
      },
    ];
  });
}
