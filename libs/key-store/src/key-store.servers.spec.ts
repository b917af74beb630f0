/** The MongoDB key store against a server: `KEY_STORE_URL`, else `READ_STORE_URL`, with databases of its own. */
import { randomUUID } from 'node:crypto';
import { MongoClient } from 'mongodb';
import { MongoKeyStore } from './mongodb/mongo-key-store.js';
import { candidateFor, codeOf, keyStoreContract } from './testing/key-store.contract.js';

const url = [process.env['KEY_STORE_URL'], process.env['READ_STORE_URL']].find((candidate) =>
  candidate?.startsWith('mongodb'),
);
if (!url) console.warn('skipped: set KEY_STORE_URL=mongodb://… to test the MongoDB key store against a server');

/** The URL with a database that nobody else uses. */
function freshDatabase(server: string): string {
  const [, hosts = '', query = ''] = /^([^:]+:\/\/[^/?]+)(?:\/[^?]*)?(\?.*)?$/.exec(server) ?? [];
  return `${hosts}/timeline_keys_${randomUUID().slice(0, 8)}${query}`;
}

async function contentsOf(database: string): Promise<string> {
  const client = new MongoClient(database);
  const collections = await client.db().collections();
  const documents = await Promise.all(collections.map((collection) => collection.find().toArray()));
  await client.close();
  return JSON.stringify(documents);
}

async function drop(database: string): Promise<void> {
  const client = new MongoClient(database);
  await client.db().dropDatabase();
  await client.close();
}

(url ? describe : describe.skip)('the MongoDB key store', () => {
  keyStoreContract(
    async () => {
      const database = freshDatabase(url ?? '');
      return {
        open: () => MongoKeyStore.open(database),
        contents: () => contentsOf(database),
        remove: () => drop(database),
      };
    },
    { races: 40, runs: 10, many: 600 },
  );
});

(url ? describe : describe.skip)('the database of a MongoDB key store', () => {
  let database: string;
  let client: MongoClient;
  let store: MongoKeyStore;
  beforeEach(async () => {
    database = freshDatabase(url ?? '');
    client = new MongoClient(database);
    store = await MongoKeyStore.open(database);
  });
  afterEach(async () => {
    await Promise.all([store.close(), client.close()]);
    await drop(database);
  });

  it('finds keys by an index', async () => {
    const { keyId } = await store.obtain(candidateFor('ada'));
    const plan = await client
      .db()
      .collection('customers')
      .find({ 'keys.keyId': { $in: [keyId] } })
      .explain();
    expect(JSON.stringify(plan)).toContain('IXSCAN');
  });

  it('stays whole when opened again, and is the database that the URL names', async () => {
    await store.claim({ logId: 'a1b2c3d4e5f6', masterKeyFingerprint: '0123456789abcdef' });
    const again = await MongoKeyStore.open(database);
    expect(await again.identity()).toEqual({ logId: 'a1b2c3d4e5f6', masterKeyFingerprint: '0123456789abcdef' });
    await again.close();
    expect(await client.db().collection('entries').countDocuments()).toBe(1);
  });
});

it('a MongoDB that is not there is unavailable, not broken', async () => {
  // Port 9 (discard) answers nobody here.
  const away = MongoKeyStore.open('mongodb://127.0.0.1:9/timeline_keys');
  expect(await codeOf(away)).toBe('STORE_UNAVAILABLE');
});
