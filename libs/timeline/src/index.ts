/** The timeline of a customer, and the log itself for analysts and downstream. */
import { History } from '@timeline/as-of';
import type { Slice } from '@timeline/composing';
import { EventsController } from './events.controller.js';
import { LiveTail } from './live-tail.js';
import { logStretchesProjection } from './projections/log-stretches.projection.js';
import { threadsProjection } from './projections/threads.projection.js';
import { timelineProjection } from './projections/timeline.projection.js';
import { ThreadPageHandler } from './queries/thread-page.query.js';
import { TimelinePageHandler } from './queries/timeline-page.query.js';
import { ThreadsController } from './threads.controller.js';
import { TimelineController } from './timeline.controller.js';
import { TimelineHistory } from './timeline-history.js';

export const timelineSlice = {
  name: 'timeline',
  queryProviders: [
    LiveTail,
    TimelineHistory,
    { provide: History, useExisting: TimelineHistory },
    TimelinePageHandler,
    ThreadPageHandler,
  ],
  queryControllers: [TimelineController, ThreadsController, EventsController],
  projections: [timelineProjection, threadsProjection, logStretchesProjection],
} satisfies Slice;
