/**
 * Apache Kafka for tests: one or three brokers in KRaft mode on free loopback ports, out of the jars that Maven fetches
 * once. Needs Java 17 and Maven. Brokers are stopped by process id, also when the program that started them ends without doing so.
 */
import { execFile, spawn } from 'node:child_process';
import { mkdir, open, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import kafkajs from 'kafkajs';
import { freePorts } from '../free-ports.mjs';
import { installed } from './installing.mjs';

const run = promisify(execFile);
/** As in the pom. */
const VERSION = '4.3.1';
const POM = fileURLToPath(new URL('./kafka.pom.xml', import.meta.url));
const UP_WITHIN_MS = 90_000;

/**
 * Starts a cluster and waits until every broker of it answers a client.
 * `dir`: a folder of its own for logs and data. `port`: of the first broker; default a free one. `brokers`: 1 or 3.
 * `proxied`: for each broker a second listener `{ port, advertised }`, for clients that come through a proxy.
 * Answers `{ version, url, pids, pid, stop(), kill(i), restart(i) }`: `kill` is SIGKILL unless told otherwise, `restart`
 * starts the same broker on its old data and waits for it, `stop` ends all of them.
 * @param {{ dir: string, brokers?: number, port?: number, proxied?: { port: number, advertised: number }[] }} options
 */
export async function startKafka({ dir, brokers = 1, port, proxied = [] }) {
  const lib = await jars();
  await mkdir(dir, { recursive: true });
  const ports = await freePorts(brokers * 2);
  if (port !== undefined) ports[0] = port;
  const nodes = Array.from({ length: brokers }, (_, index) => ({
    id: index + 1,
    port: ports[index],
    controllerPort: ports[brokers + index],
    proxied: proxied[index],
    dir: join(dir, `broker-${index + 1}`),
    child: undefined,
  }));

  const { stdout } = await java(lib, ['kafka.tools.StorageTool', 'random-uuid']);
  const clusterId = stdout.trim().split('\n').at(-1);
  await Promise.all(
    nodes.map(async (node) => {
      await mkdir(node.dir, { recursive: true });
      const settings = join(node.dir, 'server.properties');
      await writeFile(settings, properties(node, nodes));
      await java(lib, ['kafka.tools.StorageTool', 'format', '-t', clusterId, '-c', settings]);
    }),
  );

  const children = () => nodes.filter(alive).map(({ child }) => child);
  // Without this a test run that dies leaves brokers behind that keep their ports.
  const killAll = () => children().forEach((child) => child.kill('SIGKILL'));
  process.once('exit', killAll);
  const stop = async () => {
    await Promise.all(nodes.map((node) => end(node, 'SIGTERM')));
    process.removeListener('exit', killAll);
  };

  try {
    for (const node of nodes) await launch(lib, node);
    await answers(nodes, brokers);
  } catch (error) {
    await stop();
    throw error;
  }

  return {
    version: `Apache Kafka ${VERSION}`,
    url: `kafka://${nodes.map((node) => `127.0.0.1:${node.port}`).join(',')}`,
    get pids() {
      return nodes.map(({ child }) => child.pid);
    },
    get pid() {
      return nodes[0].child.pid;
    },
    stop,
    kill: (index, signal = 'SIGKILL') => end(nodes[index], signal),
    restart: async (index) => {
      await launch(lib, nodes[index]);
      await answers([nodes[index]], children().length);
    },
  };
}

/** The folder with Kafka's jars. */
const jars = () =>
  installed(
    `kafka-${VERSION}`,
    (folder) => run('mvn', ['-B', '-q', '-f', POM, 'dependency:copy-dependencies', `-DoutputDirectory=${folder}`]),
    'Maven (mvn), and to reach its repository',
  );

const java = (lib, args) => run('java', ['-cp', join(lib, '*'), ...args]);

const properties = (node, nodes) => {
  const copies = Math.min(3, nodes.length);
  const inSync = Math.max(1, copies - 1);
  const through = (port) => (node.proxied ? `,PROXIED://127.0.0.1:${node.proxied[port]}` : '');
  return `
process.roles=broker,controller
node.id=${node.id}
controller.quorum.voters=${nodes.map(({ id, controllerPort }) => `${id}@127.0.0.1:${controllerPort}`).join(',')}
listeners=CLIENT://127.0.0.1:${node.port},CONTROLLER://127.0.0.1:${node.controllerPort}${through('port')}
advertised.listeners=CLIENT://127.0.0.1:${node.port}${through('advertised')}
listener.security.protocol.map=CLIENT:PLAINTEXT,CONTROLLER:PLAINTEXT,PROXIED:PLAINTEXT
inter.broker.listener.name=CLIENT
controller.listener.names=CONTROLLER
log.dirs=${join(node.dir, 'data')}
auto.create.topics.enable=false
default.replication.factor=${copies}
min.insync.replicas=${inSync}
offsets.topic.replication.factor=${copies}
offsets.topic.num.partitions=6
transaction.state.log.replication.factor=${copies}
transaction.state.log.min.isr=${inSync}
transaction.state.log.num.partitions=6
broker.session.timeout.ms=6000
group.initial.rebalance.delay.ms=0
`;
};

async function launch(lib, node) {
  const output = await open(join(node.dir, 'output.log'), 'a');
  node.child = spawn('java', ['-Xmx384m', '-cp', join(lib, '*'), 'kafka.Kafka', join(node.dir, 'server.properties')], {
    stdio: ['ignore', output.fd, output.fd],
    cwd: node.dir,
  });
  node.ended = new Promise((resolve) => {
    node.child.once('exit', resolve);
    node.child.once('error', resolve);
  });
  await output.close();
}

const alive = ({ child }) => child !== undefined && child.exitCode === null && child.signalCode === null;

async function end(node, signal) {
  if (!alive(node)) return;
  node.child.kill(signal);
  const late = setTimeout(() => node.child.kill('SIGKILL'), 20_000);
  await node.ended;
  clearTimeout(late);
}

/** Resolves once every one of `nodes` answers a client and sees `expected` brokers. */
async function answers(nodes, expected) {
  const until = Date.now() + UP_WITHIN_MS;
  for (const node of nodes) {
    for (;;) {
      if (!alive(node) || Date.now() > until) {
        const log = await readFile(join(node.dir, 'output.log'), 'utf8');
        throw new Error(`Kafka broker ${node.id} did not start; the end of its output:\n${log.slice(-2_000)}`);
      }
      if ((await brokersSeenBy(node.port)) >= expected) break;
      await new Promise((resolve) => setTimeout(resolve, 200));
    }
  }
}

const brokersSeenBy = (port) =>
  asAdmin({ brokers: [`127.0.0.1:${port}`], retry: { retries: 0 } }, (admin) => admin.describeCluster()).then(
    ({ brokers }) => brokers.length,
    () => 0,
  );

/** Names, Kafka's own left out. `client`: what kafkajs needs to connect. */
export const topicsOf = (client) =>
  asAdmin(client, async (admin) => (await admin.listTopics()).filter((name) => !name.startsWith('__')));

export const deleteTopics = (client, topics) => asAdmin(client, (admin) => admin.deleteTopics({ topics }));

async function asAdmin(client, ask) {
  const admin = new kafkajs.Kafka({ ...client, logLevel: kafkajs.logLevel.NOTHING }).admin();
  try {
    await admin.connect();
    return await ask(admin);
  } finally {
    await admin.disconnect().catch(() => undefined);
  }
}
