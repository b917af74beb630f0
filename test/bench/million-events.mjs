// A history of a million events, rebuilt from nothing by every projection of the product in one process: events a second,
// and the most memory that was resident, with a tenth of the events and with all. Embedded stores, personal data sealed, customers Zipf-distributed.
//
//   npm run build && npm run bench:million [-- --events 1000000 --customers 20000]
//
// Writes test/bench/results/million-events.json and fails when memory is not flat: with all events more than 20 % above what
// it was with a tenth of them.
import { spawnSync } from 'node:child_process';
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

const STAGE_FOLDER = process.env.MILLION_FOLDER;

if (STAGE_FOLDER) console.log(JSON.stringify(await rebuilt(configIn(STAGE_FOLDER))));
else {
  const tenth = await measured(EVENTS / 10);
  const whole = await measured(EVENTS);
  const growth = whole.peakMiB / tenth.peakMiB;
  const result = {
    what: 'all projections of the product filled from an empty read store, embedded stores, one process',
    customers: CUSTOMERS,
    seed: SEED,
    measuredAt: new Date().toISOString(),
    ...whole,
    rssGrowth: Math.round(growth * 100) / 100,
    tenth,
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
    console.error(
      `memory is not flat: at most ${tenth.peakMiB} MiB with a tenth of the events, ${whole.peakMiB} with all`,
    );
    process.exitCode = 1;
  }
}

function configIn(folder) {
  const at = (name) => path.join(folder, name);
  return readConfig({
    EVENT_STORE_URL: `sqlite:${at('events.db')}`,
    READ_STORE_URL: `sqlite:${at('reads.db')}`,
    KEY_STORE_URL: `sqlite:${at('keys.db')}`,
    MASTER_KEY_FILE: at('master.key'),
  });
}

/** The rebuild is a process of its own, so that what the writing left in memory is not counted. */
async function measured(events) {
  const folder = mkdtempSync(path.join(tmpdir(), 'timeline-million-'));
  try {
    const config = configIn(folder);
    const product = await Product.open({ config, slices: productSlices(config) });
    const started = performance.now();
    const written = await fillLog(product, historyOf({ events, customers: CUSTOMERS, seed: SEED }));
    const seconds = (performance.now() - started) / 1000;
    await product.stop();
    console.error(
      `${written} events written in ${seconds.toFixed(0)} s (${(written / seconds).toFixed(0)}/s), ${(statSync(path.join(folder, 'events.db')).size / 2 ** 20).toFixed(0)} MiB`,
    );
    const { status, stdout } = spawnSync(process.execPath, [fileURLToPath(import.meta.url)], {
      stdio: ['ignore', 'pipe', 'inherit'],
      env: { ...process.env, MILLION_FOLDER: folder },
    });
    if (status !== 0) throw new Error(`the rebuild ended with ${status}`);
    return JSON.parse(String(stdout));
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

async function rebuilt(config) {
  const product = await Product.open({ config, slices: productSlices(config) });
  const head = await product.events.head();
  const last = Number(head.position.split(':')[1]);
  const samples = [];
  const started = performance.now();
  await product.engine.start();
  const behind = () =>
    Math.min(...product.engine.status().map(({ position }) => Number((position ?? ':0').split(':')[1])));
  // Read models move on window by window (`libs/projecting/src/log-window.ts`), so memory is looked at by the clock.
  for (let events = 0, shown = -Infinity; events < last;) {
    const done = behind();
    const seconds = Math.round((performance.now() - started) / 100) / 10;
    if (done > events || seconds - shown >= 20) {
      [events, shown] = [Math.max(done, 0), seconds];
      const { rss, heapTotal, heapUsed, external } = process.memoryUsage();
      const [rssMiB, heapMiB, usedMiB, externalMiB] = [rss, heapTotal, heapUsed, external].map(toMiB);
      samples.push({ events, seconds, rssMiB, heapMiB, usedMiB, externalMiB });
      console.error(`${seconds} s, ${events} events: ${rssMiB} MiB (heap ${heapMiB}, used ${usedMiB})`);
    }
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  const seconds = (performance.now() - started) / 1000;
  await product.stop();
  return {
    events: last,
    seconds: Math.round(seconds),
    cpuSeconds: Math.round(process.cpuUsage().user / 1e6),
    eventsPerSecond: Math.round(last / seconds),
    // The operating system's high-water mark, in KiB.
    peakMiB: Math.round(process.resourceUsage().maxRSS / 1024),
    samples,
  };
}

function toMiB(bytes) {
  return Math.round(bytes / 2 ** 20);
}
