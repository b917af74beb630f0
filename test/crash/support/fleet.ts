/**
 * Several processes of the built product on the same stores, each with some of the roles: what a deployment looks like.
 * Each can be killed and started again by itself; `restless` does that at random instants.
 */
import path from 'node:path';
import { RunningProduct } from '../../support/running-product.js';
import { HealthWatch } from './health-watch.js';
import { Random, sleep } from './random.js';

export interface FleetOptions {
  /** Name of each process → its `ROLES`. */
  processes: Readonly<Record<string, string>>;
  /** URLs of stores; embedded ones are shared files of the fleet. */
  env?: NodeJS.ProcessEnv;
}

export interface Kills {
  /** By process: killed while it served. */
  serving: Record<string, number>;
  /** By process: killed before it served. */
  starting: Record<string, number>;
}

export const countOf = ({ serving, starting }: Kills): number =>
  [...Object.values(serving), ...Object.values(starting)].reduce((sum, count) => sum + count, 0);

export class Fleet {
  readonly watches = new Map<string, HealthWatch>();

  private constructor(readonly members: ReadonlyMap<string, RunningProduct>) {}

  /** Starts them all, together: on a folder in which there is nothing, one makes the stores and the others take them. */
  static async start({ processes, env = {} }: FleetOptions): Promise<Fleet> {
    const members = new Map<string, RunningProduct>();
    let shared: NodeJS.ProcessEnv = {};
    for (const [name, roles] of Object.entries(processes)) {
      const member: RunningProduct = await RunningProduct.create({ DEMO: 'off', ...shared, ...env, ROLES: roles });
      if (members.size === 0) {
        const file = (base: string): string => path.join(member.folder, 'data', base);
        shared = {
          EVENT_STORE_URL: `sqlite:${file('events.db')}`,
          READ_STORE_URL: `sqlite:${file('reads.db')}`,
          KEY_STORE_URL: `sqlite:${file('keys.db')}`,
          MASTER_KEY_FILE: file('master.key'),
        };
        Object.assign(member.env, shared, env);
      }
      members.set(name, member);
    }
    const fleet = new Fleet(members);
    try {
      await Promise.all([...members.values()].map((member) => member.start()));
    } catch (error) {
      await fleet.dispose();
      throw error;
    }
    for (const [name, { url }] of members) fleet.watches.set(name, new HealthWatch(name, url));
    return fleet;
  }

  member(name: string): RunningProduct {
    const member = this.members.get(name);
    if (!member) throw new Error(`there is no process ${name}`);
    return member;
  }

  watch(name: string): HealthWatch {
    const watch = this.watches.get(name);
    if (!watch) throw new Error(`nobody watches ${name}`);
    return watch;
  }

  /** URLs of the processes that have the role. */
  urls(role: string): string[] {
    return [...this.members.values()]
      .filter(({ env }) => env['ROLES']?.split(',').includes(role))
      .map(({ url }) => url);
  }

  /** What the watches found untrue. */
  get lies(): string[] {
    return [...this.watches.values()].flatMap(({ lies }) => lies);
  }

  /**
   * `kill -9` at random instants, each process as often as the others, in an order that the seed gives. One in six is
   * killed again before it serves; the others are let come up first, so that there is something to kill.
   */
  async restless(kills: number, random: Random, maxLifeMs = 1_500): Promise<Kills> {
    const done: Kills = { serving: {}, starting: {} };
    const names = [...this.members.keys()];
    let round: string[] = [];
    for (let kill = 0; kill < kills; kill += 1) {
      if (round.length === 0) round = shuffled(names, random);
      const name = round.pop() ?? '';
      const member = this.member(name);
      await sleep(random.next() * maxLifeMs);
      await member.kill('SIGKILL');
      done.serving[name] = (done.serving[name] ?? 0) + 1;
      await sleep(random.next() * 300);
      member.spawn();
      if (random.isTrue(1 / 6) && kill + 1 < kills) {
        kill += 1;
        await sleep(random.next() * 1_000);
        await member.kill('SIGKILL');
        done.starting[name] = (done.starting[name] ?? 0) + 1;
        member.spawn();
      }
      await this.served(name);
    }
    return done;
  }

  async served(name: string): Promise<void> {
    const member = this.member(name);
    const isLive = async (): Promise<boolean> =>
      (await fetch(`${member.url}/health/live`).catch(() => undefined))?.ok === true;
    await member.until(isLive, `${name} answers`);
  }

  /** All green, and nobody behind: projections and relay have come to the head of the log. */
  async settled(timeoutMs = 120_000): Promise<void> {
    for (const watch of this.watches.values()) {
      await watch.until(
        ({ status, head, projections, relay }) =>
          status === 'green' &&
          projections.every(({ position }) => position === head) &&
          (!relay || relay.state === 'standing-by' || relay.position === head),
        'it is green and at the head of the log',
        timeoutMs,
      );
    }
  }

  async dispose(): Promise<void> {
    await Promise.all([...this.watches.values()].map((watch) => watch.stop()));
    for (const member of [...this.members.values()].reverse()) await member.dispose();
  }
}

function shuffled<T>(items: readonly T[], random: Random): T[] {
  const left = [...items];
  return items.map(() => left.splice(random.whole(0, left.length - 1), 1)[0] as T);
}
