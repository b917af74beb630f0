// As `live-lag`, on EventStoreDB's protocol (the stand-in) and MongoDB's (SecantusDB), both processes on the same machine.
import { withDatabase } from '../../support/servers/mongodb.mjs';
import { lagOn } from './live-lag.mjs';

export const needs = ['eventstoredb', 'mongodb'];
export const scales = {
  // The aim is told at 1,000 a second, more than three processes on two cores can do: where it ends is told by the others.
  normal: { rates: [100, 300, 1_000], seconds: 15 },
  full: { rates: [100, 300, 1_000], seconds: 60 },
};

export const run = (path) => lagOnServers(path, { id: 'live-lag-servers', on: 'on servers' });

export async function lagOnServers(
  { folder, servers: { eventstoredb, mongodb }, scale: { rates, seconds } },
  { id, on },
) {
  const servers = {
    eventstoredb: eventstoredb.url,
    mongodb: mongodb.url,
    mongodbKeys: withDatabase(mongodb.url, 'keys'),
  };
  const rows = [];
  for (const perSecond of rates) {
    const scale = { perSecond, seconds };
    rows.push(...(await lagOn({ folder, servers, scale, id: `${id}-${perSecond}`, on, atMost: 250 })));
  }
  return rows.map((row) => ({ ...row, on: `${eventstoredb.version}; ${mongodb.version}` }));
}
