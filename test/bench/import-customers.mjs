// An import of customers as its user runs it: the built command line on embedded stores in a folder of its own, a CSV of
// customers with an external id, an e-mail address, half of them with a phone number (so 2.5 identities each, every one
// a claim in a stream of its own), one in 10,000 with a wrong cell. Nothing else runs: no projection follows.
//
//   npm run build && node test/bench/import-customers.mjs [--rows 1000000] [--seed 42]
//
// Told are rows a second and resident memory (`ps`, at every progress line, which comes each 1,000 rows), by tenths of the
// file; then the time that the same file takes again, as the same import and as another one that finds nothing changed.
// Writes test/bench/results/import-customers.json; fails when the last tenth takes more than 1.2 times the memory of the second.
import { execFileSync, spawn } from 'node:child_process';
import { createWriteStream, mkdirSync, mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { once } from 'node:events';
import { cpus, loadavg, tmpdir, totalmem } from 'node:os';
import path from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';

const { values } = parseArgs({
  options: { rows: { type: 'string', default: '1000000' }, seed: { type: 'string', default: '42' } },
});
const rows = Number(values.rows);
const seed = Number(values.seed);
const CLI = fileURLToPath(new URL('../../dist/apps/cli/src/main.js', import.meta.url));
const folder = mkdtempSync(path.join(tmpdir(), 'timeline-import-bench-'));
const file = path.join(folder, 'customers.csv');
const MIB = 1024 * 1024;

function randomFrom(start) {
  let state = start;
  return () => (state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0) / 2 ** 32;
}

async function generate() {
  const random = randomFrom(seed);
  const pick = (list) => list[Math.floor(random() * list.length)];
  const out = createWriteStream(file);
  out.write('ID,First name,Last name,E-mail,Phone,City,Country,Region,traits.size,consents.newsletter\n');
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
    if (!out.write(`${cells.join(',')}\n`)) await once(out, 'drain');
  }
  out.end();
  await once(out, 'finish');
}

const rssOf = (pid) => Number(execFileSync('ps', ['-o', 'rss=', '-p', String(pid)]).toString()) / 1024;

async function run(...more) {
  const started = performance.now();
  const args = [CLI, '--json', 'import', 'customers', file, '--source', 'bench', ...more];
  const child = spawn(process.execPath, args, {
    cwd: folder,
    env: { PATH: process.env.PATH },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let text = '';
  child.stdout.on('data', (chunk) => (text += chunk));
  const samples = [];
  createInterface({ input: child.stderr }).on('line', (line) => {
    if (!line.startsWith('{')) return void console.error(line);
    const { rows: done } = JSON.parse(line);
    samples.push({ done, seconds: (performance.now() - started) / 1000, rss: rssOf(child.pid) });
  });
  await once(child, 'close');
  return { samples, seconds: (performance.now() - started) / 1000, summary: JSON.parse(text) };
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
  const first = await run('--errors', 'errors.csv');
  const tenths = byTenths(first.samples);
  const same = await run('--errors', 'errors.csv');
  const other = await run('--name', 'another', '--errors', 'errors.csv');
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
    tenths,
    again: { seconds: Math.round(same.seconds), counts: same.summary.counts },
    asAnother: {
      seconds: Math.round(other.seconds),
      rowsPerSecond: Math.round(rows / other.seconds),
      counts: other.summary.counts,
    },
  };
  console.log(JSON.stringify(results, null, 2));
  const folderOfResults = fileURLToPath(new URL('results/', import.meta.url));
  mkdirSync(folderOfResults, { recursive: true });
  writeFileSync(path.join(folderOfResults, 'import-customers.json'), `${JSON.stringify(results, null, 2)}\n`);
  const [, second] = tenths;
  const last = tenths.at(-1);
  if (last.mib.to > 1.2 * second.mib.to) {
    console.error(`memory grew from ${second.mib.to} to ${last.mib.to} MiB`);
    process.exitCode = 1;
  }
} finally {
  rmSync(folder, { recursive: true, force: true });
}
