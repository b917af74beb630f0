/** How a request names a customer: `{ "customerId": … }` or `{ "identity": { "kind", "value", "system"? } }`. */
import { Check, Id, Nested, OneOf, Optional, Text, violation } from '@timeline/http';
import type { CustomerRef, IdentityRef } from './customer-directory.port.js';

export class IdentityRefDto implements IdentityRef {
  @Text({ max: 20 })
  kind: string;

  @Text({ max: 320 })
  value: string;

  @Optional()
  @Text({ max: 60 })
  system?: string;
}

@Check(
  (ref: CustomerRef) =>
    (ref.customerId === undefined) === (ref.identity === undefined)
      ? [{ pointer: '', code: 'ONE_OF', message: 'name the customer by customerId or by identity, one of the two' }]
      : [],
  { schema: { oneOf: [{ required: ['customerId'] }, { required: ['identity'] }] } },
)
export class CustomerRefDto implements CustomerRef {
  @Optional()
  @Id()
  customerId?: string;

  @Optional()
  @Nested(() => IdentityRefDto)
  identity?: IdentityRefDto;
}

@Check(
  ({ identity, ifUnknown }: DeliveredCustomerDto) =>
    ifUnknown !== undefined && identity === undefined
      ? [violation('/ifUnknown', 'NEEDS_IDENTITY', 'goes with an identity: nobody can be opened under an id')]
      : [],
  { meaning: 'ifUnknown goes with identity' },
)
export class DeliveredCustomerDto extends CustomerRefDto {
  /** What becomes of what comes from an identity that nobody has: refused unless this says otherwise. */
  @Optional()
  @OneOf(['refuse', 'open-anonymous'])
  ifUnknown?: 'refuse' | 'open-anonymous';
}

/** What lines about the same customer share, so that NDJSON runs them in order. */
export const customerKeyOf = (ref: CustomerRef): string =>
  ref.customerId ? `customer-${ref.customerId}` : `identity-${ref.identity?.kind}-${ref.identity?.value}`;
