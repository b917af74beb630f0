// Other libraries that do event sourcing in Node, each driven the way that its own documentation says (`peers/*/drive.mjs`),
// on the same workload: record an interaction of about 1 KB in a stream of its own, 64 in flight, each load, decided, appended and
// durable before it is answered. Ours does more: it checks the body, looks the customer up, seals personal data and knows
// resent commands. Emmett on SQLite and on PostgreSQL stand beside our embedded stores; the two on MongoDB's protocol beside
// ours with its log on EventStoreDB's protocol and its keys on the same MongoDB server, since our log has no MongoDB adapter.
// Where a peer does not take 64 in flight, it is told with its error, and both are measured one at a time.
//
// Peers are installed on demand: npm ci --prefix test/bench/peers (and for Emmett on SQLite, whose driver is native: npm
// rebuild sqlite3 --prefix test/bench/peers). What is not there is told so.
import { execFile, fork, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { chmod, chown, mkdir } from 'node:fs/promises';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { withDatabase } from '../../support/servers/mongodb.mjs';
import { IN_FLIGHT, openCommandSide } from '../support/commands.mjs';
import { freePort } from '../../support/free-ports.mjs';
import { ended, endsWithUs } from '../support/http-sides.mjs';
import { inFlight, interleaved, speedOf } from '../support/rounds.mjs';
import { compared, unmeasured } from '../support/rows.mjs';

const execute = promisify(execFile);

export const needs = ['mongodb', 'eventstoredb'];
export const scales = {
  normal: { embedded: 3_000, servers: 500, rounds: 5 },
  full: { embedded: 20_000, servers: 3_000, rounds: 7 },
};
const PEERS = fileURLToPath(new URL('../peers/', import.meta.url));
const ANSWER_WITHIN_MS = 180_000;
const UP_WITHIN_MS = 60_000;

export async function run({ folder, servers, scale: { embedded, servers: onServers, rounds } }) {
  const rows = [];
  const beside = async (ours, count, peers) => {
    for (const peer of peers) rows.push(await compare({ ours, count, rounds, ...peer }));
    await ours.close();
  };
  await beside(await openCommandSide(path.join(folder, 'embedded')), embedded, [
    { name: 'emmett-sqlite', what: 'Emmett on SQLite', task: { folder } },
    {
      name: 'emmett-postgresql',
      what: 'Emmett on PostgreSQL',
      open: () => startPostgres(path.join(folder, 'postgres')),
    },
  ]);
  const mongo = (database) => `${withDatabase(servers.mongodb.url, database)}?w=majority&journal=true`;
  const urls = { eventstoredb: servers.eventstoredb.url, mongodbKeys: withDatabase(servers.mongodb.url, 'keys') };
  await beside(await openCommandSide(path.join(folder, 'servers'), { servers: urls }), onServers, [
    { name: 'event-nest', what: "@event-nest/mongodb on MongoDB's protocol", task: { url: mongo('event_nest') } },
    { name: 'ocoda', what: "@ocoda/event-sourcing on MongoDB's protocol", task: { url: mongo('ocoda') } },
  ]);
  return rows;
}

async function compare({ ours, count, rounds, name, what, task, open }) {
  const id = `peer-${name}`;
  let server;
  let peer;
  try {
    server = await open?.();
    peer = await Peer.start(name, task ?? { url: server.url });
    let width = IN_FLIGHT;
    let refused;
    try {
      await peer.round({ count: IN_FLIGHT * 2, width });
    } catch (error) {
      refused = error.message;
      width = 1;
      peer.stop();
      peer = await Peer.start(
        name,
        task?.folder ? { folder: await fresh(task.folder) } : (task ?? { url: server.url }),
      );
    }
    const commands = width === 1 ? Math.ceil(count / 10) : count;
    const figures = await interleaved({
      rounds,
      ours: () => speedOf(commands, () => inFlight(width, ours.bodies(commands), ours.send)).then(({ value }) => value),
      raw: () => peer.round({ count: commands, width }),
    });
    return compared({
      id,
      what: `command bus, ${width} in flight, beside ${what}`,
      against: `${what}, ${width} in flight`,
      unit: 'commands/s',
      figures,
      ...(refused && { refusedInFlight: refused }),
    });
  } catch (error) {
    return unmeasured({ id, what, error });
  } finally {
    peer?.stop();
    await server?.stop();
  }
}

async function fresh(folder) {
  const another = path.join(folder, 'again');
  await mkdir(another, { recursive: true });
  return another;
}

class Peer {
  static async start(name, task) {
    if (!existsSync(path.join(PEERS, 'node_modules')))
      throw new Error('not installed: npm ci --prefix test/bench/peers');
    const peer = new Peer();
    peer.child = fork(path.join(PEERS, name, 'drive.mjs'), { stdio: ['ignore', 'ignore', 'pipe', 'ipc'] });
    endsWithUs(peer.child);
    peer.said = '';
    peer.child.stderr.on('data', (chunk) => (peer.said = (peer.said + chunk).slice(-1_500)));
    await peer.ask(task);
    return peer;
  }

  async round(task) {
    return (await this.ask(task)).value;
  }

  async ask(task) {
    const over = new AbortController();
    const late = setTimeout(() => over.abort(), ANSWER_WITHIN_MS);
    try {
      this.child.send(task);
      const [answer] = await Promise.race([
        once(this.child, 'message', { signal: over.signal }),
        once(this.child, 'exit', { signal: over.signal }).then(([code]) => [
          { error: `it ended with ${code}: ${this.said}` },
        ]),
      ]);
      if (answer.error) throw new Error(answer.error);
      return answer;
    } catch (error) {
      throw over.signal.aborted ? new Error(`no answer within ${ANSWER_WITHIN_MS / 1000} s`) : error;
    } finally {
      clearTimeout(late);
      over.abort();
    }
  }

  stop() {
    this.child.kill('SIGKILL');
  }
}

/** Debian's PostgreSQL as it comes (`fsync` and `synchronous_commit` on), on loopback; as another user where this is root, whom it refuses. */
async function startPostgres(folder) {
  const bin = (await execute('pg_config', ['--bindir']).catch(() => ({ stdout: '/usr/lib/postgresql/15/bin' }))).stdout;
  const program = (name) => path.join(bin.trim(), name);
  const data = path.join(folder, 'data');
  await mkdir(folder, { recursive: true });
  const as = {};
  if (process.getuid?.() === 0) {
    for (const [member, flag] of Object.entries({ uid: '-u', gid: '-g' }))
      as[member] = Number((await execute('id', [flag, 'postgres'])).stdout);
    await chown(folder, as.uid, as.gid);
    await chmod(path.dirname(folder), 0o755);
  }
  const port = await freePort();
  await execute(program('initdb'), ['-D', data, '-A', 'trust', '-U', 'bench'], { cwd: folder, ...as });
  const settings = ['listen_addresses=127.0.0.1', 'unix_socket_directories='].flatMap((setting) => ['-c', setting]);
  const child = spawn(program('postgres'), ['-D', data, '-p', port, ...settings], {
    cwd: folder,
    stdio: 'ignore',
    ...as,
  });
  endsWithUs(child);
  const url = `postgresql://bench@127.0.0.1:${port}/postgres`;
  const isUp = () =>
    execute(program('pg_isready'), ['-d', url]).then(
      () => true,
      () => false,
    );
  for (const until = performance.now() + UP_WITHIN_MS; !(await isUp());) {
    if (child.exitCode !== null || performance.now() > until) throw new Error('PostgreSQL did not start');
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  return { url, stop: () => ended(child) };
}
