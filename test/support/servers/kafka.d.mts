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
  /** SIGKILL; resolves when the process is gone. */
  kill(index: number): Promise<void>;
  /** Starts the broker again on its data; resolves when it answers. */
  restart(index: number): Promise<void>;
}
export function startKafka(options: { dir: string; brokers?: number; port?: number }): Promise<KafkaCluster>;

export function topicsOf(client: KafkaConfig): Promise<string[]>;
export function deleteTopics(client: KafkaConfig, topics: string[]): Promise<void>;
