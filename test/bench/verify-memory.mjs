// The memory of `timeline verify`: the timeline projection (a document an event) filled from a log that is made while it is
// read, then compared with its fold, in processes of their own, so that nothing but the verification is in the figures.
//
//   npm run build && node test/bench/verify-memory.mjs [--events 300000,1000000] [--pass 100000]
//
// Writes test/bench/results/verify-memory.json and fails when the longest log takes more than 20 % more memory than the
// shortest; both should take several passes, since what one pass leaves behind stays until it is collected.
import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { cpus, tmpdir, totalmem } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';

const lib = (name) => import(new URL(`../../dist/libs/${name}`, import.meta.url).href);
const { systemClock, Upcasters } = await lib('kernel/src/index.js');
const { openReadStore } = await lib('read-store/src/index.js');
const { Builds, verifyBuild } = await lib('projecting/src/index.js');
const { applyBatch } = await lib('projecting/src/apply-batch.js');
const { timelineProjection } = await lib('timeline/src/projections/timeline.projection.js');

const { values } = parseArgs({
  options: {
    events: { type: 'string', default: '300000,1000000' },
    pass: { type: 'string', default: '100000' },
  },
});
const CUSTOMERS = 20_000;
const BATCH = 1_000;
const body = 'The customer asked about the delivery and was told when to expect it. '.repeat(5);

/** The same event for the same number, in every process. */
function eventAt(n) {
  const id = scattered(n);
  const customerId = scattered(-1 - (n % CUSTOMERS));
  const occurredAt = new Date(1.5e12 + n * 1_000).toISOString();
  return {
    id,
    type: 'InteractionRecorded',
    data: { interactionId: id, channel: 'phone', direction: 'inbound', kind: 'call', payloadHash: 'bench' },
    personal: { subject: 'Delivery', body },
    stream: `interaction-${id}`,
    revision: 0,
    position: positionOf(n),
    recordedAt: occurredAt,
    metadata: {
      ...{ schemaVersion: 1, occurredAt, customerId, actor: 'bench', commandId: id },
      ...{ bodyHash: '', correlationId: id, causationId: id },
    },
  };
}
/** 32 hex digits, another for every number, in no order. */
function scattered(n) {
  let digits = '';
  for (let part = 1; part <= 4; part += 1) {
    let mixed = Math.imul(n ^ (part * 0x9e3779b9), 0x85ebca6b);
    mixed = Math.imul(mixed ^ (mixed >>> 13), 0xc2b2ae35);
    digits += ((mixed ^ (mixed >>> 16)) >>> 0).toString(16).padStart(8, '0');
  }
  return digits;
}
const positionOf = (n) => `benchbenchbe:${String(n).padStart(16, '0')}`;

function* batches(count) {
  for (let from = 1; from <= count; from += BATCH)
    yield Array.from({ length: Math.min(BATCH, count - from + 1) }, (_, at) => eventAt(from + at));
}

async function fill(count, file) {
  const reads = await openReadStore(`sqlite:${file}`);
  const builds = new Builds(reads, systemClock);
  await builds.prepare();
  const build = await builds.create(timelineProjection, 'product');
  const collections = builds.collections(build._id);
  const target = { projection: timelineProjection, collections, isDiscarded: async () => false };
  for (const events of batches(count)) await applyBatch(target, events);
  const last = { position: positionOf(count), id: eventAt(count).id };
  await builds.saveCheckpoints(new Map([[build._id, { position: last.position, event: last }]]));
  await reads.close();
}

async function verify(count, file) {
  const reads = await openReadStore(`sqlite:${file}`);
  const builds = new Builds(reads, systemClock);
  const [build] = await builds.list();
  const { rss } = process.memoryUsage();
  let most = 0;
  let passes = 0;
  const started = performance.now();
  const report = await verifyBuild(timelineProjection, build, {
    events: {
      head: async () => ({ position: positionOf(count) }),
      async *readAll() {
        yield* batches(count);
      },
    },
    vault: { open: async (events) => events },
    upcasters: new Upcasters(),
    builds,
    discarded: new Set(),
    passDocuments: Number(values.pass),
    upTo: positionOf(count),
    progress: ({ pass }) => {
      passes = pass;
      most = Math.max(most, process.memoryUsage.rss());
    },
  });
  await reads.close();
  const mib = (bytes) => Math.round(bytes / 2 ** 20);
  const { documents, differing } = report;
  const seconds = Math.round((performance.now() - started) / 100) / 10;
  console.log(
    JSON.stringify({
      events: count,
      documents,
      differing,
      passes,
      seconds,
      atStartMiB: mib(rss),
      mostRssMiB: mib(most),
    }),
  );
}

const { STAGE, EVENTS, FILE } = process.env;
if (STAGE === 'fill') await fill(Number(EVENTS), FILE);
else if (STAGE === 'verify') await verify(Number(EVENTS), FILE);
else {
  const results = [];
  for (const events of values.events.split(',')) {
    const folder = mkdtempSync(path.join(tmpdir(), 'timeline-verify-memory-'));
    const run = (stage) => {
      const { status, stdout } = spawnSync(
        process.execPath,
        [fileURLToPath(import.meta.url), ...process.argv.slice(2)],
        {
          stdio: ['ignore', 'pipe', 'inherit'],
          env: { ...process.env, STAGE: stage, EVENTS: events, FILE: path.join(folder, 'reads.db') },
        },
      );
      if (status !== 0) throw new Error(`${stage} ended with ${status}`);
      return stdout.toString();
    };
    try {
      run('fill');
      results.push(JSON.parse(run('verify')));
      console.error(JSON.stringify(results.at(-1)));
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  }
  const filled = results.filter(({ documents }) => documents >= Number(values.pass));
  const growth = Math.round((filled.at(-1).mostRssMiB / filled[0].mostRssMiB) * 100) / 100;
  const result = {
    what: 'every document of the timeline compared with a fresh fold of the log; resident memory at its most',
    passDocuments: Number(values.pass),
    growth,
    results,
    machine: {
      ...{ node: process.version, cpu: cpus()[0]?.model, cores: cpus().length },
      memoryGiB: Math.round(totalmem() / 2 ** 30),
    },
  };
  const folder = fileURLToPath(new URL('results/', import.meta.url));
  mkdirSync(folder, { recursive: true });
  writeFileSync(path.join(folder, 'verify-memory.json'), `${JSON.stringify(result, null, 2)}\n`);
  console.log(JSON.stringify(result, null, 2));
  if (growth > 1.2 || results.some(({ differing }) => differing > 0)) process.exitCode = 1;
}
