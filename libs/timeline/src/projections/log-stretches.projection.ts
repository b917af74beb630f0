/**
 * Which part of the log was recorded when: for each stretch of about a thousand events the latest `recordedAt` in it, so
 * that the first event recorded after an instant is found by one look here and one short read of the log. Small: ten
 * thousand documents for ten million events. Each event touches its stretch alone, whatever its clock said.
 */
import { stretchOf, type Fact, type Instant, type Position } from '@timeline/kernel';
import type { Projection } from '@timeline/projecting';
import type { CustomerEvent, IdentityEvent } from '../../../customers/src/customers.events.js';
import type { QualityEvent } from '../../../customers/src/data-quality.events.js';
import type { FreshnessPolicyEvent } from '../../../customers/src/freshness.events.js';
import type { ImportEvent } from '../../../customers/src/imports.events.js';
import type { DuplicateEvent } from '../../../duplicates/src/duplicates.events.js';
import type { StandardEvent, StandardFieldEvent } from '../../../standards/src/standards.events.js';
import type { SurveyEvent } from '../../../surveys/src/surveys.events.js';
import { TIMELINE_TYPES, type TimelineFact } from './timeline.projection.js';

type Unshown = Exclude<
  | CustomerEvent
  | IdentityEvent
  | ImportEvent
  | FreshnessPolicyEvent
  | QualityEvent
  | SurveyEvent
  | DuplicateEvent
  | StandardEvent
  | StandardFieldEvent,
  { type: TimelineFact['type'] }
>;

/** With those of the timeline every fact there is: one that is left out would be known before its time. */
const UNSHOWN: Record<Unshown['type'], true> = {
  CustomerErased: true,
  CustomerErasureCarriedOut: true,
  CustomerErasureCertified: true,
  IdentityClaimLapsed: true,
  IdentityClaimed: true,
  IdentityReleased: true,
  CustomerImportStarted: true,
  CustomerImportCompleted: true,
  CustomerImportReverted: true,
  FreshnessPolicySet: true,
  FreshnessPolicyEnded: true,
  DataQualityMeasured: true,
  SurveyDefined: true,
  DuplicateSuspected: true,
  DuplicateDismissed: true,
  DuplicateConfirmed: true,
  StandardPublished: true,
  StandardFieldNamed: true,
};

export interface LogStretch {
  /** The greatest `recordedAt` in it; not always that of its last event, since clocks jump. */
  latest: Instant;
  /** Position of its last event. */
  last: Position;
}

export const logStretchesProjection: Projection<LogStretch, Fact> = {
  name: 'log-stretches',
  version: 4,
  handles: [...TIMELINE_TYPES, ...Object.keys(UNSHOWN)],
  keys: ({ position }) => [{ key: stretchOf(position), owner: 'all' }],
  evolve: (stretch, { position, recordedAt }) => ({
    latest: stretch && stretch.latest > recordedAt ? stretch.latest : recordedAt,
    last: position,
  }),
};
