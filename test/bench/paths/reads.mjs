// A page of 20 of a timeline (newest first, from the top) and a profile, asked of the product's own queries, on embedded stores
// that hold 10^4, 10^5 and 10^6 entries (10^7 with --full) of Zipf-distributed customers, who are asked for by the same
// distribution; and the same of customers who are three merged into one.
// Raw: what a bare indexed find costs: one prepared SELECT on the same table by the same index, 21 rows, JSON parsed; of a
// merged customer one for each member, merged by time. Of the profile: the derived document by its id.
// Timed are single reads, ours and raw in turn, each the first of the two every other time: who reads the same document
// second finds it in the processor's caches. Ours must be at most 1.5 times raw, and flat over the sizes.
import path from 'node:path';
import Libsql from 'libsql';
import { randomFrom, zipfOf } from '../support/random.mjs';
import { fillReads } from '../support/filled-reads.mjs';
import { lib, openBuses, openProduct } from '../support/product.mjs';
import { alone, compared } from '../support/rows.mjs';
import { median, percentile } from '../support/statistics.mjs';

export const scales = {
  quick: { sizes: [10_000], reads: 400, rounds: 5 },
  normal: { sizes: [10_000, 100_000, 1_000_000], reads: 1_000, rounds: 7 },
  full: { sizes: [10_000, 100_000, 1_000_000, 10_000_000], reads: 1_000, rounds: 7 },
};
const SEED = 10;
const PAGE = 20;

export async function run({ folder, scale }) {
  const rows = [];
  const medians = new Map();
  for (const size of scale.sizes) {
    for (const row of await at(size, path.join(folder, String(size)), scale)) {
      rows.push(row);
      const kind = row.id.replace(/-\d+$/, '');
      medians.set(kind, [...(medians.get(kind) ?? []), row.ours.median]);
    }
  }
  if (scale.sizes.length === 1) return rows;
  // How many times the smallest size's p50 the largest takes: flat is 1.
  const flat = [...medians].map(([kind, values]) =>
    alone({
      id: `${kind}-flat`,
      what: `${kind}: p50 at the most entries over p50 at the fewest`,
      unit: 'times',
      value: values.at(-1) / values[0],
    }),
  );
  return [...rows, ...flat];
}

async function at(size, folder, { reads, rounds }) {
  const { environment, tables, singles, merged } = await fillReads({ folder, entries: size, seed: SEED });
  const product = await openProduct({ ...environment, ROLES: 'queries,commands' });
  const { context, queries } = await openBuses(product);
  const { TimelinePage, TimelinePageQuery } = await lib('timeline/src/queries/timeline-page.query.js');
  const { GetCustomer } = await lib('customers/src/queries/get-customer.query.js');
  const db = new Libsql(path.join(folder, 'reads.db'));
  const page = db.prepare(
    `SELECT doc FROM ${tables.timeline} WHERE ${tables.customerId} = ? ORDER BY ${tables.at} DESC, ${tables.position} DESC LIMIT ${PAGE + 1}`,
  );
  const profile = db.prepare(`SELECT doc FROM ${tables.profiles} WHERE _id = ?`);
  const parsed = (rows) => rows.map(({ doc }) => JSON.parse(doc));
  const newestFirst = (a, b) => (a.at < b.at ? 1 : a.at > b.at ? -1 : a.position < b.position ? 1 : -1);

  const query = Object.assign(new TimelinePageQuery(), { limit: PAGE });
  const kinds = [
    {
      id: 'timeline-page',
      what: 'timeline page',
      ids: singles,
      ours: async ({ id }) => (await queries.execute(new TimelinePage(id, query, undefined))).items.length,
      raw: ({ id }) => parsed(page.all([id])).slice(0, PAGE).length,
    },
    {
      id: 'profile',
      what: 'profile',
      ids: singles,
      ours: async ({ id }) => (await queries.execute(new GetCustomer(id, undefined))).profile && id,
      raw: ({ id }) => parsed(profile.all([id]))[0] && id,
    },
    {
      id: 'timeline-page-merged',
      what: 'timeline page of three merged customers',
      ids: merged,
      ours: async ({ id }) => (await queries.execute(new TimelinePage(id, query, undefined))).items.length,
      raw: ({ members }) =>
        members
          .flatMap((id) => parsed(page.all([id])))
          .sort(newestFirst)
          .slice(0, PAGE).length,
    },
    {
      id: 'profile-merged',
      what: 'profile of three merged customers',
      ids: merged,
      ours: async ({ id }) => (await queries.execute(new GetCustomer(id, undefined))).profile && id,
      raw: ({ id }) => parsed(profile.all([id]))[0] && id,
    },
  ];
  const rows = [];
  for (const { id, what, ids, ours, raw } of kinds) {
    const inTurn = Object.entries({ ours, raw });
    const draw = zipfOf(ids, randomFrom(SEED));
    const figures = { ours: [], raw: [] };
    const tails = { ours: [], raw: [] };
    // One read of each side in turn: they share whatever disturbs the machine down to the millisecond.
    for (let round = -1; round < rounds; round += 1) {
      const times = { ours: [], raw: [] };
      for (let n = 0; n < reads; n += 1) {
        const asked = draw();
        const answers = {};
        for (const [side, read] of n % 2 === 0 ? inTurn : inTurn.toReversed()) {
          const started = performance.now();
          answers[side] = await read(asked);
          times[side].push((performance.now() - started) * 1000);
        }
        if (answers.ours === undefined || answers.ours === 0) throw new Error(`${what}: nothing was read`);
        if (id === 'timeline-page' && answers.ours !== answers.raw)
          throw new Error(`${what}: ${answers.ours} and ${answers.raw} entries`);
      }
      if (round < 0) continue;
      for (const side of ['ours', 'raw']) {
        figures[side].push(median(times[side]));
        tails[side].push(percentile(times[side], 0.99));
      }
    }
    rows.push(
      compared({
        id: `${id}-${size}`,
        what: `${what}, ${size.toLocaleString('en')} entries, p50`,
        against: 'bare indexed find',
        unit: 'µs',
        better: 'less',
        figures,
        aim: { atMost: 1.5 },
        checked: true,
        p99: { ours: Math.round(median(tails.ours)), raw: Math.round(median(tails.raw)) },
      }),
    );
  }
  db.close();
  await context.close();
  await product.stop();
  return rows;
}
