/**
 * EventStoreDB for tests. No server of it can be installed here, so this starts the stand-in next door
 * (`../eventstoredb-server`, which says what it is and is not) as a process of its own, which can be killed and started
 * again on the same folder. Servers are stopped by process id, also when the program that started them ends without
 * doing so.
 */
import { spawn } from 'node:child_process';
import { mkdir, open, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import eventStoreDb from '@eventstore/db-client';

const MAIN = fileURLToPath(new URL('../eventstoredb-server/main.mjs', import.meta.url));
const UP_WITHIN_MS = 30_000;
const STOP_WITHIN_MS = 10_000;

/**
 * Starts a server and waits until it listens.
 * `dir`: where its data and its output go; started there again, it goes on with the same data. `port`: default a free
 * one. `version`: `23.10` (default) or `24.6`, whose ways it takes on.
 * Answers `{ version, url, pid, stop(), kill() }`: `stop` is SIGTERM (SIGKILL if it takes too long), `kill` SIGKILL.
 * @param {{ dir: string, port?: number, version?: '23.10' | '24.6' }} options
 */
export async function startEventStoreDb({ dir, port = 0, version = '23.10' }) {
  await mkdir(dir, { recursive: true });
  const output = await open(join(dir, 'output.log'), 'a');
  const child = spawn(process.execPath, [MAIN, '--dir', dir, '--port', String(port), '--version', version], {
    stdio: ['ignore', 'pipe', output.fd],
    // A test runner's own options (`--experimental-vm-modules`, a loader) are none of its business.
    env: { ...process.env, NODE_OPTIONS: '' },
  });
  await output.close();
  const ended = new Promise((resolve) => {
    child.once('exit', resolve);
    child.once('error', resolve);
  });
  const isAlive = () => child.exitCode === null && child.signalCode === null;
  // Without this a test run that dies leaves a server behind that keeps its port.
  const killNow = () => child.kill('SIGKILL');
  process.once('exit', killNow);
  const end = async (signal) => {
    if (isAlive()) child.kill(signal);
    const late = setTimeout(() => child.kill('SIGKILL'), STOP_WITHIN_MS);
    await ended;
    clearTimeout(late);
    process.removeListener('exit', killNow);
  };

  const listening = await portOf(child, ended);
  if (listening === undefined) {
    await end('SIGKILL');
    const log = await readFile(join(dir, 'output.log'), 'utf8');
    throw new Error(`the stand-in for EventStoreDB did not start; the end of its output:\n${log.slice(-2_000)}`);
  }
  return {
    version: `stand-in for EventStoreDB ${version}`,
    url: `esdb://127.0.0.1:${listening}?tls=false`,
    pid: child.pid,
    stop: () => end('SIGTERM'),
    kill: () => end('SIGKILL'),
  };
}

/** The port that it says it listens on; undefined when it ends or says nothing. */
async function portOf(child, ended) {
  let timer;
  const said = new Promise((resolve) => {
    let text = '';
    child.stdout.on('data', (chunk) => {
      text += chunk;
      const [, port] = /listening on (\d+)\n/.exec(text) ?? [];
      if (port !== undefined) resolve(Number(port));
    });
  });
  const never = new Promise((resolve) => {
    timer = setTimeout(resolve, UP_WITHIN_MS);
    void ended.then(() => resolve());
  });
  try {
    return await Promise.race([said, never]);
  } finally {
    clearTimeout(timer);
  }
}

/** Whether the log there holds no event but the server's own. */
export async function isUnused(url) {
  const client = eventStoreDb.EventStoreDBClient.connectionString(url);
  const events = client.subscribeToAll({ filter: eventStoreDb.excludeSystemEvents() });
  try {
    return await new Promise((resolve, reject) => {
      events.once('data', () => resolve(false));
      events.once('caughtUp', () => resolve(true));
      events.once('error', reject);
    });
  } finally {
    await events.unsubscribe().catch(() => undefined);
    await client.dispose();
  }
}
