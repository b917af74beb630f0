/**
 * MongoDB's protocol for tests: SecantusDB (PyPI, GPL-2.0, so never a part of the product), a server on WiredTiger that
 * the current driver takes for a one-node replica set of MongoDB 8.2. There are two: one in Python, fetched once (needs
 * Python 3.11 or newer with `venv`), and one in Rust, used where it is built already: `SECANTUSD_RS`, or `secantusd-rs` on
 * PATH or in ~/.cargo/bin (`cargo +nightly install secantus-mdb --version 0.5.3-beta.196 --ignore-rust-version`).
 * Servers are stopped by process id, also when the program that started them ends without doing so.
 */
import { execFile, spawn } from 'node:child_process';
import { existsSync, rmSync } from 'node:fs';
import { mkdir, mkdtemp, open, readFile, rm } from 'node:fs/promises';
import { homedir, tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { promisify } from 'node:util';
import { MongoClient } from 'mongodb';
import { freePort } from '../free-ports.mjs';
import { installed } from './installing.mjs';

const run = promisify(execFile);
const VERSION = '0.7.0b3';
const UP_WITHIN_MS = 60_000;
const STOP_WITHIN_MS = 15_000;

/**
 * Starts a server and waits until it answers a client.
 * `dir`: where its data and its output go; started there again, it goes on with the same data. Default: a new folder,
 * removed by `stop` unless `keep`. `port`: default a free one. `syncs`: default true; without it a kill loses acknowledged
 * writes, and with it each replaced document is synced by itself.
 * Answers `{ version, url, pid, dir, stop(), kill() }`: `stop` is SIGTERM (SIGKILL if it takes too long), `kill` SIGKILL.
 * @param {{ dir?: string, port?: number, keep?: boolean, syncs?: boolean }} [options]
 */
export async function startMongo({ dir, port, keep = dir !== undefined, syncs = true } = {}) {
  const { name, command } = await serverProgram();
  const folder = dir ?? (await mkdtemp(join(tmpdir(), 'timeline-mongodb-')));
  await mkdir(join(folder, 'data'), { recursive: true });
  const listening = port ?? (await freePort());
  const output = await open(join(folder, 'output.log'), 'a');
  const [program, ...first] = command;
  const syncing = syncs ? ['--sync-on-commit'] : [];
  const child = spawn(
    program,
    [...first, '--port', String(listening), '--storage-path', join(folder, 'data'), ...syncing],
    { stdio: ['ignore', output.fd, output.fd], cwd: folder },
  );
  const ended = new Promise((resolve) => {
    child.once('exit', resolve);
    child.once('error', resolve);
  });
  await output.close();
  const isAlive = () => child.pid !== undefined && child.exitCode === null && child.signalCode === null;

  // Without this a test run that dies leaves a server behind that keeps its port.
  const cleanUp = () => {
    if (isAlive()) child.kill('SIGKILL');
    if (!keep) rmSync(folder, { recursive: true, force: true });
  };
  process.once('exit', cleanUp);
  const end = async (signal) => {
    if (isAlive()) child.kill(signal);
    const late = setTimeout(() => child.kill('SIGKILL'), STOP_WITHIN_MS);
    await ended;
    clearTimeout(late);
  };
  const stop = async () => {
    await end('SIGTERM');
    process.removeListener('exit', cleanUp);
    if (!keep) await rm(folder, { recursive: true, force: true });
  };

  const url = `mongodb://127.0.0.1:${listening}/timeline`;
  const until = Date.now() + UP_WITHIN_MS;
  while (!(await answers(url))) {
    if (isAlive() && Date.now() < until) continue;
    const log = await readFile(join(folder, 'output.log'), 'utf8');
    await stop();
    throw new Error(`SecantusDB did not start; the end of its output:\n${log.slice(-2_000)}`);
  }
  return {
    version: name,
    url,
    pid: child.pid,
    dir: folder,
    stop,
    kill: () => end('SIGKILL'),
  };
}

/** The same server by another database; a user is still looked for where it was. */
export function withDatabase(url, database) {
  const [, server = '', before = '', query = ''] = /^([^:]+:\/\/[^/?]+)\/?([^?]*)(\?.*)?$/.exec(url) ?? [];
  const named = `${server}/${database}${query}`;
  if (!server.includes('@') || /[?&]authSource=/.test(query)) return named;
  return `${named}${query === '' ? '?' : '&'}authSource=${before || 'admin'}`;
}

export async function dropDatabase(url) {
  const client = new MongoClient(url);
  try {
    await client.db().dropDatabase();
  } finally {
    await client.close();
  }
}

async function answers(url) {
  const client = new MongoClient(url, { serverSelectionTimeoutMS: 500 });
  try {
    await client.db().command({ ping: 1 });
    return true;
  } catch {
    return false;
  } finally {
    await client.close();
  }
}

/** What to run: the Rust server where it has been built, since that takes minutes; else the Python one. */
async function serverProgram() {
  const folders = [...(process.env.PATH ?? '').split(delimiter), join(homedir(), '.cargo', 'bin')];
  const built = [process.env.SECANTUSD_RS, ...folders.map((folder) => join(folder, 'secantusd-rs'))];
  const binary = built.find((file) => file && existsSync(file));
  if (binary) return { name: 'SecantusDB (Rust)', command: [binary] };
  const environment = await installed(
    `secantusdb-${VERSION}`,
    async (folder) => {
      await run('python3', ['-m', 'venv', folder]);
      const pip = ['-m', 'pip', 'install', '--quiet', '--retries', '5', '--pre', `secantusdb==${VERSION}`];
      await run(join(folder, 'bin', 'python'), pip);
    },
    'Python 3.11 or newer with venv and pip, and to reach PyPI',
  );
  // The scripts in it keep the name of the folder that they were installed into; its Python does not mind.
  const python = join(environment, 'bin', 'python');
  return { name: `SecantusDB ${VERSION} (Python)`, command: [python, '-m', 'secantus', '--host', '127.0.0.1'] };
}
