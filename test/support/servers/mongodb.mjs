/**
 * MongoDB's protocol for tests: SecantusDB (PyPI, GPL-2.0, so never a part of the product), a server on WiredTiger that
 * the current driver takes for a one-node replica set of MongoDB 8.2. Fetched once into a cache folder
 * (`TIMELINE_SERVERS_CACHE`, else one under the system's temporary folder). Needs Python 3.11 or newer with `venv`.
 * Servers are stopped by process id, also when the program that started them ends without doing so.
 */
import { execFile, spawn } from 'node:child_process';
import { existsSync, rmSync } from 'node:fs';
import { mkdir, mkdtemp, open, readFile, rename, rm } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { MongoClient } from 'mongodb';

const run = promisify(execFile);
const VERSION = '0.7.0b3';
const UP_WITHIN_MS = 60_000;
const STOP_WITHIN_MS = 15_000;

/**
 * Starts a server and waits until it answers a client.
 * `dir`: where its data and its output go; started there again, it goes on with the same data. Default: a new folder,
 * removed by `stop` unless `keep`. `port`: default a free one.
 * Answers `{ version, url, pid, dir, stop(), kill() }`: `stop` is SIGTERM (SIGKILL if it takes too long), `kill` SIGKILL.
 * @param {{ dir?: string, port?: number, keep?: boolean }} [options]
 */
export async function startMongo({ dir, port, keep = dir !== undefined } = {}) {
  const python = await installed();
  const folder = dir ?? (await mkdtemp(join(tmpdir(), 'timeline-mongodb-')));
  await mkdir(join(folder, 'data'), { recursive: true });
  const listening = port ?? (await freePort());
  const output = await open(join(folder, 'output.log'), 'a');
  const child = spawn(
    python,
    // Without `--sync-on-commit` a kill loses acknowledged writes.
    [
      '-m',
      'secantus',
      '--host',
      '127.0.0.1',
      '--port',
      String(listening),
      '--storage-path',
      join(folder, 'data'),
      '--sync-on-commit',
    ],
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
    version: `SecantusDB ${VERSION} (Python)`,
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

/** The Python of an environment that has the server, made if it is not there yet. */
async function installed() {
  const cache = process.env.TIMELINE_SERVERS_CACHE || join(tmpdir(), 'timeline-servers');
  const environment = join(cache, `secantusdb-${VERSION}`);
  const python = join(environment, 'bin', 'python');
  if (existsSync(python)) return python;
  await mkdir(cache, { recursive: true });
  // Into a folder aside and then renamed, so that a broken download or a second run at the same time does no harm. (The
  // scripts in it keep the old name; its Python does not mind.)
  const aside = await mkdtemp(join(cache, 'fetching-'));
  try {
    await run('python3', ['-m', 'venv', aside]);
    await run(join(aside, 'bin', 'python'), ['-m', 'pip', 'install', '--quiet', '--pre', `secantusdb==${VERSION}`]);
  } catch (error) {
    await rm(aside, { recursive: true, force: true });
    throw new Error(
      `SecantusDB ${VERSION} cannot be installed; Python 3 with venv and pip must be there and reach PyPI`,
      {
        cause: error,
      },
    );
  }
  await rename(aside, environment).catch(async (error) => {
    await rm(aside, { recursive: true, force: true });
    if (!existsSync(python)) throw error;
  });
  return python;
}

const freePort = () =>
  new Promise((resolve, reject) => {
    const server = createServer();
    server.once('error', reject);
    server.listen(0, '127.0.0.1', () => {
      const { port } = server.address();
      server.close(() => resolve(port));
    });
  });
