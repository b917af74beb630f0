// How long after a command was answered its event can be read: 1,000 commands a second through the bus, at their times
// whether or not the ones before are done, all roles in one process on embedded stores; sampled every 10th. Visible is when the
// timeline and the profile, each asked to have seen the command's position, have.
// Told are p50 and p99, how many commands a second really went through, and what was left when the last one was sent. Nothing is beside it.
import { inFlightOf } from '../support/open-loop.mjs';
import { environmentIn, lib, openBuses, openProduct } from '../support/product.mjs';
import { interactionsFrom } from '../support/history.mjs';
import { randomFrom } from '../support/random.mjs';
import { alone } from '../support/rows.mjs';
import { percentile } from '../support/statistics.mjs';

export const scales = {
  normal: { perSecond: 1_000, seconds: 30 },
  full: { perSecond: 1_000, seconds: 120 },
};
const CUSTOMERS = 1_000;
const WARM_UP_SECONDS = 5;
const SEED = 11;

export async function run({ folder, scale }) {
  return lagOn({ folder, servers: {}, scale, id: 'live-lag-embedded', on: 'embedded', atMost: 50 });
}

export async function lagOn({ folder, servers, scale: { perSecond, seconds }, id, on, atMost }) {
  const product = await openProduct({
    ...environmentIn(folder, servers),
    ROLES: 'commands,queries,projections,reactions',
  });
  const { context, commands } = await openBuses(product);
  await product.start(context);
  const { registerCustomer } = await lib('customers/src/index.js');
  const { validateDto } = await lib('http/src/index.js');
  const { recordInteraction, RecordInteractionData } = await lib(
    'interactions/src/commands/record-interaction.command.js',
  );
  const customers = [];
  for (let n = 0; n < CUSTOMERS; n += 50)
    for (const { id: customerId } of await Promise.all(
      Array.from({ length: 50 }, (_, at) =>
        commands.dispatch(
          registerCustomer,
          { kind: 'person', name: { full: `Person ${n + at}` }, stage: 'lead' },
          { caller: 'bench' },
        ),
      ),
    ))
      customers.push(customerId);
  const next = interactionsFrom(randomFrom(SEED), customers);
  const runners = product.engine
    .status()
    .filter(({ live, projection }) => live && ['timeline', 'profile'].includes(projection))
    .map(({ build }) => product.engine.runner(build));
  if (runners.length !== 2) throw new Error('the timeline and the profile are not live');

  const lags = [];
  const total = perSecond * (WARM_UP_SECONDS + seconds);
  const outcome = await inFlightOf({ perSecond, total }, async (n) => {
    const data = validateDto(RecordInteractionData, next());
    const { position } = await commands.dispatch(recordInteraction, data, {
      caller: 'bench',
      idempotencyKey: `${id}-${n}`,
    });
    if (n % 10 !== 0) return;
    const answered = performance.now();
    const seen = await Promise.all(runners.map((runner) => runner.waitFor(position, 120_000)));
    if (!seen.every(Boolean)) throw new Error('not visible within two minutes');
    if (n >= perSecond * WARM_UP_SECONDS) lags.push(performance.now() - answered);
  });
  await context.close();
  await product.stop();
  const more = { samples: lags.length, sentPerSecond: outcome.perSecond, leftWhenLastWasSent: outcome.left };
  return [
    alone({
      id,
      what: `live lag p99 at ${perSecond.toLocaleString('en')} commands/s, ${on}`,
      unit: 'ms',
      value: percentile(lags, 0.99),
      aim: { atMost },
      p50: percentile(lags, 0.5),
      ...more,
    }),
  ];
}
