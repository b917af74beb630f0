/**
 * The writer of a log in a thread of its own: while one group is made durable, which is mostly waiting for the disk, this
 * thread makes the next, and serves whoever reads. The thread is started with the first group.
 */
import { Worker } from 'node:worker_threads';
import { FaultError, UnavailableError } from '@timeline/kernel';
import type { Append, GroupWriter, Outcome } from './log-writer.js';

/** What the thread answers a group with. */
export type Answer =
  | { outcomes: Outcome[] }
  | { unavailable: { service: string; code: UnavailableError['code']; message: string } }
  | { fault: { code: string; message: string } };

/** What the thread runs. Not there where the product is run from its sources: a thread loads JavaScript only. */
export const WRITER_SCRIPT = new URL('./writer-thread.worker.js', import.meta.url);

export class WriterThread implements GroupWriter {
  #worker: Worker | undefined;

  /** @param path of a log that this process has opened */
  constructor(
    private readonly path: string,
    private readonly script: URL,
  ) {}

  async write(appends: readonly Append[]): Promise<Outcome[]> {
    const answer = await this.#ask(appends);
    if ('outcomes' in answer) return answer.outcomes;
    if ('fault' in answer) throw new FaultError(answer.fault.code, answer.fault.message);
    const { service, message, code } = answer.unavailable;
    throw new UnavailableError(service, message, { code });
  }

  /** Closes the thread's own connection, then ends it. */
  async close(): Promise<void> {
    const worker = this.#worker;
    if (!worker) return;
    worker.ref();
    await new Promise<void>((resolve) => {
      worker.once('exit', () => resolve());
      worker.postMessage('close');
    });
  }

  #ask(appends: readonly Append[]): Promise<Answer> {
    const worker = (this.#worker ??= this.#start());
    // It keeps the process alive only while somebody waits for it.
    worker.ref();
    return new Promise((resolve, reject) => {
      const ended = (): void =>
        reject(new UnavailableError('event store', 'the thread that writes the event store has ended; try again'));
      worker.once('message', (answer: Answer) => {
        worker.off('exit', ended);
        worker.unref();
        resolve(answer);
      });
      worker.once('exit', ended);
      worker.postMessage(appends);
    });
  }

  #start(): Worker {
    const worker = new Worker(this.script, { workerData: this.path, execArgv: [] });
    // What it dies of is told by its end: to whoever waits, and by a new one for whoever comes.
    worker.on('error', () => undefined);
    worker.once('exit', () => (this.#worker = undefined));
    return worker;
  }
}
