/** Duplicates: customers who may be one, found as they come in, and what people decide about them. */
import type { Type } from '@nestjs/common';
import type { Slice } from '@timeline/composing';
import {
  confirmDuplicate,
  ConfirmDuplicateHandler,
  dismissDuplicate,
  DismissDuplicateHandler,
} from './commands/decide-duplicate.command.js';
import { ConfirmedDuplicates, OnlyRecorded } from './confirmed-duplicates.port.js';
import { DuplicateSearch } from './duplicate-search.js';
import { DuplicateWatch } from './duplicate-watch.js';
import { DuplicatesCommandController, DuplicatesQueryController } from './duplicates.controller.js';
import { duplicateCandidatesProjection } from './projections/duplicate-candidates.projection.js';
import { duplicatesProjection } from './projections/duplicates.projection.js';
import { DuplicatesOfHandler, SearchDuplicatesHandler } from './queries/find-duplicates.query.js';
import { ListDuplicatesHandler } from './queries/list-duplicates.query.js';

/** @param confirmed what merges a confirmed pair; without it a confirmation is only recorded */
export const duplicatesSlice = ({
  confirmed = OnlyRecorded,
}: { confirmed?: Type<ConfirmedDuplicates> } = {}): Slice => ({
  name: 'duplicates',
  commandTypes: [dismissDuplicate, confirmDuplicate],
  commandProviders: [
    DismissDuplicateHandler,
    ConfirmDuplicateHandler,
    { provide: ConfirmedDuplicates, useClass: confirmed },
  ],
  commandControllers: [DuplicatesCommandController],
  queryProviders: [DuplicateSearch, SearchDuplicatesHandler, DuplicatesOfHandler, ListDuplicatesHandler],
  queryControllers: [DuplicatesQueryController],
  projections: [duplicateCandidatesProjection, duplicatesProjection],
  followers: [DuplicateWatch],
});

export { ConfirmedDuplicates } from './confirmed-duplicates.port.js';
export type { Pair } from './duplicates.events.js';
