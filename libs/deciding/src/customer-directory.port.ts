/**
 * How commands of other slices find the customer they are about: by id or by an identity. Answered from the streams,
 * never from a read model, so that a command sees what was acknowledged before it. The customers slice implements it.
 */
import { DomainError, type Instant } from '@timeline/kernel';
import type { CommandContext } from './command.js';

export interface IdentityRef {
  kind: string;
  value: string;
  /** For kinds that are only unique within a named system, e.g. `external`. */
  system?: string;
}

/** One of the two, never both. */
export interface CustomerRef {
  customerId?: string;
  identity?: IdentityRef;
}

/** What an anonymous customer is opened for. */
export interface Opening {
  context: CommandContext;
  occurredAt: Instant | undefined;
}

export interface DirectoryEntry {
  customerId: string;
}

/** How old what `resolveLately` answers may be. */
export const LATELY_MS = 5_000;

export abstract class CustomerDirectory {
  /** @throws DomainError CUSTOMER_NOT_FOUND, CUSTOMER_ERASED, VALIDATION_FAILED (neither or both given) */
  abstract resolve(ref: CustomerRef, pointer?: string): Promise<DirectoryEntry>;

  /**
   * As `resolve`, of a customer named by id perhaps as it was up to `LATELY_MS` ago: what another process has erased since
   * is not seen. For what is only recorded, never for what is shown: nothing is read of what stands behind an erasure.
   */
  resolveLately(ref: CustomerRef, pointer?: string): Promise<DirectoryEntry> {
    return this.resolve(ref, pointer);
  }

  /**
   * The customer with this identity; where there is none, one that is opened now, anonymous, and has it.
   * @throws DomainError CUSTOMER_ERASED, IDENTITY_REFUSED, IDENTITY_TAKEN (another is about to have it), OCCURRED_IN_FUTURE
   */
  resolveOrOpen(_identity: IdentityRef, _opening: Opening, pointer = ''): Promise<DirectoryEntry> {
    return Promise.reject(new DomainError('CUSTOMER_NOT_FOUND', 'no customers are opened here', { pointer }));
  }
}
