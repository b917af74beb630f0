/** Types of `eventstoredb.mjs`. */
export interface EventStoreDbServer {
  /** For people. */
  version: string;
  /** `esdb://127.0.0.1:PORT?tls=false` */
  url: string;
  pid: number;
  /** SIGTERM, and SIGKILL if it takes too long. */
  stop(): Promise<void>;
  /** SIGKILL; what was acknowledged is there when it is started again on the same folder. */
  kill(): Promise<void>;
}

export function startEventStoreDb(options: {
  dir: string;
  port?: number;
  version?: '23.10' | '24.6';
}): Promise<EventStoreDbServer>;

export function isUnused(url: string): Promise<boolean>;
