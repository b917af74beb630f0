/**
 * `npm run test:servers`: starts the servers that `*.servers.spec.ts` need, runs those, stops the servers, and ends as
 * Jest did. A server that cannot be installed or started fails the run. Arguments go to Jest.
 * A variable that is set already (`READ_STORE_URL=mongodb://…`) names a server of the user's own, used instead.
 */
import { spawn } from 'node:child_process';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { startEventStoreDb } from '../support/servers/eventstoredb.mjs';
import { startKafka } from '../support/servers/kafka.mjs';
import { startMongo } from '../support/servers/mongodb.mjs';

/** `env`: the variables by which tests find the server, and what each is. `scheme`: what a user's own URL starts with. */
const SERVERS = [
  {
    name: 'mongodb',
    scheme: 'mongodb',
    start: startMongo,
    env: (url) => ({ READ_STORE_URL: url, KEY_STORE_URL: `${url}_keys` }),
  },
  { name: 'kafka', scheme: 'kafka', start: startKafka, env: (url) => ({ BROKER_URL: url }) },
  { name: 'eventstoredb', scheme: 'esdb', start: startEventStoreDb, env: (url) => ({ EVENT_STORE_URL: url }) },
];

const root = fileURLToPath(new URL('../..', import.meta.url));
const folder = await mkdtemp(join(tmpdir(), 'timeline-servers-run-'));
/** Jest's own results; CI names a file to sum them up from. */
const results = process.env.TEST_RESULTS ?? join(folder, 'jest.json');
const started = [];
let jest;
let interrupted = false;

for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) {
  process.on(signal, () => {
    interrupted = true;
    jest?.kill('SIGTERM');
  });
}

try {
  const starting = await Promise.allSettled(SERVERS.map(start));
  const failed = starting.find(({ status }) => status === 'rejected');
  if (failed) throw failed.reason;
  const env = Object.assign({}, ...starting.map(({ value }) => value));
  process.exitCode = interrupted ? 1 : await runJest(env);
  await printTotals();
} catch (error) {
  console.error(error);
  process.exitCode = 1;
} finally {
  await Promise.all(started.map((server) => server.stop()));
  await rm(folder, { recursive: true, force: true });
}

/** Answers the variables to set, starting the server unless the user has said where it is. */
async function start({ name, scheme, start, env }) {
  const missing = Object.keys(env('')).filter((variable) => !process.env[variable]?.startsWith(`${scheme}`));
  if (missing.length === 0) {
    console.log(`${name}: as the environment says`);
    return {};
  }
  const server = await start({ dir: join(folder, name) });
  started.push(server);
  console.log(`${name}: ${server.url}, process ${server.pid}`);
  const urls = env(server.url);
  return Object.fromEntries(missing.map((variable) => [variable, urls[variable]]));
}

function runJest(env) {
  jest = spawn(
    process.execPath,
    [
      '--experimental-vm-modules',
      join(root, 'node_modules', 'jest', 'bin', 'jest.js'),
      '-c',
      join(root, '.config', 'jest.servers.config.mjs'),
      '--json',
      `--outputFile=${results}`,
      ...process.argv.slice(2),
    ],
    // Jest reports on stderr; with `--json` it repeats its file on stdout.
    { cwd: root, env: { ...process.env, ...env }, stdio: ['inherit', 'ignore', 'inherit'] },
  );
  return new Promise((resolve, reject) => {
    jest.once('error', reject);
    jest.once('exit', (code) => resolve(code ?? 1));
  });
}

async function printTotals() {
  const text = await readFile(results, 'utf8').catch(() => undefined);
  if (text === undefined) return;
  const { numTotalTests, numPassedTests, numFailedTests, numPendingTests, numFailedTestSuites } = JSON.parse(text);
  console.log(
    `servers: ${numTotalTests} tests, ${numPassedTests} passed, ${numFailedTests} failed, ${numPendingTests} skipped` +
      (numFailedTestSuites > 0 ? `, in ${numFailedTestSuites} suites that failed` : ''),
  );
}
