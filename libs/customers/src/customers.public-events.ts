/** Customers as downstream systems see them: what happened and when, nothing that identifies a person or that anybody wrote. */
import { defined, type JsonObject, type Recorded } from '@timeline/kernel';
import type { PublicEventMapping, PublicFact } from '@timeline/relaying';
import {
  IDENTITY_KINDS,
  LEGAL_BASES,
  LIFECYCLE_STAGES,
  VERIFICATION_METHODS,
  type CustomerEvent,
} from './customers.events.js';

const text = { type: 'string' };
const uuid = { type: 'string', format: 'uuid' };
const date = { type: 'string', format: 'date' };
const instant = { type: 'string', format: 'date-time' };
const oneOf = (words: readonly string[]): JsonObject => ({ type: 'string', enum: [...words] });
const orNull = (schema: JsonObject): JsonObject => ({ anyOf: [schema, { type: 'null' }] });
const trait = { type: ['string', 'number', 'boolean'] };
const traits = (value: JsonObject): JsonObject => ({ type: 'object', additionalProperties: value });
const listOf = (items: JsonObject): JsonObject => ({ type: 'array', items });
const identityKind = oneOf(IDENTITY_KINDS);
const stage = oneOf(LIFECYCLE_STAGES);

/** A name that ends in `?` may be absent. */
function schemaOf(own: Record<string, JsonObject>): { version: number; schema: JsonObject } {
  const members = { customerId: { type: 'string', format: 'uuid' }, ...own };
  return {
    version: 1,
    schema: {
      $schema: 'https://json-schema.org/draft/2020-12/schema',
      type: 'object',
      properties: Object.fromEntries(Object.entries(members).map(([name, schema]) => [name.replace('?', ''), schema])),
      required: Object.keys(members).filter((name) => !name.endsWith('?')),
      additionalProperties: false,
    },
  };
}

const SCHEMAS = {
  'customers.registered': schemaOf({
    kind: oneOf(['person', 'company']),
    stage,
    'language?': text,
    'region?': text,
    traits: traits(trait),
    identityKinds: listOf(identityKind),
  }),
  'customers.updated': schemaOf({
    changed: listOf(text),
    'language?': orNull(text),
    'region?': orNull(text),
    'traits?': traits(orNull(trait)),
  }),
  'customers.identity-added': schemaOf({ kind: identityKind }),
  'customers.identity-removed': schemaOf({ kind: identityKind }),
  'customers.consent-changed': schemaOf({
    purpose: text,
    status: oneOf(['granted', 'withdrawn']),
    'channel?': text,
    textVersion: text,
  }),
  'customers.preferences-changed': schemaOf({ changed: listOf(text) }),
  'customers.stage-changed': schemaOf({ from: stage, to: stage }),
  'customers.company-joined': schemaOf({ companyId: uuid, 'from?': date }),
  'customers.company-left': schemaOf({ companyId: uuid, 'to?': date }),
  'customers.field-verified': schemaOf({ field: text, method: oneOf(VERIFICATION_METHODS) }),
  'customers.fields-retracted': schemaOf({
    changed: listOf(text),
    'stage?': stage,
    'language?': orNull(text),
    'region?': orNull(text),
    'traits?': traits(orNull(trait)),
  }),
  'customers.enrichment-proposed': schemaOf({
    enrichmentId: text,
    provider: text,
    confidence: { type: 'number', minimum: 0, maximum: 1 },
    legalBasis: oneOf(LEGAL_BASES),
    fields: listOf(text),
  }),
  'customers.enrichment-accepted': schemaOf({
    enrichmentId: text,
    fields: listOf(text),
    by: oneOf(['rule', 'person']),
  }),
  'customers.enrichment-rejected': schemaOf({ enrichmentId: text, fields: listOf(text) }),
  'customers.registration-withdrawn': schemaOf({}),
  'customers.erased': schemaOf({}),
  'customers.erasure-carried-out': schemaOf({}),
  'customers.erasure-certified': schemaOf({ erasedAt: instant, carriedOutAt: instant, 'backupsExpireAt?': instant }),
};

export const customersPublicEvents: PublicEventMapping = {
  topic: 'customer-timeline.customers',
  schemas: SCHEMAS,
  map(event) {
    const { customerId } = event.metadata;
    if (customerId === undefined || !isCustomerEvent(event)) return undefined;
    const fact = publicFact(event);
    if (!fact) return undefined;
    return {
      type: fact.type,
      version: 1,
      subject: customerId,
      data: { customerId, ...fact.data },
    } satisfies PublicFact;
  },
};

const OF_THE_CUSTOMER: Readonly<Record<CustomerEvent['type'], true>> = {
  CustomerRegistered: true,
  CustomerUpdated: true,
  CustomerIdentityAdded: true,
  CustomerIdentityRemoved: true,
  CustomerConsentChanged: true,
  CustomerPreferencesChanged: true,
  CustomerLifecycleStageChanged: true,
  CustomerJoinedCompany: true,
  CustomerLeftCompany: true,
  CustomerFieldVerified: true,
  CustomerFieldsRetracted: true,
  EnrichmentProposed: true,
  EnrichmentAccepted: true,
  EnrichmentRejected: true,
  CustomerRegistrationWithdrawn: true,
  CustomerErased: true,
  CustomerErasureCarriedOut: true,
  CustomerErasureCertified: true,
  IdentityClaimLapsed: true,
};
const isCustomerEvent = (event: Recorded): event is Recorded<CustomerEvent> =>
  Object.hasOwn(OF_THE_CUSTOMER, event.type);

/** Reasons are words that somebody wrote, and proofs may lead to a person: both stay here. */
function publicFact(event: Recorded<CustomerEvent>): { type: keyof typeof SCHEMAS; data: JsonObject } | undefined {
  switch (event.type) {
    case 'CustomerRegistered': {
      const { kind, stage, language, region, traits, identityKinds = [] } = event.data;
      return {
        type: 'customers.registered',
        data: { kind, stage, ...defined({ language, region }), traits, identityKinds },
      };
    }
    case 'CustomerUpdated': {
      const { changed, language, region, traits } = event.data;
      return { type: 'customers.updated', data: { changed, ...defined({ language, region, traits }) } };
    }
    case 'CustomerIdentityAdded':
      // One that was there already only became the primary one.
      return event.data.held ? undefined : { type: 'customers.identity-added', data: { kind: event.data.kind } };
    case 'CustomerIdentityRemoved':
      return { type: 'customers.identity-removed', data: { kind: event.data.kind } };
    case 'CustomerConsentChanged': {
      const { purpose, status, channel, textVersion } = event.data;
      return { type: 'customers.consent-changed', data: { purpose, status, ...defined({ channel }), textVersion } };
    }
    case 'CustomerPreferencesChanged':
      return { type: 'customers.preferences-changed', data: { changed: event.data.changed } };
    case 'CustomerLifecycleStageChanged':
      return { type: 'customers.stage-changed', data: { from: event.data.from, to: event.data.to } };
    case 'CustomerJoinedCompany': {
      // Another role is not told, nor are roles: somebody wrote them.
      const { companyId, from, held } = event.data;
      return held ? undefined : { type: 'customers.company-joined', data: { companyId, ...defined({ from }) } };
    }
    case 'CustomerLeftCompany': {
      const { companyId, to, forgotten } = event.data;
      return forgotten === 'left-before'
        ? undefined
        : { type: 'customers.company-left', data: { companyId, ...defined({ to }) } };
    }
    case 'CustomerFieldVerified':
      return { type: 'customers.field-verified', data: { field: event.data.field, method: event.data.method } };
    case 'CustomerFieldsRetracted': {
      const { fields, now } = event.data;
      return { type: 'customers.fields-retracted', data: { changed: fields, ...defined(now) } };
    }
    case 'EnrichmentProposed': {
      const { enrichmentId, provider, confidence, legalBasis, fields } = event.data;
      return {
        type: 'customers.enrichment-proposed',
        data: { enrichmentId, provider, confidence, legalBasis, fields },
      };
    }
    case 'EnrichmentAccepted': {
      const { enrichmentId, fields, by } = event.data;
      return { type: 'customers.enrichment-accepted', data: { enrichmentId, fields, by } };
    }
    case 'EnrichmentRejected': {
      const { enrichmentId, fields } = event.data;
      return { type: 'customers.enrichment-rejected', data: { enrichmentId, fields } };
    }
    case 'CustomerRegistrationWithdrawn':
      return { type: 'customers.registration-withdrawn', data: {} };
    case 'CustomerErased':
      return { type: 'customers.erased', data: {} };
    case 'CustomerErasureCarriedOut':
      return { type: 'customers.erasure-carried-out', data: {} };
    case 'CustomerErasureCertified': {
      // For those who copied what was published and must say until when. Which copies we have is our own affair.
      const { erasedAt, carriedOutAt, backups } = event.data;
      const backupsExpireAt = backups === 'not-stated' ? undefined : backups.expireAt;
      return { type: 'customers.erasure-certified', data: { erasedAt, carriedOutAt, ...defined({ backupsExpireAt }) } };
    }
    case 'IdentityClaimLapsed':
      return undefined;
    default:
      return event satisfies never;
  }
}
