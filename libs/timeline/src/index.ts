/** The timeline of a customer, and the log itself for analysts and downstream. */
import type { Slice } from '@timeline/composing';
import { EventsController } from './events.controller.js';
import { LiveTail } from './live-tail.js';
import { timelineProjection } from './projections/timeline.projection.js';
import { TimelinePageHandler } from './queries/timeline-page.query.js';
import { TimelineController } from './timeline.controller.js';

export const timelineSlice = {
  name: 'timeline',
  queryProviders: [LiveTail, TimelinePageHandler],
  queryControllers: [TimelineController, EventsController],
  projections: [timelineProjection],
} satisfies Slice;
