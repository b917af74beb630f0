/** What runs in the thread of `writer-thread.ts`: one connection to the log, one group after the other. */
import { parentPort, workerData } from 'node:worker_threads';
import { errorCode, FaultError, systemClock, UnavailableError } from '@timeline/kernel';
import { connectAgain } from '@timeline/sqlite';
import { LOG_FILE, tuneLog } from './log-file.js';
import { LogWriter, type Append } from './log-writer.js';
import type { Answer } from './writer-thread.js';

// `WriterThread` gives the path.
const db = connectAgain(workerData as string, LOG_FILE);
tuneLog(db);
const writer = new LogWriter(db, systemClock);

async function answerTo(appends: readonly Append[]): Promise<Answer> {
  try {
    return { outcomes: await writer.write(appends) };
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

parentPort?.on('message', (message: readonly Append[] | 'close') => {
  if (message === 'close') {
    db.close();
    parentPort?.close();
  } else void answerTo(message).then((answer) => parentPort?.postMessage(answer));
});
