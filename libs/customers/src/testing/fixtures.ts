/** Facts and identities that specs of this slice start from. */
import type { CustomerEvent, ErasureCertificate, Identity } from '../customers.events.js';

export const CUSTOMER = '11111111-1111-4111-8111-111111111111';
export const OTHER = '22222222-2222-4222-8222-222222222222';

export const identity = (hash: string, more: Partial<Identity> = {}): Identity => ({
  kind: 'email',
  value: `${hash}@example.com`,
  given: `${hash}@Example.com`,
  primary: false,
  hash,
  claim: `claim-${hash}`,
  ...more,
});

type Registered = Extract<CustomerEvent, { type: 'CustomerRegistered' }>;
export const registered = (
  data: Partial<Registered['data']> = {},
  personal: Partial<NonNullable<Registered['personal']>> = {},
): Registered => ({
  type: 'CustomerRegistered',
  data: {
    customerId: CUSTOMER,
    kind: 'person',
    stage: 'lead',
    traits: {},
    identityKinds: (personal.identities ?? []).map(({ kind }) => kind),
    ...data,
  },
  personal: { identities: [], ...personal },
});

export const erased: CustomerEvent = { type: 'CustomerErased', data: { reason: 'requested' } };

export const certificate: ErasureCertificate = {
  position: '0123456789ab:00000002',
  erasedAt: '2026-03-01T12:00:00.000Z',
  carriedOutAt: '2026-03-01T12:00:01.000Z',
  claimsReleased: 1,
  builds: [{ projection: 'profile', build: 'profile-1', position: '0123456789ab:00000003' }],
  readStoreFiles: 'overwritten',
  waitedForKeysMs: 90_000,
  backups: { retentionDays: 30, expireAt: '2026-03-31T12:02:00.000Z' },
};
