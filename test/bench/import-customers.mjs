// An import of customers as its user runs it: the built command line on embedded stores in a folder of its own, a CSV of
// customers with an external id, an e-mail address, half of them with a phone number (so 2.5 identities each, every one
// a claim in a stream of its own), one in 10,000 with a wrong cell. Nothing else runs: no projection follows.
//
//   npm run build && node test/bench/import-customers.mjs [--rows 1000000] [--seed 42]   (20,000 rows at least)
//
// Told are rows a second and resident memory (`ps`, at every progress line, which comes each 1,000 rows): by tenths of the
// file, at 10 % of it and at the end. Then the time that the same file takes again, as the same import and as another one
// that finds nothing changed, and how many events those added. And the first tenth of the file, on stores of its own, by
// an import that is killed (SIGKILL) half way and run again: where it went on, and how many customers there are then.
//
// Writes test/bench/results/import-customers.json. Fails when the end takes more than 1.2 times the memory of 10 %, when an
// import again adds anything but that it was one, or when the one that was killed lost or doubled a row.
import { execFileSync, spawn } from 'node:child_process';
import { createWriteStream, mkdirSync, mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { once } from 'node:events';
import { cpus, loadavg, tmpdir, totalmem } from 'node:os';
import path from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import Libsql from 'libsql';
import { pickFrom, randomFrom } from './support/random.mjs';

const { values } = parseArgs({
  options: { rows: { type: 'string', default: '1000000' }, seed: { type: 'string', default: '42' } },
});
const rows = Number(values.rows);
const seed = Number(values.seed);
const CLI = fileURLToPath(new URL('../../dist/apps/cli/src/main.js', import.meta.url));
const folder = mkdtempSync(path.join(tmpdir(), 'timeline-import-bench-'));
const file = path.join(folder, 'customers.csv');
const toBeKilled = path.join(folder, 'killed', 'customers.csv');
const rowsOfKilled = rows / 10;
mkdirSync(path.dirname(toBeKilled));
const MIB = 1024 * 1024;

async function generate() {
  const random = randomFrom(seed);
  const pick = pickFrom(random);
  const out = createWriteStream(file);
  const tenth = createWriteStream(toBeKilled);
  const header = 'ID,First name,Last name,E-mail,Phone,City,Country,Region,traits.size,consents.newsletter\n';
  out.write(header);
  tenth.write(header);
  for (let row = 1; row <= rows; row += 1) {
    const wrong = row % 10_000 === 0;
    const cells = [
      `C${row}`,
      pick(['Ann', 'Bo', 'Cy', '伟', 'Zoë', 'Óscar']),
      pick(['Example', '"O""Hara, Jr."', '张', 'Müller']),
      wrong ? 'no address' : `c${row}@import${row % 97}.example`,
      row % 2 === 0 ? `+1650${String(2_000_000 + (row % 8_000_000)).padStart(7, '0')}` : '',
      pick(['Springfield', 'Köln', '上海']),
      pick(['US', 'DE', 'CN']),
      pick(['North', 'South', 'East', 'West']),
      pick(['S', 'M', 'L']),
      pick(['granted@v1', '', '']),
    ];
    const line = `${cells.join(',')}\n`;
    if (row <= rowsOfKilled && !tenth.write(line)) await once(tenth, 'drain');
    if (!out.write(line)) await once(out, 'drain');
  }
  for (const stream of [out, tenth]) {
    stream.end();
    await once(stream, 'finish');
  }
}

const rssOf = (pid) => Number(execFileSync('ps', ['-o', 'rss=', '-p', String(pid)]).toString()) / 1024;

/** `killAt`: rows after which it is killed. */
async function run(of, more = [], killAt = Infinity) {
  const started = performance.now();
  const args = [CLI, '--json', 'import', 'customers', of, '--source', 'bench', '--errors', 'errors.csv', ...more];
  const child = spawn(process.execPath, args, {
    cwd: path.dirname(of),
    env: { PATH: process.env.PATH },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let text = '';
  child.stdout.on('data', (chunk) => (text += chunk));
  const samples = [];
  let resumed;
  createInterface({ input: child.stderr }).on('line', (line) => {
    if (!line.startsWith('{')) return void console.error(line);
    const { resumedAfterLine, rows: done } = JSON.parse(line);
    if (resumedAfterLine !== undefined) resumed = resumedAfterLine;
    if (done === undefined || child.killed) return;
    samples.push({ done, seconds: (performance.now() - started) / 1000, rss: rssOf(child.pid) });
    if (done >= killAt) child.kill('SIGKILL');
  });
  const [code, signal] = await once(child, 'close');
  const seconds = (performance.now() - started) / 1000;
  return {
    samples,
    seconds,
    code,
    signal,
    resumedAfterLine: resumed,
    ...(text !== '' && { summary: JSON.parse(text) }),
  };
}

/** Read from the log itself. */
function inLog(of) {
  const db = new Libsql(path.join(path.dirname(of), 'data', 'events.db'), { readonly: true });
  const count = (where) => db.prepare(`SELECT count(*) AS n FROM event ${where}`).all()[0].n;
  try {
    return { events: count(''), customers: count("WHERE type = 'CustomerRegistered'") };
  } finally {
    db.close();
  }
}

async function runKilled() {
  const half = await run(toBeKilled, [], rowsOfKilled / 2);
  const { customers: atKill } = inLog(toBeKilled);
  const rest = await run(toBeKilled);
  const wrong = Math.floor(rowsOfKilled / 10_000);
  return {
    rows: rowsOfKilled,
    endedBy: half.signal,
    customersAtKill: atKill,
    resumedAfterLine: rest.resumedAfterLine,
    secondsForTheRest: Math.round(rest.seconds * 10) / 10,
    counts: rest.summary.counts,
    customers: inLog(toBeKilled).customers,
    expected: rowsOfKilled - wrong,
  };
}

const byTenths = (samples) =>
  Array.from({ length: 10 }, (_, tenth) => {
    const within = samples.filter(({ done }) => done > (tenth * rows) / 10 && done <= ((tenth + 1) * rows) / 10);
    const [first, last] = [within[0], within.at(-1)];
    return {
      rowsPerSecond:
        last.done > first.done ? Math.round((last.done - first.done) / (last.seconds - first.seconds)) : undefined,
      mib: {
        from: Math.round(Math.min(...within.map(({ rss }) => rss))),
        to: Math.round(Math.max(...within.map(({ rss }) => rss))),
      },
    };
  });

try {
  await generate();
  const load = loadavg()[0];
  const killed = await runKilled();
  const first = await run(file);
  const afterFirst = inLog(file);
  const tenths = byTenths(first.samples);
  const rssAt = (part) => Math.round(first.samples.find(({ done }) => done >= part * rows).rss);
  const mib = {
    at10Percent: rssAt(0.1),
    atEnd: rssAt(1),
    most: Math.round(Math.max(...first.samples.map(({ rss }) => rss))),
  };
  const same = await run(file);
  const afterSame = inLog(file);
  const other = await run(file, ['--name', 'another']);
  const afterOther = inLog(file);
  const results = {
    machine: {
      cpus: cpus().length,
      model: cpus()[0].model,
      gib: Math.round(totalmem() / 1024 / MIB),
      node: process.version,
      loadAtStart: load,
    },
    rows,
    seed,
    csvMib: Math.round(statSync(file).size / MIB),
    seconds: Math.round(first.seconds),
    rowsPerSecond: Math.round(rows / first.seconds),
    counts: first.summary.counts,
    mib,
    tenths,
    killed,
    again: {
      seconds: Math.round(same.seconds),
      counts: same.summary.counts,
      eventsAdded: afterSame.events - afterFirst.events,
    },
    asAnother: {
      seconds: Math.round(other.seconds),
      rowsPerSecond: Math.round(rows / other.seconds),
      counts: other.summary.counts,
      eventsAdded: afterOther.events - afterSame.events,
    },
  };
  console.log(JSON.stringify(results, null, 2));
  const folderOfResults = fileURLToPath(new URL('results/', import.meta.url));
  mkdirSync(folderOfResults, { recursive: true });
  writeFileSync(path.join(folderOfResults, 'import-customers.json'), `${JSON.stringify(results, null, 2)}\n`);
  const faults = [
    mib.atEnd > 1.2 * mib.at10Percent && `memory grew from ${mib.at10Percent} to ${mib.atEnd} MiB`,
    // A run of an import is a fact: that it was started, and that it ended.
    afterSame.customers + afterOther.customers > 2 * afterFirst.customers && 'customers were registered again',
    afterOther.events - afterFirst.events > 4 && 'an import again added events',
    (killed.endedBy !== 'SIGKILL' || killed.resumedAfterLine === undefined) && 'nothing was killed and went on',
    killed.customers !== killed.expected && `${killed.customers} customers instead of ${killed.expected} after a kill`,
  ].filter(Boolean);
  for (const fault of faults) console.error(fault);
  if (faults.length > 0) process.exitCode = 1;
} finally {
  rmSync(folder, { recursive: true, force: true });
}
