/** Merging: customers that are one person are shown as one, and part again; nothing that was recorded is rewritten. */
import type { Slice } from '@timeline/composing';
import { CustomerGroups } from '@timeline/deciding';
import { mergeCustomers, MergeCustomersHandler } from './commands/merge-customers.command.js';
import { MergeMembers } from './commands/merge-members.js';
import { unmergeCustomers, UnmergeCustomersHandler } from './commands/unmerge-customers.command.js';
import { MergingCommandController, MergingQueryController } from './merging.controller.js';
import { mergingPublicEvents } from './merging.public-events.js';
import { groupsProjection } from './projections/groups.projection.js';
import { MergingSettings } from './merging-settings.js';
import { GetMergeHandler } from './queries/get-merge.query.js';
import { ListMergesHandler } from './queries/list-merges.query.js';
import { ReadCustomerGroups } from './read-customer-groups.js';

export const mergingSlice = ({ sourceRank = [] }: { sourceRank?: readonly string[] } = {}): Slice => ({
  name: 'merging',
  commandTypes: [mergeCustomers, unmergeCustomers],
  commandProviders: [
    { provide: MergingSettings, useValue: new MergingSettings(sourceRank) },
    { provide: CustomerGroups, useClass: ReadCustomerGroups },
    MergeMembers,
    MergeCustomersHandler,
    UnmergeCustomersHandler,
  ],
  commandControllers: [MergingCommandController],
  queryProviders: [GetMergeHandler, ListMergesHandler],
  queryControllers: [MergingQueryController],
  projections: [groupsProjection],
  publicEvents: [mergingPublicEvents],
});

export { mergeCustomers } from './commands/merge-customers.command.js';
