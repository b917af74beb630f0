/** How well the process does its work: every store, every projection with its lag, the relay. Told as it is. */
import { Inject, Injectable } from '@nestjs/common';
import { Product } from '@timeline/composing';
import { errorCode, UnavailableError, within, type Position } from '@timeline/kernel';
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
/** A server that hangs says nothing for up to 20 s; who asks for health is not that patient. */
const ANSWERS_WITHIN_MS = 3_000;

@Injectable()
export class HealthService {
  /** Where each build that is behind the log was first seen to be, and when. */
  readonly #behind = new Map<string, { position: Position | undefined; at: number }>();
  /** One look at a store at a time: behind one that hangs no others may pile up. */
  readonly #looking = new Map<string, Promise<unknown>>();

  constructor(@Inject(Product) private readonly product: Product) {}

  async look(): Promise<Health> {
    const { events, reads, keys, messages, engine, relay } = this.product;
    const stores: Health['stores'] = {};
    const check = async <T>(name: string, look: () => Promise<T>): Promise<T | undefined> => {
      try {
        const found = await this.#look(name, look);
        stores[name] = { status: 'green' };
        return found;
      } catch (error) {
        stores[name] = { status: 'red', error: errorCode(error) };
        return undefined;
      }
    };
    const builds = this.product.has('projections') ? engine.status() : [];
    const countParked = async (): Promise<number> => {
      const counts = await Promise.all(builds.map(({ build }) => engine.builds.countBlocked(build)));
      return counts.reduce((sum, count) => sum + count, 0);
    };
    const [head, parked = 0] = await Promise.all([
      check('eventStore', () => events.head()),
      check('readStore', () => reads.ping().then(countParked)),
      check('keyStore', () => keys.identity()),
      ...(relay && messages ? [check('broker', () => messages.ping())] : []),
    ]);
    const projections = builds.map((build) => this.#ofBuild(build, head));
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
      ...(engine.waiting && { waiting: engine.waiting }),
      ...(relayHealth && { relay: relayHealth }),
    };
  }

  async #look<T>(name: string, look: () => Promise<T>): Promise<T> {
    // Of the same name, so of the same type.
    let looking = this.#looking.get(name) as Promise<T> | undefined;
    if (!looking) {
      looking = look().finally(() => this.#looking.delete(name));
      this.#looking.set(name, looking);
    }
    return within(ANSWERS_WITHIN_MS, looking, () => new UnavailableError(name, 'it does not answer'));
  }

  #ofBuild(build: ReturnType<Product['engine']['status']>[number], head: LogHead | undefined): ProjectionHealth {
    const now = Date.now();
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
      lagSeconds: isBehind ? Math.max(0, (now - Date.parse(head.recordedAt)) / 1000) : 0,
      ...(build.fault && { fault: build.fault }),
    };
  }
}

function lightOfRelay(state: string): Light {
  if (state === 'stopped') return 'red';
  return state === 'live' || state === 'standing-by' ? 'green' : 'yellow';
}
