// A history of a million events, rebuilt from nothing by every projection of the product in one process: events a second,
// and resident memory at each hundred thousandth event. Embedded stores, personal data sealed, customers Zipf-distributed.
//
//   npm run build && npm run bench:million [-- --events 1000000 --customers 20000]
//
// Writes test/bench/results/million-events.json and fails when memory is not flat: at the last event more than 20 % above
// that at a tenth of them.
import { randomUUID } from 'node:crypto';
import { mkdirSync, mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { cpus, tmpdir, totalmem } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';

const dist = new URL('../../dist/libs/', import.meta.url);
const { Product, readConfig } = await import(new URL('composing/src/index.js', dist).href);
const { productSlices } = await import(new URL('product/src/index.js', dist).href);

const { values } = parseArgs({
  options: { events: { type: 'string', default: '1000000' }, customers: { type: 'string', default: '20000' } },
});
const EVENTS = Number(values.events);
const CUSTOMERS = Number(values.customers);
const SEED = 7;

/** Mulberry32. */
function randomFrom(seed) {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
}
const random = randomFrom(SEED);

const ids = Array.from({ length: CUSTOMERS }, () => randomUUID());
const weights = ids.map((_, rank) => 1 / (rank + 1));
const total = weights.reduce((a, b) => a + b, 0);
let sum = 0;
const cumulative = weights.map((weight) => (sum += weight / total));
function zipfCustomer() {
  const at = random();
  let [low, high] = [0, CUSTOMERS - 1];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (cumulative[middle] < at) low = middle + 1;
    else high = middle;
  }
  return ids[low];
}

const channels = ['phone', 'email', 'chat', 'web', 'store'];
const pick = (list) => list[Math.floor(random() * list.length)];
const filler = 'The customer asked about the delivery and was told when to expect it. '.repeat(5);
const START = Date.parse('2015-01-01T00:00:00Z');

/** Facts of one step, as deciders would have written them. */
function* factsOf(customerId, occurredAt) {
  const draw = random();
  const entity = randomUUID();
  const payloadHash = 'bench';
  const channel = pick(channels);
  if (draw < 0.55) {
    const data = {
      interactionId: entity,
      channel,
      direction: 'inbound',
      kind: 'call',
      agent: pick(['a', 'b', 'c']),
      payloadHash,
    };
    yield {
      stream: `interaction-${entity}`,
      type: 'InteractionRecorded',
      data,
      personal: { subject: 'Delivery', body: filler },
    };
  } else if (draw < 0.8) {
    const amount = (random() * 400).toFixed(2);
    const line = { lineId: '0', sku: 'B-1', name: 'Bookcase', category: 'Furniture', quantity: '1', amount };
    const data = { purchaseId: entity, channel, currency: 'USD', lines: [line], total: amount, payloadHash };
    yield {
      stream: `purchase-${entity}`,
      type: 'PurchaseRecorded',
      data,
      personal: { shipTo: { city: 'Springfield' } },
    };
  } else if (draw < 0.88) {
    const ofCase = { caseId: entity, channel, openedAt: occurredAt };
    const stream = `feedback-${entity}`;
    yield {
      stream,
      type: 'FeedbackCaseOpened',
      data: { ...ofCase, kind: 'complaint', payloadHash },
      personal: { subject: 'Late', body: filler },
    };
    const waited = Math.floor(random() * 86_400_000);
    yield {
      stream,
      type: 'FeedbackResponded',
      data: { ...ofCase, first: true, sinceOpenedMs: waited },
      personal: { message: filler },
    };
    yield {
      stream,
      type: 'FeedbackResolved',
      data: { ...ofCase, resolution: 'corrected', sinceOpenedMs: waited * 2, time: 1 },
    };
  } else {
    const scale = { min: 0, max: 10, favourableFrom: 9 };
    const data = {
      answerId: entity,
      surveyId: 'nps',
      kind: 'NPS',
      scale,
      score: Math.floor(random() * 11),
      channel,
      payloadHash,
    };
    yield { stream: `survey-answer-${entity}`, type: 'SurveyAnswered', data, personal: { comment: 'Fine' } };
  }
}

async function fill(product) {
  const { events, vault } = product;
  let written = 0;
  let waiting = [];
  const append = async ({ stream, type, data, personal }, customerId, occurredAt, revision) => {
    const id = randomUUID();
    const sealed = personal && (await vault.seal(personal, { eventId: id, customerId }));
    const metadata = {
      schemaVersion: 1,
      occurredAt,
      customerId,
      actor: 'bench',
      commandId: id,
      bodyHash: '',
      correlationId: id,
      causationId: id,
    };
    const event = {
      id,
      type,
      data,
      metadata: sealed ? { ...metadata, keyId: sealed.keyId } : metadata,
      ...(sealed && { personal: sealed.personal }),
    };
    await events.append(stream, [event], { expectedRevision: revision });
  };
  const step = async (facts, customerId, occurredAt) => {
    let revision = 'no-stream';
    for (const fact of facts) {
      await append(fact, customerId, occurredAt, revision);
      revision = revision === 'no-stream' ? 0 : revision + 1;
    }
  };
  const instantOf = (n) => new Date(START + Math.floor((n / EVENTS) * 4 * 365 * 86_400_000)).toISOString();
  for (const customerId of ids) {
    const data = { customerId, kind: 'person', stage: 'customer', traits: {} };
    const fact = {
      stream: `customer-${customerId}`,
      type: 'CustomerRegistered',
      data,
      personal: { name: { full: `Person ${written}` }, identities: [] },
    };
    waiting.push(step([fact], customerId, instantOf(0)));
    written += 1;
    if (waiting.length === 512) (await Promise.all(waiting), (waiting = []));
  }
  while (written < EVENTS) {
    const customerId = zipfCustomer();
    const occurredAt = instantOf(written);
    const facts = [...factsOf(customerId, occurredAt)];
    waiting.push(step(facts, customerId, occurredAt));
    written += facts.length;
    if (waiting.length >= 512) (await Promise.all(waiting), (waiting = []));
  }
  await Promise.all(waiting);
  return written;
}

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
    const written = await fill(product);
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
  for (let next = last / 10; next <= last;) {
    const done = behind();
    if (done >= next) {
      const { rss, heapTotal, heapUsed, external } = process.memoryUsage();
      const [rssMiB, heapMiB, usedMiB, externalMiB] = [rss, heapTotal, heapUsed, external].map((bytes) =>
        Math.round(bytes / 2 ** 20),
      );
      const seconds = Math.round((performance.now() - started) / 100) / 10;
      samples.push({ events: Math.round(done), rssMiB, heapMiB, usedMiB, externalMiB, seconds });
      console.error(
        `${done} events: ${rssMiB} MiB (heap ${heapMiB}, used ${usedMiB}, external ${externalMiB}), ${seconds} s`,
      );
      next += last / 10;
    } else await new Promise((resolve) => setTimeout(resolve, 20));
  }
  const seconds = (performance.now() - started) / 1000;
  await product.stop();
  const [first, final] = [samples[0], samples.at(-1)];
  const growth = final.rssMiB / first.rssMiB;
  const result = {
    what: 'all projections of the product filled from an empty read store, embedded stores, one process',
    events: last,
    customers: CUSTOMERS,
    seed: SEED,
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
    console.error(`memory is not flat: ${final.rssMiB} MiB at the end, ${first.rssMiB} MiB at a tenth`);
    process.exitCode = 1;
  }
}
