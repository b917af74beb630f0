// Command bus on EventStoreDB's protocol, 64 in flight; keys in an embedded file. The server is the stand-in of this
// repository: a process of its own on the same machine, which costs more than EventStoreDB would.
// Raw: the same events under other ids, `appendToStream` of the raw client at "no stream", 64 in flight.
import { randomUUID } from 'node:crypto';
import eventStoreDb from '@eventstore/db-client';
import { IN_FLIGHT, lastEvents, openCommandSide } from '../support/commands.mjs';
import { inFlight, interleaved, speedOf } from '../support/rounds.mjs';
import { compared } from '../support/rows.mjs';

const { EventStoreDBClient, jsonEvent, NO_STREAM } = eventStoreDb;

export const needs = ['eventstoredb'];
export const scales = {
  quick: { commands: 1_500, rounds: 4, customers: 200 },
  normal: { commands: 8_000, rounds: 7 },
  full: { commands: 16_000, rounds: 9 },
};

export async function run({ folder, servers, scale: { commands, rounds, customers } }) {
  const { url, version } = servers.eventstoredb;
  const side = await openCommandSide(folder, { servers: { eventstoredb: url }, customers });
  const client = EventStoreDBClient.connectionString(url);
  // Of ours once: raw always writes the same bytes, under new ids.
  let events;
  const figures = await interleaved({
    rounds,
    ours: () => {
      const bodies = side.bodies(commands);
      return speedOf(commands, () => inFlight(IN_FLIGHT, bodies, side.send));
    },
    raw: async () => {
      events ??= await lastEvents(side.product.events, commands);
      const renamed = events.map((event) => ({ ...event, id: randomUUID(), stream: `interaction-${randomUUID()}` }));
      return speedOf(commands, () =>
        inFlight(IN_FLIGHT, renamed, ({ stream, id, type, data, personal, metadata }) =>
          client.appendToStream(stream, jsonEvent({ id, type, data: { data, personal }, metadata }), {
            expectedRevision: NO_STREAM,
          }),
        ),
      );
    },
  });
  await client.dispose();
  await side.close();
  return [
    compared({
      id: 'commands-eventstoredb',
      what: "command bus, 64 in flight, EventStoreDB's protocol",
      against: 'raw client, appendToStream of the same events, 64 in flight',
      unit: 'commands/s',
      figures,
      aim: { atLeast: 0.85 },
      checked: true,
      on: version,
    }),
  ];
}
