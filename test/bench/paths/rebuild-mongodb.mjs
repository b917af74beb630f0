// As `rebuild-sqlite`, with the read store on MongoDB's protocol: the server is SecantusDB, each commit synced, in a process
// of its own on the same machine. Raw: the timeline's documents alone, `insertMany` of 1,000, unordered, majority,
// in the order of the log. (Of 5,000 events, making the collections and warming up was a third of the time.)
import path from 'node:path';
import { withDatabase } from '../../support/servers/mongodb.mjs';
import { measure, MongoRaw, rowOf, writeLog } from '../support/rebuild.mjs';

export const needs = ['mongodb'];
export const scales = {
  normal: { events: 40_000, customers: 3_000, rounds: 3, warmUp: 0 },
  full: { events: 1_000_000, customers: 20_000, rounds: 1, warmUp: 0 },
};

export async function run({ folder, servers, scale }) {
  const { url, version } = servers.mongodb;
  const log = path.join(folder, 'log');
  await writeLog(log, scale);
  const figures = await measure({
    log,
    scale,
    store: (round) => withDatabase(url, `reads_${round}`),
    open: (round) => new MongoRaw(withDatabase(url, `raw_${round}`)),
  });
  return [rowOf('rebuild-mongodb', "MongoDB's protocol", figures, { on: version })];
}
