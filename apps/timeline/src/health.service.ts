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
  relay?: { status: Light; state: string; position: Position | null; parked: number; lastError?: string };
}

/** A build that does not move for this long while the log does is red. */
const STALLED_MS = 30_000;

@Injectable()
export class HealthService {
  /** When each build was last seen to move, or to have nothing to do. */
  readonly #moved = new Map<string, { position: Position | undefined; at: number }>();

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
      check('eventStore', async () => (head = await events.head())),
      check('readStore', () => reads.ping()),
      check('keyStore', () => keys.identity()),
      ...(messages ? [check('broker', () => messages.ping())] : []),
    ]);

    const projections = this.product.has('projections')
      ? engine.status().map((build) => this.#ofBuild(build, head))
      : [];
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
      ...(relayHealth ? [relayHealth.status] : []),
    ];
    return {
      status: lights.includes('red') ? 'red' : lights.includes('yellow') ? 'yellow' : 'green',
      roles: [...this.product.options.config.roles],
      stores,
      head: head?.position ?? null,
      projections,
      ...(engine.waiting && { waiting: engine.waiting }),
      ...(relayHealth && { relay: relayHealth }),
    };
  }

  #ofBuild(build: ReturnType<Product['engine']['status']>[number], head: LogHead | undefined): ProjectionHealth {
    const now = Date.now();
    const isBehind = head !== undefined && (build.position ?? '') < head.position;
    const seen = this.#moved.get(build.build);
    if (!seen || seen.position !== build.position || !isBehind)
      this.#moved.set(build.build, { position: build.position, at: now });
    const stalled = isBehind && now - (this.#moved.get(build.build)?.at ?? now) > STALLED_MS;
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
      lagSeconds: isBehind ? Math.max(0, (now - Date.parse(head.recordedAt)) / 1000) : 0,
      ...(build.fault && { fault: build.fault }),
    };
  }
}

function lightOfRelay(state: string): Light {
  if (state === 'stopped') return 'red';
  return state === 'live' || state === 'standing-by' ? 'green' : 'yellow';
}
