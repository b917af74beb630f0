/**
 * Two relays on real Kafka, under load: the one that writes is killed, and stopped (SIGSTOP) for longer than a transaction
 * may take and let go on. A consumer of committed messages sees each public event once and in order per customer.
 */
import { OwnTopics } from '../support/stores.js';
import { auditLog, auditTopics } from './support/audit.js';
import { Fleet } from './support/fleet.js';
import { Load } from './support/load.js';

const SEED = Number(process.env['CRASH_SEED'] ?? Date.now() % 1_000_000);
const ROUNDS = process.env['CRASH_LONG'] ? 8 : 1;
const broker = process.env['BROKER_URL'] ?? '';
if (!broker) process.stderr.write('Two relays were not tested: BROKER_URL is not set.\n');

(broker ? it : it.skip)(
  `two relays, killed and stopped, publish each event once and in order (CRASH_SEED=${SEED})`,
  async () => {
    const ownTopics = await OwnTopics.open();
    const fleet = await Fleet.start({
      processes: { api: 'commands,queries,projections,reactions', one: 'relay', two: 'relay' },
      env: { BROKER_URL: broker },
    });
    try {
      const load = new Load({
        seed: SEED,
        urls: fleet.urls('commands'),
        journeys: 4,
        pauseMs: 300,
        maxCommands: 4_000 * ROUNDS,
      });
      const writes = (state: string): boolean => state === 'live' || state === 'catching-up';
      /** The one that publishes now, and the other. */
      const inTurn = async (): Promise<['one' | 'two', 'one' | 'two']> => {
        for (;;) {
          for (const [name, other] of [
            ['one', 'two'],
            ['two', 'one'],
          ] as const) {
            const told = fleet.watch(name).samples.at(-1)?.told?.relay;
            const rival = fleet.watch(other).samples.at(-1)?.told?.relay;
            if (told && rival && writes(told.state) && !writes(rival.state)) return [name, other];
          }
          await new Promise((resolve) => setTimeout(resolve, 100));
        }
      };
      const takesOver = (name: string): Promise<unknown> =>
        fleet
          .watch(name)
          .until(({ relay }) => relay !== undefined && writes(relay.state), `${name} publishes`, 120_000);
      await load.start();
      await load.progress(30);
      for (let round = 0; round < ROUNDS; round += 1) {
        const [killed, next] = await inTurn();
        await fleet.member(killed).kill('SIGKILL');
        await takesOver(next);
        await fleet.member(killed).start();
        const [stopped, successor] = await inTurn();
        process.kill(fleet.member(stopped).pid, 'SIGSTOP');
        // A stand-by takes over only after the writer has stood still for longer than a transaction may take.
        await takesOver(successor);
        await load.progress(20);
        process.kill(fleet.member(stopped).pid, 'SIGCONT');
        await load.progress(20);
      }
      await load.finish();
      await fleet.settled(120_000);
      const log = await auditLog(load, fleet.member('api').url);
      const topics = await auditTopics(broker, log.events);
      expect([...log.problems, ...topics.problems, ...[...fleet.watches.values()].flatMap(({ lies }) => lies)]).toEqual(
        [],
      );
      expect(topics.counts['published']).toBeGreaterThan(40);
      await fleet.member('api').verify();
    } finally {
      await fleet.dispose();
      await ownTopics.dispose();
    }
  },
  1_200_000,
);
