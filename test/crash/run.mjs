/**
 * `npm run test:crash -- [--kills 100] [--seed N] [--on embedded|servers]`: the long form of the kills of each role, half
 * of them on embedded stores and half on servers, on the built product. Its figures go to `test/crash/results`. Ends as
 * its tests did. A run with the seed of another sends the same commands in each journey and kills in the same order; at
 * which instants, the machine decides.
 */
import { spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';

const { values } = parseArgs({
  options: { kills: { type: 'string', default: '100' }, seed: { type: 'string' }, on: { type: 'string' } },
});
const kills = Number(values.kills);
const seed = Number(values.seed ?? Date.now() % 1_000_000);
const places = values.on === undefined ? ['embedded', 'servers'] : [values.on];
const COMMANDS = {
  embedded: ['node_modules/jest/bin/jest.js', '-c', '.config/jest.config.mjs', 'test/crash/roles.crash.spec.ts'],
  servers: ['test/servers/run.mjs', 'test/crash/roles.servers.spec.ts'],
};
if (!Number.isInteger(kills) || kills < 1 || !Number.isInteger(seed) || places.some((place) => !(place in COMMANDS))) {
  console.error('usage: npm run test:crash -- [--kills 100] [--seed N] [--on embedded|servers]');
  process.exit(2);
}

for (const place of places) {
  const code = await run(COMMANDS[place], {
    CRASH_KILLS: String(Math.ceil(kills / places.length)),
    CRASH_SEED: String(seed),
    CRASH_RESULTS: '1',
  });
  if (code !== 0) process.exit(code);
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
