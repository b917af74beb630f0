/** The servers that paths ask for, started when the first one does and stopped at the end of the run. */
import { mkdir } from 'node:fs/promises';
import path from 'node:path';
import { startEventStoreDb } from '../../support/servers/eventstoredb.mjs';
import { startKafka } from '../../support/servers/kafka.mjs';
import { startMongo } from '../../support/servers/mongodb.mjs';

const STARTERS = {
  eventstoredb: (dir) => startEventStoreDb({ dir, version: '24.6' }),
  kafka: (dir) => startKafka({ dir }),
  mongodb: (dir) => startMongo({ dir }),
  mongodbUnsynced: (dir) => startMongo({ dir, syncs: false }),
};

export class Servers {
  #running = [];

  constructor(folder) {
    this.folder = folder;
  }

  /** Each path gets servers of its own: what another left there would slow it. Answers `{ name: { url, version } }`. */
  async start(names) {
    const started = {};
    for (const name of names) {
      const dir = path.join(this.folder, `${name}-${this.#running.length}`);
      await mkdir(dir, { recursive: true });
      const server = await STARTERS[name](dir);
      this.#running.push(server);
      started[name] = { url: server.url, version: server.version };
    }
    return started;
  }

  async stop() {
    await Promise.all(this.#running.splice(0).map((server) => server.stop()));
  }
}
