/** The rules of a customer, as sentences. */
import { addDays } from '@timeline/kernel';
import { given as playing, NOON, type RecordedAs } from '../../kernel/src/testing/playing.js';
import { customerDecider, type CustomerChanges, type CustomerCommand } from './customer.decider.js';
import { LIFECYCLE_STAGES, type CustomerEvent, type Identity, type LifecycleStage } from './customers.events.js';
import { MAX_IDENTITIES } from './identities/held-identities.js';
import { recorder } from './testing/recorder.js';
import { certificate, CUSTOMER, erased, identity, OTHER, registered } from './testing/fixtures.js';

const given = (...past: (CustomerEvent | [CustomerEvent, RecordedAs])[]) => playing(customerDecider, past);
const customerId = CUSTOMER;
const ann = identity('ann');
const lapsed = (claim: string): CustomerEvent => ({ type: 'IdentityClaimLapsed', data: { claim } });

const register = (more: Partial<Extract<CustomerCommand, { type: 'register' }>> = {}): CustomerCommand => ({
  type: 'register',
  customerId,
  kind: 'person',
  details: {},
  identities: [],
  stage: 'lead',
  traits: {},
  ...more,
});
const update = (changes: CustomerChanges): CustomerCommand => ({ type: 'update', customerId, changes });
const add = (added = ann): CustomerCommand => ({ type: 'add-identity', customerId, identity: added });
const remove = (...hashes: string[]): CustomerCommand => ({ type: 'remove-identity', customerId, hashes });
const move = (to: LifecycleStage, reason?: string): CustomerCommand => ({
  type: 'change-stage',
  customerId,
  to,
  ...(reason !== undefined && { reason }),
});
const erase: CustomerCommand = { type: 'erase', customerId, reason: 'requested' };
const lapse = (claim: string, occurredAt?: string): CustomerCommand => ({
  type: 'lapse-claim',
  customerId,
  claim,
  ...(occurredAt !== undefined && { occurredAt }),
});
const carryOut: CustomerCommand = { type: 'carry-out-erasure', customerId };

describe('registering', () => {
  it('seals what identifies the person, and keeps what is coarse in the clear', () => {
    given()
      .when(
        register({ details: { name: { full: 'Ann Lee' } }, identities: [ann], language: 'en', traits: { size: 'L' } }),
      )
      .then([
        {
          type: 'CustomerRegistered',
          data: {
            customerId,
            kind: 'person',
            stage: 'lead',
            language: 'en',
            traits: { size: 'L' },
            identityKinds: ['email'],
          },
          personal: { name: { full: 'Ann Lee' }, identities: [{ ...ann, primary: true }] },
        },
      ]);
  });

  it('makes the first of a kind its primary identity unless another says so', () => {
    const bob = identity('bob', { primary: true });
    const phone = identity('phone', { kind: 'phone' });
    given()
      .when(register({ identities: [ann, bob, phone] }))
      .then([registered({}, { identities: [ann, bob, { ...phone, primary: true }] })]);
  });

  it('happens once under an id', () => given(registered()).when(register()).then('CUSTOMER_EXISTS'));
  it('refuses to rest on a claim that lapsed', () =>
    given(lapsed(ann.claim))
      .when(register({ identities: [ann] }))
      .then('CLAIM_ENDED'));
  it('takes a new claim after one lapsed', () =>
    given(lapsed('claim-before'))
      .when(register({ identities: [{ ...ann, primary: true }] }))
      .then([registered({}, { identities: [{ ...ann, primary: true }] })]));
  it('refuses a birth date in the future', () =>
    given()
      .when(register({ details: { birthDate: '2024-06-17' } }))
      .then('BIRTH_DATE_IN_FUTURE'));
  it('takes a birth date that is today somewhere', () =>
    given()
      .when(register({ details: { birthDate: '2024-06-16' } }))
      .then([registered({}, { birthDate: '2024-06-16' })]));
});

describe('updating', () => {
  const known = registered(
    { language: 'en', traits: { size: 'L', vip: true } },
    { name: { full: 'Ann' }, note: 'tall' },
  );

  it('records only what is new, and names it', () => {
    given(known)
      .when(update({ name: { full: 'Ann Lee' }, language: 'en', note: null, traits: { size: 'M', vip: true } }))
      .then([
        {
          type: 'CustomerUpdated',
          data: { changed: ['name', 'note', 'traits.size'], traits: { size: 'M' } },
          personal: { name: { full: 'Ann Lee' }, note: null },
        },
      ]);
  });
  it('records nothing when nothing is new', () =>
    given(known)
      .when(update({ language: 'en', birthDate: null, traits: { size: 'L' } }))
      .then([]));
  it('removes by null, once', () => {
    given(known)
      .when(update({ language: null, traits: { vip: null } }), { numberOfTimes: 2 })
      .then([
        {
          type: 'CustomerUpdated',
          data: { changed: ['language', 'traits.vip'], language: null, traits: { vip: null } },
        },
      ]);
  });
  it('records what arrives late even when it is what is known now, since then it was not', () => {
    const fr: CustomerEvent = {
      type: 'CustomerUpdated',
      data: { changed: ['language'], language: 'fr' },
    };
    given(known, fr)
      .when(update({ language: 'fr' }), { occurredAt: addDays(NOON, -0.5) })
      .then([{ type: 'CustomerUpdated', data: { changed: ['language'], language: 'fr' } }]);
  });
  it('is not undone by what arrives late', () => {
    const fr: CustomerEvent = { type: 'CustomerUpdated', data: { changed: ['language'], language: 'fr' } };
    const late: CustomerEvent = { type: 'CustomerUpdated', data: { changed: ['language'], language: 'de' } };
    given(known, fr, [late, { occurredAt: addDays(NOON, -0.5) }])
      .when(update({ language: 'fr' }))
      .then([]);
  });
  it('takes names that every object has for what they are', () => {
    given(known)
      .when(update({ traits: { constructor: 'x' } }), { numberOfTimes: 2 })
      .then([{ type: 'CustomerUpdated', data: { changed: ['traits.constructor'], traits: { constructor: 'x' } } }]);
  });
  it('refuses more traits than a customer may have', () => {
    const traits = Object.fromEntries(Array.from({ length: 101 }, (_, index) => [`t${index}`, index]));
    given(known).when(update({ traits })).then('TOO_MANY_TRAITS');
  });
  it('needs a customer', () =>
    given()
      .when(update({ language: 'en' }))
      .then('CUSTOMER_NOT_FOUND'));
  it('needs one who is registered, not only claimed for', () =>
    given(lapsed('claim-1'))
      .when(update({ language: 'en' }))
      .then('CUSTOMER_NOT_FOUND'));
});

describe('identities', () => {
  const held = registered({}, { identities: [{ ...ann, primary: true }] });
  const bob = identity('bob');

  it('are added once', () => {
    given(held)
      .when(add(bob), { numberOfTimes: 2 })
      .then([{ type: 'CustomerIdentityAdded', data: { kind: 'email' }, personal: { identity: bob } }]);
  });
  it('are primary when they are the first of their kind', () => {
    given(registered())
      .when(add(bob))
      .then([
        {
          type: 'CustomerIdentityAdded',
          data: { kind: 'email' },
          personal: { identity: { ...bob, primary: true } },
        },
      ]);
  });
  it('become primary when added again as such, under the claim they are held by', () => {
    given(held, { type: 'CustomerIdentityAdded', data: { kind: 'email' }, personal: { identity: bob } })
      .when(add({ ...bob, primary: true, claim: 'another' }), { numberOfTimes: 2 })
      .then([
        {
          type: 'CustomerIdentityAdded',
          data: { kind: 'email', held: true },
          personal: { identity: { ...bob, primary: true } },
        },
      ]);
  });
  it('cannot rest on a claim that lapsed', () => given(held, lapsed(bob.claim)).when(add(bob)).then('CLAIM_ENDED'));
  it('cannot rest on the claim of a removed one', () => {
    given(held, { type: 'CustomerIdentityRemoved', data: { kind: 'email' }, personal: { identity: ann } })
      .when(add(ann))
      .then('CLAIM_ENDED');
  });
  it('are bounded in number', () => {
    const many = Array.from({ length: MAX_IDENTITIES }, (_, index) => identity(`i${index}`));
    given(registered({}, { identities: many }))
      .when(add(bob))
      .then('TOO_MANY_IDENTITIES');
  });
  it('are removed by what they are', () => {
    given(held)
      .when(remove(ann.hash))
      .then([
        {
          type: 'CustomerIdentityRemoved',
          data: { kind: 'email' },
          personal: { identity: { ...ann, primary: true } },
        },
      ]);
  });
  it('cannot be removed when there is none', () => given(held).when(remove('bob')).then('IDENTITY_NOT_FOUND'));
  it('are found under any hash that they go by, the oldest form first', () => {
    const both = { ...ann, primary: true, also: [{ hash: 'newer', claim: 'claim-newer' }] };
    const held = registered({}, { identities: [both, { ...bob, primary: false }] });
    const removed = (identity: Identity): CustomerEvent => ({
      type: 'CustomerIdentityRemoved',
      data: { kind: 'email' },
      personal: { identity },
    });
    given(held)
      .when(remove('another spelling', 'newer'))
      .then([removed(both)]);
    given(held)
      .when(remove(bob.hash, 'newer'))
      .then([removed({ ...bob, primary: false })]);
  });
});

describe('claims', () => {
  it('lapse once', () =>
    given(registered())
      .when(lapse('claim-1'), { numberOfTimes: 2 })
      .then([lapsed('claim-1')]));
  it('do not lapse once they are confirmed', () =>
    given(registered({}, { identities: [ann] }))
      .when(lapse(ann.claim))
      .then([]));
  it('lapse before there is a registration, dated so that it may still come', () => {
    given()
      .when(lapse('claim-1', '2014-01-03T00:00:00.000Z'))
      .then([{ ...lapsed('claim-1'), occurredAt: '2014-01-03T00:00:00.000Z' }]);
  });
  it('lapse now for one who is registered', () =>
    given(registered())
      .when(lapse('claim-1', '2014-01-03T00:00:00.000Z'))
      .then([lapsed('claim-1')]));
  it('are of no concern to one who is erased', () => given(registered(), erased).when(lapse('claim-1')).then([]));
});

describe('consents', () => {
  const consent = { purpose: 'newsletter', status: 'granted', textVersion: '3', channel: 'email' } as const;
  const changed: CustomerEvent = { type: 'CustomerConsentChanged', data: consent };
  const change: CustomerCommand = { type: 'change-consent', customerId, ...consent };

  it('are recorded once', () => given(registered()).when(change, { numberOfTimes: 2 }).then([changed]));
  it('are recorded again for another text', () =>
    given(registered(), changed)
      .when({ ...change, textVersion: '4' })
      .then([{ type: 'CustomerConsentChanged', data: { ...consent, textVersion: '4' } }]));
  it('are withdrawn', () =>
    given(registered(), changed)
      .when({ ...change, status: 'withdrawn' })
      .then([{ type: 'CustomerConsentChanged', data: { ...consent, status: 'withdrawn' } }]));
  it('of one channel say nothing of another', () =>
    given(registered(), changed)
      .when({ ...change, channel: 'phone' })
      .then([{ type: 'CustomerConsentChanged', data: { ...consent, channel: 'phone' } }]));
});

describe('the lifecycle stage', () => {
  const inStage = (stage: LifecycleStage) => registered({ stage }, { name: { full: 'Ann' } });

  it.each([
    ['lead', 'prospect'],
    ['lead', 'customer'],
    ['prospect', 'customer'],
    ['customer', 'loyal'],
    ['customer', 'dormant'],
    ['loyal', 'dormant'],
    ['dormant', 'lost'],
    ['lead', 'lost'],
  ] as const)('moves from %s forward to %s', (from, to) =>
    given(inStage(from))
      .when(move(to))
      .then([{ type: 'CustomerLifecycleStageChanged', data: { from, to } }]),
  );

  it.each([
    ['prospect', 'lead'],
    ['customer', 'prospect'],
    ['loyal', 'customer'],
    ['dormant', 'customer'],
    ['dormant', 'loyal'],
    ['lost', 'lead'],
    ['lost', 'customer'],
  ] as const)('moves from %s back to %s only with a reason', (from, to) => {
    given(inStage(from)).when(move(to)).then('STAGE_REASON_REQUIRED');
    given(inStage(from))
      .when(move(to, 'entered wrongly'))
      .then([{ type: 'CustomerLifecycleStageChanged', data: { from, to, reason: 'entered wrongly' } }]);
  });

  it.each([
    ['lead', 'loyal'],
    ['lead', 'dormant'],
    ['prospect', 'loyal'],
    ['customer', 'lead'],
    ['dormant', 'lead'],
    ['lost', 'loyal'],
  ] as const)('does not move from %s to %s, whatever the reason', (from, to) =>
    given(inStage(from)).when(move(to, 'because')).then('STAGE_MOVE_REFUSED'),
  );

  it.each(LIFECYCLE_STAGES)('stays %s without a fact', (stage) => given(inStage(stage)).when(move(stage)).then([]));

  it('is customer only of someone known', () => {
    given(registered()).when(move('customer')).then('STAGE_GUARD_FAILED');
    given(registered({}, { identities: [ann] }))
      .when(move('customer'))
      .then([{ type: 'CustomerLifecycleStageChanged', data: { from: 'lead', to: 'customer' } }]);
  });

  it('does not change before it changed last', () =>
    given(inStage('lead'))
      .when(move('prospect'), { occurredAt: addDays(NOON, -2) })
      .then('STAGE_OUT_OF_ORDER'));
});

describe('erasure', () => {
  const commands: CustomerCommand[] = [
    register(),
    update({ language: 'en' }),
    add(),
    remove(ann.hash),
    { type: 'change-consent', customerId, purpose: 'p', status: 'granted', textVersion: '1' },
    move('prospect'),
    erase,
  ];

  it('is one fact', () => given(registered()).when(erase).then([erased]));
  it('needs a customer', () => given().when(erase).then('CUSTOMER_NOT_FOUND'));
  it.each(commands)('is final: $type is refused afterwards', (command) =>
    given(registered(), erased).when(command).then('CUSTOMER_ERASED'),
  );
  it('is final in the fold too, whatever comes later', () => {
    const facts: CustomerEvent[] = [
      registered(),
      erased,
      registered({ stage: 'loyal' }),
      { type: 'CustomerUpdated', data: { changed: ['language'], language: 'fr' } },
    ];
    const record = recorder();
    const { initialState, evolve } = customerDecider;
    const state = facts.map((fact) => record(fact)).reduce((folded, event) => evolve(folded, event), initialState);
    expect(state).toMatchObject({ status: 'erased', stage: { value: 'lead' } });
    expect(state.fields).not.toHaveProperty('language');
  });
  it('is carried out once, and says how many identities there were even when the keys are gone', () => {
    const { personal: _sealed, ...unreadable } = registered({ identityKinds: ['email', 'phone'] });
    given(
      unreadable,
      { type: 'CustomerIdentityAdded', data: { kind: 'email' } },
      { type: 'CustomerIdentityRemoved', data: { kind: 'phone' } },
      erased,
    )
      .when(carryOut, { numberOfTimes: 2 })
      .then([{ type: 'CustomerErasureCarriedOut', data: { claimsReleased: 2 } }]);
  });
  it('is carried out only of those erased', () => given(registered()).when(carryOut).then('CUSTOMER_NOT_ERASED'));

  const carriedOut: CustomerEvent = { type: 'CustomerErasureCarriedOut', data: { claimsReleased: 1 } };
  const { backups: _, ...found } = certificate;
  const certify: CustomerCommand = { type: 'certify-erasure', customerId, found };
  it('is certified once it was carried out, and once only', () => {
    given(registered()).when(certify).then('CUSTOMER_NOT_ERASED');
    given(registered(), erased).when(certify).then('ERASURE_NOT_CARRIED_OUT');
    given(registered(), erased, carriedOut)
      .when(certify, { numberOfTimes: 2 })
      .then([{ type: 'CustomerErasureCertified', data: { ...found, backups: 'not-stated' } }]);
  });
  it('says until when backups live, where that is stated: from the certificate on', () => {
    given(registered(), erased, carriedOut)
      .when({ ...certify, backupRetentionDays: 30 })
      .then([
        {
          type: 'CustomerErasureCertified',
          data: { ...found, backups: { retentionDays: 30, expireAt: addDays(NOON, 30) } },
        },
      ]);
  });
});

describe('what a source or an import said', () => {
  const by = (source: string, importId: string, day: number): RecordedAs => ({
    source,
    correlationId: importId,
    occurredAt: addDays(NOON, day - 10),
  });
  const updated = (language: string): CustomerEvent => ({
    type: 'CustomerUpdated',
    data: { changed: ['language'], language },
  });
  const retract = (sayer: { source?: string; importId?: string }, field?: string, isAlone = true): CustomerCommand => ({
    type: 'retract',
    customerId,
    sayer,
    isAlone,
    ...(field !== undefined && { field }),
  });
  const imported: [CustomerEvent, RecordedAs] = [
    registered({ language: 'en', region: 'West', traits: { size: 'L' } }, { identities: [ann] }),
    by('crm', 'i1', 1),
  ];

  it('is taken back, and the best of the rest holds again', () => {
    given(imported, [updated('fr'), by('erp', 'i2', 2)], [updated('de'), by('crm', 'i3', 3)])
      .when(retract({ importId: 'i3' }))
      .then([
        { type: 'CustomerFieldsRetracted', data: { importId: 'i3', fields: ['language'], now: { language: 'fr' } } },
      ]);
    given(imported, [updated('fr'), by('erp', 'i2', 2)])
      .when(retract({ source: 'crm' }))
      .then([
        {
          type: 'CustomerFieldsRetracted',
          data: {
            source: 'crm',
            fields: ['language', 'region', 'traits.size'],
            now: { language: 'fr', region: null, traits: { size: null } },
          },
        },
        { type: 'CustomerIdentityRemoved', data: { kind: 'email', retracted: true }, personal: { identity: ann } },
      ]);
  });

  it('is taken back of one field only, and nothing a second time', () => {
    given(imported)
      .when(retract({ source: 'crm' }, 'traits'), { numberOfTimes: 2 })
      .then([
        {
          type: 'CustomerFieldsRetracted',
          data: { source: 'crm', fields: ['traits.size'], now: { traits: { size: null } } },
        },
      ]);
    given(imported)
      .when(retract({ source: 'crm' }, 'email'), { numberOfTimes: 2 })
      .then([
        { type: 'CustomerIdentityRemoved', data: { kind: 'email', retracted: true }, personal: { identity: ann } },
      ]);
  });

  it('is the whole registration where nobody else had to do with the customer', () => {
    given(imported)
      .when(retract({ importId: 'i1' }), { numberOfTimes: 2 })
      .then([
        { type: 'CustomerIdentityRemoved', data: { kind: 'email', retracted: true }, personal: { identity: ann } },
        { type: 'CustomerRegistrationWithdrawn', data: { importId: 'i1' } },
      ]);
    given(imported)
      .when(retract({ importId: 'i1' }, undefined, false))
      .then((decisions) => expect(decisions.map(({ type }) => type)).not.toContain('CustomerRegistrationWithdrawn'));
  });

  it('with the registration settles what was proposed', () => {
    const proposed: CustomerEvent = {
      type: 'EnrichmentProposed',
      data: {
        enrichmentId: 'e1',
        provider: 'register',
        confidence: 0.5,
        legalBasis: 'consent',
        fields: ['region', 'traits.size'],
      },
      personal: { values: { region: 'East', traits: { size: 'S' } } },
    };
    const rejected = (...fields: string[]): CustomerEvent => ({
      type: 'EnrichmentRejected',
      data: { enrichmentId: 'e1', fields },
    });
    given(imported, proposed, rejected('region'))
      .when(retract({ importId: 'i1' }))
      .then((decisions) => {
        expect(decisions).toHaveLength(3);
        expect(decisions[1]).toEqual(rejected('traits.size'));
      });
  });

  it('leaves a registration of somebody who is or was in a company', () => {
    const ids = { personId: customerId, companyId: OTHER };
    const joined: [CustomerEvent, RecordedAs] = [{ type: 'CustomerJoinedCompany', data: ids }, by('crm', 'i1', 2)];
    const left: [CustomerEvent, RecordedAs] = [{ type: 'CustomerLeftCompany', data: ids }, by('crm', 'i1', 3)];
    for (const past of [[joined], [joined, left]])
      given(imported, ...past)
        .when(retract({ source: 'crm' }))
        .then((decisions) =>
          expect(decisions.map(({ type }) => type)).toEqual(['CustomerFieldsRetracted', 'CustomerIdentityRemoved']),
        );
  });

  it('leaves what was verified since, and a stage', () => {
    given(imported, [
      {
        type: 'CustomerFieldVerified',
        data: { field: 'language', by: 'ann', method: 'call' },
        personal: { value: 'en' },
      },
      { occurredAt: NOON },
    ])
      .when(retract({ source: 'crm' }))
      .then((decisions) =>
        expect(decisions[0]?.data).toMatchObject({
          fields: ['language', 'region', 'traits.size'],
          now: { language: 'en' },
        }),
      );
  });

  it('after a withdrawal is nothing: the customer may be registered again, or erased', () => {
    const withdrawn: CustomerEvent = { type: 'CustomerRegistrationWithdrawn', data: { importId: 'i1' } };
    given(imported, withdrawn)
      .when(update({ region: 'x' }))
      .then('CUSTOMER_NOT_FOUND');
    given(imported, withdrawn)
      .when(register())
      .then((decisions) => expect(decisions).toHaveLength(1));
    given(imported, withdrawn).when(erase).then([erased]);
  });
});

describe('proposals', () => {
  it('wait for a person up to fifty at once', () => {
    const propose = (n: number): Extract<CustomerCommand, { type: 'propose-enrichment' }> => ({
      type: 'propose-enrichment',
      customerId,
      enrichmentId: `e${n}`,
      provider: 'register',
      confidence: 0.5,
      legalBasis: 'consent',
      values: { region: `${n}` },
    });
    const proposed = (n: number): CustomerEvent => {
      const { enrichmentId, provider, confidence, legalBasis, values } = propose(n);
      const data = { enrichmentId, provider, confidence, legalBasis, fields: ['region'] };
      return { type: 'EnrichmentProposed', data, personal: { values } };
    };
    const fifty = Array.from({ length: 50 }, (_, n) => proposed(n));
    given(registered(), ...fifty.slice(1))
      .when(propose(50))
      .then([proposed(50)]);
    given(registered(), ...fifty)
      .when(propose(50))
      .then('TOO_MANY_ENRICHMENTS');
    given(registered(), ...fifty, { type: 'EnrichmentRejected', data: { enrichmentId: 'e7', fields: ['region'] } })
      .when(propose(50))
      .then([proposed(50)]);
  });
});

describe('verifying', () => {
  const verify = (field: string): CustomerCommand => ({
    type: 'verify',
    customerId,
    field,
    by: 'bob',
    method: 'call',
  });

  it('says the value anew, sealed', () => {
    given(registered({ region: 'West' }, { identities: [{ ...ann, primary: true }] }))
      .when(verify('region'))
      .then([
        {
          type: 'CustomerFieldVerified',
          data: { field: 'region', by: 'bob', method: 'call' },
          personal: { value: 'West' },
        },
      ]);
    given(registered({}, { identities: [{ ...ann, primary: true }] }))
      .when(verify('email'))
      .then([
        {
          type: 'CustomerFieldVerified',
          data: { field: 'email', by: 'bob', method: 'call' },
          personal: { value: ann.value, hash: ann.hash },
        },
      ]);
  });

  it('is refused where there is no such value', () => {
    for (const field of ['region', 'phone', 'stage', 'constructor', 'traits.toString'])
      given(registered()).when(verify(field)).then('NOTHING_TO_VERIFY');
  });

  it('keeps later words of systems from replacing the value, and lets a person', () => {
    const history = [
      registered({ region: 'West' }),
      {
        type: 'CustomerFieldVerified',
        data: { field: 'region', by: 'bob', method: 'call' },
        personal: { value: 'West' },
      } as CustomerEvent,
    ];
    const says = (region: string): CustomerEvent => ({
      type: 'CustomerUpdated',
      data: { changed: ['region'], region },
    });
    // What holds is no news.
    given(...history, [says('East'), { source: 'crm' }])
      .when(update({ region: 'West' }))
      .then([]);
    given(...history, [says('East'), {}])
      .when(update({ region: 'East' }))
      .then([]);
  });
});
