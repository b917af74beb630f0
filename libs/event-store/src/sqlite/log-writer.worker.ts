/** What runs in the thread that writes the log. */
import { systemClock } from '@timeline/kernel';
import { connectAgain, writeInThread } from '@timeline/sqlite';
import { LOG_FILE, tuneLog } from './log-file.js';
import { LogWriter, type Append, type Outcome } from './log-writer.js';

writeInThread<readonly Append[], Outcome[]>(
  (path) => tuneLog(connectAgain(path, LOG_FILE)),
  (db) => {
    const writer = new LogWriter(db, systemClock);
    return (appends) => writer.write(appends);
  },
);
