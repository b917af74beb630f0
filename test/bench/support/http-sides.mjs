/**
 * Two servers, each a process of its own on a file of its own: the built product with the role `commands`, and a bare
 * Fastify that appends (`raw-server.mjs`). Ended by process id.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { freePort } from '../../support/free-ports.mjs';
import { environmentIn } from './product.mjs';

const PRODUCT = fileURLToPath(new URL('../../../dist/apps/timeline/src/main.js', import.meta.url));
const RAW = fileURLToPath(new URL('./raw-server.mjs', import.meta.url));
const UP_WITHIN_MS = 60_000;
/** A second, in /proc. */
const TICKS = 100;

/** Answers `{ url, stop }`; `stop` is SIGTERM, and SIGKILL where that is not enough. */
export async function startProduct(environment, { readyAt = '/health/ready' } = {}) {
  const port = await freePort();
  const child = spawn(process.execPath, [PRODUCT], {
    env: { PATH: process.env.PATH, ...environment, PORT: String(port), DEMO: 'off' },
    // Its log is written, as in production, and read by nobody.
    stdio: ['ignore', 'ignore', 'inherit'],
  });
  endsWithUs(child);
  const url = `http://127.0.0.1:${port}`;
  const until = performance.now() + UP_WITHIN_MS;
  for (;;) {
    const answer = await fetch(url + readyAt).catch(() => undefined);
    await answer?.arrayBuffer().catch(() => undefined);
    if (answer?.ok) break;
    if (child.exitCode !== null || performance.now() > until) {
      child.kill('SIGKILL');
      throw new Error(`the product did not start: exit ${child.exitCode}, ${readyAt} answered ${answer?.status}`);
    }
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
  return { url, pid: child.pid, stop: () => ended(child) };
}

export const startProductIn = (folder) =>
  startProduct({ ...environmentIn(folder), ROLES: 'commands' }, { readyAt: '/health/live' });

export async function startRaw(folder) {
  const child = spawn(process.execPath, [RAW, path.join(folder, 'raw-events.db')], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  endsWithUs(child);
  const failed = once(child, 'exit').then(([code]) => {
    throw new Error(`the raw server ended with ${code}`);
  });
  const [line] = await Promise.race([once(createInterface({ input: child.stdout }), 'line'), failed]);
  failed.catch(() => undefined);
  return { url: line, pid: child.pid, stop: () => ended(child) };
}

/** Processor time of another process so far, in µs; undefined where the system does not tell it as Linux does. */
export function cpuMicrosOf(pid) {
  try {
    const [, fields] = readFileSync(`/proc/${pid}/stat`, 'latin1').split(') ');
    const [user, system] = fields.split(' ').slice(11, 13).map(Number);
    return ((user + system) * 1e6) / TICKS;
  } catch {
    return undefined;
  }
}

/** Without this a path that is given up leaves servers behind. */
export function endsWithUs(child) {
  const kill = () => child.kill('SIGKILL');
  process.once('exit', kill);
  child.once('exit', () => process.removeListener('exit', kill));
}

export async function ended(child) {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const late = setTimeout(() => child.kill('SIGKILL'), 30_000);
  const exit = once(child, 'exit');
  child.kill('SIGTERM');
  await exit;
  clearTimeout(late);
}
