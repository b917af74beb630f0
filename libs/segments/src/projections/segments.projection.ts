/**
 * Who is in which segment when: a part per source customer, and spans per group derived from them. Of what was recorded of
 * memberships a part keeps the last, and its derived document from when on that is not so any more.
 */
import { customersOf, isSameJson, type Fact, type Instant, type Recorded } from '@timeline/kernel';
import { customerOwner, oncePerGroup, type Projection } from '@timeline/projecting';
import type { Filter, IndexSpec } from '@timeline/read-store';
import type { CustomerEvent } from '../../../customers/src/customers.events.js';
import type { FeedbackEvent } from '../../../feedback/src/feedback.events.js';
import type { InteractionEvent } from '../../../interactions/src/interactions.events.js';
import { isMergeEvent, linksOf, survivorOf, withMerge, type MergeEvent } from '../../../merging/src/merging.events.js';
import type { PurchaseEvent } from '../../../purchases/src/purchases.events.js';
import { npsGroupOf, type SurveyAnswerEvent } from '../../../surveys/src/surveys.events.js';
import {
  active,
  answered,
  bought,
  combine,
  emptyPart,
  gaveBack,
  seen,
  spansOf,
  type RecordedMemberships,
  type SegmentPart,
  type Span,
} from '../membership.js';
import { isEnteredByClock, nothingRecorded, owedOf, withStep, type Owed } from '../recorded-memberships.js';
import { SEGMENT_IDS, type SegmentEvent, type SegmentId } from '../segments.events.js';

type SegmentFact =
  | Extract<CustomerEvent, { type: 'CustomerRegistered' | 'CustomerRegistrationWithdrawn' }>
  | InteractionEvent
  | PurchaseEvent
  | Extract<FeedbackEvent, { type: 'FeedbackCaseOpened' }>
  | SurveyAnswerEvent
  | MergeEvent
  | SegmentEvent;

export interface SegmentMembership extends Owed {
  customerId: string;
  /** Lists and counts show the survivor of a group only; all its members are in the same segments. */
  isSurvivor: boolean;
  /** Only segments that the customer is in at some time. `from` and `to` enclose all spans: what an index can serve. */
  in: Partial<Record<SegmentId, { from: string; to: string; spans: Span[] }>>;
  recorded: RecordedMemberships;
}

export const segmentsProjection: Projection<SegmentPart, Fact, SegmentMembership> = {
  name: 'segments',
  version: 5,
  handles: [
    'CustomerRegistered',
    'CustomerRegistrationWithdrawn',
    'InteractionRecorded',
    'PurchaseRecorded',
    'PurchaseReturned',
    'PurchaseCancelled',
    'FeedbackCaseOpened',
    'SurveyAnswered',
    'CustomersMerged',
    'CustomersUnmerged',
    'SegmentEntered',
    'SegmentLeft',
  ] satisfies SegmentFact['type'][],
  keysBeginWithOwner: true,
  keys: (event) => customersOf(event).map((customerId) => ({ key: customerId, owner: customerOwner(customerId) })),
  // The runner hands over only the types handled, which are those of SegmentFact.
  evolve: (part = emptyPart, event, key) => evolve(part, event as Recorded<SegmentFact>, key),
  derivation: {
    indexes: SEGMENT_IDS.flatMap((id): IndexSpec[] => [
      { name: id, key: { [`in.${id}.to`]: 1, _id: 1 } },
      { name: `leaves-${id}`, key: { [`leaves.${id}`]: 1 }, sparse: true },
      { name: `enters-${id}`, key: { [`enters.${id}`]: 1 }, sparse: true },
    ]),
    links: linksOf,
    derive: (key, parts) => {
      const { survivor, in: within } = membershipOf(parts);
      const recorded = parts.find((each) => each.key === key)?.part.recorded ?? nothingRecorded;
      return { customerId: key, isSurvivor: survivor === key, in: within, recorded, ...owedOf(within, recorded) };
    },
  },
};

/**
 * Of whom a membership is to be recorded at `now`, of the segments `watched`. Whoever is in a segment that is entered by the
 * clock and has a fact of some minutes ahead, after which it is entered again, is found when that is.
 */
export const owesAt = (watched: readonly SegmentId[], now: Instant): Filter[] =>
  watched.flatMap((id): Filter[] => [
    // `$exists`: what a sparse index serves.
    { [`leaves.${id}`]: { $exists: true, $lte: now } },
    {
      [`enters.${id}`]: { $exists: true, ...(isEnteredByClock(id) ? { $lte: now } : { $gt: now }) },
      [`in.${id}.spans`]: { $elemMatch: { from: { $lte: now }, to: { $gt: now } } },
    },
  ]);

/** Of one customer: the parts of the group's members together. */
export const membershipOf = oncePerGroup((parts: readonly { key: string; part: SegmentPart }[]) => {
  const [first = emptyPart, ...others] = parts.map(({ part }) => part);
  const spans = spansOf(others.reduce(combine, first));
  const within: SegmentMembership['in'] = {};
  for (const id of SEGMENT_IDS) {
    const [first, last] = [spans[id][0], spans[id].at(-1)];
    if (first && last) within[id] = { from: first.from, to: last.to, spans: spans[id] };
  }
  return { survivor: survivorOf(parts), in: within };
});

function evolve(before: SegmentPart, event: Recorded<SegmentFact>, key: string): SegmentPart | undefined {
  if (isMergeEvent(event)) return withMerge(before, event, key);
  if (event.type === 'SegmentEntered' || event.type === 'SegmentLeft')
    return { ...before, recorded: withStep(before.recorded ?? nothingRecorded, event) };
  // Only who was known for nothing else is withdrawn; where something came late, that keeps its part.
  if (event.type === 'CustomerRegistrationWithdrawn') {
    const { recorded, ...known } = before;
    if (!isSameJson({ ...known, firstSeenAt: null }, emptyPart)) return before;
    // What was recorded stays counted, should somebody register it again.
    return recorded && { ...emptyPart, recorded: { ...nothingRecorded, count: recorded.count } };
  }
  const at = event.metadata.occurredAt;
  const part = seen(before, at);
  switch (event.type) {
    case 'CustomerRegistered':
    case 'FeedbackCaseOpened':
      return part;
    case 'InteractionRecorded':
      return active(part, at);
    case 'PurchaseRecorded':
      return bought(active(part, at), event.data.currency, event.data.total, at);
    case 'PurchaseReturned':
    case 'PurchaseCancelled':
      return gaveBack(part, event.data.currency, event.data.total, at, event.data.purchasedAt);
    case 'SurveyAnswered':
      return event.data.kind === 'NPS'
        ? answered(part, { at, position: event.position, group: npsGroupOf(event.data.score) })
        : part;
  }
}
