/** Picks the adapter by the URL's scheme; nothing else knows which one is in use, and no other's driver is loaded. */
import { FaultError } from '@timeline/kernel';
import type { KeyStore } from './key-store.port.js';
import { SqliteKeyStore } from './sqlite/sqlite-key-store.js';

/**
 * `sqlite:./data/keys.db`, or `mongodb://host/database` (default database: `timeline_keys`).
 * @throws FaultError KEY_STORE_URL_UNKNOWN, KEY_STORE_FOREIGN, …; UnavailableError
 */
export async function openKeyStore(url: string): Promise<KeyStore> {
  const [scheme = ''] = url.split(':', 1);
  switch (scheme) {
    case 'sqlite':
      return SqliteKeyStore.open(url.slice('sqlite:'.length));
    case 'mongodb':
    case 'mongodb+srv': {
      const { MongoKeyStore } = await import('./mongodb/mongo-key-store.js');
      return MongoKeyStore.open(url);
    }
    default:
      // Not the URL itself: it may hold a password.
      throw new FaultError(
        'KEY_STORE_URL_UNKNOWN',
        'KEY_STORE_URL must start with sqlite: (e.g. sqlite:./data/keys.db) or mongodb:// (e.g. mongodb://host/timeline_keys)',
      );
  }
}
