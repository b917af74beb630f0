/**
 * Two processes that move the same projections, under load, one of which is stopped (SIGSTOP) at random instants, left
 * behind by the other, and let go on with what it held in memory: nothing comes back, no checkpoint moves back.
 */
import path from 'node:path';
import Libsql from 'libsql';
import { Api, type Outcome } from '../../e2e/api.js';
import type { RunningProduct } from '../../support/running-product.js';
import { auditLog, auditReadModels } from './audit.js';
import { Fleet } from './fleet.js';
import { Load } from './load.js';
import { Random, sleep } from './random.js';

export interface RivalsResult {
  problems: string[];
  /** Times that one was stopped and left behind. */
  pauses: number;
  commands: number;
}

interface StatusTold {
  builds: { build: string; position: string | null }[];
}

/** @param pauseMs of the load: no faster than the stores at hand can keep up with, or nobody ever gets past the head */
export async function runRivals(
  seed: number,
  pauses: number,
  env: NodeJS.ProcessEnv = {},
  pauseMs = 20,
): Promise<RivalsResult> {
  const random = new Random(seed, 'rivals');
  const fleet = await Fleet.start({
    processes: { api: 'commands,queries', one: 'projections,reactions', two: 'projections,reactions' },
    env,
  });
  const problems: string[] = [];
  /** Where what is written here beside the load stands. */
  const own: string[] = [];
  try {
    const api = new Api(fleet.member('api').url);
    const load = new Load({
      seed,
      urls: fleet.urls('commands'),
      journeys: 5,
      pauseMs,
      maxCommands: 20_000 + 2_000 * pauses,
    });
    await load.start();
    await load.progress(60);
    let done = 0;
    while (done < pauses) {
      const [old, other] = random.isTrue(0.5) ? (['one', 'two'] as const) : (['two', 'one'] as const);
      const leaving = await registerSome(api, `${seed}-${done}`, own);
      await sleep(random.next() * 300);
      process.kill(fleet.member(old).pid, 'SIGSTOP');
      try {
        // Stopped inside a write to an embedded file, it holds everybody up and nobody gets past: not the case meant.
        if (isLocked(fleet.member('one'))) continue;
        for (const { id } of leaving) await api.command('DELETE', `/v1/customers/${id}`);
        await load.progress(60);
        const head = await api.head();
        await fleet
          .watch(other)
          .until(
            ({ projections }) => projections.every(({ position }) => (position ?? '') >= (head ?? '')),
            'it is past',
          );
        done += 1;
      } finally {
        process.kill(fleet.member(old).pid, 'SIGCONT');
      }
      const before = await checkpoints(fleet.member('api'));
      await load.progress(30);
      for (const [build, position] of await checkpoints(fleet.member('api')))
        if (position < (before.get(build) ?? '')) problems.push(`${build} moved back to ${position}`);
      for (const { id } of leaving) {
        const { status } = await api.send('GET', `/v1/customers/${id}`);
        if (status !== 410) problems.push(`${id} was erased, read as ${status}`);
      }
    }
    await load.finish();
    await fleet.settled();
    const log = await auditLog(load, api.url);
    const reads = await auditReadModels(load, api.url);
    // Those registered here beside the load are in nobody's ledger.
    const isOwn = (text: string): boolean => own.some((position) => text.includes(`at ${position}, or another`));
    problems.push(...log.problems.filter((text) => !isOwn(text)));
    problems.push(
      ...reads.problems,
      ...load.contradictions,
      ...[...fleet.watches.values()].flatMap(({ lies }) => lies),
    );
    await fleet.member('api').verify();
    return { problems, pauses: done, commands: load.ledger.size };
  } finally {
    for (const name of ['one', 'two']) process.kill(fleet.member(name).pid, 'SIGCONT');
    await fleet.dispose();
  }
}

async function registerSome(api: Api, name: string, positions: string[]): Promise<Outcome[]> {
  const made: Outcome[] = [];
  for (let n = 0; n < 3; n += 1) {
    const outcome = await api.register({ name: { full: `Leaving ${name} ${n}` } });
    const earned = await api.post(`/v1/loyalty/${outcome.id}/earnings`, { points: 1, reason: 'r' });
    positions.push(outcome.position, earned.position);
    made.push(outcome);
  }
  return made;
}

async function checkpoints(product: RunningProduct): Promise<Map<string, string>> {
  const { code, out, err } = await product.cli('--json', 'status');
  if (code !== 0) throw new Error(`timeline status failed: ${err}`);
  // What `timeline status --json` writes.
  return new Map((JSON.parse(out) as StatusTold).builds.map(({ build, position }) => [build, position ?? '']));
}

function isLocked({ env, folder }: RunningProduct): boolean {
  return ['EVENT_STORE_URL', 'READ_STORE_URL', 'KEY_STORE_URL'].some((name) => {
    const url = env[name] ?? '';
    if (!url.startsWith('sqlite:')) return false;
    const db = new Libsql(path.resolve(folder, url.slice('sqlite:'.length)));
    try {
      for (let attempt = 0; ; attempt += 1) {
        try {
          db.exec('PRAGMA busy_timeout = 500; BEGIN IMMEDIATE; ROLLBACK');
          return false;
        } catch {
          // Others write too, each for a moment.
          if (attempt === 5) return true;
        }
      }
    } finally {
      db.close();
    }
  });
}
