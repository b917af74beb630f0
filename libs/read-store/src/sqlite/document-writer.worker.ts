/** What runs in the thread that writes the read store. */
import { connectAgain, writeInThread } from '@timeline/sqlite';
import { Catalog } from './catalog.js';
import { DocumentWriter, type BatchOutcome, type DocumentBatch } from './document-writer.js';
import { READS_FILE, tuneReads } from './reads-file.js';

writeInThread<DocumentBatch, BatchOutcome>(
  (path) => tuneReads(connectAgain(path, READS_FILE)),
  (db) => {
    const writer = new DocumentWriter(db, new Catalog(db));
    return (batch) => writer.write(batch);
  },
);
