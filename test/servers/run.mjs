/**
 * `npm run test:servers`: starts servers (SecantusDB for MongoDB, Apache Kafka, the stand-in for EventStoreDB), runs the
 * contract suites (`*.servers.spec.ts`) and the end-to-end tests with the product on them, stops them, and ends as Jest
 * did. A server that cannot be installed or started fails the run. Arguments go to Jest.
 *
 * `EVENT_STORE_URL=esdb://…`, `READ_STORE_URL=mongodb://…` (and `KEY_STORE_URL`) or `BROKER_URL=kafka://…` name servers of the
 * user's own, used instead; `--compose` names those of docker-compose.yml. Databases and topics are the run's own and
 * removed by it. Events cannot be taken back: a log that holds some is refused, unless `EVENT_STORE_IN_USE=ok` lets the
 * contract suite add to it, and the product gets a stand-in of its own. So is a broker with topics of the product.
 */
import { spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseBrokerUrl } from '../../dist/libs/messaging/src/kafka/broker-url.js';
import { isUnused, startEventStoreDb } from '../support/servers/eventstoredb.mjs';
import { startKafka, topicsOf } from '../support/servers/kafka.mjs';
import { dropDatabase, startMongo, withDatabase } from '../support/servers/mongodb.mjs';

const COMPOSE = {
  EVENT_STORE_URL: 'esdb://127.0.0.1:2113?tls=false',
  READ_STORE_URL: 'mongodb://127.0.0.1:27017/?replicaSet=rs0',
  BROKER_URL: 'kafka://127.0.0.1:9092',
};
const database = `timeline_test_${randomUUID().slice(0, 8)}`;

/** `variable`: by which tests find the server, and a user names one of their own. `scheme`: what such a URL starts with. */
const SERVERS = [
  { name: 'mongodb', variable: 'READ_STORE_URL', scheme: 'mongodb', start: startMongo },
  {
    name: 'kafka',
    variable: 'BROKER_URL',
    scheme: 'kafka',
    start: startKafka,
    refusal: async (url) =>
      (await topicsOf(parseBrokerUrl(url))).some((name) => name.startsWith('customer-timeline.')) &&
      'has topics of the product (customer-timeline.…) already, to which it does not publish another log; give it a broker ' +
        'without them, or delete them',
  },
  {
    name: 'eventstoredb',
    variable: 'EVENT_STORE_URL',
    scheme: 'esdb',
    start: startEventStoreDb,
    refusal: async (url) =>
      process.env.EVENT_STORE_IN_USE !== 'ok' &&
      !(await isUnused(url)) &&
      'holds events already, and what tests write to a log cannot be taken back; give an empty one, or set ' +
        'EVENT_STORE_IN_USE=ok',
  },
];

const root = fileURLToPath(new URL('../..', import.meta.url));
const folder = await mkdtemp(join(tmpdir(), 'timeline-servers-run-'));
/** Jest's own results; CI names a file to sum them up from. */
const results = process.env.TEST_RESULTS ?? join(folder, 'jest.json');
const started = [];
const toJest = process.argv.slice(2).filter((argument) => argument !== '--compose');
if (toJest.length < process.argv.length - 2) Object.assign(process.env, COMPOSE);
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
  const { READ_STORE_URL, ...others } = Object.assign({}, ...starting.map(({ value }) => value));
  const env = {
    ...others,
    PRODUCT_ON: 'servers',
    READ_STORE_URL: withDatabase(READ_STORE_URL, database),
    KEY_STORE_URL: withDatabase(process.env.KEY_STORE_URL ?? READ_STORE_URL, `${database}_keys`),
  };
  process.exitCode = interrupted ? 1 : await runJest(env);
  await printTotals();
  // A server of ours goes with all that it holds.
  if (READ_STORE_URL === process.env.READ_STORE_URL) await dropDatabase(env.READ_STORE_URL);
  if (process.env.KEY_STORE_URL || READ_STORE_URL === process.env.READ_STORE_URL) await dropDatabase(env.KEY_STORE_URL);
} catch (error) {
  console.error(error);
  process.exitCode = 1;
} finally {
  await Promise.all(started.map((server) => server.stop()));
  await rm(folder, { recursive: true, force: true });
}

/** Answers the variable to set, starting the server unless the user has said where it is. */
async function start({ name, variable, scheme, start, refusal }) {
  const given = process.env[variable];
  if (given?.startsWith(scheme)) {
    const why = await refusal?.(given);
    if (why) throw new Error(`the server that ${variable} names ${why}`);
    console.log(`${name}: as ${variable} says`);
    return { [variable]: given };
  }
  const server = await start({ dir: join(folder, name) });
  started.push(server);
  console.log(`${name}: ${server.version}, ${server.url}, process ${server.pid}`);
  return { [variable]: server.url };
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
      // What a failed test has left open must not keep the run from its end; the servers are stopped below.
      '--forceExit',
      `--outputFile=${results}`,
      ...toJest,
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
