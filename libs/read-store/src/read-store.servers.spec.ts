/** The contract on MongoDB's protocol, and both adapters held against each other where mingo cannot be the judge. */
import fc from 'fast-check';
import { MongoClient } from 'mongodb';
import { MongoReadStore } from './mongodb/mongo-read-store.js';
import { SqliteReadStore } from './sqlite/sqlite-read-store.js';
import { documentsOf, filtersOf, fullShape, indexesOf, sortsOf, withSecantus } from './testing/arbitraries.js';
import type { Doc } from './testing/read-store.contract.js';
import { readStoreContract, streamed } from './testing/read-store.contract.js';

const url = process.env.READ_STORE_URL ?? '';
const isSet = url.startsWith('mongodb');
if (!isSet) process.stderr.write('MongoDB as a read store was not tried: READ_STORE_URL=mongodb://… is not set.\n');

(isSet ? describe : describe.skip)('on MongoDB’s protocol', () => {
  const isSecantus = async (): Promise<boolean> => {
    const client = new MongoClient(url);
    const { setName } = await client.db().command({ hello: 1 });
    await client.close();
    return setName === 'secantus';
  };
  readStoreContract('MongoDB', { open: async () => MongoReadStore.open(url), propertyRuns: 25, isSecantus });

  describe('MongoDB and SQLite', () => {
    it('answer the same, for any documents, filters, sorts and indexes, arrays in every place', async () => {
      const stores = [MongoReadStore.open(url), await SqliteReadStore.open(':memory:')];
      const name = `contract-equal-${process.pid}`;
      const shape = (await isSecantus()) ? withSecantus(fullShape) : fullShape;
      const cases = fc.record({
        docs: documentsOf(shape),
        asked: fc.array(fc.tuple(filtersOf(shape), sortsOf(shape)), { minLength: 12, maxLength: 12 }),
        indexes: indexesOf(shape),
      });
      try {
        await fc.assert(
          fc.asyncProperty(cases, async ({ docs, asked, indexes }) => {
            // The generator gives each an `_id`.
            const written = docs as Doc[];
            for (const store of stores) {
              await store.dropCollection(name);
              await store.ensureCollection(name, indexes);
              await store.collection<Doc>(name).writeGuarded(written.map((doc) => ({ doc, guard: 'absent' })));
            }
            for (const [filter, sort] of asked) {
              const [ofMongo, ofSqlite] = await Promise.all(
                stores.map((store) => store.collection<Doc>(name).find(filter, { sort })),
              );
              expect(ofSqlite).toEqual(ofMongo);
              const [mongo, sqlite] = stores.map((store) =>
                store.collection<Doc>(name).stream(filter, { sort, batchSize: 3 }),
              );
              if (mongo && sqlite) expect(await streamed(sqlite)).toEqual(await streamed(mongo));
            }
          }),
          { numRuns: 40 },
        );
      } finally {
        for (const store of stores) {
          await store.dropCollection(name);
          await store.close();
        }
      }
    });
  });
});
