/** Types of `mongodb.mjs` for tests written in TypeScript. */
export interface RunningMongo {
  /** `mongodb://127.0.0.1:port/timeline` */
  readonly url: string;
  readonly pid: number;
  readonly dir: string;
  /** SIGTERM, SIGKILL if that takes too long. */
  stop(): Promise<void>;
  /** SIGKILL; resolves when the process is gone. Start again with the same `dir` and `port` for the same data. */
  kill(): Promise<void>;
}
export function startMongo(options?: { dir?: string; port?: number; keep?: boolean }): Promise<RunningMongo>;

export function withDatabase(url: string, database: string): string;
export function dropDatabase(url: string): Promise<void>;
