/**
 * Records who entered and left the segments that something acts by, when they do: by facts, and by a clock that moves. A look
 * reads whose membership is not as recorded, and nothing of anybody else; of a segment that nothing acts by, nothing at all.
 */
import { Injectable } from '@nestjs/common';
import { StepRecorder, stepsIn } from '@timeline/deciding';
import { Clock, toInstant } from '@timeline/kernel';
import { contentOf, ReadModels } from '@timeline/projecting';
import type { Reaction, ReactionLook } from '@timeline/reacting';
import { owesAt, segmentsProjection, type SegmentMembership } from './projections/segments.projection.js';
import { stepsAt } from './recorded-memberships.js';
import type { SegmentEvent } from './segments.events.js';
import { WatchedSegments } from './watched-segments.port.js';

/** `segments-{customerId}` */
const memberships = stepsIn<SegmentEvent>('segments', { actor: 'segments', command: 'membership' });

/** A document as the pump knows them. */
export type OwedMembership = SegmentMembership & { subject: string };

@Injectable()
export class SegmentsReaction implements Reaction<OwedMembership> {
  readonly projection = segmentsProjection;

  constructor(
    private readonly models: ReadModels,
    private readonly recorder: StepRecorder,
    private readonly clock: Clock,
    private readonly watched: WatchedSegments,
  ) {}

  async find({ now, subjects, limit, position }: ReactionLook): Promise<OwedMembership[]> {
    const owing = owesAt(await this.watched.current(position), now);
    if (owing.length === 0) return [];
    return this.models.read(segmentsProjection, position, async ({ derived }) =>
      (await derived.find({ $and: [{ $or: owing }, { _id: subjects }] }, limit === undefined ? {} : { limit })).map(
        (stored) => ({ ...contentOf(stored), subject: stored._id }),
      ),
    );
  }

  async act({ subject: customerId, in: within, recorded }: OwedMembership): Promise<void | 'later'> {
    const steps = stepsAt(within, recorded, await this.watched.current(undefined), toInstant(this.clock.now()));
    // Nothing acts by the segment any more.
    if (steps.length === 0) return 'later';
    return this.recorder.record(memberships, { customerId, recorded: recorded.count, steps });
  }
}
