/** The same rivals, their read models and keys on a server that speaks MongoDB's protocol. */
import { randomUUID } from 'node:crypto';
import { runRivals } from './support/rivals.js';

const SEED = Number(process.env['CRASH_SEED'] ?? Date.now() % 1_000_000);
const PAUSES = process.env['CRASH_LONG'] ? 20 : 2;
const reads = process.env['READ_STORE_URL'] ?? '';
if (!reads) process.stderr.write('Rivals on MongoDB’s protocol were not tested: READ_STORE_URL is not set.\n');

/** Databases of its own, so that runs do not meet. */
function database(name: string): string {
  const url = new URL(reads);
  url.pathname = `/${name}_${randomUUID().slice(0, 8)}`;
  return url.toString();
}

(reads ? it : it.skip)(
  `two projectors and ${PAUSES} awakenings bring nothing back and move nothing back (CRASH_SEED=${SEED})`,
  async () => {
    const env = { READ_STORE_URL: database('reads'), KEY_STORE_URL: database('keys') };
    const { problems, pauses } = await runRivals(SEED, PAUSES, env, 150);
    expect(problems).toEqual([]);
    expect(pauses).toBe(PAUSES);
  },
  1_200_000,
);
