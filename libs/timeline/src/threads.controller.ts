/** `GET /v1/threads/{id}`. */
import { Controller, Get } from '@nestjs/common';
import { QueryBus } from '@nestjs/cqrs';
import {
  Answers,
  Describes,
  fieldTypes,
  PathParam,
  PositionHeader,
  Refuses,
  StrictQuery,
  type Page,
} from '@timeline/http';
import type { TimelineEntry } from './projections/timeline.projection.js';
import { ThreadPage, ThreadQuery } from './queries/thread-page.query.js';
import { timelinePageSchema } from './timeline.schemas.js';

@Controller('v1/threads')
export class ThreadsController {
  constructor(private readonly queries: QueryBus) {}

  @Get(':id')
  @Describes(
    'A conversation',
    'The interactions that were recorded with this threadId, over channels and customers, oldest first; each names under whom it came in. With asOf and knownAt as it was at a moment of the past.',
  )
  @Answers(200, timelinePageSchema, 'Entries, and the cursor of the next page where there is one')
  @Refuses('THREAD_NOT_FOUND', 'CURSOR_MALFORMED', 'READ_MODEL_NOT_READY')
  page(
    @PathParam('id', fieldTypes.text({ max: 200 })) threadId: string,
    @StrictQuery(ThreadQuery) query: ThreadQuery,
    @PositionHeader() position: string | undefined,
  ): Promise<Page<TimelineEntry>> {
    return this.queries.execute(new ThreadPage(threadId, query, position));
  }
}
