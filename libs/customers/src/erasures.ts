/**
 * Carrying erasures out: claims released, keys destroyed, that written down. The key store remembers how far in the log
 * all erasures were carried out, so that one restored from a backup destroys again what it brought back.
 */
import { Injectable } from '@nestjs/common';
import { CommandProcessor, type CommandContext } from '@timeline/deciding';
import { EventStore } from '@timeline/event-store';
import { KeyedHashes, KeyRing } from '@timeline/key-store';
import { CUSTOMER_ERASED, deriveId, type Position } from '@timeline/kernel';
import { customerDecider, customerStream, type CustomerState } from './customer.decider.js';
import type { CustomerEvent } from './customers.events.js';
import { IdentityRegistry } from './identities/identity-registry.js';

@Injectable()
export class Erasures {
  constructor(
    private readonly processor: CommandProcessor,
    private readonly registry: IdentityRegistry,
    private readonly ring: KeyRing,
    private readonly events: EventStore,
    private readonly hashes: KeyedHashes,
  ) {}

  /**
   * Harmless when repeated, and when it was cut off at any point: the claims stand in what the keys open, so they are
   * released while the keys are there; once those are gone, that was done.
   */
  async carryOut(customerId: string): Promise<void> {
    const stream = customerStream(customerId);
    const { state } = await this.processor.load(customerDecider, stream);
    for (const { hash, claim } of claimsOf(state)) await this.registry.release(hash, claim, 'erased');
    await this.ring.destroy(customerId);
    await this.#markProgress(customerId);
    await this.processor.execute({
      decider: customerDecider,
      stream,
      id: customerId,
      command: { type: 'carry-out-erasure', customerId },
      context: this.#context(customerId),
    });
  }

  /** Only up to the first erasure that is not carried out: what lies before the mark is never looked at again. */
  async #markProgress(customerId: string): Promise<void> {
    let upTo: Position | undefined;
    for await (const { erased, position } of erasuresAfter(this.events, await this.ring.erasedUpTo())) {
      if (erased !== customerId && !(await wasCarriedOut(this.events, erased))) break;
      upTo = position;
    }
    if (upTo !== undefined) await this.ring.setErasedUpTo(upTo);
  }

  #context(customerId: string): CommandContext {
    const commandId = deriveId('erasure', customerId);
    const bodyHash = this.hashes.hashBody(commandId);
    return { commandId, bodyHash, actor: 'erasure', correlationId: commandId, causationId: commandId };
  }
}

/**
 * To be awaited before a process serves: destroys again the keys of customers whose erasure had been carried out and
 * whose keys a restored key store brought back. (Erasures still owed are left to the reaction, which needs the keys to
 * find the claims; those customers are answered 410 already.)
 * @returns how many customers' keys were destroyed again, or for good measure
 * @throws UnavailableError
 */
export async function carryOutErasures(events: EventStore, ring: KeyRing): Promise<number> {
  let destroyed = 0;
  let upTo: Position | undefined;
  let isContiguous = true;
  for await (const { erased, position } of erasuresAfter(events, await ring.erasedUpTo())) {
    if (await wasCarriedOut(events, erased)) {
      await ring.destroy(erased);
      destroyed += 1;
      if (isContiguous) upTo = position;
    } else isContiguous = false;
  }
  if (upTo !== undefined) await ring.setErasedUpTo(upTo);
  return destroyed;
}

async function* erasuresAfter(
  events: EventStore,
  after: Position | undefined,
): AsyncGenerator<{ erased: string; position: Position }, void, undefined> {
  for await (const batch of events.readAll({ types: [CUSTOMER_ERASED], ...(after !== undefined && { after }) })) {
    for (const { metadata, position } of batch) {
      if (metadata.customerId !== undefined) yield { erased: metadata.customerId, position };
    }
  }
}

async function wasCarriedOut(events: EventStore, customerId: string): Promise<boolean> {
  const done: readonly string[] = [
    'CustomerErasureCarriedOut',
    'CustomerErasureCertified',
  ] satisfies CustomerEvent['type'][];
  const [last] = await events.readStream(customerStream(customerId), { direction: 'backwards', limit: 1 });
  return last !== undefined && done.includes(last.type);
}

/** Those held, and those removed whose release may still be owed. */
const claimsOf = ({ identities, endedClaims }: CustomerState): { hash: string; claim: string }[] => [
  ...identities.map(({ hash, claim }) => ({ hash, claim })),
  ...Object.entries(endedClaims).flatMap(([claim, { hash }]) => (hash === undefined ? [] : [{ hash, claim }])),
];
