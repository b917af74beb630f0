/** Types of `kafka.mjs` for tests written in TypeScript. */
export interface KafkaCluster {
  /** For people. */
  readonly version: string;
  /** `kafka://127.0.0.1:port[,127.0.0.1:port…]` */
  readonly url: string;
  readonly pids: number[];
  /** Of the first broker. */
  readonly pid: number;
  stop(): Promise<void>;
  /** SIGKILL; resolves when the process is gone. */
  kill(index: number): Promise<void>;
  /** Starts the broker again on its data; resolves when it answers. */
  restart(index: number): Promise<void>;
}
export function startKafka(options: { dir: string; brokers?: number; port?: number }): Promise<KafkaCluster>;
