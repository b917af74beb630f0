/** `GET /v1/events`: the log itself, for analysts and for downstream systems without Kafka. Personal data stays out. */
import { Controller, Get, Res } from '@nestjs/common';
import { EventStore, type StoredEvent } from '@timeline/event-store';
import {
  Answers,
  Describes,
  fieldTypes,
  LastEventId,
  ListOf,
  Optional,
  Refuses,
  sse,
  SseRegistry,
  StrictQuery,
  Text,
  Whole,
  type SseEvent,
} from '@timeline/http';
import { parsePosition, type Position } from '@timeline/kernel';
import type { FastifyReply } from 'fastify';
import { LiveTail, sizeOf } from './live-tail.js';
import { eventPageSchema } from './timeline.schemas.js';

export class EventTypesQuery {
  /** Exclusive; from `next` of the page before. Default: the beginning of the log, or for a stream, now. */
  @Optional()
  @Text({ max: 80 })
  from?: string;

  @Optional()
  @ListOf(fieldTypes.text({ max: 80 }), { min: 1, max: 50 })
  types?: string[];
}

export class EventPageQuery extends EventTypesQuery {
  @Optional()
  @Whole({ min: 1, max: 1000 })
  limit: number = 100;
}

/** About, of JSON: a page is in memory as a whole, several times over. */
const PAGE_BYTES = 4 * 1024 * 1024;
const EVENTS_AT_ONCE = 50;

export type LoggedEvent = Omit<StoredEvent, 'personal'>;

export interface EventPage {
  items: LoggedEvent[];
  /** Where the next page starts: the last event looked at. Absent while the log is empty. */
  next?: Position;
}

@Controller('v1/events')
export class EventsController {
  constructor(
    private readonly events: EventStore,
    private readonly tail: LiveTail,
    private readonly streams: SseRegistry,
  ) {}

  @Get()
  @Describes(
    'Events of the log in order',
    'Without personal data. `next` is where to go on; a page without events is the last. One of large events holds fewer than `limit`.',
  )
  @Answers(200, eventPageSchema, 'Events after `from`')
  @Refuses('POSITION_MALFORMED', 'POSITION_OF_ANOTHER_LOG')
  async page(@StrictQuery(EventPageQuery) { from, types, limit }: EventPageQuery): Promise<EventPage> {
    const after = from === undefined ? undefined : parsePosition(from, this.events.logId);
    const items: LoggedEvent[] = [];
    const batchSize = Math.min(limit, EVENTS_AT_ONCE);
    let bytes = 0;
    for await (const batch of this.events.readAll({
      ...(after && { after }),
      ...(types && { types }),
      limit,
      batchSize,
    })) {
      items.push(...batch.map(withoutPersonal));
      for (const event of batch) bytes += sizeOf(event);
      if (bytes > PAGE_BYTES) break;
    }
    const next = items.at(-1)?.position ?? after;
    return { items, ...(next && { next }) };
  }

  @Get('stream')
  @Describes('The log as it grows', 'Server-sent events without personal data; goes on after Last-Event-ID or `from`.')
  @Answers(200, { type: 'string' }, 'One server-sent event for each event, named by its type', 'text/event-stream')
  @Refuses('POSITION_MALFORMED', 'POSITION_OF_ANOTHER_LOG')
  stream(
    @StrictQuery(EventTypesQuery) { from, types }: EventTypesQuery,
    @LastEventId() lastEventId: string | undefined,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): AsyncGenerator<string> {
    const start = lastEventId ?? from;
    const after = start === undefined ? undefined : parsePosition(start, this.events.logId);
    const wanted = types && new Set(types);
    const source = async function* (tail: LiveTail, signal: AbortSignal): AsyncGenerator<SseEvent> {
      for await (const batch of tail.follow(after, signal)) {
        for (const event of batch) {
          if (wanted && !wanted.has(event.type)) continue;
          yield { id: event.position, event: event.type, data: withoutPersonal(event) };
        }
      }
    };
    return sse(reply, this.streams, (signal) => source(this.tail, signal));
  }
}

function withoutPersonal({ personal: _personal, ...event }: StoredEvent): LoggedEvent {
  return event;
}
