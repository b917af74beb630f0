/**
 * What every peer's program shares: it opens the peer's store, then records interactions, as many a round as it is told, so many
 * under way at a time, and answers how many a second. It is a process of its own, started by `paths/peers.mjs`.
 */
import { interactionsFrom } from '../support/history.mjs';
import { randomFrom, uuidFrom } from '../support/random.mjs';
import { inFlight, speedOf } from '../support/rounds.mjs';

const CUSTOMERS = 1_000;
const SEED = 64;

/** `open(task)` answers what records one: `(body) => Promise`. */
export function driven(open) {
  process.once('message', async (task) => {
    const random = randomFrom(SEED);
    const next = interactionsFrom(
      random,
      Array.from({ length: CUSTOMERS }, () => uuidFrom(random)),
    );
    try {
      const record = await open(task);
      process.on('message', async ({ count, width }) => {
        try {
          const bodies = Array.from({ length: count }, next);
          process.send({ value: (await speedOf(count, () => inFlight(width, bodies, record))).value });
        } catch (error) {
          process.send({ error: String(error).slice(0, 600) });
        }
      });
      process.send({ ready: true });
    } catch (error) {
      process.send({ error: String(error).slice(0, 600) });
    }
  });
  process.once('disconnect', () => process.exit(0));
}
