/** Finds customers for the commands of all slices, from the streams, so that it knows what was acknowledged before. */
import { Injectable } from '@nestjs/common';
import {
  CommandProcessor,
  CustomerDirectory,
  type CustomerRef,
  type DirectoryEntry,
  type IdentityRef,
  type Opening,
} from '@timeline/deciding';
import { EventStore } from '@timeline/event-store';
import { backoffMs, delay, DomainError, errorCode } from '@timeline/kernel';
import { AnonymousCustomers } from './anonymous-customers.js';
import { customerDecider, customerErased, customerStream, holdsClaim } from './customer.decider.js';
import { IDENTITY_KINDS, type CustomerEvent, type IdentityKind } from './customers.events.js';
import { KnownCustomers } from './known-customers.js';
import { IdentityRegistry, type IdentifiedIdentity } from './identities/identity-registry.js';

/** Looks for an owner before it is given up that there will be one. */
const MAX_LOOKS = 5;

@Injectable()
export class StreamCustomerDirectory extends CustomerDirectory {
  constructor(
    private readonly events: EventStore,
    private readonly processor: CommandProcessor,
    private readonly registry: IdentityRegistry,
    private readonly anonymous: AnonymousCustomers,
    private readonly known: KnownCustomers,
  ) {
    super();
  }

  /**
   * @param pointer JSON pointer to `ref` in the request
   * @throws DomainError CUSTOMER_NOT_FOUND, CUSTOMER_ERASED, IDENTITY_REFUSED, VALIDATION_FAILED
   */
  async resolve(ref: CustomerRef, pointer = ''): Promise<DirectoryEntry> {
    const { customerId, identity } = ref;
    if (customerId !== undefined && identity === undefined) return this.#byId(customerId, pointer);
    if (customerId === undefined && identity !== undefined) return this.#byIdentity(identity, `${pointer}/identity`);
    throw new DomainError('VALIDATION_FAILED', 'name the customer by customerId or by identity, one of the two', {
      pointer,
    });
  }

  override async resolveLately(ref: CustomerRef, pointer = ''): Promise<DirectoryEntry> {
    const { customerId, identity } = ref;
    if (customerId === undefined || identity !== undefined) return this.resolve(ref, pointer);
    if (!this.known.has(customerId)) {
      await this.known.lookAt(customerId, async () => void (await this.#byId(customerId, pointer)));
    }
    return { customerId };
  }

  override async resolveOrOpen(ref: IdentityRef, opening: Opening, pointer = ''): Promise<DirectoryEntry> {
    for (let attempt = 0; ; attempt += 1) {
      try {
        return await this.#byIdentity(ref, pointer);
      } catch (error) {
        if (errorCode(error) !== 'CUSTOMER_NOT_FOUND') throw error;
      }
      try {
        return { customerId: await this.anonymous.open(this.#identify(ref, pointer), opening, pointer) };
      } catch (error) {
        // Somebody else has claimed it: they are about to be found, or to give it up.
        if (errorCode(error) !== 'IDENTITY_TAKEN' || attempt + 1 >= MAX_LOOKS) throw error;
      }
      await delay(backoffMs(attempt, 50));
    }
  }

  /** Looks at the end of the stream and opens nothing: this runs for every command of every slice. */
  async #byId(customerId: string, pointer: string): Promise<DirectoryEntry> {
    const stream = customerStream(customerId);
    const last = await this.events.lastTypeOf(stream);
    if (last !== undefined && !ENDINGS.has(last)) return { customerId };
    const types = (await this.events.readStream(stream)).map(({ type }) => type as CustomerEvent['type']);
    if (types.includes('CustomerErased')) throw customerErased();
    const said = types.findLast((type) => type !== 'IdentityClaimLapsed');
    if (said === undefined || said === 'CustomerRegistrationWithdrawn') throw notFound(`${pointer}/customerId`);
    return { customerId };
  }

  #identify({ kind, value, system }: IdentityRef, pointer: string): IdentifiedIdentity {
    if (!isIdentityKind(kind)) {
      throw new DomainError('VALIDATION_FAILED', `${pointer}/kind must be one of ${IDENTITY_KINDS.join(', ')}`, {
        pointer: `${pointer}/kind`,
      });
    }
    return this.registry.identify({ kind, value, ...(system !== undefined && { system }) }, pointer);
  }

  async #byIdentity(ref: IdentityRef, pointer: string): Promise<DirectoryEntry> {
    const claim = await this.registry.current(this.#identify(ref, pointer));
    if (claim?.customerId === undefined) throw notFound(pointer);
    const { state } = await this.processor.load(customerDecider, customerStream(claim.customerId));
    if (state.status === 'erased') throw customerErased();
    // Claimed, but not the customer's yet, or not any more.
    if (!holdsClaim(state, claim.id)) throw notFound(pointer);
    return { customerId: claim.customerId };
  }
}

/**
 * After any other event the customer is there: what may follow an erasure is that it was carried out and that it is
 * certified, nothing else, and before a registration there can be nothing but lapses.
 */
const ENDINGS: ReadonlySet<string> = new Set<CustomerEvent['type']>([
  'CustomerErased',
  'CustomerErasureCarriedOut',
  'CustomerErasureCertified',
  'CustomerRegistrationWithdrawn',
  'IdentityClaimLapsed',
]);

const isIdentityKind = (kind: string): kind is IdentityKind => (IDENTITY_KINDS as readonly string[]).includes(kind);

const notFound = (pointer: string): DomainError =>
  new DomainError('CUSTOMER_NOT_FOUND', 'no such customer is registered', { pointer });
