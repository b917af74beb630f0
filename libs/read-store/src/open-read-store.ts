/** Picks the adapter by the URL's scheme; nothing else knows which one is in use, and no other's driver is loaded. */
import { FaultError } from '@timeline/kernel';
import type { ReadStore } from './read-store.port.js';
import { SqliteReadStore } from './sqlite/sqlite-read-store.js';

/**
 * `sqlite:./data/reads.db`, or `mongodb://host/database` (default database: `timeline`), which need not be up yet.
 * @throws FaultError CONFIG_INVALID, READ_STORE_FOREIGN, READ_STORE_DAMAGED, …; UnavailableError
 */
export async function openReadStore(url: string): Promise<ReadStore> {
  const [scheme = ''] = url.split(':', 1);
  const rest = url.slice(scheme.length + 1);
  if (scheme === 'sqlite' && rest !== '') return SqliteReadStore.open(rest);
  if (scheme === 'mongodb' || scheme === 'mongodb+srv') {
    const { MongoReadStore } = await import('./mongodb/mongo-read-store.js');
    return MongoReadStore.open(url);
  }
  // Not the URL itself: it may hold a password.
  throw new FaultError(
    'CONFIG_INVALID',
    'READ_STORE_URL must start with sqlite: (e.g. sqlite:./data/reads.db) or mongodb:// (e.g. mongodb://host/timeline)',
  );
}
