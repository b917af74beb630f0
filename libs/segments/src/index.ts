/** Built-in segments: who is in which, at any instant. */
import type { Slice } from '@timeline/composing';
import { segmentsProjection } from './projections/segments.projection.js';
import { ListMembersHandler, ListSegmentsHandler, SegmentsOfCustomerHandler } from './queries/segments.query.js';
import { CustomerSegmentsController, SegmentsController } from './segments.controller.js';

export const segmentsSlice = {
  name: 'segments',
  queryProviders: [ListSegmentsHandler, ListMembersHandler, SegmentsOfCustomerHandler],
  queryControllers: [SegmentsController, CustomerSegmentsController],
  projections: [segmentsProjection],
} satisfies Slice;
