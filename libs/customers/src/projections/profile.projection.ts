/** Who a customer is and what there was with them so far: a part per source customer, a profile per group. */
import type { CUSTOMER_ERASED, Recorded } from '@timeline/kernel';
import { customerOwner, type Projection } from '@timeline/projecting';
import type { FeedbackEvent } from '../../../feedback/src/feedback.events.js';
import type { InteractionEvent } from '../../../interactions/src/interactions.events.js';
import type { LoyaltyEvent } from '../../../loyalty/src/loyalty.events.js';
import {
  isMergeEvent,
  linksOf,
  mergedCustomers,
  withMerge,
  type MergeEvent,
} from '../../../merging/src/merging.events.js';
import type { PurchaseEvent } from '../../../purchases/src/purchases.events.js';
import type { SurveyAnswerEvent } from '../../../surveys/src/surveys.events.js';
import { consentKey } from '../customer.decider.js';
import type { CustomerEvent, Identity } from '../customers.events.js';
import { withIdentity, withoutIdentity } from '../identities/held-identities.js';
import { entryOf, latestOf, saidBy, withLatest } from '../latest.js';
import { profileOf, type Profile } from './profile-document.js';
import {
  addTurnover,
  earliest,
  emptyPart,
  latest,
  type HeldIdentity,
  type ProfilePart,
  type Sourced,
  type Turnover,
} from './profile-part.js';

type ProfileEvent =
  | Exclude<
      CustomerEvent,
      {
        type: typeof CUSTOMER_ERASED | 'CustomerErasureCarriedOut' | 'CustomerErasureCertified' | 'IdentityClaimLapsed';
      }
    >
  | InteractionEvent
  | PurchaseEvent
  | Extract<FeedbackEvent, { type: 'FeedbackCaseOpened' | 'FeedbackResolved' | 'FeedbackReopened' | 'FeedbackRated' }>
  | SurveyAnswerEvent
  | LoyaltyEvent
  | MergeEvent;

export const profileProjection: Projection<ProfilePart, ProfileEvent, Profile> = {
  name: 'profile',
  version: 2,
  handles: [
    'CustomerRegistered',
    'CustomerUpdated',
    'CustomerIdentityAdded',
    'CustomerIdentityRemoved',
    'CustomerConsentChanged',
    'CustomerLifecycleStageChanged',
    'InteractionRecorded',
    'PurchaseRecorded',
    'PurchaseReturned',
    'FeedbackCaseOpened',
    'FeedbackResolved',
    'FeedbackReopened',
    'FeedbackRated',
    'SurveyAnswered',
    'PointsEarned',
    'PointsSpent',
    'CustomersMerged',
    'CustomersUnmerged',
  ],

  keysBeginWithOwner: true,

  keys(event) {
    const { customerId } = event.metadata;
    const concerned = isMergeEvent(event) ? mergedCustomers(event) : customerId === undefined ? [] : [customerId];
    return concerned.map((key) => ({ key, owner: customerOwner(key) }));
  },

  evolve(part = emptyPart(), event, key) {
    const after = part.members.length === 0 ? { ...part, members: [key] } : part;
    switch (event.type) {
      case 'CustomerRegistered': {
        const { kind, stage, language, region, traits } = event.data;
        const { identities = [], ...details } = event.personal ?? {};
        return {
          ...seen(after, event),
          fields: withSourced<unknown>(after.fields, { kind, stage, ...details, language, region }, event),
          traits: withSourced(after.traits, traits, event),
          identities: identities.map((identity, place) => ({ ...identity, since: event.position, place })),
        };
      }
      case 'CustomerUpdated': {
        const { language, region, traits = {} } = event.data;
        return {
          ...after,
          fields: withSourced<unknown>(after.fields, { ...event.personal, language, region }, event),
          traits: withSourced(after.traits, traits, event),
        };
      }
      case 'CustomerIdentityAdded': {
        const identity = event.personal?.identity;
        return identity
          ? { ...after, identities: changedIdentities(after, withIdentity(after.identities, identity), event) }
          : after;
      }
      case 'CustomerIdentityRemoved': {
        const hash = event.personal?.identity.hash;
        if (hash === undefined) return after;
        return { ...after, identities: changedIdentities(after, withoutIdentity(after.identities, hash), event) };
      }
      case 'CustomerConsentChanged': {
        const said = { value: event.data, ...saidBy(event) };
        return { ...after, consents: withLatest(after.consents, consentKey(event.data), said) };
      }
      case 'CustomerLifecycleStageChanged':
        return { ...after, fields: withSourced<unknown>(after.fields, { stage: event.data.to }, event) };
      case 'InteractionRecorded': {
        const { channel } = event.data;
        const interactions = { ...after.interactions, [channel]: (entryOf(after.interactions, channel) ?? 0) + 1 };
        return { ...contacted(after, event, channel), interactions };
      }
      case 'PurchaseRecorded': {
        const { channel, currency, total } = event.data;
        const { count, firstAt, lastAt } = after.purchases;
        const { occurredAt } = event.metadata;
        return {
          ...contacted(after, event, channel),
          purchases: {
            count: count + 1,
            firstAt: earliest(firstAt, occurredAt) ?? occurredAt,
            lastAt: latest(lastAt, occurredAt) ?? occurredAt,
            byCurrency: withTurnover(after, currency, { gross: total, returned: '0' }),
          },
        };
      }
      case 'PurchaseReturned': {
        const byCurrency = withTurnover(after, event.data.currency, { gross: '0', returned: event.data.total });
        return { ...after, purchases: { ...after.purchases, byCurrency } };
      }
      case 'FeedbackCaseOpened': {
        const { caseId, openedAt, channel } = event.data;
        return {
          ...contacted(after, event, channel),
          cases: { total: after.cases.total + 1, open: { ...after.cases.open, [caseId]: openedAt } },
        };
      }
      case 'FeedbackReopened':
        return {
          ...after,
          cases: { ...after.cases, open: { ...after.cases.open, [event.data.caseId]: event.data.openedAt } },
        };
      case 'FeedbackResolved': {
        const { [event.data.caseId]: _closed, ...open } = after.cases.open;
        return { ...after, cases: { ...after.cases, open } };
      }
      case 'FeedbackRated': {
        const { score, scaleMin, scaleMax, top, channel } = event.data;
        const rating = latestOf(after.rating, { value: { score, scaleMin, scaleMax, top }, ...saidBy(event) });
        return { ...contacted(after, event, channel), ...(rating && { rating }) };
      }
      case 'SurveyAnswered': {
        const { kind, score, scale, channel } = event.data;
        const scores = withLatest(after.scores, kind, { value: { score, scale }, ...saidBy(event) });
        return { ...contacted(after, event, channel), scores };
      }
      case 'PointsEarned':
      case 'PointsSpent':
        // One stream per customer, so the last in the log says what there is.
        return { ...after, points: event.data.balance };
      case 'CustomersMerged':
      case 'CustomersUnmerged':
        return withMerge(after, event, key);
      default:
        return event satisfies never;
    }
  },

  derivation: {
    indexes: [
      { name: 'by-name', key: { 'search.name': 1, _id: 1 } },
      { name: 'words', key: { 'search.words': 1 } },
      { name: 'traits', key: { 'search.traits': 1 } },
      { name: 'by-stage', key: { stage: 1, 'search.name': 1, _id: 1 } },
      { name: 'by-region', key: { region: 1, 'search.name': 1, _id: 1 } },
    ],
    links: linksOf,
    derive: profileOf,
  },
};

function seen(part: ProfilePart, { metadata: { occurredAt } }: Recorded<ProfileEvent>): ProfilePart {
  return { ...part, firstSeenAt: earliest(part.firstSeenAt, occurredAt) ?? occurredAt };
}

function contacted(part: ProfilePart, event: Recorded<ProfileEvent>, channel: string): ProfilePart {
  const lastContact = latestOf(part.lastContact, { value: channel, ...saidBy(event) });
  return { ...seen(part, event), ...(lastContact && { lastContact }) };
}

function withSourced<T>(
  known: Readonly<Record<string, Sourced<T>>>,
  members: Readonly<Record<string, T | null | undefined>>,
  event: Recorded<ProfileEvent>,
): Record<string, Sourced<T>> {
  const { source, actor } = event.metadata;
  let after = { ...known };
  for (const [name, value] of Object.entries(members)) {
    if (value === undefined) continue;
    after = withLatest(after, name, { value, ...saidBy(event), source: source ?? actor });
  }
  return after;
}

/** Those that stayed keep their place. */
function changedIdentities(
  part: ProfilePart,
  identities: readonly Identity[],
  { position }: Recorded<ProfileEvent>,
): HeldIdentity[] {
  const before = new Map(part.identities.map((identity) => [identity.hash, identity]));
  return identities.map((identity) => {
    const { since = position, place = 0 } = before.get(identity.hash) ?? {};
    return { ...identity, since, place };
  });
}

function withTurnover(part: ProfilePart, currency: string, more: Turnover): Record<string, Turnover> {
  const { byCurrency } = part.purchases;
  const before = entryOf(byCurrency, currency) ?? { gross: '0', returned: '0' };
  return { ...byCurrency, [currency]: addTurnover(before, more) };
}
