/** Facts and identities that specs of this slice start from. */
import type { CustomerEvent, Identity } from '../customers.events.js';

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
