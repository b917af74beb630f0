/** The command bus under load: what every path that sends commands shares. */
import { interactionsFrom } from './history.mjs';
import { environmentIn, lib, openBuses, openProduct } from './product.mjs';
import { randomFrom } from './random.mjs';
import { inFlight } from './rounds.mjs';

export const IN_FLIGHT = 64;
const CUSTOMERS = 1_000;
const SEED = 64;

export async function openCommandSide(folder, { servers, customers: count = CUSTOMERS } = {}) {
  const product = await openProduct({ ...environmentIn(folder, servers), ROLES: 'commands' });
  const { context, commands } = await openBuses(product);
  const { validateDto } = await lib('http/src/index.js');
  const { registerCustomer, RegisterCustomerData } = await lib('customers/src/index.js');
  const { recordInteraction, RecordInteractionData } = await lib(
    'interactions/src/commands/record-interaction.command.js',
  );

  const customers = [];
  const people = Array.from({ length: count }, (_, n) => ({ kind: 'person', name: { full: `Person ${n}` } }));
  await inFlight(IN_FLIGHT, people, async (person) => {
    const data = validateDto(RegisterCustomerData, person);
    customers.push((await commands.dispatch(registerCustomer, data, { caller: 'bench' })).id);
  });
  // In the order of registration they would be in the order of the answers, another in every run.
  const next = interactionsFrom(randomFrom(SEED), customers.sort());
  let sent = 0;

  return {
    product,
    /** Bodies as they come out of a request's JSON. */
    bodies: (count) => Array.from({ length: count }, () => ({ key: `bench-${(sent += 1)}`, body: next() })),
    /** One as a caller sends it: checked, then through the bus, until it is durable. */
    send: ({ key, body }) =>
      commands.dispatch(recordInteraction, validateDto(RecordInteractionData, body), {
        caller: 'bench',
        idempotencyKey: key,
      }),
    close: async () => {
      await context.close();
      await product.stop();
    },
  };
}

/** The last `count` events of the log, in its order: what the raw side writes again. */
export async function lastEvents(events, count) {
  const found = [];
  for await (const batch of events.readAll({ direction: 'backwards', limit: count })) found.push(...batch);
  return found.reverse();
}
