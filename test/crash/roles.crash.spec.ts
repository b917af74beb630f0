/**
 * `kill -9` of each role at random instants under load, on embedded stores: the product runs as six processes on the same
 * files. Nothing acknowledged is lost, nothing is applied twice, and `/health` says what is so.
 *
 * In `npm test` the kills are few; `npm run test:crash` sets `CRASH_KILLS` and writes its figures down.
 */
import { auditLog, auditReadModels } from './support/audit.js';
import { countOf, Fleet } from './support/fleet.js';
import { Load } from './support/load.js';
import { Random } from './support/random.js';
import { writeFigures } from './support/figures.js';

const KILLS = Number(process.env['CRASH_KILLS'] ?? 18);
const SEED = Number(process.env['CRASH_SEED'] ?? Date.now() % 1_000_000);

it(
  `loses and doubles nothing when each role is killed, ${KILLS} times in all (CRASH_SEED=${SEED})`,
  async () => {
    const startedAt = Date.now();
    const fleet = await Fleet.start({
      processes: {
        commands: 'commands',
        'more-commands': 'commands',
        queries: 'queries',
        projections: 'projections',
        'more-projections': 'projections',
        reactions: 'reactions',
      },
    });
    try {
      const load = new Load({ seed: SEED, urls: fleet.urls('commands') });
      await load.start();
      const kills = await fleet.restless(KILLS, new Random(SEED, 'kills'));
      await load.finish();
      await fleet.settled();

      const [reader = ''] = fleet.urls('queries');
      const log = await auditLog(load, reader);
      const models = await auditReadModels(load, reader);
      expect([...load.contradictions, ...log.problems, ...models.problems]).toEqual([]);
      expect(fleet.lies).toEqual([]);
      await fleet.member('commands').verify();
      // There was something to lose.
      expect(load.ledger.size).toBeGreaterThan(KILLS * 10);
      expect(countOf(kills)).toBe(KILLS);
      await writeFigures('roles-embedded', { seed: SEED, startedAt, kills, load, audits: [log, models] });
    } finally {
      await fleet.dispose();
    }
  },
  120_000 + KILLS * 15_000,
);
