/**
 * Who owns an identity: the stream `identity-{keyed hash}` alone says. A claim is the identity's until it is released;
 * each claim is one attempt, counted from 1, and a release names the claim that it ends.
 *
 * An owner whose keys are destroyed cannot be read any more and never comes back: such a claim stands in nobody's way.
 */
import { DomainError, type Decider, type Decision, type Recorded } from '@timeline/kernel';
import type { IdentityEvent, IdentityKind } from '../customers.events.js';

export const identityStream = (hash: string): string => `identity-${hash}`;

export interface Claim {
  /** Id of its `IdentityClaimed`. */
  id: string;
  /** undefined: erased. */
  customerId: string | undefined;
}

export interface IdentityState {
  /** Claims so far; the last one's attempt. */
  attempts: number;
  /** The one that is not released. */
  current?: Claim;
}

export type ReleaseReason = Extract<IdentityEvent, { type: 'IdentityReleased' }>['data']['reason'];

export type IdentityCommand =
  | {
      type: 'claim';
      hash: string;
      kind: IdentityKind;
      customerId: string;
      /** The attempt that this claim's ids were derived for. */
      attempt: number;
      /** A claim of the same customer that is over on the customer's side and is to be replaced. */
      instead?: { claim: string; reason: ReleaseReason };
      occurredAt?: string;
    }
  | { type: 'release'; hash: string; claim: string; reason: ReleaseReason };

export const identityDecider: Decider<IdentityState, IdentityCommand, IdentityEvent> = {
  initialState: { attempts: 0 },

  evolve(state, event) {
    switch (event.type) {
      case 'IdentityClaimed':
        return { attempts: event.data.attempt, current: { id: event.id, customerId: ownerIn(event) } };
      case 'IdentityReleased':
        return state.current?.id === event.data.claim ? { attempts: state.attempts } : state;
      default:
        return event satisfies never;
    }
  },

  decide(command, state, { now }) {
    switch (command.type) {
      case 'claim':
        return claim(command, state, now);
      case 'release': {
        const { current } = state;
        return current?.id === command.claim ? [release(command.hash, current, command.reason)] : [];
      }
      default:
        return command satisfies never;
    }
  },

  customerOf: (command, state) => (command.type === 'claim' ? command.customerId : state.current?.customerId),
};

function claim(
  { hash, kind, customerId, attempt, instead, occurredAt }: Extract<IdentityCommand, { type: 'claim' }>,
  { attempts, current }: IdentityState,
  now: string,
): Decision<IdentityEvent>[] {
  const isMine = current?.customerId === customerId;
  const isOver =
    current !== undefined && (current.customerId === undefined || (isMine && current.id === instead?.claim));
  if (isMine && !isOver) return [];
  if (current && !isOver) {
    throw new DomainError(
      'IDENTITY_TAKEN',
      'this identity belongs to another customer; an identity has one owner at a time. Where they are the same, merge them',
      { owner: current.customerId },
    );
  }
  if (attempt !== attempts + 1) {
    throw new DomainError(
      'CLAIM_OUTDATED',
      `attempt ${attempt} of a claim was prepared, but there were ${attempts} before`,
    );
  }
  const claimed: Decision<IdentityEvent> = {
    type: 'IdentityClaimed',
    data: { hash, kind, attempt, claimedAt: now },
    personal: { customerId, ...(occurredAt !== undefined && { occurredAt }) },
  };
  if (!current) return [claimed];
  return [release(hash, current, current.customerId === undefined ? 'erased' : (instead?.reason ?? 'lapsed')), claimed];
}

const release = (hash: string, { id, customerId }: Claim, reason: ReleaseReason): Decision<IdentityEvent> => ({
  type: 'IdentityReleased',
  data: { hash, claim: id, reason },
  ...(customerId !== undefined && { personal: { customerId } }),
});

const ownerIn = (event: Extract<Recorded<IdentityEvent>, { type: 'IdentityClaimed' }>): string | undefined =>
  event.personal?.customerId;
