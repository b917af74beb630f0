/** What runs in the thread that writes the read store. */
import { workerData } from 'node:worker_threads';
import { connectAgain, writeInThread } from '@timeline/sqlite';
import { Catalog } from './catalog.js';
import { DocumentWriter } from './document-writer.js';
import { READS_FILE, tuneReads } from './reads-file.js';

// `WriterThread` gives the path.
const db = tuneReads(connectAgain(workerData as string, READS_FILE));
writeInThread(db, new DocumentWriter(db, new Catalog(db)));
