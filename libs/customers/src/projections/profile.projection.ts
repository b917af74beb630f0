/** Who a customer is and what there was with them so far: a part per source customer, a profile per group. */
import {
  canonicalJson,
  customersOf,
  subtractDecimals,
  withDay,
  type CUSTOMER_ERASED,
  type Recorded,
} from '@timeline/kernel';
import { customerOwner, type Projection } from '@timeline/projecting';
import type { FeedbackEvent } from '../../../feedback/src/feedback.events.js';
import type { InteractionEvent } from '../../../interactions/src/interactions.events.js';
import { pointsMoved, type LoyaltyEvent } from '../../../loyalty/src/loyalty.events.js';
import { linksOf, withMerge, type MergeEvent } from '../../../merging/src/merging.events.js';
import type { PurchaseEvent } from '../../../purchases/src/purchases.events.js';
import type { SurveyAnswerEvent } from '../../../surveys/src/surveys.events.js';
import { hear, hearVerified, preferenceNames, takeBack, traitNames } from '../candidates.js';
import { peopleMore, withMembership } from '../companies/company-memberships.js';
import { consentKey } from '../customer.decider.js';
import type { CustomerEvent } from '../customers.events.js';
import { withIdentity, withoutIdentity } from '../identities/held-identities.js';
import { entryOf, latestOf, saidBy, withLatest } from '../latest.js';
import { profileOf, type Profile } from './profile-document.js';
import {
  addTurnover,
  changedIdentities,
  combinePoints,
  earliest,
  emptyPart,
  latestInstants,
  originOf,
  registeredIdentities,
  withoutPurchase,
  withPurchase,
  type ProfilePart,
  type Turnover,
} from './profile-part.js';

type ProfileEvent =
  | Exclude<
      CustomerEvent,
      {
        type:
          | typeof CUSTOMER_ERASED
          | 'CustomerErasureCarriedOut'
          | 'CustomerErasureCertified'
          | 'IdentityClaimLapsed'
          // Until it is accepted, and then the update says it.
          | 'EnrichmentProposed'
          | 'EnrichmentAccepted'
          | 'EnrichmentRejected';
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
  version: 3,
  handles: [
    'CustomerRegistered',
    'CustomerUpdated',
    'CustomerIdentityAdded',
    'CustomerIdentityRemoved',
    'CustomerConsentChanged',
    'CustomerPreferencesChanged',
    'CustomerLifecycleStageChanged',
    'CustomerJoinedCompany',
    'CustomerLeftCompany',
    'CustomerFieldVerified',
    'CustomerFieldsRetracted',
    'CustomerRegistrationWithdrawn',
    'InteractionRecorded',
    'PurchaseRecorded',
    'PurchaseReturned',
    'PurchaseCancelled',
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
    // Of a merge and of a company's people there are more than one.
    return customersOf(event).map((key) => ({ key, owner: customerOwner(key) }));
  },

  evolve(part = emptyPart(), event, key) {
    const after = part.members.length === 0 ? { ...part, members: [key] } : part;
    switch (event.type) {
      case 'CustomerRegistered': {
        const { kind, stage, language, region, traits, anonymous } = event.data;
        const { identities = [], ...details } = event.personal ?? {};
        return {
          ...seen(after, event),
          known: after.known || !anonymous,
          ...hear(after, { kind, stage, ...details, language, region, ...traitNames(traits) }, event),
          identities: registeredIdentities(identities, event),
        };
      }
      case 'CustomerUpdated': {
        const { language, region, traits = {} } = event.data;
        return {
          ...after,
          known: after.known || Boolean(event.personal?.name),
          ...hear(after, { ...event.personal, language, region, ...traitNames(traits) }, event),
        };
      }
      case 'CustomerIdentityAdded': {
        const identity = event.personal?.identity;
        return identity
          ? {
              ...after,
              identities: changedIdentities(after.identities, withIdentity(after.identities, identity), event),
            }
          : after;
      }
      case 'CustomerIdentityRemoved': {
        const hash = event.personal?.identity.hash;
        if (hash === undefined) return after;
        return { ...after, identities: withoutIdentity(after.identities, hash) };
      }
      case 'CustomerConsentChanged':
        return { ...after, ...hear(after, { [`consents.${consentKey(event.data)}`]: event.data }, event) };
      case 'CustomerPreferencesChanged':
        return { ...after, ...hear(after, preferenceNames(event.data.preferences), event) };
      case 'CustomerLifecycleStageChanged':
        return { ...after, ...hear(after, { stage: event.data.to }, event) };
      case 'CustomerJoinedCompany':
      case 'CustomerLeftCompany': {
        if (key === event.data.companyId) return { ...after, people: after.people + peopleMore(event) };
        const { position } = event;
        const companies = withMembership(after.companies, event, (membership) => ({ ...membership, since: position }));
        return { ...after, companies };
      }
      case 'CustomerFieldVerified': {
        if (!event.personal) return after;
        const { value, hash } = event.personal;
        const { by, method } = event.data;
        if (hash === undefined) return { ...after, ...hearVerified(after, { ...event.data, value }, event) };
        const said = { ...originOf(event), verified: { by, method } };
        const identities = after.identities.map((each) => (each.hash === hash ? { ...each, said } : each));
        return { ...after, identities };
      }
      case 'CustomerFieldsRetracted':
        return { ...after, ...takeBack(after, event.data.fields, event.data) };
      case 'CustomerRegistrationWithdrawn': {
        const { fields, traits, consents, losing, identities, members } = emptyPart();
        const nothing = { fields, traits, consents, losing, identities, members };
        // What else there was with the customer stays, should somebody register it again.
        const { firstSeenAt: _, ...rest } = after;
        return canonicalJson({ ...rest, ...nothing }) === canonicalJson(emptyPart())
          ? undefined
          : { ...after, ...nothing, members: after.members };
      }
      case 'InteractionRecorded': {
        const { channel, direction } = event.data;
        const interactions = { ...after.interactions, [channel]: (entryOf(after.interactions, channel) ?? 0) + 1 };
        return {
          ...contacted(after, event, channel),
          interactions,
          ...(direction === 'outbound' && { outbound: latestInstants(after.outbound, [event.metadata.occurredAt]) }),
        };
      }
      case 'PurchaseRecorded': {
        const { channel, currency, total } = event.data;
        const { occurredAt } = event.metadata;
        return {
          ...contacted(after, event, channel),
          purchases: {
            days: withDay(after.purchases.days, occurredAt, (day) => withPurchase(day, occurredAt)),
            byCurrency: withTurnover(after, currency, { count: 1, gross: total, returned: '0' }),
          },
        };
      }
      case 'PurchaseReturned': {
        const { currency, total } = event.data;
        const byCurrency = withTurnover(after, currency, { count: 0, gross: '0', returned: total });
        return { ...after, purchases: { ...after.purchases, byCurrency } };
      }
      case 'PurchaseCancelled': {
        const { currency, total, purchasedAt } = event.data;
        return {
          ...after,
          purchases: {
            days: withDay(after.purchases.days, purchasedAt, (day) => withoutPurchase(day, purchasedAt)),
            byCurrency: withTurnover(after, currency, {
              count: -1,
              gross: subtractDecimals('0', total),
              returned: '0',
            }),
          },
        };
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
        return {
          ...after,
          points: combinePoints(after.points, { open: pointsMoved(event), at: event.metadata.occurredAt }),
        };
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
  const contact = { value: channel, ...saidBy(event) };
  return { ...seen(part, event), lastContact: latestOf(part.lastContact, contact) ?? contact };
}

function withTurnover(part: ProfilePart, currency: string, more: Turnover): Record<string, Turnover> {
  const { byCurrency } = part.purchases;
  const before = entryOf(byCurrency, currency) ?? { count: 0, gross: '0', returned: '0' };
  return { ...byCurrency, [currency]: addTurnover(before, more) };
}
