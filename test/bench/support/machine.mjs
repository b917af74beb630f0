/** On what a result was measured. */
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { cpus, loadavg, platform, release, totalmem } from 'node:os';
import { rounded } from './statistics.mjs';

const LIBRARIES = ['libsql', 'mongodb', 'kafkajs', '@eventstore/db-client', '@nestjs/core', 'fastify', 'autocannon'];
const root = new URL('../../../', import.meta.url);

export const machine = () => ({
  cpu: cpus()[0]?.model.trim(),
  cores: cpus().length,
  memoryGiB: Math.round(totalmem() / 2 ** 30),
  system: `${platform()} ${release()}`,
  loadAtStart: rounded(loadavg()[0]),
});

export const versions = () => ({
  node: process.version,
  commit: commit(),
  ...Object.fromEntries(LIBRARIES.map((name) => [name, versionOf(name)])),
});

function versionOf(name) {
  return JSON.parse(readFileSync(new URL(`node_modules/${name}/package.json`, root), 'utf8')).version;
}

function commit() {
  try {
    return execFileSync('git', ['rev-parse', '--short', 'HEAD'], { cwd: root, stdio: ['ignore', 'pipe', 'ignore'] })
      .toString()
      .trim();
  } catch {
    return 'unknown';
  }
}
