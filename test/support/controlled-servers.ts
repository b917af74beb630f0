/**
 * The product's servers, each behind a proxy of its own, each to be stopped, killed, hung and started again on the same
 * data and port while the product runs. The product only knows the proxies; audits ask the servers themselves.
 */
import { FaultProxy } from './fault-proxy.js';
import { freePort } from './free-ports.mjs';
import { startEventStoreDb } from './servers/eventstoredb.mjs';
import { startKafka, type KafkaCluster } from './servers/kafka.mjs';
import { startMongo } from './servers/mongodb.mjs';

/** One life of a server, from a start to its end. */
interface Life {
  pid: number;
  stop(): Promise<void>;
  kill(): Promise<void>;
}

export class ControlledServer {
  #life: Life | undefined;
  #isHung = false;

  private constructor(
    readonly name: string,
    readonly proxy: FaultProxy,
    /** Where the server itself listens. */
    readonly port: number,
    private readonly launch: () => Promise<Life>,
    private readonly address: (port: number) => string,
    private readonly own: () => string | undefined,
  ) {}

  static async start(
    name: string,
    launch: (port: number, proxyPort: number) => Promise<Life>,
    address: (port: number) => string,
    own: () => string | undefined = () => undefined,
  ): Promise<ControlledServer> {
    const port = await freePort();
    const proxy = await FaultProxy.start(port);
    const server = new ControlledServer(name, proxy, port, () => launch(port, proxy.port), address, own);
    try {
      await server.start();
    } catch (error) {
      await proxy.stop();
      throw error;
    }
    return server;
  }

  /** What the product is told. */
  get url(): string {
    return this.address(this.proxy.port);
  }

  /** Past the proxy. */
  get ownUrl(): string {
    return this.own() ?? this.address(this.port);
  }

  /** Again on the same data and port; resolves when it answers. */
  async start(): Promise<void> {
    this.#life ??= await this.launch();
  }

  async end(signal: 'SIGTERM' | 'SIGKILL'): Promise<void> {
    this.goOn();
    const life = this.#life;
    this.#life = undefined;
    await (signal === 'SIGTERM' ? life?.stop() : life?.kill());
  }

  /** SIGSTOP: it takes connections, by its system's grace, and answers nothing. */
  hang(): void {
    if (!this.#life) throw new Error(`${this.name} does not run`);
    process.kill(this.#life.pid, 'SIGSTOP');
    this.#isHung = true;
  }

  goOn(): void {
    if (this.#isHung && this.#life) process.kill(this.#life.pid, 'SIGCONT');
    this.#isHung = false;
  }

  async dispose(): Promise<void> {
    await this.end('SIGKILL');
    await this.proxy.stop();
  }
}

export const controlledEventStoreDb = (dir: string, version?: '23.10' | '24.6'): Promise<ControlledServer> =>
  ControlledServer.start(
    'EventStoreDB',
    (port) => startEventStoreDb({ dir, port, ...(version && { version }) }),
    (port) => `esdb://127.0.0.1:${port}?tls=false`,
  );

/** `directConnection`, or the driver would ask the server for its own address and go past the proxy. */
export const controlledMongo = (dir: string, database = 'timeline'): Promise<ControlledServer> =>
  ControlledServer.start(
    'MongoDB',
    (port) => startMongo({ dir, port }),
    (port) => `mongodb://127.0.0.1:${port}/${database}?directConnection=true`,
  );

/** A broker tells its clients where to find it: those that come through the proxy have a listener of their own. */
export function controlledKafka(dir: string): Promise<ControlledServer> {
  let cluster: KafkaCluster | undefined;
  const launch = async (port: number, proxyPort: number): Promise<Life> => {
    if (cluster) await cluster.restart(0);
    else cluster = await startKafka({ dir, proxied: [{ port, advertised: proxyPort }] });
    const { pid, kill } = cluster;
    return { pid, stop: () => kill(0, 'SIGTERM'), kill: () => kill(0) };
  };
  return ControlledServer.start(
    'Kafka',
    launch,
    (port) => `kafka://127.0.0.1:${port}`,
    () => cluster?.url,
  );
}
