/** What is kept of a customer to be compared: the latest that was said, its keys, and when it last changed. */
import { makePosition, type Fact, type Recorded } from '@timeline/kernel';
import { PureFold } from '@timeline/projecting';
import { recorded, type RecordedAs } from '../../../kernel/src/testing/playing.js';
import type { CustomerEvent, Identity } from '../../../customers/src/customers.events.js';
import { duplicateCandidatesProjection, type CandidateDocument } from './duplicate-candidates.projection.js';

const CUSTOMER = '11111111-1111-4111-8111-111111111111';

const identity = (kind: Identity['kind'], value: string): Identity => ({
  kind,
  value,
  given: value,
  primary: false,
  hash: `hash-${value}`,
  claim: `claim-${value}`,
});
const registered: CustomerEvent = {
  type: 'CustomerRegistered',
  data: { customerId: CUSTOMER, kind: 'person', stage: 'lead', traits: {} },
  personal: {
    name: { full: '張偉' },
    birthDate: '1985-03-12',
    identities: [identity('phone', '+8613800010001'), identity('device', 'cookie-1')],
  },
};
const updated = (personal: Extract<CustomerEvent, { type: 'CustomerUpdated' }>['personal']): CustomerEvent => ({
  type: 'CustomerUpdated',
  data: { changed: [] },
  ...(personal && { personal }),
});

function folded(facts: readonly (CustomerEvent | [CustomerEvent, RecordedAs])[]): Map<string, CandidateDocument> {
  const fold = new PureFold(duplicateCandidatesProjection);
  facts.forEach((each, index) => {
    const [fact, as] = Array.isArray(each) ? each : [each, {}];
    const event = recorded(fact, { customerId: CUSTOMER, revision: index, position: index + 1, ...as });
    fold.apply(event as unknown as Recorded<Fact>);
  });
  return new Map(
    [...fold.documents].flatMap(([key, { content }]) =>
      // Written by this projection.
      content ? [[key, content as unknown as CandidateDocument] as const] : [],
    ),
  );
}
const position = (at: number): string => makePosition('000000000000', String(at).padStart(20, '0'));

describe('duplicate-candidates', () => {
  it('keeps a document of the customer and one of each identity that is compared', () => {
    const documents = folded([registered]);
    expect([...documents.keys()]).toEqual([CUSTOMER, `${CUSTOMER}/hash-+8613800010001`]);
    expect(documents.get(CUSTOMER)?.features).toMatchObject({
      name: { family: { text: '张', latin: 'zhang' }, given: { text: '伟', latin: 'wei' } },
      birth: '19850312',
      phones: ['13800010001'],
      ids: [],
    });
    expect(documents.get(`${CUSTOMER}/hash-+8613800010001`)?.keys).toEqual({
      exact: 'phone|00010001',
      head: 'phone|0001',
      tail: 'phone|0001',
    });
  });

  it('takes the latest that was said, whenever it arrives', () => {
    const later = folded([
      registered,
      [updated({ name: { full: '李娜' } }), { occurredAt: '2024-07-01T00:00:00.000Z' }],
    ]);
    expect(later.get(CUSTOMER)?.features?.name.family?.text).toBe('李');
    const late = folded([
      registered,
      [updated({ name: { full: '李娜' } }), { occurredAt: '2024-01-01T00:00:00.000Z' }],
    ]);
    expect(late.get(CUSTOMER)?.features?.name.family?.text).toBe('张');
    expect(folded([registered, updated({ birthDate: null })]).get(CUSTOMER)?.features?.birth).toBeUndefined();
  });

  it('says that a record changed only when what is compared did', () => {
    expect(folded([registered]).get(CUSTOMER)?.changed).toBe(position(1));
    expect(folded([registered, updated({ note: 'called' })]).get(CUSTOMER)?.changed).toBe(position(1));
    // The same to the comparison: simplified.
    expect(folded([registered, updated({ name: { full: '张伟' } })]).get(CUSTOMER)?.changed).toBe(position(1));
    expect(folded([registered, updated({ birthDate: '1985-03-13' })]).get(CUSTOMER)?.changed).toBe(position(2));
  });

  it('forgets an identity that was removed, and everything of a customer who was erased', () => {
    const removed: CustomerEvent = {
      type: 'CustomerIdentityRemoved',
      data: { kind: 'phone' },
      personal: { identity: identity('phone', '+8613800010001') },
    };
    const without = folded([registered, removed]);
    expect([...without.keys()]).toEqual([CUSTOMER]);
    expect(without.get(CUSTOMER)?.features?.phones).toEqual([]);
    expect(folded([registered, { type: 'CustomerErased', data: { reason: 'requested' } }]).size).toBe(0);
  });

  it('forgets what was taken back, of one import or of a whole source, and compares what holds then', () => {
    const by = (source: string, correlationId: string): RecordedAs => ({ source, correlationId });
    const names = (facts: Parameters<typeof folded>[0]): (string | undefined)[] =>
      [...folded(facts).values()].flatMap(({ features }) => (features ? [features.name.family?.text] : []));
    const told: Parameters<typeof folded>[0] = [
      registered,
      [updated({ name: { full: '李娜' } }), by('crm', 'import-1')],
      [updated({ name: { full: '王芳' } }), by('crm', 'import-2')],
    ];
    const takenBack = (data: { source?: string; importId?: string }, fields = ['name']): CustomerEvent => ({
      type: 'CustomerFieldsRetracted',
      data: { ...data, fields, now: {} },
    });
    expect(names(told)).toEqual(['王']);
    expect(names([...told, takenBack({ importId: 'import-2' })])).toEqual(['李']);
    expect(names([...told, takenBack({ source: 'crm' })])).toEqual(['张']);
    expect(names([...told, takenBack({ source: 'erp' })])).toEqual(['王']);
    expect(names([...told, takenBack({ source: 'crm' }, ['note'])])).toEqual(['王']);
    expect(folded([...told, takenBack({ source: 'crm' })]).get(CUSTOMER)?.changed).toBe(position(4));
  });

  it('holds what was verified against what systems say, as the profile does', () => {
    const verified: CustomerEvent = {
      type: 'CustomerFieldVerified',
      data: { field: 'birthDate', by: 'ann', method: 'document' },
      personal: { value: '1985-03-12' },
    };
    const births = (facts: Parameters<typeof folded>[0]): unknown => folded(facts).get(CUSTOMER)?.features?.birth;
    const bySystem: [CustomerEvent, RecordedAs] = [updated({ birthDate: '1999-09-09' }), { source: 'crm' }];
    expect(births([registered, bySystem])).toBe('19990909');
    expect(births([registered, verified, bySystem])).toBe('19850312');
    expect(births([registered, verified, bySystem, updated({ birthDate: '1990-10-10' })])).toBe('19901010');
  });

  it('compares nobody whose registration was withdrawn', () => {
    const removed: CustomerEvent = {
      type: 'CustomerIdentityRemoved',
      data: { kind: 'phone', retracted: true },
      personal: { identity: identity('phone', '+8613800010001') },
    };
    const withdrawn: CustomerEvent = { type: 'CustomerRegistrationWithdrawn', data: { source: 'crm' } };
    expect(folded([registered, removed, withdrawn]).size).toBe(0);
    expect(folded([registered, removed, withdrawn, registered]).size).toBe(2);
  });
});
