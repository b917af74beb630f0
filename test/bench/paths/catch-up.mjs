// Reading a log of N events from its beginning until caught up, each event as an object with its data and metadata parsed.
// On SQLite raw is a prepared SELECT of 500 rows at a time by position and JSON.parse; on EventStoreDB's protocol it is
// `subscribeToAll` of the raw client without the server's own events, until it says that it has caught up.
import path from 'node:path';
import { setImmediate as nextTurn } from 'node:timers/promises';
import eventStoreDb from '@eventstore/db-client';
import Libsql from 'libsql';
import { fillLog, historyOf } from '../support/history.mjs';
import { environmentIn, openProduct } from '../support/product.mjs';
import { interleaved, speedOf } from '../support/rounds.mjs';
import { compared } from '../support/rows.mjs';

const { EventStoreDBClient, excludeSystemEvents } = eventStoreDb;

export const needs = ['eventstoredb'];
export const scales = {
  quick: { sqlite: 12_000, eventstoredb: 10_000, rounds: 4 },
  normal: { sqlite: 100_000, eventstoredb: 40_000, rounds: 7 },
  full: { sqlite: 500_000, eventstoredb: 200_000, rounds: 7 },
};
const BATCH = 500;
const CUSTOMERS = 1_000;
const SEED = 8;

export async function run({ folder, servers, scale }) {
  return [await onSqlite(folder, scale), await onEventStoreDb(folder, servers.eventstoredb, scale)];
}

async function filled(environment, events) {
  const product = await openProduct({ ...environment, ROLES: 'commands' });
  return { product, count: await fillLog(product, historyOf({ events, customers: CUSTOMERS, seed: SEED })) };
}

const caughtUp = (events, count) => () => {
  let read = 0;
  return speedOf(count, async () => {
    for await (const message of events.subscribe({ batchSize: BATCH })) {
      if (message.kind === 'events') read += message.events.length;
      if (message.kind === 'caught-up' && read >= count) break;
    }
  });
};

async function onSqlite(folder, { sqlite, rounds }) {
  const environment = environmentIn(folder);
  const { product, count } = await filled(environment, sqlite);
  const db = new Libsql(path.join(folder, 'events.db'));
  const select = db.prepare('SELECT * FROM event WHERE position > ? ORDER BY position LIMIT ?');
  const figures = await interleaved({
    rounds,
    ours: caughtUp(product.events, count),
    raw: () =>
      speedOf(count, async () => {
        for (let after = 0; ;) {
          const rows = select.all([after, BATCH]);
          if (rows.length === 0) return;
          after = rows.at(-1).position;
          const events = rows.map((row) => ({
            ...row,
            data: JSON.parse(row.data),
            metadata: JSON.parse(row.metadata),
          }));
          if (events.length < BATCH) return;
          // A reader that never lets others in would be no reader for a server.
          await nextTurn();
        }
      }),
  });
  db.close();
  await product.stop();
  return compared({
    id: 'catch-up-sqlite',
    what: 'catch-up reading, SQLite',
    against: 'raw SELECT of 500 rows at a time, JSON parsed',
    unit: 'events/s',
    figures,
    aim: { atLeast: 0.9 },
    checked: true,
  });
}

async function onEventStoreDb(folder, { url, version }, { eventstoredb, rounds }) {
  // Beside those of the other log.
  const environment = environmentIn(path.join(folder, 'on-server'), { eventstoredb: url });
  const { product, count } = await filled(environment, eventstoredb);
  const client = EventStoreDBClient.connectionString(url);
  const figures = await interleaved({
    rounds,
    ours: caughtUp(product.events, count),
    raw: () =>
      speedOf(count, async () => {
        const subscription = client.subscribeToAll({ filter: excludeSystemEvents() });
        let read = 0;
        await new Promise((resolve, reject) => {
          let isCaughtUp = false;
          const look = () => isCaughtUp && read >= count && resolve();
          subscription.on('data', () => ((read += 1), look()));
          subscription.on('caughtUp', () => ((isCaughtUp = true), look()));
          subscription.on('error', reject);
        });
        await subscription.unsubscribe();
      }),
  });
  await client.dispose();
  await product.stop();
  return compared({
    id: 'catch-up-eventstoredb',
    what: "catch-up reading, EventStoreDB's protocol",
    against: 'subscribeToAll of the raw client until caught up',
    unit: 'events/s',
    figures,
    aim: { atLeast: 0.9 },
    checked: true,
    on: version,
  });
}
