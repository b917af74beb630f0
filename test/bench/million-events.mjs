// A history of a million events, rebuilt from nothing by every projection of the product in one process: events a second,
// and the most memory that was resident from one look to the next. Embedded stores, personal data sealed, customers Zipf-distributed.
//
//   npm run build && npm run bench:million [-- --events 1000000 --customers 20000]
//
// Writes test/bench/results/million-events.json and fails when memory is not flat: at its most more than 20 % above
// what it was at its most until a tenth of them was folded.
import { mkdirSync, mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { cpus, tmpdir, totalmem } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { fillLog, historyOf } from './support/history.mjs';
import { lib } from './support/product.mjs';

const { Product, readConfig } = await lib('composing/src/index.js');
const { productSlices } = await lib('product/src/index.js');

const { values } = parseArgs({
  options: { events: { type: 'string', default: '1000000' }, customers: { type: 'string', default: '20000' } },
});
const EVENTS = Number(values.events);
const CUSTOMERS = Number(values.customers);
const SEED = 7;

const folder = mkdtempSync(path.join(tmpdir(), 'timeline-million-'));
const at = (name) => path.join(folder, name);
const config = readConfig({
  EVENT_STORE_URL: `sqlite:${at('events.db')}`,
  READ_STORE_URL: `sqlite:${at('reads.db')}`,
  KEY_STORE_URL: `sqlite:${at('keys.db')}`,
  MASTER_KEY_FILE: at('master.key'),
});
try {
  if (process.env.MILLION_STAGE === 'rebuild') await rebuild(process.env.MILLION_FOLDER);
  else {
    const product = await Product.open({ config, slices: productSlices(config) });
    const started = performance.now();
    const written = await fillLog(product, historyOf({ events: EVENTS, customers: CUSTOMERS, seed: SEED }));
    const seconds = (performance.now() - started) / 1000;
    await product.stop();
    console.error(
      `${written} events written in ${seconds.toFixed(0)} s (${(written / seconds).toFixed(0)}/s), ${(statSync(at('events.db')).size / 2 ** 20).toFixed(0)} MiB`,
    );
    // A process of its own, so that what the writing left in memory is not counted.
    const { spawnSync } = await import('node:child_process');
    const { status } = spawnSync(process.execPath, [fileURLToPath(import.meta.url), ...process.argv.slice(2)], {
      stdio: 'inherit',
      env: { ...process.env, MILLION_STAGE: 'rebuild', MILLION_FOLDER: folder },
    });
    process.exitCode = status ?? 1;
  }
} finally {
  rmSync(folder, { recursive: true, force: true });
}

async function rebuild(source) {
  const from = (name) => path.join(source, name);
  const config = readConfig({
    EVENT_STORE_URL: `sqlite:${from('events.db')}`,
    READ_STORE_URL: `sqlite:${from('reads.db')}`,
    KEY_STORE_URL: `sqlite:${from('keys.db')}`,
    MASTER_KEY_FILE: from('master.key'),
  });
  const product = await Product.open({ config, slices: productSlices(config) });
  const head = await product.events.head();
  const last = Number(head.position.split(':')[1]);
  const samples = [];
  const started = performance.now();
  await product.engine.start();
  const behind = () =>
    Math.min(...product.engine.status().map(({ position }) => Number((position ?? ':0').split(':')[1])));
  // Read models move on window by window (`libs/projecting/src/log-window.ts`), so memory is looked at all the way.
  let peak = 0;
  let events = 0;
  for (let shown = 0; events < last;) {
    const { rss, heapTotal, heapUsed, external } = process.memoryUsage();
    peak = Math.max(peak, rss);
    const done = behind();
    const seconds = Math.round((performance.now() - started) / 100) / 10;
    if (done > events || seconds - shown >= 20) {
      const [rssMiB, peakMiB, heapMiB, usedMiB, externalMiB] = [rss, peak, heapTotal, heapUsed, external].map((bytes) =>
        Math.round(bytes / 2 ** 20),
      );
      samples.push({ events: (events = Math.max(done, 0)), seconds, rssMiB, peakMiB, heapMiB, usedMiB, externalMiB });
      console.error(`${seconds} s, ${events} events: ${rssMiB} MiB, at most ${peakMiB} since the last look`);
      [peak, shown] = [0, seconds];
    }
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  const seconds = (performance.now() - started) / 1000;
  await product.stop();
  const until = samples.findIndex((sample) => sample.events >= last / 10) + 1;
  const mostOf = (some) => Math.max(...some.map(({ peakMiB }) => peakMiB));
  const [first, rest] = [mostOf(samples.slice(0, until)), mostOf(samples.slice(until))];
  const growth = rest / first;
  const result = {
    what: 'all projections of the product filled from an empty read store, embedded stores, one process',
    events: last,
    customers: CUSTOMERS,
    seed: SEED,
    measuredAt: new Date().toISOString(),
    seconds: Math.round(seconds),
    cpuSeconds: Math.round(process.cpuUsage().user / 1e6),
    eventsPerSecond: Math.round(last / seconds),
    rssGrowth: Math.round(growth * 100) / 100,
    samples,
    machine: {
      node: process.version,
      cpu: cpus()[0]?.model,
      cores: cpus().length,
      memoryGiB: Math.round(totalmem() / 2 ** 30),
    },
  };
  const results = fileURLToPath(new URL('results/', import.meta.url));
  mkdirSync(results, { recursive: true });
  writeFileSync(path.join(results, 'million-events.json'), `${JSON.stringify(result, null, 2)}\n`);
  console.log(JSON.stringify(result, null, 2));
  if (growth > 1.2) {
    console.error(`memory is not flat: at most ${first} MiB in the first tenth, ${rest} MiB after it`);
    process.exitCode = 1;
  }
}
