/** Four processes race for five identities on the same embedded files; some are killed, some late. */
import { raceForIdentities } from './support/identity-race.js';

const SEED = Number(process.env['CRASH_SEED'] ?? Date.now() % 1_000_000);
const ROUNDS = process.env['CRASH_LONG'] ? 200 : 10;

it(`an identity has one owner, whoever is killed or late, in ${ROUNDS} rounds (CRASH_SEED=${SEED})`, async () => {
  const { problems, seen } = await raceForIdentities(SEED, ROUNDS);
  process.stderr.write(`identities raced for (CRASH_SEED=${SEED}): ${JSON.stringify(seen)}\n`);
  expect(problems).toEqual([]);
  // That the race was one.
  expect(seen.killedHoldingClaims).toBeGreaterThan(0);
  expect(seen.stoppedHoldingClaims).toBeGreaterThan(0);
  expect(seen.lateAndRefused).toBeGreaterThan(0);
  expect(seen.lapsed).toBeGreaterThan(0);
  expect(seen.acknowledged).toBeGreaterThan(ROUNDS);
}, 1_200_000);
