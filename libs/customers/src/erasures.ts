/**
 * Carrying erasures out: whoever was merged with the customer erased too, claims released, keys destroyed, that written
 * down. The key store remembers how far in the log
 * all erasures were carried out, so that one restored from a backup destroys again what it brought back.
 */
import { Injectable } from '@nestjs/common';
import { CommandProcessor, CustomerGroups, type CommandContext } from '@timeline/deciding';
import { EventStore } from '@timeline/event-store';
import { KeyedHashes, KeyRing } from '@timeline/key-store';
import { CUSTOMER_ERASED, deriveId, errorCode, type Position, type Recorded } from '@timeline/kernel';
import { customerDecider, customerStream, type CustomerState } from './customer.decider.js';
import type { CustomerEvent } from './customers.events.js';
import { KnownCustomers } from './known-customers.js';
import { claimsOf } from './identities/held-identities.js';
import { IdentityRegistry } from './identities/identity-registry.js';

@Injectable()
export class Erasures {
  constructor(
    private readonly processor: CommandProcessor,
    private readonly registry: IdentityRegistry,
    private readonly ring: KeyRing,
    private readonly events: EventStore,
    private readonly hashes: KeyedHashes,
    private readonly groups: CustomerGroups,
    private readonly known: KnownCustomers,
  ) {}

  /**
   * Harmless when repeated, and when it was cut off at any point: the claims stand in what the keys open, so they are
   * released while the keys are there; once those are gone, that was done.
   */
  async carryOut(customerId: string): Promise<void> {
    const stream = customerStream(customerId);
    const { state, events } = await this.processor.load(customerDecider, stream);
    const erased = events.find(isErasure);
    // One that another's erasure took is of that one's group, which was told whole.
    if (erased && erased.data.erasedWith === undefined) await this.#eraseGroup(customerId, erased);
    for (const { hash, claim } of everyClaimOf(state)) await this.registry.release(hash, claim, 'erased');
    await this.ring.destroy(customerId);
    await this.#markProgress(customerId);
    await this.processor.execute({
      decider: customerDecider,
      stream,
      id: customerId,
      command: { type: 'carry-out-erasure', customerId },
      context: this.#context(customerId, customerId),
    });
  }

  /** Harmless when repeated: whom it takes hangs on where in the log it stands, not on when it is asked. */
  async #eraseGroup(customerId: string, { data: { reason }, position }: Erasure): Promise<void> {
    for (const member of await this.groups.erasedWith(customerId, position)) {
      try {
        await this.known.ending(member, () =>
          this.processor.execute({
            decider: customerDecider,
            stream: customerStream(member),
            id: member,
            command: { type: 'erase', customerId: member, reason, erasedWith: customerId },
            context: this.#context(member, customerId),
          }),
        );
      } catch (error) {
        // Erased meanwhile, by its own request or when this was tried before.
        if (errorCode(error) !== 'CUSTOMER_ERASED') throw error;
      }
    }
  }

  /** Only up to the first erasure that is not carried out: what lies before the mark is never looked at again. */
  async #markProgress(customerId: string): Promise<void> {
    let upTo: Position | undefined;
    for await (const { erased, position } of erasuresToLookAt(this.events, this.ring)) {
      if (erased !== customerId && !(await wasCarriedOut(this.events, erased))) break;
      upTo = position;
    }
    if (upTo !== undefined) await this.ring.setErasedUpTo(upTo);
  }

  /** `because`: whose erasure it is about. */
  #context(customerId: string, because: string): CommandContext {
    const commandId =
      because === customerId ? deriveId('erasure', customerId) : deriveId('erasure', because, customerId);
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
  for await (const { erased, position } of erasuresToLookAt(events, ring)) {
    if (await wasCarriedOut(events, erased)) {
      await ring.destroy(erased);
      destroyed += 1;
      if (isContiguous) upTo = position;
    } else isContiguous = false;
  }
  if (upTo !== undefined) await ring.setErasedUpTo(upTo);
  return destroyed;
}

/**
 * Those after the mark of the key store. A log that was restored from a backup holds no erasure there: then all of them,
 * until the log has passed the mark, which only moves forward.
 */
async function* erasuresToLookAt(
  events: EventStore,
  ring: KeyRing,
): AsyncGenerator<{ erased: string; position: Position }, void, undefined> {
  const mark = await ring.erasedUpTo();
  const after = mark !== undefined && (await events.eventAt(mark))?.type === CUSTOMER_ERASED ? mark : undefined;
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

type Erasure = Extract<Recorded<CustomerEvent>, { type: typeof CUSTOMER_ERASED }>;
const isErasure = (event: Recorded<CustomerEvent>): event is Erasure => event.type === CUSTOMER_ERASED;

/** Those held, and those removed whose release may still be owed. */
const everyClaimOf = ({ identities, endedClaims }: CustomerState): { hash: string; claim: string }[] => [
  ...identities.flatMap(claimsOf),
  ...Object.entries(endedClaims).flatMap(([claim, { hash }]) => (hash === undefined ? [] : [{ hash, claim }])),
];
