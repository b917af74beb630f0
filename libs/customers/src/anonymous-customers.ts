/**
 * Opens a customer of whom nothing is known but one identity: what came from an unknown sender is kept, and joins the known
 * customer later, by a merge, without a rewrite. Whoever races for the same identity, dies half way or sends again opens
 * the same customer: its id derives from the claim that it is opened under, by a keyed hash, so that it does not tell
 * whose it is.
 */
import { Injectable } from '@nestjs/common';
import { CommandProcessor, type CommandContext, type Opening } from '@timeline/deciding';
import { KeyedHashes } from '@timeline/key-store';
import { canonicalJson, deriveId, DomainError } from '@timeline/kernel';
import { onCustomer } from './commands/on-customer.js';
import { customerDecider, customerStream } from './customer.decider.js';
import { claimedIdentity, type IdentifiedIdentity, IdentityRegistry } from './identities/identity-registry.js';

@Injectable()
export class AnonymousCustomers {
  constructor(
    private readonly processor: CommandProcessor,
    private readonly registry: IdentityRegistry,
    private readonly hashes: KeyedHashes,
  ) {}

  /**
   * For an identity that nobody was found to hold.
   * @throws DomainError IDENTITY_TAKEN while another customer is about to have it, or has not quite let it go; then look
   * again. OCCURRED_IN_FUTURE
   */
  async open(
    identity: IdentifiedIdentity,
    { context: { ifMatch: _of, ...context }, occurredAt }: Opening,
    pointer: string,
  ): Promise<string> {
    const { attempts, current } = await this.registry.ownership(identity.hash);
    // Under the next claim, or under one that an opening like this has made and not confirmed yet.
    const underWay = this.#under(identity, attempts);
    const { commandId, customerId } =
      current?.customerId === underWay.customerId ? underWay : this.#under(identity, attempts + 1);
    const own: CommandContext = { ...context, commandId, bodyHash: this.hashes.hashBody(commandId) };
    const { state } = await this.processor.load(customerDecider, customerStream(customerId));
    if (state.status !== 'unknown') {
      throw new DomainError('IDENTITY_TAKEN', 'this identity has just been given to a customer; send it again', {
        pointer,
      });
    }
    await this.registry.underClaims([{ identity, pointer }], { customerId, context: own, occurredAt }, (claimOf) =>
      onCustomer(
        this.processor,
        {
          type: 'register',
          customerId,
          kind: 'person',
          stage: 'lead',
          traits: {},
          details: {},
          identities: [claimedIdentity(identity, true, claimOf)],
          anonymous: true,
        },
        occurredAt,
        own,
      ),
    );
    return customerId;
  }

  #under({ hash }: IdentifiedIdentity, attempt: number): { commandId: string; customerId: string } {
    const commandId = deriveId(
      'open-anonymous',
      this.hashes.hashBody(canonicalJson(['open-anonymous', hash, attempt])),
    );
    return { commandId, customerId: deriveId('customer', commandId) };
  }
}
