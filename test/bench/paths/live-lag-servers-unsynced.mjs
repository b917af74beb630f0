// As `live-lag-servers`, where SecantusDB does not sync what it acknowledges. Otherwise it syncs each replaced document by itself;
// MongoDB syncs once for all that wait for it, so what it would take lies between the two.
import { lagOnServers } from './live-lag-servers.mjs';

export { scales } from './live-lag-servers.mjs';
export const needs = ['eventstoredb', 'mongodbUnsynced'];

export const run = ({ servers: { eventstoredb, mongodbUnsynced: mongodb }, ...path }) =>
  lagOnServers(
    { ...path, servers: { eventstoredb, mongodb } },
    { id: 'live-lag-servers-unsynced', on: 'on servers, the read store without syncs' },
  );
