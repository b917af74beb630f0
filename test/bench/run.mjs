// The benchmark: each path of the product beside the raw client doing the same durable work on the same store.
//
//   npm run bench [-- --only a,b] [--quick | --full] [--check] [--profile]
//
// Method. Every path runs in a process of its own, on new stores, with servers of its own. Customers are Zipf-distributed,
// seeds fixed, what is stored of an event is about 1 KB. Ours and raw run in turn (ours/raw/ours/raw), after a round that
// does not count; told are the median of the rounds, the least and the most, and the median of the ratios of neighbours.
// A raw side does the same durable work in the way a good engineer would do it without this product; each path's first
// lines say what both sides do. `test/bench/results/bench.json` holds the result of the last run that was not `--quick`, path
// by path (`--only` keeps the others), with machine, versions and date; `--quick` writes quick.json.
//
// `--check` measures quickly, writes nothing, and compares with the committed quick.json: it fails where a ratio (never
// a time) has lost more than 20 %, by the clock and, where it is known, by processor time, or two thirds by the clock alone. A path
// that seems to have lost is measured up to two times more, and the best of them counts.
// `--full` measures longer and at more sizes. `--profile` writes CPU profiles of the path's process to .tmp/bench-profiles.
import { fork } from 'node:child_process';
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { machine, versions } from './support/machine.mjs';
import { Servers } from './support/servers.mjs';
import { betterOf, hasFailed, renewed, verdictsOf } from './support/statistics.mjs';
import { printHead, printRows, printVerdicts } from './support/table.mjs';

const here = (name) => fileURLToPath(new URL(name, import.meta.url));
/** A path that hangs must not hold up the run. */
const PATH_WITHIN_MS = { quick: 120_000, normal: 45 * 60_000, full: 6 * 3_600_000 };
const END_WITHIN_MS = 10_000;
const TRIES_OF_A_CHECK = 3;
/** After so long nothing is measured a second time: a check is to be over within four minutes. */
const AGAIN_WITHIN_MS = 120_000;

const { values } = parseArgs({
  options: Object.fromEntries([
    ['only', { type: 'string' }],
    ...['quick', 'full', 'check', 'profile'].map((name) => [name, { type: 'boolean', default: false }]),
  ]),
});
const mode = values.full ? 'full' : values.quick || values.check ? 'quick' : 'normal';

const names = (await readdir(here('paths'))).map((file) => path.basename(file, '.mjs')).sort();
const paths = [];
for (const name of names) {
  const { scales, needs = [] } = await import(new URL(`paths/${name}.mjs`, import.meta.url).href);
  paths.push({ name, scale: scales[mode], needs });
}
const only = values.only?.split(',');
const unknown = only?.filter((name) => !names.includes(name)) ?? [];
if (unknown.length > 0) throw new Error(`there is no path ${unknown.join(', ')}; there are: ${names.join(', ')}`);
const chosen = paths.filter(({ name, scale }) => scale && (only?.includes(name) ?? true));

const interrupted = new AbortController();
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.once(signal, () => interrupted.abort());

const runOf = { mode, machine: machine(), versions: versions() };
const file = here(`results/${mode === 'quick' ? 'quick' : 'bench'}.json`);
const committed = JSON.parse(await readFile(file, 'utf8').catch(() => '{"rows":[]}'));
const measured = [];
printHead();
let failed = false;

for (const chosenPath of chosen) {
  if (interrupted.signal.aborted) break;
  try {
    let rows = await measure(chosenPath);
    for (let tries = 1; values.check && tries < TRIES_OF_A_CHECK && performance.now() < AGAIN_WITHIN_MS; tries += 1) {
      if (!verdictsOf(committed.rows, rows, [chosenPath.name]).some(({ kind }) => kind === 'lost')) break;
      console.error(`${chosenPath.name}: seems to have lost; measured again`);
      rows = betterOf(rows, await measure(chosenPath));
    }
    measured.push(...rows);
    printRows(rows);
  } catch (error) {
    failed = true;
    console.error(`${chosenPath.name}: ${error.message}`);
  }
}

if (values.check) {
  const verdicts = verdictsOf(
    committed.rows,
    measured,
    chosen.map(({ name }) => name),
  );
  printVerdicts(verdicts);
  failed ||= hasFailed(verdicts);
} else if (!interrupted.signal.aborted) {
  const rows = renewed(committed.rows, measured, names);
  await mkdir(path.dirname(file), { recursive: true });
  // What a peer or a server said may name files of this machine.
  const text = JSON.stringify({ rows }, null, 2).replaceAll(here('../../'), '').replaceAll(tmpdir(), '');
  await writeFile(file, `${text}\n`);
  console.log(`\nwritten to ${path.relative(process.cwd(), file)}`);
}
process.exitCode = failed || interrupted.signal.aborted ? 1 : 0;

/** One path, its servers started before and stopped after. Rows know where and when they were measured. */
async function measure({ name, scale, needs }) {
  const folder = await mkdtemp(path.join(tmpdir(), 'timeline-bench-'));
  const servers = new Servers(folder);
  const started = performance.now();
  try {
    const urls = await servers.start(needs);
    console.error(`${name} …`);
    const rows = await inProcess({ name, folder, servers: urls, scale, mode });
    const seconds = Math.round((performance.now() - started) / 1000);
    const date = new Date().toISOString().slice(0, 10);
    return rows.map((row) => ({ path: name, ...row, scale, seconds, measured: { date, ...runOf } }));
  } finally {
    await servers.stop();
    await rm(folder, { recursive: true, force: true });
  }
}

function inProcess(task) {
  const execArgv = ['--expose-gc'];
  if (values.profile) execArgv.push('--cpu-prof', `--cpu-prof-dir=${here('../../.tmp/bench-profiles')}`);
  return new Promise((resolve, reject) => {
    const child = fork(here('support/path-process.mjs'), { execArgv, stdio: ['ignore', 2, 'inherit', 'ipc'] });
    let killing;
    const abort = () => {
      child.kill('SIGTERM');
      killing ??= setTimeout(() => child.kill('SIGKILL'), END_WITHIN_MS);
    };
    const late = setTimeout(abort, PATH_WITHIN_MS[mode]);
    interrupted.signal.addEventListener('abort', abort, { once: true });
    let outcome = { error: `its process ended without a word, or was ended after ${PATH_WITHIN_MS[mode] / 1000} s` };
    child.once('message', (message) => (outcome = message));
    child.once('exit', () => {
      clearTimeout(late);
      clearTimeout(killing);
      interrupted.signal.removeEventListener('abort', abort);
      if (outcome.rows) resolve(outcome.rows);
      else reject(new Error(outcome.error));
    });
    child.send(task);
  });
}
