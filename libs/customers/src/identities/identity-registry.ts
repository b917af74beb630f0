/**
 * Claims and releases identities around the owner's own event, so that an identity has one owner under races, resends
 * and crashes:
 *
 * - Claims come first, then the owner's event, which names them. What is claimed and never confirmed is released only
 *   after `IdentityClaimLapsed` is in the *owner's* stream: an owner who is late meets a conflict there and claims anew.
 *   That also holds for a command that gives up: a resend of it may be running somewhere else.
 * - Removal is the other way round: the owner's event first, then the release.
 * - A claim that is over is never used again; another attempt has other ids and another key.
 *
 * The events of an identity do not tell whom they concern, not even by the ids of the command behind them.
 */
import { Injectable } from '@nestjs/common';
import { CommandProcessor, doneBefore, type CommandContext, type CommandOutcome } from '@timeline/deciding';
import { EventStore } from '@timeline/event-store';
import { KeyedHashes } from '@timeline/key-store';
import { canonicalJson, deriveId, DomainError, errorCode, type Instant } from '@timeline/kernel';
import {
  customerDecider,
  customerErased,
  customerStream,
  holdsClaim,
  type CustomerState,
} from '../customer.decider.js';
import { CustomersSettings } from '../customers-settings.js';
import type { Identity } from '../customers.events.js';
import { claimsOf } from './held-identities.js';
import {
  identityDecider,
  identityStream,
  type Claim,
  type IdentityState,
  type ReleaseReason,
} from './identity.decider.js';
import type { GivenIdentity, NormalisedIdentity } from './normalise.js';

/** An identity with the keyed hashes that name its streams: of the oldest normal form, and of newer ones that differ. */
export interface IdentifiedIdentity extends NormalisedIdentity {
  hash: string;
  newer: readonly string[];
}

/** All that it goes by. */
export const hashesOf = ({ hash, newer }: IdentifiedIdentity): string[] => [hash, ...newer];

/** As the owner's event names it, with the claims that it rests on. */
export function claimedIdentity(
  { newer, ...identity }: IdentifiedIdentity,
  primary: boolean,
  claimOf: (hash: string) => string,
): Identity {
  const { hash } = identity;
  const also = newer.map((other) => ({ hash: other, claim: claimOf(other) }));
  return { ...identity, primary, claim: claimOf(hash), ...(also.length > 0 && { also }) };
}

export interface Claimant {
  customerId: string;
  context: CommandContext;
  occurredAt: Instant | undefined;
  /** Only a customer who is there may claim; absent for the registration itself. */
  mustExist?: true;
  /** Refuses what would be refused afterwards, so that nothing is claimed for it. Not asked of what was carried out before. */
  assertAccepted?: (owner: CustomerState) => void;
}

export interface HeldClaim {
  customerId: string;
  hash: string;
  claim: string;
  /** When the command behind it says it happened. */
  claimedFor?: Instant | undefined;
}

/** Rounds of claiming anew that one command may need: each follows a lapse, a minute apart. */
const MAX_ROUNDS = 5;

@Injectable()
export class IdentityRegistry {
  constructor(
    private readonly processor: CommandProcessor,
    private readonly events: EventStore,
    private readonly hashes: KeyedHashes,
    private readonly settings: CustomersSettings,
  ) {}

  /** @throws DomainError IDENTITY_REFUSED at `pointer` */
  identify(given: GivenIdentity, pointer = ''): IdentifiedIdentity {
    const [first, ...others] = this.settings.normalisations;
    const identity = first(given, this.settings, pointer);
    const hash = this.#hashOf(identity);
    const newer = others.map((normalise) => this.#hashOf(normalise(given, this.settings, pointer)));
    return { ...identity, hash, newer: [...new Set(newer)].filter((other) => other !== hash) };
  }

  /** The claim that stands, confirmed by its owner or not; under a newer normal form where there is none under an older. */
  async current(identity: IdentifiedIdentity): Promise<Claim | undefined> {
    for (const each of hashesOf(identity)) {
      const { current } = await this.ownership(each);
      if (current?.customerId !== undefined) return current;
    }
    return undefined;
  }

  async ownership(hash: string): Promise<IdentityState> {
    return (await this.processor.load(identityDecider, identityStream(hash))).state;
  }

  /**
   * Claims `wanted` for the customer, then lets `record` write the owner's event, which names the claims by hash. When
   * that is refused, what was claimed is given up; when its outcome is unknown, a resend goes on with the claims.
   * @throws DomainError IDENTITY_TAKEN, with the pointer that goes with the identity; whatever `record` throws
   */
  async underClaims(
    wanted: readonly { identity: IdentifiedIdentity; pointer: string }[],
    claimant: Claimant,
    record: (claimOf: (hash: string) => string) => Promise<CommandOutcome>,
  ): Promise<CommandOutcome> {
    const { customerId, context, occurredAt } = claimant;
    // One order for all, so that of two commands for the same identities one gets them all.
    const ordered = wanted
      .flatMap(({ identity, pointer }) => hashesOf(identity).map((hash) => ({ hash, kind: identity.kind, pointer })))
      .sort((a, b) => (a.hash < b.hash ? -1 : 1));
    for (let round = 1; ; round += 1) {
      const { state, events } = await this.processor.load(customerDecider, customerStream(customerId));
      // Carried out before: the answer is that of the first time, whatever became of the identities since.
      const done = doneBefore(events, context);
      if (done) return { id: customerId, ...done };
      assertMayClaim(state, claimant);
      claimant.assertAccepted?.(state);
      const claims = new Map(state.identities.flatMap(claimsOf).map(({ hash, claim }) => [hash, claim]));
      const taken: HeldClaim[] = [];
      try {
        for (const { hash, kind, pointer } of ordered) {
          if (claims.has(hash)) continue;
          const claim = await this.#claim({ hash, kind }, claimant, state, pointer);
          claims.set(hash, claim);
          taken.push({ customerId, hash, claim, claimedFor: occurredAt });
        }
        return await record((hash) => claims.get(hash) ?? '');
      } catch (error) {
        if (errorCode(error) === 'CLAIM_ENDED' && round < MAX_ROUNDS) continue;
        if (error instanceof DomainError) await this.#undo(taken);
        throw error;
      }
    }
  }

  /** Makes sure that the owner can never confirm the claim, then releases it. Does nothing when the owner has confirmed it. */
  async giveUp({ customerId, hash, claim, claimedFor }: HeldClaim, reason: ReleaseReason): Promise<void> {
    const stream = customerStream(customerId);
    await this.processor.execute({
      decider: customerDecider,
      stream,
      id: customerId,
      command: { type: 'lapse-claim', customerId, claim, ...(claimedFor !== undefined && { occurredAt: claimedFor }) },
      context: this.#contextOf('lapse', claim),
    });
    const { state } = await this.processor.load(customerDecider, stream);
    if (!holdsClaim(state, claim)) await this.release(hash, claim, reason);
  }

  /** Only for claims that are over in the owner's stream. Harmless when repeated. */
  async release(hash: string, claim: string, reason: ReleaseReason): Promise<void> {
    const stream = identityStream(hash);
    const { state } = await this.processor.load(identityDecider, stream);
    if (state.current?.id !== claim) return;
    try {
      await this.processor.execute({
        decider: identityDecider,
        stream,
        id: hash,
        command: { type: 'release', hash, claim, reason },
        context: this.#contextOf('release', claim),
        keySlot: keySlot(hash, state.attempts),
        concealCustomer: true,
      });
    } catch (error) {
      // The keys went meanwhile, and with them the claim.
      if (errorCode(error) !== 'CUSTOMER_ERASED') throw error;
    }
  }

  async #claim(
    { hash, kind }: Pick<IdentifiedIdentity, 'hash' | 'kind'>,
    claimant: Claimant,
    owner: CustomerState,
    pointer: string,
  ): Promise<string> {
    const { customerId, context, occurredAt } = claimant;
    const stream = identityStream(hash);
    for (;;) {
      const { current, attempts } = (await this.processor.load(identityDecider, stream)).state;
      const ended = current && owner.endedClaims[current.id];
      if (current?.customerId === customerId && !ended) return current.id;
      try {
        const { revision } = await this.processor.execute({
          decider: identityDecider,
          stream,
          id: hash,
          command: {
            type: 'claim',
            hash,
            kind,
            customerId,
            attempt: attempts + 1,
            ...(current && ended && { instead: { claim: current.id, reason: ended.reason } }),
            ...(occurredAt !== undefined && { occurredAt }),
          },
          context: this.#contextOf('claim', context.commandId, hash, attempts + 1),
          keySlot: keySlot(hash, attempts + 1),
          concealCustomer: true,
        });
        const [claimed] = await this.events.readStream(stream, { fromRevision: revision, limit: 1 });
        if (claimed?.type === 'IdentityClaimed') return claimed.id;
      } catch (error) {
        if (errorCode(error) === 'IDENTITY_TAKEN') throw taken(error, pointer);
        if (errorCode(error) !== 'CLAIM_OUTDATED') throw error;
      }
    }
  }

  #hashOf({ kind, system, value }: NormalisedIdentity): string {
    return this.hashes.hashIdentity(system === undefined ? kind : `${kind}:${system}`, value);
  }

  /** What cannot be undone now lapses by itself; the refusal is the answer in any case. */
  async #undo(claims: readonly HeldClaim[]): Promise<void> {
    for (const claim of claims) await this.giveUp(claim, 'refused').catch(() => undefined);
  }

  /** A command of its own: a keyed hash keeps the ids from telling which command is behind it. */
  #contextOf(...parts: (string | number)[]): CommandContext {
    const commandId = deriveId(
      'identity-registry',
      this.hashes.hashBody(canonicalJson(['identity-registry', ...parts])),
    );
    const bodyHash = this.hashes.hashBody(commandId);
    return { commandId, bodyHash, actor: 'identity-registry', correlationId: commandId, causationId: commandId };
  }
}

const keySlot = (hash: string, attempt: number): string => `identity-${hash}-${attempt}`;

function assertMayClaim({ status }: CustomerState, { mustExist }: Claimant): void {
  if (status === 'erased') throw customerErased();
  if (mustExist && status === 'unknown')
    throw new DomainError('CUSTOMER_NOT_FOUND', 'there is no customer with this id');
}

const taken = (error: unknown, pointer: string): unknown =>
  error instanceof DomainError ? new DomainError(error.code, error.message, { ...error.details, pointer }) : error;
