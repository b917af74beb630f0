/** What runs in the thread that writes the log. */
import { workerData } from 'node:worker_threads';
import { systemClock } from '@timeline/kernel';
import { connectAgain, writeInThread } from '@timeline/sqlite';
import { LOG_FILE, tuneLog } from './log-file.js';
import { LogWriter } from './log-writer.js';

// `WriterThread` gives the path.
const db = tuneLog(connectAgain(workerData as string, LOG_FILE));
writeInThread(db, new LogWriter(db, systemClock));
