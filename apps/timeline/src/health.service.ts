/** How well the process does its work: every store, every projection with its lag, the relay. Told as it is. */
import { Inject, Injectable } from '@nestjs/common';
import { Product } from '@timeline/composing';
import { errorCode, type Position } from '@timeline/kernel';
import type { LogHead } from '@timeline/event-store';

type Light = 'green' | 'yellow' | 'red';

interface ProjectionHealth {
  projection: string;
  build: string;
  version: number;
  /** The build that is read. */
  live: boolean;
  status: Light;
  state: 'live' | 'filling' | 'stopped';
  position: Position | null;
  /** Seconds since the log's head was recorded, while the build is behind it; 0 when it is not. */
  lagSeconds: number;
  fault?: { code: string; message: string };
}

export interface Health {
  status: Light;
  roles: string[];
  stores: Record<string, { status: Light; error?: string }>;
  head: Position | null;
  projections: ProjectionHealth[];
  /** Why the projections wait, while they do. */
  waiting?: { code: string; message: string };
  /** Documents that wait behind an event that could not be applied; see `timeline parked`. */
  parked: number;
  relay?: { status: Light; state: string; position: Position | null; parked: number; lastError?: string };
}

/** A build that does not move for this long while the log does is red. */
const STALLED_MS = 30_000;

@Injectable()
export class HealthService {
  /** Where each build that is behind the log was first seen to be, and when. */
  readonly #behind = new Map<string, { position: Position | undefined; at: number }>();

  constructor(@Inject(Product) private readonly product: Product) {}

  async look(): Promise<Health> {
    const { events, reads, keys, messages, engine, relay } = this.product;
    let head: LogHead | undefined;
    const stores: Health['stores'] = {};
    const check = async (name: string, look: () => Promise<unknown>): Promise<void> => {
      try {
        await look();
        stores[name] = { status: 'green' };
      } catch (error) {
        stores[name] = { status: 'red', error: errorCode(error) };
      }
    };
    await Promise.all([
      check('eventStore', async () => {
        head = await events.head();
        await events.ping();
      }),
      check('readStore', () => reads.ping()),
      check('keyStore', () => keys.ping()),
      ...(relay && messages ? [check('broker', () => messages.ping())] : []),
    ]);

    const projections = this.product.has('projections')
      ? engine.status().map((build) => this.#ofBuild(build, head))
      : [];
    let parked = 0;
    // Only what was found well so far: a store that can be read may still not be fit for writing.
    if (stores['readStore']?.status === 'green')
      await check('readStore', async () => {
        for (const { build } of projections) parked += await engine.builds.countBlocked(build);
      });
    const relayStatus = relay?.status();
    const relayHealth = relayStatus && {
      status: lightOfRelay(relayStatus.state),
      state: relayStatus.state,
      position: relayStatus.position ?? null,
      parked: relayStatus.parked,
      ...(relayStatus.lastError && { lastError: relayStatus.lastError.code }),
    };
    const lights = [
      ...Object.values(stores).map(({ status }) => status),
      ...projections.map(({ status }) => status),
      ...(parked > 0 ? ['yellow' as const] : []),
      ...(relayHealth ? [relayHealth.status] : []),
    ];
    return {
      status: lights.includes('red') ? 'red' : lights.includes('yellow') ? 'yellow' : 'green',
      roles: [...this.product.options.config.roles],
      stores,
      head: head?.position ?? null,
      projections,
      parked,
      ...(engine.waiting && { waiting: engine.waiting }),
      ...(relayHealth && { relay: relayHealth }),
    };
  }

  #ofBuild(build: ReturnType<Product['engine']['status']>[number], head: LogHead | undefined): ProjectionHealth {
    // Not the time of day: a clock that jumps ahead must not make a stall of nothing.
    const now = performance.now();
    const isBehind = head !== undefined && (build.position ?? '') < head.position;
    // Counted from the first look that finds it behind: how long it had nothing to do before says nothing.
    if (!isBehind) this.#behind.delete(build.build);
    else if (this.#behind.get(build.build)?.position !== build.position || !this.#behind.has(build.build))
      this.#behind.set(build.build, { position: build.position, at: now });
    const stalled = isBehind && now - (this.#behind.get(build.build)?.at ?? now) > STALLED_MS;
    const status =
      build.state === 'stopped' || stalled ? 'red' : isBehind && build.state !== 'live' ? 'yellow' : 'green';
    return {
      projection: build.projection,
      build: build.build,
      version: build.version,
      live: build.live,
      status,
      state: build.state,
      position: build.position ?? null,
      lagSeconds: isBehind ? Math.max(0, (Date.now() - Date.parse(head.recordedAt)) / 1000) : 0,
      ...(build.fault && { fault: build.fault }),
    };
  }
}

function lightOfRelay(state: string): Light {
  if (state === 'stopped') return 'red';
  return state === 'live' || state === 'standing-by' ? 'green' : 'yellow';
}
