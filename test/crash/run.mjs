/**
 * `npm run test:crash -- [--kills 100 | --faults [--only NAME]] [--seed N] [--on embedded|servers]`: the long form of the
 * failure tests, on the built product: the kills of each role, half of them on embedded stores and half on servers, or with
 * `--faults` all others (outages of 5 to 60 s, more rounds, more events), or those of the specs that are named so. Its
 * figures go to `test/crash/results`, where those of specs that were not run stay. Ends as its tests did. A run with the
 * seed of another sends the same commands in each journey and kills in the same order; at which instants, the machine
 * decides.
 */
import { execFileSync, spawn } from 'node:child_process';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';

const { values } = parseArgs({
  options: {
    kills: { type: 'string', default: '100' },
    faults: { type: 'boolean', default: false },
    seed: { type: 'string' },
    on: { type: 'string' },
    only: { type: 'string', default: '' },
  },
});
const kills = Number(values.kills);
const seed = Number(values.seed ?? Date.now() % 1_000_000);
const places = values.on === undefined ? ['embedded', 'servers'] : [values.on];
const JEST = ['node_modules/jest/bin/jest.js', '-c', '.config/jest.config.mjs'];
const KILLS = {
  embedded: [...JEST, 'test/crash/roles.crash.spec.ts'],
  servers: ['test/servers/run.mjs', 'test/crash/roles.servers.spec.ts'],
};
const FAULTS = {
  embedded: [...JEST, `test/crash/(?!roles)${values.only}.*crash\\.spec`],
  servers: ['test/servers/run.mjs', `test/(crash/(?!roles)|servers/(?=servers-away))${values.only}.*\\.servers\\.spec`],
};
if (!Number.isInteger(kills) || kills < 1 || !Number.isInteger(seed) || places.some((place) => !(place in KILLS))) {
  console.error(
    'usage: npm run test:crash -- [--kills 100 | --faults [--only NAME]] [--seed N] [--on embedded|servers]',
  );
  process.exit(2);
}

for (const place of places) {
  const code = await (values.faults ? runFaults(place) : runKills(place));
  if (code !== 0) process.exit(code);
}

function runKills(place) {
  const CRASH_KILLS = String(Math.ceil(kills / places.length));
  return run(KILLS[place], { CRASH_KILLS, CRASH_SEED: String(seed), CRASH_RESULTS: '1' });
}

/** Each test by its name, how it ended and how long it took. */
async function runFaults(place) {
  const folder = await mkdtemp(path.join(tmpdir(), 'timeline-faults-'));
  const output = path.join(folder, 'jest.json');
  const report = place === 'embedded' ? ['--json', '--outputFile', output] : [];
  const code = await run([...FAULTS[place], ...report], {
    CRASH_LONG: '1',
    CRASH_SEED: String(seed),
    TEST_RESULTS: output,
  });
  const { testResults, startTime } = JSON.parse(await readFile(output, 'utf8'));
  await rm(folder, { recursive: true });
  const measuredIn = {
    seed,
    date: new Date(startTime).toISOString(),
    node: process.version,
    commit: execFileSync('git', ['rev-parse', '--short', 'HEAD']).toString().trim(),
  };
  const measured = testResults.map(({ name, assertionResults }) => ({
    spec: path.basename(name),
    ...measuredIn,
    tests: assertionResults.map(({ fullName, status, duration }) => ({
      test: fullName,
      status,
      seconds: Math.round((duration ?? 0) / 1000),
    })),
  }));
  const file = new URL(`results/faults-${place}.json`, import.meta.url);
  const before = values.only === '' ? [] : JSON.parse(await readFile(file, 'utf8').catch(() => '[]'));
  const others = before.filter(({ spec }) => !measured.some((each) => each.spec === spec));
  const figures = [...others, ...measured].sort((a, b) => (a.spec < b.spec ? -1 : 1));
  await writeFile(file, `${JSON.stringify(figures, null, 2)}\n`);
  return code;
}

function run(args, env) {
  const child = spawn(process.execPath, ['--experimental-vm-modules', ...args], {
    cwd: fileURLToPath(new URL('../..', import.meta.url)),
    env: { ...process.env, ...env },
    stdio: 'inherit',
  });
  // Servers and products are stopped by whoever started them: that program must end first.
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, () => child.kill(signal));
  return new Promise((resolve) => child.once('exit', (exit) => resolve(exit ?? 1)));
}
