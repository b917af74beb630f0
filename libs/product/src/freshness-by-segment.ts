/** Freshness policies name segments: of these, memberships are recorded, and a reminder asks whether one still holds. */
import { Injectable } from '@nestjs/common';
import { freshnessPoliciesProjection, Memberships, type Membership } from '@timeline/customers';
import { EventStore } from '@timeline/event-store';
import type { Instant } from '@timeline/kernel';
import { ReadModels } from '@timeline/projecting';
import { endOf, SEGMENT_IDS, segmentsProjection, WatchedSegments, type SegmentId } from '@timeline/segments';

@Injectable()
export class SegmentsOfPolicies extends WatchedSegments {
  constructor(private readonly models: ReadModels) {
    super();
  }

  override current(position: string | undefined): Promise<readonly SegmentId[]> {
    return this.models.read(freshnessPoliciesProjection, position, async ({ documents }) => {
      const policies = await documents.find({});
      return SEGMENT_IDS.filter((id) => policies.some(({ segments }) => segments?.[id] !== undefined));
    });
  }
}

@Injectable()
export class KnownMemberships extends Memberships {
  constructor(
    private readonly models: ReadModels,
    private readonly events: EventStore,
  ) {
    super();
  }

  override async holds({ customerId, segment, since }: Membership, now: Instant): Promise<boolean> {
    const head = await this.events.head();
    const known = await this.models.read(segmentsProjection, head?.position, ({ derived }) => derived.get(customerId));
    return endOf(known?.in[segment]?.spans ?? [], since) > now;
  }
}
