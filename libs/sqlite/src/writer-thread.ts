/**
 * A thread that writes a file which the main thread reads, over a connection of its own: while it writes, and waits for the
 * disk, the main thread makes what is written next, and serves whoever reads. It is started with the first write.
 */
import { existsSync } from 'node:fs';
import { parentPort, Worker } from 'node:worker_threads';
import { errorCode, FaultError, UnavailableError } from '@timeline/kernel';
import type { SqliteDatabase } from './sqlite-database.js';

/** What the thread answers each piece of work with, in the order in which it was given. */
type Answer<Done> =
  | { done: Done }
  | { unavailable: { service: string; code: UnavailableError['code']; message: string } }
  | { fault: { code: string; message: string } };

/** Writes where it is, or in a thread. */
export interface Writer<Work, Done> {
  write(work: Work): Promise<Done>;
  close?(): Promise<void>;
}

interface Waiting<Done> {
  resolve(done: Done): void;
  reject(error: unknown): void;
}

/** @typeParam Work - plain data, as is `Done`: both are copied between the threads */
export class WriterThread<Work, Done> implements Writer<Work, Done> {
  #worker: Worker | undefined;
  #waiting: Waiting<Done>[] = [];
  #isClosed = false;

  /** Not where the product is run from its sources: a thread loads JavaScript only. A file in memory is this thread's alone. */
  static isThereFor(script: URL, { path }: SqliteDatabase): boolean {
    return path !== ':memory:' && existsSync(script);
  }

  /**
   * @param script that calls `writeInThread`
   * @param db the main thread's connection; it is told how writing goes
   */
  constructor(
    private readonly script: URL,
    private readonly db: SqliteDatabase,
  ) {}

  /**
   * One piece of work after the other.
   * @throws what the work throws, if that is an UnavailableError or a FaultError; UnavailableError when the thread has ended
   */
  write(work: Work): Promise<Done> {
    const { codePrefix, kind } = this.db.file;
    if (this.#isClosed) return Promise.reject(new FaultError(`${codePrefix}_CLOSED`, `the ${kind} is closed`));
    const worker = (this.#worker ??= this.#start());
    // It keeps the process alive only while somebody waits for it.
    worker.ref();
    return new Promise((resolve, reject) => {
      // Where it cannot be copied this throws, and nobody waits for an answer to it.
      worker.postMessage(work);
      this.#waiting.push({ resolve, reject });
    });
  }

  /** Finishes what was given, closes the thread's own connection, then ends it. */
  async close(): Promise<void> {
    this.#isClosed = true;
    const worker = this.#worker;
    if (!worker) return;
    worker.ref();
    await new Promise<void>((resolve) => {
      worker.once('exit', () => resolve());
      worker.postMessage(CLOSE);
    });
  }

  #start(): Worker {
    const worker = new Worker(this.script, { workerData: this.db.path, execArgv: [] });
    worker.on('message', (answer: Answer<Done>) => {
      const waiting = this.#waiting.shift();
      if (this.#waiting.length === 0 && !this.#isClosed) worker.unref();
      const error = 'done' in answer ? undefined : errorOf(answer);
      if (!(error instanceof FaultError)) this.db.noteWrite(error);
      if ('done' in answer) waiting?.resolve(answer.done);
      else waiting?.reject(error);
    });
    // What it dies of is told by its end: to whoever waits, and by a new one for whoever comes.
    worker.on('error', () => undefined);
    worker.once('exit', () => {
      this.#worker = undefined;
      const { kind } = this.db.file;
      const error = new UnavailableError(kind, `the thread that writes the ${kind} has ended; try again`);
      const waiting = this.#waiting.splice(0);
      if (waiting.length > 0) this.db.noteWrite(error);
      for (const { reject } of waiting) reject(error);
    });
    return worker;
  }
}

const CLOSE = 'close';

function errorOf(answer: Exclude<Answer<unknown>, { done: unknown }>): FaultError | UnavailableError {
  if ('fault' in answer) return new FaultError(answer.fault.code, answer.fault.message);
  const { service, message, code } = answer.unavailable;
  return new UnavailableError(service, message, { code });
}

/** What the script of a thread calls: one piece of work after the other, over `db`, a connection to the file that `workerData` names. */
export function writeInThread<Work, Done>(db: SqliteDatabase, writer: Writer<Work, Done>): void {
  let turn = Promise.resolve();
  parentPort?.on('message', (message: Work | typeof CLOSE) => {
    turn = turn.then(async () => {
      if (message !== CLOSE) return parentPort?.postMessage(await answerTo(() => writer.write(message)));
      db.close();
      parentPort?.close();
    });
  });
}

async function answerTo<Done>(work: () => Promise<Done>): Promise<Answer<Done>> {
  try {
    return { done: await work() };
  } catch (error) {
    const { message } = error as Error;
    if (error instanceof UnavailableError) {
      return { unavailable: { service: error.service, code: error.code, message } };
    }
    // Of an error that is none of ours only the code: its message might quote what must not be in a log.
    const code = errorCode(error);
    return { fault: { code, message: error instanceof FaultError ? message : `unexpected ${code}` } };
  }
}
