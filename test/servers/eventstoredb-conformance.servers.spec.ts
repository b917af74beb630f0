/**
 * Whether the stand-in for EventStoreDB behaves as the real one does towards its client: the 26 cases of
 * `eventstoredb-conformance.mjs`, all of which passed on real servers (23.10.6 and 24.6.0). They run by Node's own
 * runner, in a process of their own. Without this, tests against the stand-in would prove little. It is a server of
 * their own too: the timeline refuses a log with events that it did not write.
 */
import { execFile } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { startEventStoreDb } from '../support/servers/eventstoredb.mjs';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const CASES = fileURLToPath(new URL('eventstoredb-conformance.mjs', import.meta.url));

interface Outcome {
  passed: number;
  /** Names of the cases that failed, with all that was printed should there be any. */
  failed: string[];
  output: string;
}

function runCases(server: string): Promise<Outcome> {
  // The client is looked for from the working folder. NODE_TEST_CONTEXT would make it a silent part of another run.
  const { NODE_OPTIONS: _ofJest, NODE_TEST_CONTEXT: _ofAnother, ...env } = process.env;
  return new Promise((resolve) => {
    execFile(
      process.execPath,
      ['--test', '--test-reporter=tap', CASES],
      { cwd: ROOT, env: { ...env, ESDB_URL: server }, timeout: 150_000 },
      (_exitCodeSaysTheSame, stdout, stderr) => {
        resolve({
          passed: Number(/^# pass (\d+)$/m.exec(stdout)?.[1] ?? 0),
          failed: [...stdout.matchAll(/^not ok \d+ - (.*)$/gm)].map(([, name]) => name ?? ''),
          output: `${stdout}\n${stderr}`,
        });
      },
    );
  });
}

function expectAllPassed({ passed, failed, output }: Outcome): void {
  if (failed.length > 0 || passed === 0) console.error(output.slice(-10_000));
  expect({ passed, failed }).toEqual({ passed: 26, failed: [] });
}

describe('the stand-in for EventStoreDB', () => {
  let dir: string;
  beforeEach(async () => (dir = await mkdtemp(join(tmpdir(), 'timeline-eventstoredb-'))));
  afterEach(() => rm(dir, { recursive: true, force: true }));

  for (const version of ['23.10', '24.6'] as const) {
    it(`passes all 26 cases that EventStoreDB passed, in the ways of version ${version}`, async () => {
      const server = await startEventStoreDb({ dir, version });
      try {
        expectAllPassed(await runCases(server.url));
      } finally {
        await server.stop();
      }
    });
  }
});
