/** Built-in segments: who is in which, at any instant. */
import type { Type } from '@nestjs/common';
import type { Slice } from '@timeline/composing';
import { segmentsProjection } from './projections/segments.projection.js';
import { ListMembersHandler, ListSegmentsHandler, SegmentsOfCustomerHandler } from './queries/segments.query.js';
import { CustomerSegmentsController, SegmentsController } from './segments.controller.js';
import { segmentsPublicEvents } from './segments.public-events.js';
import { SegmentsReaction } from './segments.reaction.js';
import { NoneWatched, WatchedSegments } from './watched-segments.port.js';

/** @param watched tells of which segments memberships are recorded; without it of none */
export const segmentsSlice = ({ watched = NoneWatched }: { watched?: Type<WatchedSegments> } = {}): Slice => ({
  name: 'segments',
  commandProviders: [{ provide: WatchedSegments, useClass: watched }],
  queryProviders: [ListSegmentsHandler, ListMembersHandler, SegmentsOfCustomerHandler],
  queryControllers: [SegmentsController, CustomerSegmentsController],
  projections: [segmentsProjection],
  reactions: [SegmentsReaction],
  publicEvents: [segmentsPublicEvents],
});

export { segmentsProjection } from './projections/segments.projection.js';
export { endOf } from './recorded-memberships.js';
export { SEGMENT_IDS, type SegmentId } from './segments.events.js';
export { WatchedSegments } from './watched-segments.port.js';
