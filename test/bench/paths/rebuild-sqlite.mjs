// All projections of the product filled from an empty read store over a log of N events, personal data sealed: what the
// product does by itself when it starts and finds no read store. Over when every one of them has passed the log's head.
// Raw: the timeline's documents alone, as they are kept, made beforehand, inserted in bulk into a table with the same
// indexes and settings, in the order of the log, 1,000 a transaction. Both count the log's events, of which each is one document.
import path from 'node:path';
import { measure, rowOf, SqliteRaw, writeLog } from '../support/rebuild.mjs';

export const scales = {
  quick: { events: 12_000, customers: 1_000, rounds: 3, warmUp: 1 },
  normal: { events: 100_000, customers: 5_000, rounds: 3, warmUp: 0 },
  full: { events: 1_000_000, customers: 20_000, rounds: 1, warmUp: 0 },
};

export async function run({ folder, scale }) {
  const at = (name) => path.join(folder, name);
  const log = at('log');
  await writeLog(log, scale);
  const figures = await measure({
    log,
    scale,
    store: (round) => `sqlite:${at(`reads-${round}.db`)}`,
    open: (round) => new SqliteRaw(at(`raw-${round}.db`), at(`reads-${round}.db`)),
  });
  return [rowOf('rebuild-sqlite', 'SQLite', figures, { checked: true })];
}
