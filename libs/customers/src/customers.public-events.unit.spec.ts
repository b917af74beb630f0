/** What leaves the product about customers fits its schemas and identifies nobody. */
import Ajv2020 from 'ajv/dist/2020.js';
import addFormats from 'ajv-formats';
import type { Fact } from '@timeline/kernel';
import { customersPublicEvents } from './customers.public-events.js';
import type { CustomerEvent } from './customers.events.js';
import { certificate, CUSTOMER, OTHER, erased, identity, registered } from './testing/fixtures.js';
import { recorder } from './testing/recorder.js';

const ann = identity('ann');
const facts: CustomerEvent[] = [
  registered(
    { language: 'en', region: 'North', traits: { vip: true } },
    { name: { full: 'Secret Ann' }, identities: [ann] },
  ),
  {
    type: 'CustomerUpdated',
    data: { changed: ['name', 'language', 'traits.vip'], language: null, traits: { vip: null } },
    personal: { name: { full: 'Secret Bob' } },
  },
  { type: 'CustomerIdentityAdded', data: { kind: 'email' }, personal: { identity: ann } },
  { type: 'CustomerIdentityRemoved', data: { kind: 'email' }, personal: { identity: ann } },
  {
    type: 'CustomerConsentChanged',
    data: { purpose: 'newsletter', status: 'granted', channel: 'email', textVersion: '3', proof: 'secret call 7' },
  },
  {
    type: 'EnrichmentProposed',
    data: {
      enrichmentId: '939fb05c-07ed-5405-bd7d-6d53833a9787',
      provider: 'register',
      confidence: 0.5,
      legalBasis: 'consent',
      fields: ['name'],
    },
    personal: { values: { name: { full: 'Secret' } } },
  },
  { type: 'EnrichmentAccepted', data: { enrichmentId: 'e', fields: ['name'], by: 'person' } },
  { type: 'EnrichmentRejected', data: { enrichmentId: 'e', fields: ['name'], reason: 'secret reason' } },
  {
    type: 'CustomerPreferencesChanged',
    data: { changed: ['preferences.refused'], preferences: { refused: ['secret channel'] } },
  },
  { type: 'CustomerLifecycleStageChanged', data: { from: 'customer', to: 'lead', reason: 'secret reason' } },
  {
    type: 'CustomerJoinedCompany',
    data: { personId: CUSTOMER, companyId: OTHER, role: 'secret role', from: '2024-01-01' },
  },
  {
    type: 'CustomerLeftCompany',
    data: { personId: CUSTOMER, companyId: OTHER, to: '2024-12-31', reason: 'secret reason' },
  },
  { type: 'CustomerLeftCompany', data: { personId: CUSTOMER, companyId: OTHER, forgotten: 'left' } },
  {
    type: 'CustomerFieldVerified',
    data: { field: 'name', by: 'secret Ann', method: 'call' },
    personal: { value: 'Secret' },
  },
  {
    type: 'CustomerFieldsRetracted',
    data: {
      source: 'crm',
      fields: ['name', 'stage', 'region', 'traits.vip'],
      now: { stage: 'lead', region: null, traits: { vip: null } },
    },
  },
  { type: 'CustomerRegistrationWithdrawn', data: { source: 'crm' } },
  { ...erased, data: { reason: 'secret reason' } } as CustomerEvent,
  { type: 'CustomerErasureCarriedOut', data: { claimsReleased: 1 } },
  { type: 'CustomerErasureCertified', data: certificate },
  { type: 'CustomerErasureCertified', data: { ...certificate, backups: 'not-stated' } },
];

const record = recorder({ customerId: CUSTOMER });
const published = facts.map((fact) => customersPublicEvents.map(record<Fact>({ ...fact, personal: undefined })));

describe('public events of customers', () => {
  it('are one for each fact, each by its schema', () => {
    const ajv = new Ajv2020.default({ strict: true, allowUnionTypes: true });
    addFormats.default(ajv);
    for (const fact of published) {
      if (!fact) throw new Error('a fact is not published');
      const declared = customersPublicEvents.schemas[fact.type];
      expect(declared?.version).toBe(fact.version);
      expect([fact.type, ajv.validate(declared?.schema ?? false, fact.data), ajv.errorsText()]).toEqual([
        fact.type,
        true,
        'No errors',
      ]);
    }
    expect(new Set(published.map((fact) => fact?.type))).toEqual(new Set(Object.keys(customersPublicEvents.schemas)));
  });

  it('hold no words that somebody wrote, and say whom they are about', () => {
    expect(JSON.stringify(published)).not.toMatch(/secret|ann@/i);
    for (const fact of published) expect(fact).toMatchObject({ subject: CUSTOMER, data: { customerId: CUSTOMER } });
  });

  it('leave out what is ours alone', () => {
    const own: Fact[] = [
      { type: 'IdentityClaimLapsed', data: { claim: 'c' } },
      { type: 'IdentityClaimed', data: { hash: 'h', kind: 'email', attempt: 1, claimedAt: '' } },
      { type: 'CustomerIdentityAdded', data: { kind: 'email', held: true } },
      { type: 'InteractionRecorded', data: {} },
    ];
    expect(own.map((fact) => customersPublicEvents.map(record(fact)))).toEqual(own.map(() => undefined));
  });
});
