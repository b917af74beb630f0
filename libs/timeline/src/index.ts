/** The timeline of a customer, and the log itself for analysts and downstream. */
import { History } from '@timeline/as-of';
import type { Slice } from '@timeline/composing';
import { EventsController } from './events.controller.js';
import { LiveTail } from './live-tail.js';
import { logStretchesProjection } from './projections/log-stretches.projection.js';
import { timelineProjection } from './projections/timeline.projection.js';
import { TimelinePageHandler } from './queries/timeline-page.query.js';
import { TimelineController } from './timeline.controller.js';
import { TimelineHistory } from './timeline-history.js';

export const timelineSlice = {
  name: 'timeline',
  queryProviders: [LiveTail, TimelineHistory, { provide: History, useExisting: TimelineHistory }, TimelinePageHandler],
  queryControllers: [TimelineController, EventsController],
  projections: [timelineProjection, logStretchesProjection],
} satisfies Slice;
