/**
 * Records who entered and left the segments that something acts by, when they do: by facts, and by a clock that moves. A look
 * reads whose membership is not as recorded, and nothing of anybody else; of a segment that nothing acts by, nothing at all.
 */
import { Injectable } from '@nestjs/common';
import { CommandProcessor, CustomerDirectory, type CommandContext } from '@timeline/deciding';
import { KeyedHashes } from '@timeline/key-store';
import { canonicalJson, Clock, deriveId, errorCode, toInstant } from '@timeline/kernel';
import { contentOf, ReadModels } from '@timeline/projecting';
import type { Reaction, ReactionLook } from '@timeline/reacting';
import { membershipsDecider, membershipsStream } from './memberships.decider.js';
import { owesAt, segmentsProjection, type SegmentMembership } from './projections/segments.projection.js';
import { stepsAt } from './recorded-memberships.js';
import { WatchedSegments } from './watched-segments.port.js';

/** A document as the pump knows them. */
export type OwedMembership = SegmentMembership & { subject: string };

@Injectable()
export class SegmentsReaction implements Reaction<OwedMembership> {
  readonly projection = segmentsProjection;

  constructor(
    private readonly models: ReadModels,
    private readonly processor: CommandProcessor,
    private readonly directory: CustomerDirectory,
    private readonly hashes: KeyedHashes,
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
    try {
      await this.directory.resolve({ customerId });
    } catch (error) {
      // Erased, or the registration withdrawn: the document follows.
      if (['CUSTOMER_ERASED', 'CUSTOMER_NOT_FOUND'].includes(errorCode(error))) return 'later';
      throw error;
    }
    const commandId = deriveId('membership', customerId, canonicalJson({ recorded: recorded.count, steps }));
    const context: CommandContext = {
      commandId,
      bodyHash: this.hashes.hashBody(commandId),
      actor: 'segments',
      correlationId: commandId,
      causationId: commandId,
    };
    await this.processor.execute({
      decider: membershipsDecider,
      stream: membershipsStream(customerId),
      id: customerId,
      command: { customerId, recorded: recorded.count, steps },
      context,
    });
  }
}
