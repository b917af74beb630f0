/** Two projectors for the same projections on the same embedded files; one is stopped, left behind and let go on. */
import { runRivals } from './support/rivals.js';

const SEED = Number(process.env['CRASH_SEED'] ?? Date.now() % 1_000_000);
const PAUSES = process.env['CRASH_LONG'] ? 40 : 2;

it(`two projectors and ${PAUSES} awakenings bring nothing back and move nothing back (CRASH_SEED=${SEED})`, async () => {
  const { problems, pauses, commands } = await runRivals(SEED, PAUSES);
  expect(problems).toEqual([]);
  expect(pauses).toBe(PAUSES);
  expect(commands).toBeGreaterThan(90 * PAUSES);
}, 1_200_000);
