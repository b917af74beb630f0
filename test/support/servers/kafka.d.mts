/** Types of `kafka.mjs` for tests written in TypeScript. */
import type { KafkaConfig } from 'kafkajs';

export interface KafkaCluster {
  /** For people. */
  readonly version: string;
  /** `kafka://127.0.0.1:port[,127.0.0.1:port…]` */
  readonly url: string;
  readonly pids: number[];
  /** Of the first broker. */
  readonly pid: number;
  stop(): Promise<void>;
  /** Resolves when the process is gone. `signal`: default SIGKILL. */
  kill(index: number, signal?: 'SIGKILL' | 'SIGTERM'): Promise<void>;
  /** Starts the broker again on its data; resolves when it answers. */
  restart(index: number): Promise<void>;
}
export function startKafka(options: {
  dir: string;
  brokers?: number;
  port?: number;
  /** For each broker: a second listener at `port` that tells clients to come to `advertised`, where a proxy is. */
  proxied?: { port: number; advertised: number }[];
}): Promise<KafkaCluster>;

export function topicsOf(client: KafkaConfig): Promise<string[]>;
export function deleteTopics(client: KafkaConfig, topics: string[]): Promise<void>;
