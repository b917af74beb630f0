/** `GET /v1/customers/{id}/timeline` and its live stream. */
import { Controller, Get, Res } from '@nestjs/common';
import { QueryBus } from '@nestjs/cqrs';
import { CustomerDirectory, CustomerGroups } from '@timeline/deciding';
import { EventStore } from '@timeline/event-store';
import {
  Answers,
  Describes,
  LastEventId,
  PathId,
  PositionHeader,
  Refuses,
  sse,
  SseRegistry,
  StrictQuery,
  type Page,
  type SseEvent,
} from '@timeline/http';
import { customersOf, errorCode, parsePosition, type Position, type Recorded } from '@timeline/kernel';
import { PersonalVault } from '@timeline/key-store';
import type { FastifyReply } from 'fastify';
import { isMergeEvent } from '../../merging/src/merging.events.js';
import { LiveTail } from './live-tail.js';
import { entryOf, TIMELINE_TYPES, type TimelineFact } from './projections/timeline.projection.js';
import { TimelinePage, TimelinePageQuery, type ShownEntry } from './queries/timeline-page.query.js';
import { timelinePageSchema } from './timeline.schemas.js';

const SHOWN: ReadonlySet<string> = new Set(TIMELINE_TYPES);

@Controller('v1/customers/:id/timeline')
export class TimelineController {
  constructor(
    private readonly queries: QueryBus,
    private readonly directory: CustomerDirectory,
    private readonly groups: CustomerGroups,
    private readonly events: EventStore,
    private readonly tail: LiveTail,
    private readonly vault: PersonalVault,
    private readonly streams: SseRegistry,
  ) {}

  @Get()
  @Describes(
    'A page of the customer’s timeline',
    'Newest or oldest first by occurredAt, then position. Merged customers have one timeline; each entry names under whom it came in. With asOf and knownAt as it was at a moment of the past.',
  )
  @Answers(200, timelinePageSchema, 'Entries, and the cursor of the next page where there is one')
  @Refuses('CUSTOMER_NOT_FOUND', 'CUSTOMER_ERASED', 'CURSOR_MALFORMED')
  async page(
    @PathId('id') customerId: string,
    @StrictQuery(TimelinePageQuery) query: TimelinePageQuery,
    @PositionHeader() position: string | undefined,
  ): Promise<Page<ShownEntry>> {
    await this.directory.resolve({ customerId });
    return this.queries.execute(new TimelinePage(customerId, query, position));
  }

  @Get('stream')
  @Describes(
    'The customer’s timeline as it grows',
    'Server-sent events; goes on after Last-Event-ID, else from now. Of all who are merged with the customer, and of those who come to be.',
  )
  @Answers(200, { type: 'string' }, 'One `entry` event for each new entry', 'text/event-stream')
  @Refuses('CUSTOMER_NOT_FOUND', 'CUSTOMER_ERASED', 'POSITION_MALFORMED', 'POSITION_OF_ANOTHER_LOG')
  async stream(
    @PathId('id') customerId: string,
    @LastEventId() lastEventId: string | undefined,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<AsyncGenerator<string>> {
    await this.directory.resolve({ customerId });
    const after = lastEventId === undefined ? undefined : parsePosition(lastEventId, this.events.logId);
    return sse(reply, this.streams, (signal) => this.#entries(customerId, after, signal));
  }

  async *#entries(customerId: string, after: Position | undefined, signal: AbortSignal): AsyncGenerator<SseEvent> {
    // Where it begins is settled before who is followed: a merge in between is met on the way.
    const start = after ?? (await this.events.head())?.position;
    let members = new Set(await this.#membersAt(customerId, start, signal));
    for await (const batch of this.tail.follow(start, signal)) {
      for (const stored of batch) {
        // Whose entry it is does not hang on who asked for the stream.
        const [of] = customersOf(stored)
          .filter((each) => members.has(each))
          .sort();
        if (of === undefined || !SHOWN.has(stored.type)) continue;
        for (const event of await this.vault.open([stored])) {
          // Narrowed by SHOWN, which holds exactly the types of TimelineFact.
          const entry = entryOf(event as unknown as Recorded<TimelineFact>, of);
          yield { id: event.position, event: 'entry', data: entry };
          // What concerns a member is the only thing that can change who they are.
          if (isMergeEvent(event)) members = new Set(await this.#membersAt(customerId, event.position, signal));
        }
      }
    }
  }

  /** Waits for the read model as long as the reader does: the stream itself is not to end for it. */
  async #membersAt(customerId: string, position: Position | undefined, signal: AbortSignal): Promise<string[]> {
    for (;;) {
      try {
        return await this.groups.membersOf(customerId, position);
      } catch (error) {
        if (signal.aborted || errorCode(error) !== 'POSITION_NOT_REACHED') throw error;
      }
    }
  }
}
