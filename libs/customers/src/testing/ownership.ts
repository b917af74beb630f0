/** Who owns which identity, told by the log alone, and what must hold of it after every single event. */
import type { Recorded } from '@timeline/kernel';
import { customerDecider, holdsClaim, type CustomerState } from '../customer.decider.js';
import type { CustomerEvent, IdentityEvent } from '../customers.events.js';
import { claimsOf } from '../identities/held-identities.js';
import { identityDecider, type IdentityState } from '../identities/identity.decider.js';

export interface Ownership {
  customers: ReadonlyMap<string, CustomerState>;
  identities: ReadonlyMap<string, IdentityState>;
}

/** Folds the log event by event and calls `look` after each. */
export function followOwnership(log: readonly Recorded[], look: (ownership: Ownership) => void): Ownership {
  const customers = new Map<string, CustomerState>();
  const identities = new Map<string, IdentityState>();
  for (const event of log) {
    if (event.stream.startsWith('customer-')) {
      const id = event.stream.slice('customer-'.length);
      customers.set(
        id,
        customerDecider.evolve(customers.get(id) ?? customerDecider.initialState, event as Recorded<CustomerEvent>),
      );
    } else if (event.stream.startsWith('identity-')) {
      const hash = event.stream.slice('identity-'.length);
      identities.set(
        hash,
        identityDecider.evolve(identities.get(hash) ?? identityDecider.initialState, event as Recorded<IdentityEvent>),
      );
    }
    look({ customers, identities });
  }
  return { customers, identities };
}

/** At most one customer holds an identity, and whoever does has the claim that stands. */
export function assertOneOwner({ customers, identities }: Ownership): void {
  const owners = new Map<string, string>();
  for (const [customerId, state] of customers) {
    if (state.status !== 'active') continue;
    for (const { hash, claim } of state.identities.flatMap(claimsOf)) {
      const other = owners.get(hash);
      if (other !== undefined) throw new Error(`${other} and ${customerId} both hold ${hash}`);
      owners.set(hash, customerId);
      const current = identities.get(hash)?.current;
      if (current?.id !== claim || current.customerId !== customerId) {
        throw new Error(
          `${customerId} holds ${hash} under claim ${claim}, but what stands is ${JSON.stringify(current)}`,
        );
      }
    }
  }
}

/** Nothing is claimed that nobody holds, and nothing stayed with those who are erased. */
export function assertNothingLeftBehind({ customers, identities }: Ownership): void {
  for (const [hash, { current }] of identities) {
    if (!current?.customerId) continue;
    const owner = customers.get(current.customerId);
    const isHeld = owner !== undefined && holdsClaim(owner, current.id);
    // What an erased customer had claimed and never confirmed is free since its keys are gone.
    if (owner?.status === 'erased' ? isHeld : !isHeld) throw new Error(`${hash} is claimed, but nobody holds it`);
  }
}
