import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { SqliteReadStore } from './sqlite/sqlite-read-store.js';
import { readStoreContract } from './testing/read-store.contract.js';

const folder = mkdtempSync(join(tmpdir(), 'timeline-reads-'));
afterAll(() => rmSync(folder, { recursive: true }));

readStoreContract('SQLite', {
  open: () => SqliteReadStore.open(join(folder, 'reads.db')),
  propertyRuns: 200,
});
