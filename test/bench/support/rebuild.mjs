/** A rebuild of all projections beside a bulk insert: what the paths for the two stores share. */
import { mkdir } from 'node:fs/promises';
import Libsql from 'libsql';
import { MongoClient } from 'mongodb';
import { fillLog, historyOf } from './history.mjs';
import { environmentIn, lib, openProduct } from './product.mjs';
import { interleaved, speedOf } from './rounds.mjs';
import { compared } from './rows.mjs';

const BATCH = 1_000;
const SEED = 7;

export const rowOf = (id, on, figures, more) =>
  compared({
    id,
    what: `rebuild of all projections, ${on}`,
    against: "raw bulk insert of the timeline's documents alone",
    unit: 'events/s',
    figures,
    aim: { atLeast: 0.5 },
    ...more,
  });

export async function writeLog(folder, { events, customers }) {
  await mkdir(folder, { recursive: true });
  const product = await openProduct({ ...environmentIn(folder), ROLES: 'commands' });
  await fillLog(product, historyOf({ events, customers, seed: SEED }));
  await product.stop();
}

/** `store`: URL of a read store of its own for each round. `open`: the raw side's. */
export async function measure({ log, scale: { rounds, warmUp }, store, open }) {
  const { timelineProjection } = await lib('timeline/src/projections/timeline.projection.js');
  return interleaved({
    rounds,
    warmUp,
    ours: async (round) => {
      const product = await openProduct({ ...environmentIn(log), READ_STORE_URL: store(round), ROLES: 'projections' });
      const { position } = await product.events.head();
      const events = await countOf(product.events);
      const figure = await speedOf(events, async () => {
        await product.engine.start();
        await allPast(product.engine, position);
      });
      await product.stop();
      return figure;
    },
    // Reads what ours of the same round has made; only the inserting is timed.
    raw: async (round) => {
      const product = await openProduct({ ...environmentIn(log), READ_STORE_URL: store(round), ROLES: 'queries' });
      const events = await countOf(product.events);
      const { collection, name } = await product.models.read(
        timelineProjection,
        undefined,
        async ({ documents, buildId }) => ({
          collection: documents.collection,
          name: buildId,
        }),
      );
      const raw = open(round);
      await raw.prepare(name);
      const sum = { seconds: 0, cpuMicros: 0 };
      // In the order of the log, as they come to be: a stream of them is in that of their keys, which each index takes as well
      // as it can take anything.
      for await (const batch of product.events.readAll({ batchSize: BATCH })) {
        const keys = batch.flatMap((event) => timelineProjection.keys(event).map(({ key }) => key));
        const documents = (await collection.findByIds(keys)).sort((a, b) => (a.position < b.position ? -1 : 1));
        if (documents.length === 0) continue;
        const { value, cpuMicros } = await speedOf(documents.length, () => raw.insert(documents));
        sum.seconds += documents.length / value;
        sum.cpuMicros += cpuMicros * documents.length;
      }
      await raw.close();
      await product.stop();
      // Of the events, so that both sides count the same; each is one document, some are none.
      return { value: events / sum.seconds, cpuMicros: sum.cpuMicros / events };
    },
  });
}

async function countOf(events) {
  let count = 0;
  for await (const batch of events.readAll()) count += batch.length;
  return count;
}

/** Resolves once every live build has passed the position. */
export async function allPast(engine, position) {
  for (;;) {
    const builds = engine.status().filter(({ live }) => live);
    const stopped = builds.find(({ fault }) => fault);
    if (stopped) throw new Error(`${stopped.projection} stopped: ${stopped.fault.message}`);
    if (builds.every((build) => (build.position ?? '') >= position)) return;
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

/** The same table, indexes and settings as the product's read store: `like` is the file that it made. */
export class SqliteRaw {
  constructor(file, like) {
    this.db = new Libsql(file);
    this.like = like;
  }
  prepare(build) {
    this.db.exec('PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL');
    this.db.exec('PRAGMA wal_autocheckpoint = 2000; PRAGMA cache_size = -32000');
    const made = new Libsql(this.like);
    const statements = made
      .prepare("SELECT name, sql FROM sqlite_schema WHERE sql IS NOT NULL AND tbl_name LIKE ? ORDER BY type = 'index'")
      .all([`%${build}`]);
    made.close();
    for (const { sql } of statements) this.db.exec(sql);
    this.statement = this.db.prepare(`INSERT INTO "${statements[0].name}" (_id, doc) VALUES (?, ?)`);
  }
  insert(documents) {
    this.db.exec('BEGIN IMMEDIATE');
    for (const document of documents) this.statement.run([document._id, JSON.stringify(document)]);
    this.db.exec('COMMIT');
  }
  close() {
    this.db.close();
  }
}

export class MongoRaw {
  constructor(url) {
    this.client = new MongoClient(url, { writeConcern: { w: 'majority', journal: true } });
  }
  async prepare(build) {
    this.collection = this.client.db().collection(build);
    await this.collection.createIndexes([
      { name: 'page', key: { customerId: 1, at: 1, position: 1 } },
      { name: 'log', key: { customerId: 1, position: 1 } },
    ]);
  }
  insert(documents) {
    return this.collection.insertMany(documents, { ordered: false });
  }
  close() {
    return this.client.close();
  }
}
