/** The past of one customer, found through the timeline's read model and read from the log itself. */
import { Injectable } from '@nestjs/common';
import { History, type AsOf, type Moment } from '@timeline/as-of';
import { EventStore, type StoredEvent } from '@timeline/event-store';
import {
  beforeAll,
  FaultError,
  maxPosition,
  parsePosition,
  POSITION_SHAPE,
  type Fact,
  type Instant,
  type Position,
  type Recorded,
} from '@timeline/kernel';
import { PersonalVault } from '@timeline/key-store';
import { CustomerGroups } from '@timeline/deciding';
import { groupsOf, ReadModels } from '@timeline/projecting';
import type { Filter } from '@timeline/read-store';
import { linksOf, withMerge, type Grouped, type MergeEvent } from '../../merging/src/merging.events.js';
import { logStretchesProjection } from './projections/log-stretches.projection.js';
import { timelineProjection } from './projections/timeline.projection.js';

/** Entries of the timeline that show at a moment. */
export const ofMoment = ({ asOf, known }: Moment): Filter[] => [
  ...(asOf === undefined ? [] : [{ at: { $lte: asOf } }]),
  ...(known === undefined ? [] : [{ position: { $lte: known } }]),
];

const MERGES: MergeEvent['type'][] = ['CustomersMerged', 'CustomersUnmerged'];

/** Events read at once: each is a round trip of its own. */
const AT_ONCE = 8;

@Injectable()
export class TimelineHistory extends History {
  constructor(
    private readonly groups: CustomerGroups,
    private readonly models: ReadModels,
    private readonly events: EventStore,
    private readonly vault: PersonalVault,
  ) {
    super();
  }

  override async momentOf({ asOf, knownAt }: AsOf): Promise<Moment> {
    if (knownAt === undefined) return asOf === undefined ? {} : { asOf };
    const known = POSITION_SHAPE.test(knownAt)
      ? parsePosition(knownAt, this.events.logId)
      : await this.#knownAt(knownAt);
    return { ...(asOf !== undefined && { asOf }), known };
  }

  override async membersAsOf(customerId: string, moment: Moment, position: string | undefined): Promise<string[]> {
    const { known } = moment;
    if (known === undefined) return this.groups.membersOf(customerId, position);
    return this.models.read(timelineProjection, this.toHaveSeen(moment, position), async ({ documents }) => {
      const told = new Map<string, Grouped>();
      const reached = new Set([customerId]);
      // Who is met on the way is asked too.
      for (const member of reached) {
        let part: Grouped = {};
        const merges = documents.stream(
          { customerId: member, type: { $in: MERGES }, position: { $lte: known } },
          { sort: { customerId: 1, position: 1 } },
        );
        for await (const page of merges) {
          // An entry holds the type, the data and the position of its event.
          for (const entry of page) part = withMerge(part, entry as unknown as Recorded<MergeEvent>, member);
        }
        told.set(member, part);
        for (const other of linksOf(part)) reached.add(other);
      }
      const group = groupsOf(told, linksOf).find((members) => members.includes(customerId)) ?? [];
      return [customerId, ...group.filter((member) => member !== customerId)];
    });
  }

  override fold<State>(
    customerId: string,
    moment: Moment,
    position: string | undefined,
    start: () => State,
    apply: (state: State, event: Recorded<Fact>) => void,
  ): Promise<State> {
    return this.models.read(timelineProjection, this.toHaveSeen(moment, position), async ({ documents }) => {
      const state = start();
      const entries = documents.stream(
        { $and: [{ customerId }, ...ofMoment(moment)] },
        { sort: { customerId: 1, position: 1 } },
      );
      for await (const page of entries) {
        for (let at = 0; at < page.length; at += AT_ONCE) {
          const stored = await Promise.all(page.slice(at, at + AT_ONCE).map((entry) => this.#eventAt(entry.position)));
          for (const event of await this.vault.open(stored)) apply(state, event);
        }
      }
      return state;
    });
  }

  /** What a read model must have seen to answer: all that was known, and the position that the caller names. */
  toHaveSeen({ known }: Moment, position: string | undefined): Position | undefined {
    return maxPosition(known, position === undefined ? undefined : parsePosition(position, this.events.logId));
  }

  async #knownAt(instant: Instant): Promise<Position> {
    const head = await this.events.head();
    const start = beforeAll(this.events.logId);
    if (!head) return start;
    return this.models.read(logStretchesProjection, head.position, async ({ documents }) => {
      const stretch = await documents.findOne({ latest: { $gt: instant } }, { sort: { _id: 1 } });
      // What is appended from now on is not known yet, whatever its clock says.
      if (!stretch) return head.position;
      const before = await documents.findOne({ _id: { $lt: stretch._id } }, { sort: { _id: -1 } });
      let known = before?.last ?? start;
      for await (const batch of this.events.readAll({ ...(before && { after: before.last }), until: stretch.last })) {
        for (const { recordedAt, position } of batch) {
          if (recordedAt > instant) return known;
          known = position;
        }
      }
      return known;
    });
  }

  async #eventAt(position: string): Promise<StoredEvent> {
    const event = await this.events.eventAt(parsePosition(position, this.events.logId));
    if (event) return event;
    throw new FaultError('EVENT_MISSING', `the log holds no event at ${position}, which the timeline was made from`);
  }
}
