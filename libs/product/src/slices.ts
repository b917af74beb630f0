/** The slices that make the product, in the order in which their data depends on each other. */

import { customersSlice } from '@timeline/customers';
import { duplicatesSlice } from '@timeline/duplicates';
import { feedbackSlice } from '@timeline/feedback';
import { interactionsSlice } from '@timeline/interactions';
import { loyaltySlice } from '@timeline/loyalty';
import { mergingSlice } from '@timeline/merging';
import { purchasesSlice } from '@timeline/purchases';
import { satisfactionSlice } from '@timeline/satisfaction';
import { segmentsSlice } from '@timeline/segments';
import { standardsSlice } from '@timeline/standards';
import { surveysSlice } from '@timeline/surveys';
import { timelineSlice } from '@timeline/timeline';
import { KnownMemberships, SegmentsOfPolicies } from './freshness-by-segment.js';
import { MergeConfirmed } from './merge-confirmed.js';
import type { Config, Slice } from '@timeline/composing';

type SlicesConfig = Pick<Config, 'reportingTimeZone' | 'defaultPhoneRegion'> &
  Partial<Pick<Config, 'backupRetentionDays' | 'mergeSourceRank'>>;

export function productSlices(config: SlicesConfig): Slice[] {
  return [
    standardsSlice,
    customersSlice({ ...config, memberships: KnownMemberships }),
    mergingSlice({ sourceRank: config.mergeSourceRank ?? [] }),
    interactionsSlice,
    purchasesSlice,
    feedbackSlice,
    surveysSlice,
    loyaltySlice({ zone: config.reportingTimeZone }),
    timelineSlice,
    satisfactionSlice({ zone: config.reportingTimeZone }),
    segmentsSlice({ watched: SegmentsOfPolicies }),
    duplicatesSlice({ confirmed: MergeConfirmed }),
  ];
}
