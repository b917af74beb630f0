/**
 * Looks at a process's `/health/ready` all the time, and at whether what it says is true: a process may say that it is
 * not well, but it must not say "green" while a projection stands still and the log does not, nor ever take back a
 * position that it told.
 */
import { sleep } from './random.js';

export type Light = 'green' | 'yellow' | 'red';

export interface HealthTold {
  status: Light;
  head: string | null;
  stores: Record<string, { status: Light; error?: string }>;
  projections: { projection: string; build: string; status: Light; state: string; position: string | null }[];
  waiting?: { code: string };
  parked: number;
  relay?: { status: Light; state: string; position: string | null; lastError?: string };
}

const NOTHING_TOLD: HealthTold = { status: 'red', head: null, stores: {}, projections: [], parked: 0 };

export interface Sample {
  atMs: number;
  /** Undefined: it did not answer. */
  told: HealthTold | undefined;
}

/** What the product promises (`STALLED_MS`), and as much again as a sample may come late on a busy machine. */
const STALLED_MS = 30_000;
const GRACE_MS = 10_000;
const EVERY_MS = 200;

export class HealthWatch {
  readonly samples: Sample[] = [];
  /** What it said that was not true. */
  readonly lies: string[] = [];
  readonly #behind = new Map<string, { position: string | null; atMs: number }>();
  readonly #told = new Map<string, string>();
  #running: Promise<void> = Promise.resolve();
  #stopped = false;

  constructor(
    readonly name: string,
    readonly url: string,
  ) {}

  start(): this {
    this.#running = this.#watch();
    return this;
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    await this.#running;
  }

  /** Lights told since `atMs` (of `Date.now()`), in order, each once until it changes; `away` when it did not answer. */
  lights(sinceMs = 0): (Light | 'away')[] {
    const all = this.samples.filter(({ atMs }) => atMs >= sinceMs).map(({ told }) => told?.status ?? 'away');
    return all.filter((light, index) => light !== all[index - 1]);
  }

  /** Resolves with the first sample from now on that is as wanted. */
  async until(isWanted: (told: HealthTold) => boolean, what: string, timeoutMs = 60_000): Promise<Sample> {
    const from = this.samples.length;
    const end = Date.now() + timeoutMs;
    for (;;) {
      const found = this.samples.slice(from).find(({ told }) => told && isWanted(told));
      if (found) return found;
      const last = JSON.stringify(this.samples.at(-1)?.told);
      if (Date.now() > end) throw new Error(`${this.name} did not say within ${timeoutMs} ms that ${what}: ${last}`);
      await sleep(50);
    }
  }

  note(sample: Sample): void {
    const { atMs, told } = sample;
    this.samples.push(sample);
    // A process counts from its own start.
    if (!told) return this.#behind.clear();
    for (const { build, position, status } of told.projections) {
      this.#neverTakesBack(build, position);
      const isBehind = told.head !== null && (position ?? '') < told.head;
      const before = this.#behind.get(build);
      if (!isBehind) this.#behind.delete(build);
      else if (before?.position !== position || !before) this.#behind.set(build, { position, atMs });
      else if (atMs - before.atMs > STALLED_MS + GRACE_MS && (status !== 'red' || told.status !== 'red'))
        this.lies.push(`${this.name}: ${status} while ${build} stood at ${position} for ${atMs - before.atMs} ms`);
    }
    if (told.relay) this.#neverTakesBack('relay', told.relay.position);
    const worst = [...told.projections, ...Object.values(told.stores), ...(told.relay ? [told.relay] : [])];
    if (told.status === 'green' && worst.some(({ status }) => status !== 'green'))
      this.lies.push(`${this.name}: green, but not all of it: ${JSON.stringify(worst)}`);
  }

  async #watch(): Promise<void> {
    while (!this.#stopped) {
      const told = await fetch(`${this.url}/health/ready`, { signal: AbortSignal.timeout(5_000) })
        // While it waits for its stores, it tells of these alone.
        .then(async (response) => ({ ...NOTHING_TOLD, ...((await response.json()) as Partial<HealthTold>) }))
        .catch(() => undefined);
      this.note({ atMs: Date.now(), told });
      await sleep(EVERY_MS);
    }
  }

  /** A position told is durable: also a process that was killed and started again is not behind it. */
  #neverTakesBack(what: string, position: string | null): void {
    const before = this.#told.get(what);
    if (position === null) return;
    if (before !== undefined && position < before)
      this.lies.push(`${this.name}: ${what} was told to be at ${before}, later at ${position}`);
    this.#told.set(what, position);
  }
}
