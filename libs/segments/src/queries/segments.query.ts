/** Segments with their counts, and the members of one, evaluated at an instant. Count and list are the same filter. */
import { ModuleRef } from '@nestjs/core';
import { Query, QueryHandler, type IQueryHandler } from '@nestjs/cqrs';
import { History, partsAsOf, type AsOf } from '@timeline/as-of';
import { CustomerDirectory } from '@timeline/deciding';
import { Cursors, isTwoTexts, type Page } from '@timeline/http';
import { Clock, DomainError, toInstant, type Instant, type JsonValue } from '@timeline/kernel';
import { ReadModels } from '@timeline/projecting';
import type { Filter } from '@timeline/read-store';
import { BUILT_IN_SEGMENTS } from '../built-in-segments.js';
import { FOREVER } from '../membership.js';
import { membershipOf, segmentsProjection, type SegmentMembership } from '../projections/segments.projection.js';
import { SEGMENT_IDS, type SegmentId } from '../segments.events.js';

export interface SegmentSummary {
  id: SegmentId;
  name: string;
  description: string;
  count: number;
  asOf: Instant;
}

export interface SegmentMember {
  customerId: string;
  /** Since when, in the span that holds `asOf`. */
  since: Instant;
  /** Until when, by what is known; absent where no end is. */
  until?: Instant;
}

export interface CustomerSegments {
  customerId: string;
  asOf: Instant;
  items: { id: SegmentId; name: string; since: Instant; until?: Instant }[];
}

export class ListSegments extends Query<SegmentSummary[]> {
  constructor(
    readonly asOf: Instant | undefined,
    readonly position: string | undefined,
  ) {
    super();
  }
}

export class ListMembers extends Query<Page<SegmentMember> & { asOf: Instant }> {
  constructor(
    readonly segment: string,
    readonly asOf: Instant | undefined,
    readonly limit: number,
    readonly cursor: string | undefined,
    readonly position: string | undefined,
  ) {
    super();
  }
}

export class SegmentsOfCustomer extends Query<CustomerSegments> {
  constructor(
    readonly customerId: string,
    readonly asked: AsOf,
    readonly position: string | undefined,
  ) {
    super();
  }
}

const membersAt = (id: SegmentId, asOf: Instant): Filter => ({
  isSurvivor: true,
  [`in.${id}.to`]: { $gt: asOf },
  [`in.${id}.from`]: { $lte: asOf },
  [`in.${id}.spans`]: { $elemMatch: { from: { $lte: asOf }, to: { $gt: asOf } } },
});

@QueryHandler(ListSegments)
export class ListSegmentsHandler implements IQueryHandler<ListSegments> {
  constructor(
    private readonly models: ReadModels,
    private readonly clock: Clock,
  ) {}

  execute({ asOf = toInstant(this.clock.now()), position }: ListSegments): Promise<SegmentSummary[]> {
    return this.models.read(segmentsProjection, position, ({ derived }) =>
      Promise.all(
        BUILT_IN_SEGMENTS.map(async (segment) => ({
          ...segment,
          count: await derived.count(membersAt(segment.id, asOf)),
          asOf,
        })),
      ),
    );
  }
}

/** A cursor keeps the instant of its first page, so that all pages tell of the same one. */
type Cursor = [asOf: string, lastId: string];

@QueryHandler(ListMembers)
export class ListMembersHandler implements IQueryHandler<ListMembers> {
  constructor(
    private readonly models: ReadModels,
    private readonly clock: Clock,
    private readonly cursors: Cursors,
  ) {}

  async execute(query: ListMembers): Promise<Page<SegmentMember> & { asOf: Instant }> {
    const id = SEGMENT_IDS.find((known) => known === query.segment);
    if (!id)
      throw new DomainError(
        'SEGMENT_NOT_FOUND',
        `there is no segment "${query.segment}"; there are: ${SEGMENT_IDS.join(', ')}`,
      );
    const list = this.cursors.of('segment-members', { id });
    // An instant that is given again must be that of the first page.
    const isOurs = (value: JsonValue): value is Cursor =>
      isTwoTexts(value) && (query.asOf === undefined || query.asOf === value[0]);
    const after = list.read(query.cursor, isOurs);
    const asOf = after?.[0] ?? query.asOf ?? toInstant(this.clock.now());
    const found = await this.models.read(segmentsProjection, query.position, ({ derived }) =>
      derived.find(
        { ...membersAt(id, asOf), ...(after && { _id: { $gt: after[1] } }) },
        { sort: { _id: 1 }, limit: query.limit + 1 },
      ),
    );
    const members = found.map((membership): SegmentMember => {
      const stay = stayIn(membership, id, asOf);
      return { customerId: membership.customerId, since: asOf, ...stay };
    });
    return { ...list.page(members, query.limit, (last): Cursor => [asOf, last.customerId]), asOf };
  }
}

/**
 * Which segments one customer is in: those of the whole group where the customer is merged with others. By what was known
 * at a moment it is the read model's own fold over the events recorded by then: it costs what the customer's history
 * does. Lists and counts cannot be had that way: they would take a replay of everybody's.
 */
@QueryHandler(SegmentsOfCustomer)
export class SegmentsOfCustomerHandler implements IQueryHandler<SegmentsOfCustomer> {
  constructor(
    private readonly directory: CustomerDirectory,
    private readonly models: ReadModels,
    private readonly clock: Clock,
    /** For the history, which another slice provides: only a question about the past needs it. */
    private readonly modules: ModuleRef,
  ) {}

  /** @throws DomainError CUSTOMER_NOT_FOUND, CUSTOMER_ERASED, and as `History` */
  async execute({ customerId, asked, position }: SegmentsOfCustomer): Promise<CustomerSegments> {
    await this.directory.resolve({ customerId });
    const { asOf = toInstant(this.clock.now()), knownAt } = asked;
    const membership =
      knownAt === undefined
        ? await this.models.read(segmentsProjection, position, ({ derived }) => derived.get(customerId))
        : await this.#knownAt(customerId, knownAt, position);
    const items = BUILT_IN_SEGMENTS.flatMap(({ id, name }) => {
      const stay = membership && stayIn(membership, id, asOf);
      return stay ? [{ id, name, ...stay }] : [];
    });
    return { customerId, asOf, items };
  }

  async #knownAt(
    customerId: string,
    knownAt: string,
    position: string | undefined,
  ): Promise<Pick<SegmentMembership, 'in'>> {
    const history = this.modules.get<History>(History, { strict: false });
    const parts = await partsAsOf(history, segmentsProjection, customerId, { knownAt }, position);
    // Whoever was erased in between must not be shown.
    await this.directory.resolve({ customerId });
    if (parts.length === 0) throw new DomainError('CUSTOMER_NOT_FOUND', 'no such customer was known at that moment');
    return membershipOf(parts);
  }
}

/** The span that holds `asOf`, where there is one. */
function stayIn(
  membership: Pick<SegmentMembership, 'in'>,
  id: SegmentId,
  asOf: Instant,
): { since: Instant; until?: Instant } | undefined {
  const span = membership.in[id]?.spans.find(({ from, to }) => from <= asOf && asOf < to);
  return span && { since: span.from, ...(span.to !== FOREVER && { until: span.to }) };
}
