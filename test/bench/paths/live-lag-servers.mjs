// As `live-lag`, on EventStoreDB's protocol (the stand-in) and MongoDB's (SecantusDB), both processes on the same machine.
import { withDatabase } from '../../support/servers/mongodb.mjs';
import { lagOn } from './live-lag.mjs';

export const needs = ['eventstoredb', 'mongodb'];
export const scales = {
  // SecantusDB in Python replaces about 1,000 documents a second, and an event touches several: the full rate is only for --full.
  normal: { perSecond: 50, seconds: 20 },
  full: { perSecond: 1_000, seconds: 60 },
};

export async function run({ folder, servers: { eventstoredb, mongodb }, scale }) {
  const servers = {
    eventstoredb: eventstoredb.url,
    mongodb: mongodb.url,
    mongodbKeys: withDatabase(mongodb.url, 'keys'),
  };
  const rows = await lagOn({ folder, servers, scale, id: 'live-lag-servers', on: 'on servers', atMost: 250 });
  return rows.map((row) => ({ ...row, on: `${eventstoredb.version}; ${mongodb.version}` }));
}
