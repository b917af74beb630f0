// Command bus on the embedded stores, 64 in flight: each command is checked as a request's body is, its customer looked up,
// its stream loaded, decided, its personal data sealed, appended at its revision, and answered once durable.
// Raw: the same events, sealed already, inserted into the same table, 64 rows a transaction, one transaction at a time.
import path from 'node:path';
import { IN_FLIGHT, lastEvents, openCommandSide } from '../support/commands.mjs';
import { RawLog, ROWS } from '../support/raw-log.mjs';
import { inFlight, interleaved, speedOf } from '../support/rounds.mjs';
import { compared } from '../support/rows.mjs';

export const scales = {
  quick: { commands: 2_000, rounds: 4, customers: 500 },
  normal: { commands: 20_000, rounds: 7 },
  full: { commands: 40_000, rounds: 9 },
};

export async function run({ folder, scale: { commands, rounds, customers } }) {
  const side = await openCommandSide(folder, { customers });
  const log = await RawLog.create(path.join(folder, 'raw.db'));
  const figures = await interleaved({
    rounds,
    ours: () => {
      const bodies = side.bodies(commands);
      return speedOf(commands, () => inFlight(IN_FLIGHT, bodies, side.send));
    },
    raw: async () => {
      const events = await lastEvents(side.product.events, commands);
      return speedOf(commands, () => {
        for (let at = 0; at < events.length; at += ROWS) log.insert(events.slice(at, at + ROWS));
      });
    },
  });
  log.close();
  await side.close();
  return [
    compared({
      id: 'commands-sqlite',
      what: 'command bus, 64 in flight, SQLite',
      against: 'raw insert of the same events, 64 rows a transaction, same tables',
      unit: 'commands/s',
      figures,
      aim: { atLeast: 0.7 },
      checked: true,
    }),
  ];
}
