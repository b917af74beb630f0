/** How well the process does its work: every store, every projection with its lag, the relay. Told as it is, and soon. */
import { Inject, Injectable } from '@nestjs/common';
import { Product } from '@timeline/composing';
import { errorCode, FaultError, within, type Position } from '@timeline/kernel';
import type { LogHead } from '@timeline/event-store';
import type { BuildStatus } from '@timeline/projecting';

type Light = 'green' | 'yellow' | 'red';

interface ProjectionHealth {
  projection: string;
  build: string;
  version: number;
  /** The build that is read. */
  live: boolean;
  status: Light;
  state: BuildStatus['state'];
  position: Position | null;
  /** Seconds since the log's head was recorded, while the build is behind it; 0 when it is not. */
  lagSeconds: number;
  /** Documents that wait behind an event that could not be applied; see `timeline parked`. */
  parked: number;
  fault?: { code: string; message: string };
  /** Why a build of a new version is not read yet, and what to do. */
  held?: BuildStatus['held'];
}

interface RelayHealth {
  status: Light;
  state: string;
  position: Position | null;
  lagSeconds: number;
  parked: number;
  lastError?: string;
}

interface ReactionHealth {
  reaction: string;
  status: Light;
  /** Subjects whose fact could not be recorded yet. */
  failing: number;
  error?: string;
}

export interface Health {
  status: Light;
  roles: string[];
  stores: Record<string, { status: Light; error?: string }>;
  head: Position | null;
  projections: ProjectionHealth[];
  /** Why the projections wait, while they do. */
  waiting?: { code: string; message: string };
  /** Of all projections. */
  parked: number;
  reactions: ReactionHealth[];
  relay?: RelayHealth;
}

/** What does not move for this long while the log does is red. */
const STALLED_MS = 30_000;
/** An orchestrator gives a probe a second or two; a store that hangs must not take the others' lights with it. */
const ANSWER_WITHIN_MS = 900;

/** A look that takes no longer than it may; while one hangs, no second one is begun beside it. */
class Look<T> {
  #looking: Promise<T> | undefined;

  constructor(private readonly look: () => Promise<T>) {}

  /** @throws FaultError NO_ANSWER, or as the look does */
  async now(): Promise<T> {
    this.#looking ??= this.look().finally(() => (this.#looking = undefined));
    return within(ANSWER_WITHIN_MS, this.#looking, () => new FaultError('NO_ANSWER', 'it does not answer in time'));
  }
}

@Injectable()
export class HealthService {
  /** Where each build, and the relay, that is behind the log was first seen to be, and when. */
  readonly #behind = new Map<string, { position: Position | undefined; at: number }>();
  readonly #head = new Look(() => this.product.events.head());
  readonly #events = new Look(() => this.product.events.ping());
  readonly #reads = new Look(() => this.product.reads.ping());
  readonly #keys = new Look(() => this.product.keys.ping());
  readonly #broker = new Look(async () => this.product.messages?.ping());
  readonly #blocked = new Look(async () => {
    const { engine } = this.product;
    const counts = engine.status().map(async ({ build }) => [build, await engine.builds.countBlocked(build)] as const);
    return new Map(await Promise.all(counts));
  });

  constructor(@Inject(Product) private readonly product: Product) {}

  async look(): Promise<Health> {
    const { engine, relay, pump } = this.product;
    let head: LogHead | undefined;
    let blocked = new Map<string, number>();
    const stores: Health['stores'] = {};
    const check = async (name: string, look: () => Promise<unknown>): Promise<void> => {
      stores[name] ??= { status: 'green' };
      try {
        await look();
      } catch (error) {
        stores[name] = { status: 'red', error: errorCode(error) };
        return undefined;
      }
    };
    const runsProjections = this.product.has('projections');
    await Promise.all([
      check('eventStore', async () => (head = await this.#head.now())),
      check('eventStore', () => this.#events.now()),
      check('readStore', () => this.#reads.now()),
      check('keyStore', () => this.#keys.now()),
      ...(runsProjections ? [check('readStore', async () => (blocked = await this.#blocked.now()))] : []),
      ...(relay ? [check('broker', () => this.#broker.now())] : []),
    ]);

    const projections = runsProjections ? engine.status().map((build) => this.#ofBuild(build, head, blocked)) : [];
    const parked = projections.reduce((sum, each) => sum + each.parked, 0);
    const reactions = (pump?.status() ?? []).map(({ reaction, failing, sinceLookMs, error }): ReactionHealth => ({
      reaction,
      status: sinceLookMs > STALLED_MS ? 'red' : failing > 0 || error !== undefined ? 'yellow' : 'green',
      failing,
      ...(error !== undefined && { error }),
    }));
    const relayHealth = relay && this.#ofRelay(relay.status(), head);
    const lights = [
      ...[...Object.values(stores), ...projections, ...reactions].map(({ status }) => status),
      ...(parked > 0 || engine.waiting ? ['yellow' as const] : []),
      ...(relayHealth ? [relayHealth.status] : []),
    ];
    return {
      status: lights.includes('red') ? 'red' : lights.includes('yellow') ? 'yellow' : 'green',
      roles: [...this.product.options.config.roles],
      stores,
      head: head?.position ?? null,
      projections,
      parked,
      reactions,
      ...(engine.waiting && { waiting: engine.waiting }),
      ...(relayHealth && { relay: relayHealth }),
    };
  }

  #ofBuild(build: BuildStatus, head: LogHead | undefined, blocked: ReadonlyMap<string, number>): ProjectionHealth {
    const { isBehind, isStalled, lagSeconds } = this.#progress(build.build, build.position, head);
    const status =
      build.state === 'stopped' || isStalled
        ? 'red'
        : build.state === 'held' || (isBehind && build.state !== 'live')
          ? 'yellow'
          : 'green';
    return {
      projection: build.projection,
      build: build.build,
      version: build.version,
      live: build.live,
      status,
      state: build.state,
      position: build.position ?? null,
      lagSeconds,
      parked: blocked.get(build.build) ?? 0,
      ...(build.fault && { fault: build.fault }),
      ...(build.held && { held: build.held }),
    };
  }

  #ofRelay(
    { state, position, parked, lastError }: ReturnType<NonNullable<Product['relay']>['status']>,
    head: LogHead | undefined,
  ): RelayHealth {
    const { isStalled, lagSeconds } = this.#progress('relay', position, head);
    const isWell = state === 'live' || state === 'standing-by';
    return {
      status: state === 'stopped' || isStalled ? 'red' : isWell && parked === 0 ? 'green' : 'yellow',
      state,
      position: position ?? null,
      lagSeconds,
      parked,
      ...(lastError && { lastError: lastError.code }),
    };
  }

  #progress(
    who: string,
    position: Position | undefined,
    head: LogHead | undefined,
  ): { isBehind: boolean; isStalled: boolean; lagSeconds: number } {
    // Not the time of day: a clock that jumps ahead must not make a stall of nothing.
    const now = performance.now();
    const isBehind = head !== undefined && (position ?? '') < head.position;
    // Counted from the first look that finds it behind: how long it had nothing to do before says nothing.
    const before = this.#behind.get(who);
    if (!isBehind) this.#behind.delete(who);
    else if (!before || before.position !== position) this.#behind.set(who, { position, at: now });
    return {
      isBehind,
      isStalled: isBehind && now - (this.#behind.get(who)?.at ?? now) > STALLED_MS,
      lagSeconds: isBehind ? Math.max(0, (Date.now() - Date.parse(head.recordedAt)) / 1000) : 0,
    };
  }
}
