/**
 * The built product as its users run it: `node dist/apps/timeline/src/main.js` in a folder of its own, on a free port,
 * and the command line beside it. Processes are stopped by id, also when a test fails.
 */
import { spawn, type ChildProcess } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { freePort } from './free-ports.mjs';
import { FileStores, type Stores } from './stores.js';

const root = fileURLToPath(new URL('../..', import.meta.url));
const SERVER = path.join(root, 'dist/apps/timeline/src/main.js');
const CLI = path.join(root, 'dist/apps/cli/src/main.js');

export interface CliResult {
  code: number | null;
  out: string;
  err: string;
}

export class RunningProduct {
  readonly env: NodeJS.ProcessEnv;
  #child: ChildProcess | undefined;
  #exited: Promise<number | null> = Promise.resolve(null);
  /** Everything the server wrote, for the message of a failing test. */
  log = '';
  /** What it wrote to stdout, which is its log: a JSON object a line. */
  out = '';

  private constructor(
    readonly folder: string,
    readonly port: number,
    env: NodeJS.ProcessEnv,
    readonly stores: Stores,
  ) {
    this.env = { ...withoutOurs(process.env), PORT: String(port), LOG_LEVEL: 'info', ...env };
  }

  /**
   * A folder of its own; nothing runs yet. `env` is added to what the server and the command line get. `open` makes its
   * stores: embedded files, unless a test hands in `openStores`, which follows the run.
   */
  static async create(
    env: NodeJS.ProcessEnv = {},
    open: (folder: string) => Stores | Promise<Stores> = (folder) => new FileStores(folder),
  ): Promise<RunningProduct> {
    if (!existsSync(SERVER)) throw new Error(`${SERVER} is not there: run \`npm run build\` first`);
    const folder = await mkdtemp(path.join(tmpdir(), 'timeline-product-'));
    const stores = await open(folder);
    return new RunningProduct(folder, await freePort(), { ...stores.env, ...env }, stores);
  }

  get url(): string {
    return `http://127.0.0.1:${this.port}`;
  }

  get pid(): number {
    if (this.#child?.pid === undefined) throw new Error('the product does not run');
    return this.#child.pid;
  }

  /** Starts the server; resolves once it answers, and no longer waits for its stores. */
  async start(env: NodeJS.ProcessEnv = {}): Promise<void> {
    this.spawn(env);
    await this.until(() => this.serves(), 'the server answers');
  }

  /** Whether it answers, and not only that it waits for its stores. */
  async serves(): Promise<boolean> {
    const answer = await fetch(`${this.url}/health/live`).catch(() => undefined);
    return (await answer?.text().catch(() => ''))?.includes('alive') ?? false;
  }

  /** Starts the server and does not wait. `stdout`: a file to write the log to instead. */
  spawn(env: NodeJS.ProcessEnv = {}, stdout: 'pipe' | number = 'pipe'): void {
    const child = spawn(process.execPath, [SERVER], {
      cwd: this.folder,
      env: { ...this.env, ...env },
      stdio: ['ignore', stdout, 'pipe'],
    });
    this.#child = child;
    const note = (chunk: Buffer): void => {
      this.log = (this.log + chunk.toString()).slice(-20_000);
    };
    child.stdout?.on('data', (chunk: Buffer) => {
      note(chunk);
      this.out = (this.out + chunk.toString()).slice(-2_000_000);
    });
    child.stderr?.on('data', note);
    // Not `exit`: what it wrote last may come after that.
    this.#exited = new Promise((resolve) => child.once('close', (code) => resolve(code)));
  }

  /** Resolves with the exit code once the server has ended by itself or by a signal. */
  exited(): Promise<number | null> {
    return this.#exited;
  }

  async kill(signal: NodeJS.Signals = 'SIGKILL'): Promise<number | null> {
    this.#child?.kill(signal);
    return this.#exited;
  }

  /** Waits for a condition, not for a time; fails loudly when it does not come. */
  async until(condition: () => Promise<boolean> | boolean, what: string, timeoutMs = 60_000): Promise<void> {
    const end = Date.now() + timeoutMs;
    while (!(await condition())) {
      if (this.#child && this.#child.exitCode !== null)
        throw new Error(`the server ended while waiting until ${what}:\n${this.log}`);
      if (Date.now() > end) throw new Error(`not within ${timeoutMs} ms: ${what}\n${this.log}`);
      await new Promise((resolve) => setTimeout(resolve, 25));
    }
  }

  /** Runs the command line beside the server, on the same stores. */
  async cli(...args: string[]): Promise<CliResult> {
    const child = spawn(process.execPath, [CLI, ...args], {
      cwd: this.folder,
      env: this.env,
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    const result: CliResult = { code: null, out: '', err: '' };
    child.stdout.on('data', (chunk: Buffer) => (result.out += chunk.toString()));
    child.stderr.on('data', (chunk: Buffer) => (result.err += chunk.toString()));
    result.code = await new Promise((resolve) => child.once('close', (code) => resolve(code)));
    return result;
  }

  /** `timeline verify` must find nothing; the message holds what it found. */
  async verify(): Promise<void> {
    const { code, out, err } = await this.cli('--json', 'verify');
    if (code !== 0) throw new Error(`verify found differences or failed (${code}):\n${out}\n${err}`);
  }

  async dispose(): Promise<void> {
    await this.kill();
    await this.stores.dispose();
    await rm(this.folder, { recursive: true, force: true });
  }
}

/** A test's own environment must not choose the stores of the product under test, nor load Jest's flags into it. */
function withoutOurs(env: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  const ours =
    /^(EVENT_STORE_URL|READ_STORE_URL|KEY_STORE_URL|BROKER_URL|MASTER_KEY_FILE|ROLES|DEMO|API_KEYS|HOST|PORT|STOP_WITHIN_SECONDS|NODE_OPTIONS|JEST_.*|OTEL_.*)$/;
  return Object.fromEntries(Object.entries(env).filter(([name]) => !ours.test(name)));
}
