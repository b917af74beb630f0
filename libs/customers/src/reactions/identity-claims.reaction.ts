/** Lets claims lapse that nobody confirmed in time, and releases those that are over: what a crash left half done. */
import { Injectable } from '@nestjs/common';
import type { Reaction } from '@timeline/reacting';
import { IdentityRegistry } from '../identities/identity-registry.js';
import {
  identityClaimsProjection,
  type ClaimDocument,
  type ClaimEvent,
} from '../projections/identity-claims.projection.js';

@Injectable()
export class IdentityClaimsReaction implements Reaction<ClaimDocument, ClaimEvent> {
  readonly projection = identityClaimsProjection;

  constructor(private readonly registry: IdentityRegistry) {}

  async act({ subject: claim, customerId, hash, ended, claimedFor }: ClaimDocument): Promise<void> {
    if (ended) await this.registry.release(hash, claim, ended);
    else await this.registry.giveUp({ customerId, hash, claim, claimedFor }, 'lapsed');
  }
}
