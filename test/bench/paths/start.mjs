// How long the built product takes from being started to ready (`/health/ready` answers 200), all roles, on embedded stores
// with a log of N events that its projections have passed. The log is written in bulk by raw inserts, and the checkpoints of
// the read models, which the product made itself on a log of one event, are moved to its head: how much the read models
// hold is not what a start looks at. Told is the median of the starts; beside it the same on a small log.
import { randomUUID } from 'node:crypto';
import path from 'node:path';
import { startProduct } from '../support/http-sides.mjs';
import { fillLog, historyOf } from '../support/history.mjs';
import { environmentIn, openBuses, openProduct } from '../support/product.mjs';
import { RawLog } from '../support/raw-log.mjs';
import { alone } from '../support/rows.mjs';
import { median, summary } from '../support/statistics.mjs';

export const scales = {
  normal: { sizes: [1_000, 1_000_000], starts: 7 },
  full: { sizes: [1_000, 1_000_000, 10_000_000], starts: 7 },
};
const BATCH = 5_000;
const SEED = 12;

export async function run({ folder, scale: { sizes, starts } }) {
  const rows = [];
  for (const size of sizes) {
    const environment = environmentIn(path.join(folder, String(size)));
    await prepare(environment, size);
    const seconds = [];
    for (let n = 0; n < starts; n += 1) {
      const started = performance.now();
      const { stop } = await startProduct({ ...environment, LOG_LEVEL: 'warn' });
      seconds.push((performance.now() - started) / 1000);
      await stop();
    }
    rows.push(
      alone({
        id: `start-${size}`,
        what: `start to ready on a log of ${size.toLocaleString('en')} events`,
        unit: 's',
        value: median(seconds),
        aim: { atMost: 2 },
        starts: summary(seconds),
      }),
    );
  }
  return rows;
}

async function prepare(environment, size) {
  const first = await openProduct({ ...environment, ROLES: 'commands,queries,projections' });
  const { context } = await openBuses(first);
  await fillLog(first, historyOf({ events: 1, customers: 1, seed: SEED }));
  await first.start(context);
  await context.close();
  await first.stop();

  const log = RawLog.open(environment.EVENT_STORE_URL.slice('sqlite:'.length));
  const row = log.db.prepare('SELECT * FROM event LIMIT 1').all([])[0];
  const model = { data: JSON.parse(row.data), metadata: JSON.parse(row.metadata), personal: row.personal };
  for (let written = 1; written < size;) {
    const batch = Array.from({ length: Math.min(BATCH, size - written) }, () => {
      const id = randomUUID();
      return { ...model, id, stream: `interaction-${id}`, revision: 0, type: 'InteractionRecorded' };
    });
    log.insert(batch);
    written += batch.length;
  }
  log.close();

  const product = await openProduct({ ...environment, ROLES: 'queries' });
  const head = await product.events.head();
  const { builds } = product.engine;
  const at = { position: head.position, event: { position: head.position, id: head.eventId } };
  await builds.saveCheckpoints(new Map((await builds.list()).map(({ _id }) => [_id, at])));
  await product.stop();
}
