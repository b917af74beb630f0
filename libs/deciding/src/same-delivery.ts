/** A second delivery under the same source id: it says the same and changes nothing, or it is refused. Pure. */
import { differingPointers, DomainError } from '@timeline/kernel';

/** A delivery as another one is compared with it. */
export interface Delivered {
  payloadHash: string | undefined;
  /** What it said, under the request's names. Without `occurredAt` it left the time to us and contradicts none. */
  members: { customer: string | undefined; occurredAt?: string | undefined; [name: string]: unknown };
}

/**
 * The same may be said in another way, e.g. the customer by id instead of by e-mail address. What is said in the very same way
 * is the same, though the address be another customer's by now.
 * @throws DomainError `code`, with pointers to what differs and never the values, which may be a person's
 */
export function assertSameDelivery(
  before: Delivered,
  again: Delivered,
  { code, id, advice }: { code: string; id: string; advice: string },
): void {
  if (again.payloadHash !== undefined && again.payloadHash === before.payloadHash) return;
  const occurredAt = again.members.occurredAt ?? before.members.occurredAt;
  const differing = differingPointers(before.members, { ...again.members, occurredAt });
  if (differing.length === 0) return;
  throw new DomainError(
    code,
    `this source id was delivered before and said something else at ${differing.join(', ')}; ${advice}`,
    { differing, id },
  );
}
