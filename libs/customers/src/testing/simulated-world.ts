/**
 * Processes of the product in memory, as far as the ownership of identities goes: commands with resends, deaths at any
 * step, reactions, a clock.
 */
import { CommandProcessor, CustomerGroups, type CommandContext, type CommandOutcome } from '@timeline/deciding';
import { KeyedHashes, KeyRing, newKey, PersonalVault, type MasterKey } from '@timeline/key-store';
import { Clock, deriveId, Upcasters, type Fact, type Recorded } from '@timeline/kernel';
import { PureFold, type AnyProjection } from '@timeline/projecting';
import { StandardsInForce } from '@timeline/standards';
import { AnonymousCustomers } from '../anonymous-customers.js';
import { AddIdentity, AddIdentityHandler } from '../commands/add-identity.command.js';
import { EraseCustomer, EraseCustomerHandler } from '../commands/erase-customer.command.js';
import { RegisterCustomer, RegisterCustomerHandler } from '../commands/register-customer.command.js';
import { RemoveIdentity, RemoveIdentityHandler } from '../commands/remove-identity.command.js';
import { StreamCustomerDirectory } from '../customer-directory.js';
import { customersSettings } from '../customers-settings.js';
import { ErasureCertificates } from '../erasure-certificates.js';
import { Erasures } from '../erasures.js';
import { KnownCustomers } from '../known-customers.js';
import { IdentityRegistry } from '../identities/identity-registry.js';
import type { Normalise } from '../identities/normalise.js';
import type { ClaimDocument } from '../projections/identity-claims.projection.js';
import { ErasureReaction } from '../reactions/erasure.reaction.js';
import { IdentityClaimsReaction } from '../reactions/identity-claims.reaction.js';
import { followOwnership, type Ownership } from './ownership.js';
import { SimulatedEventStore, SimulatedKeys, SimulatedKeyStore, SimulatedLog, type Gate } from './simulated-stores.js';

export class SimulatedClock extends Clock {
  at = new Date('2026-03-01T12:00:00.000Z');
  now(): Date {
    return this.at;
  }
  advance(ms: number): void {
    this.at = new Date(this.at.getTime() + ms);
  }
}

/** In steps, each a read or a write of a store. */
export interface Fate {
  diesAfter?: number;
  stallsAfter?: number;
  /** Other ways of normalising than the product's own. */
  normalisations?: readonly [Normalise, ...Normalise[]];
}

/** Where a process stands still until it is let go on, and how others see that it does. */
export class Stall {
  #reached: () => void = () => undefined;
  #goOn: () => void = () => undefined;
  readonly reached = new Promise<void>((resolve) => (this.#reached = resolve));
  readonly #over = new Promise<void>((resolve) => (this.#goOn = resolve));

  wait(): Promise<void> {
    this.#reached();
    return this.#over;
  }
  goOn(): void {
    this.#goOn();
  }
}

/** The process is dead: every step it still tries comes to nothing. */
export class Death extends Error {}

export class World {
  /** Who is merged with whom; nobody, unless a test says otherwise. */
  groups = new CustomerGroups();

  /** @param pass lets each step of each process through, in an order of its own */
  constructor(
    readonly pass: Gate = () => Promise.resolve(),
    readonly clock = new SimulatedClock(),
    readonly log = new SimulatedLog(clock),
    readonly keys = new SimulatedKeys(),
    readonly masterKey: MasterKey = { key: newKey(), fingerprint: 'test' },
  ) {}

  /** The same world with nothing in the way of its processes. */
  calmed(): World {
    return new World(undefined, this.clock, this.log, this.keys, this.masterKey);
  }

  async start(
    { diesAfter = Infinity, stallsAfter = Infinity, normalisations }: Fate = {},
    stall = new Stall(),
  ): Promise<Process> {
    let steps = 0;
    const gate: Gate = async () => {
      if (steps >= diesAfter) throw new Death();
      steps += 1;
      await this.pass();
      if (steps > stallsAfter) await stall.wait();
      if (steps >= diesAfter) throw new Death();
    };
    const ring = await KeyRing.open({
      store: new SimulatedKeyStore(this.keys, gate),
      masterKey: this.masterKey,
      logId: '0123456789ab',
    });
    const events = new SimulatedEventStore(this.log, gate);
    return new Process(this, events, ring, await KeyedHashes.load(ring), normalisations);
  }

  /** The whole log in the clear, also what was erased. */
  async everything(): Promise<Recorded<Fact>[]> {
    const store = new SimulatedKeyStore(this.keys, () => Promise.resolve(), true);
    const ring = await KeyRing.open({ store, masterKey: this.masterKey, logId: '0123456789ab' });
    return new PersonalVault(ring, new Upcasters()).open(this.log.events);
  }
}

export class Process {
  readonly vault: PersonalVault;
  readonly processor: CommandProcessor;
  readonly registry: IdentityRegistry;
  readonly standards: StandardsInForce;
  readonly known: KnownCustomers;
  readonly directory: StreamCustomerDirectory;
  readonly erasures: Erasures;
  readonly reactions;

  constructor(
    readonly world: World,
    readonly events: SimulatedEventStore,
    readonly ring: KeyRing,
    readonly hashes: KeyedHashes,
    normalisations?: Fate['normalisations'],
  ) {
    this.vault = new PersonalVault(ring, new Upcasters());
    this.processor = new CommandProcessor(events, this.vault, world.clock);
    const settings = customersSettings({ defaultPhoneRegion: 'US', ...(normalisations && { normalisations }) });
    this.registry = new IdentityRegistry(this.processor, events, hashes, settings);
    this.standards = new StandardsInForce(events, world.clock);
    this.known = new KnownCustomers(events);
    this.directory = new StreamCustomerDirectory(
      events,
      this.processor,
      this.registry,
      new AnonymousCustomers(this.processor, this.registry, hashes),
      this.known,
    );
    this.erasures = new Erasures(this.processor, this.registry, ring, events, hashes, world.groups, this.known);
    // There is no read store here, so nothing in it that could be behind.
    const certificates = new ErasureCertificates(
      this.processor,
      hashes,
      settings,
      { buildsAgainst: () => Promise.resolve([]) },
      { scrub: () => Promise.resolve('overwritten') },
      world.groups,
    );
    this.reactions = [
      new IdentityClaimsReaction(this.registry),
      new ErasureReaction(this.erasures, certificates),
    ] as const;
  }

  register(key: string, members: readonly string[], occurredAt?: string): Promise<CommandOutcome> {
    const identities = members.map((value) => ({ kind: 'member' as const, value }));
    const data = {
      kind: 'person' as const,
      stage: 'lead' as const,
      identities,
      ...(occurredAt !== undefined && { occurredAt }),
    };
    return new RegisterCustomerHandler(this.processor, this.registry, this.standards).execute(
      new RegisterCustomer(data, contextOf(key)),
    );
  }
  add(key: string, customerId: string, member: string): Promise<CommandOutcome> {
    const data = { customerId, kind: 'member' as const, value: member };
    return new AddIdentityHandler(this.processor, this.registry, this.standards).execute(
      new AddIdentity(data, contextOf(key)),
    );
  }
  remove(key: string, customerId: string, member: string): Promise<CommandOutcome> {
    const data = { customerId, kind: 'member' as const, value: member };
    return new RemoveIdentityHandler(this.processor, this.registry, this.standards).execute(
      new RemoveIdentity(data, contextOf(key)),
    );
  }
  erase(key: string, customerId: string): Promise<CommandOutcome> {
    return new EraseCustomerHandler(this.processor, this.known).execute(
      new EraseCustomer({ customerId, reason: 'requested' }, contextOf(key)),
    );
  }

  /** As an interaction from an identity does that may be nobody's. */
  async open(key: string, member: string): Promise<string> {
    const opening = { context: contextOf(key), occurredAt: undefined };
    return (await this.directory.resolveOrOpen({ kind: 'member', value: member }, opening)).customerId;
  }

  /** What the pump would do now, once. @returns how much was owed or due */
  async react(): Promise<number> {
    let owed = 0;
    for (const reaction of this.reactions) {
      const fold = new PureFold(reaction.projection as AnyProjection);
      for await (const batch of this.events.readAll())
        for (const event of await this.vault.open(batch)) fold.apply(event);
      for (const { content } of fold.documents.values()) {
        // Both reactions' documents; each is given those of its own projection.
        const document = content as unknown as ClaimDocument | undefined;
        const isDue = document?.dueAt !== undefined && document.dueAt <= this.world.clock.now().toISOString();
        if (!document || (!document.owed && !isDue)) continue;
        owed += 1;
        await reaction.act(document as never);
      }
    }
    return owed;
  }
}

export const customerIdOf = (registration: string): string => deriveId('customer', contextOf(registration).commandId);

export function contextOf(key: string): CommandContext {
  const commandId = deriveId('test', key);
  return { commandId, bodyHash: commandId, actor: 'test', correlationId: commandId, causationId: commandId };
}

/** Folds the log event by event and calls `look` after each. */
export const overEveryPrefix = async (world: World, look: (ownership: Ownership) => void): Promise<Ownership> =>
  followOwnership(await world.everything(), look);
