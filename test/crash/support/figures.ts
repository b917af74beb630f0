/** What a long run measured, as JSON in `test/crash/results`. Called after every expectation has held. */
import { execFileSync } from 'node:child_process';
import { mkdir, writeFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import type { Audited } from './audit.js';
import type { Kills } from './fleet.js';
import type { Load } from './load.js';

const folder = fileURLToPath(new URL('../results/', import.meta.url));

export interface Run {
  seed: number;
  startedAt: number;
  kills: Kills;
  load: Load;
  audits: readonly Audited[];
  /** What else ran, e.g. the versions of servers. */
  on?: Record<string, string>;
}

/** Only where `CRASH_RESULTS` is set: a short run leaves nothing behind. */
export async function writeFigures(name: string, { seed, startedAt, kills, load, audits, on }: Run): Promise<void> {
  if (!process.env['CRASH_RESULTS']) return;
  await mkdir(folder, { recursive: true });
  const sent = load.silences;
  const figures = {
    seed,
    date: new Date(startedAt).toISOString(),
    seconds: Math.round((Date.now() - startedAt) / 1000),
    node: process.version,
    commit: execFileSync('git', ['rev-parse', '--short', 'HEAD'], { cwd: folder }).toString().trim(),
    ...(on && { on }),
    kills,
    commands: { acknowledged: load.ledger.size, sentAgainFor: sent, sentAgainAfterTheirAnswer: load.repeated },
    audit: Object.assign({}, ...audits.map(({ counts }) => counts)) as Record<string, number>,
    problems: audits.reduce((sum, { problems }) => sum + problems.length, 0),
    differencesOfVerify: 0,
  };
  await writeFile(`${folder}${name}.json`, `${JSON.stringify(figures, null, 2)}\n`);
}
