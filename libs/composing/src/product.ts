/**
 * The product put together from its slices: stores opened, projections, reactions and relay made, one Nest module for
 * whoever dispatches commands or runs queries. Both apps start from here.
 */
import { existsSync } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { dirname } from 'node:path';
import { Module, type DynamicModule, type INestApplicationContext, type Provider, type Type } from '@nestjs/common';
import { CqrsModule } from '@nestjs/cqrs';
import { CommandCatalogue, CommandProcessor, Commands, CustomerGroups } from '@timeline/deciding';
import { EventStore, openEventStore } from '@timeline/event-store';
import { Cursors } from '@timeline/http';
import { KeyedHashes, KeyRing, loadMasterKey, openKeyStore, PersonalVault, type KeyStore } from '@timeline/key-store';
import { Clock, FaultError, systemClock, Upcasters } from '@timeline/kernel';
import { openMessageLog, type MessageLog } from '@timeline/messaging';
import { ProjectionEngine, ReadModels, type FeedNotice } from '@timeline/projecting';
import { openReadStore, ReadStore } from '@timeline/read-store';
import { ReactionPump, type AnyReaction } from '@timeline/reacting';
import { publicationIdOf, Relay, RelayDesk } from '@timeline/relaying';
import { BulkCommands } from './bulk-commands.js';
import type { Config, Role } from './config.js';
import type { Follower } from './follower.js';
import { METRIC_SOURCES, type MetricSource } from './metric-source.js';
import type { Slice } from './slice.js';

export interface ProductOptions {
  config: Config;
  slices: readonly Slice[];
  clock?: Clock;
  report?: (notice: FeedNotice) => void;
}

/** Names the publication for good. */
const PUBLICATION_NAME = 'events';

@Module({})
class ProductModule {}

export class Product {
  private constructor(
    readonly options: ProductOptions,
    readonly events: EventStore,
    readonly reads: ReadStore,
    readonly keys: KeyStore,
    readonly ring: KeyRing,
    readonly vault: PersonalVault,
    readonly hashes: KeyedHashes,
    readonly cursors: Cursors,
    readonly upcasters: Upcasters,
    readonly engine: ProjectionEngine,
    readonly models: ReadModels,
    readonly messages: MessageLog | undefined,
  ) {}

  relay: Relay | undefined;
  #desk: RelayDesk | undefined;
  pump: ReactionPump | undefined;
  readonly #stopping = new AbortController();
  #following: Promise<void>[] = [];

  /** Opens every store; nothing runs yet. What was opened is closed again when a later one cannot be. */
  static async open(options: ProductOptions): Promise<Product> {
    const { config, slices } = options;
    const clock = options.clock ?? systemClock;
    const opened: { close(): Promise<void> }[] = [];
    const track = <T extends { close(): Promise<void> }>(store: T): T => {
      opened.push(store);
      return store;
    };
    try {
      // A first start, of another process too, makes the event store, then the key store, and only then appends.
      // (Of a key store on a server, its own record of the log's id tells the same, once it is opened.)
      if (isFile(config.keyStoreUrl) && isThere(config.keyStoreUrl) && !isThere(config.eventStoreUrl))
        throw missing('event store', 'EVENT_STORE', 'key store');
      for (const url of [config.eventStoreUrl, config.readStoreUrl, config.keyStoreUrl]) await makeFolderFor(url);
      const events = track(await openEventStore(config.eventStoreUrl, { clock }));
      if ((await events.head()) && !isThere(config.keyStoreUrl)) throw missing('key store', 'KEY_STORE', 'event store');
      const reads = track(await openReadStore(config.readStoreUrl));
      // Opening may not connect: whoever waits for it is to hear now that it is away.
      await reads.ping();
      const keys = track(await openKeyStore(config.keyStoreUrl));
      const isNew = (await keys.identity()) === undefined && (await events.head()) === undefined;
      if (isNew) await mkdir(dirname(config.masterKeyFile), { recursive: true });
      const masterKey = loadMasterKey(config.masterKeyFile, { mayCreate: isNew });
      const ring = await KeyRing.open({ store: keys, masterKey, logId: events.logId, mayClaim: isNew });
      const hashes = await KeyedHashes.load(ring);
      const cursors = await Cursors.load(ring);
      const upcasters = new Upcasters(slices.flatMap((slice) => [...(slice.upcasters ?? [])]));
      const vault = new PersonalVault(ring, upcasters);
      const engine = new ProjectionEngine({
        events,
        reads,
        vault,
        upcasters,
        clock,
        projections: slices.flatMap((slice) => [...(slice.projections ?? [])]),
        ...(options.report && { report: options.report }),
      });
      const runsProjections = config.roles.has('projections');
      const models = new ReadModels({ events, reads, ...(runsProjections && { engine }) });
      const messages = config.brokerUrl ? track(await openMessageLog(config.brokerUrl)) : undefined;
      return new Product(
        options,
        events,
        reads,
        keys,
        ring,
        vault,
        hashes,
        cursors,
        upcasters,
        engine,
        models,
        messages,
      );
    } catch (error) {
      for (const store of opened.reverse()) await store.close();
      throw error;
    }
  }

  /** What the relay of this log publishes as, in whichever process. */
  get publication(): string {
    return publicationIdOf(this.events.logId, PUBLICATION_NAME);
  }

  has(role: Role): boolean {
    return this.options.config.roles.has(role);
  }

  /**
   * Everything that commands and queries are injected with; for a server (`http`) also the controllers of this process's
   * roles and its own.
   */
  module(http?: { providers: Provider[]; controllers: Type[] }): DynamicModule {
    const { slices } = this.options;
    const clock = this.options.clock ?? systemClock;
    const catalogue = new CommandCatalogue();
    for (const slice of slices) catalogue.register(...(slice.commandTypes ?? []));
    const sources = slices.flatMap((slice) => [...(slice.metricSources ?? [])]);
    const commandControllers = slices.flatMap((slice) => [...(slice.commandControllers ?? [])]);
    const queryControllers = slices.flatMap((slice) => [...(slice.queryControllers ?? [])]);
    const values: Provider[] = [
      { provide: EventStore, useValue: this.events },
      { provide: ReadStore, useValue: this.reads },
      { provide: KeyRing, useValue: this.ring },
      { provide: PersonalVault, useValue: this.vault },
      { provide: KeyedHashes, useValue: this.hashes },
      { provide: Cursors, useValue: this.cursors },
      { provide: Clock, useValue: clock },
      { provide: Upcasters, useValue: this.upcasters },
      { provide: ReadModels, useValue: this.models },
      { provide: CommandCatalogue, useValue: catalogue },
    ];
    return {
      module: ProductModule,
      global: true,
      imports: [CqrsModule.forRoot()],
      providers: [
        ...values,
        CommandProcessor,
        Commands,
        BulkCommands,
        // A slice's own takes its place.
        CustomerGroups,
        ...slices.flatMap((slice) => [
          ...(slice.commandProviders ?? []),
          ...(slice.queryProviders ?? []),
          ...(slice.reactions ?? []),
          ...(slice.followers ?? []),
        ]),
        ...sources,
        { provide: METRIC_SOURCES, useFactory: (...made: MetricSource[]) => made, inject: sources },
        ...(http?.providers ?? []),
      ],
      controllers: [
        ...(http && this.has('commands') ? commandControllers : []),
        ...(http && this.has('queries') ? queryControllers : []),
        ...(http?.controllers ?? []),
      ],
      exports: [
        ...values.map((value) => (typeof value === 'function' ? value : value.provide)),
        Commands,
        CommandProcessor,
      ],
    };
  }

  /** Starts what this process's roles ask for. */
  async start(context: INestApplicationContext): Promise<void> {
    const report = this.options.report ?? (() => undefined);
    if (this.has('projections')) await this.engine.start();
    if (this.has('reactions')) {
      const types = this.options.slices.flatMap((slice) => [...(slice.reactions ?? [])]);
      this.pump = new ReactionPump({
        events: this.events,
        models: this.models,
        reactions: types.map((type): AnyReaction => context.get(type, { strict: false })),
        clock: this.options.clock ?? systemClock,
        report,
      });
      this.pump.start();
      const followers = this.options.slices.flatMap((slice) => [...(slice.followers ?? [])]);
      this.#following = followers.map((type) =>
        context.get<Follower>(type, { strict: false }).follow(this.#stopping.signal, report),
      );
    }
    if (this.has('relay') && this.messages) {
      this.relay = new Relay({
        events: this.events,
        messages: this.messages,
        mappings: this.options.slices.flatMap((slice) => [...(slice.publicEvents ?? [])]),
        publicationName: PUBLICATION_NAME,
        upcasters: this.upcasters,
        report,
      });
      this.relay.start();
      this.#desk = new RelayDesk({ reads: this.reads, relay: this.relay, report });
      this.#desk.start();
    }
  }

  /**
   * Finishes what is under way. Requests must have been answered before.
   * @param entering told of each part before it is stopped, for whoever does not want to wait for ever
   */
  async stop(entering: (part: string) => void = () => undefined): Promise<void> {
    this.#stopping.abort();
    const parts: [name: string, stop: () => Promise<void> | undefined][] = [
      ['followers', () => Promise.all(this.#following).then(() => undefined)],
      ['reactions', () => this.pump?.stop()],
      ['relay desk', () => this.#desk?.stop()],
      ['relay', () => this.relay?.stop()],
      ['projections', () => this.engine.stop()],
      ['broker', () => this.messages?.close()],
      ['read store', () => this.reads.close()],
      ['key store', () => this.keys.close()],
      ['event store', () => this.events.close()],
    ];
    for (const [name, stop] of parts) {
      entering(name);
      await stop();
    }
  }
}

/** Of a server it is always said to be there. */
const isThere = (url: string): boolean => !isFile(url) || existsSync(url.slice('sqlite:'.length));
const isFile = (url: string): boolean => url.startsWith('sqlite:');

/** Event store and key store are worthless without each other: where one is there, the other is not made anew. */
const missing = (what: string, prefix: string, other: string): FaultError =>
  new FaultError(
    `${prefix}_MISSING`,
    `the ${what} is not there, but the ${other} that it belongs to is: restore the ${what} from its backup, or ` +
      `correct ${prefix}_URL`,
  );

async function makeFolderFor(url: string): Promise<void> {
  if (isFile(url)) await mkdir(dirname(url.slice('sqlite:'.length)), { recursive: true });
}
