/** An identity has one owner, whoever runs at the same time, whatever is sent again, whoever dies or is late when. */
import { errorCode } from '@timeline/kernel';
import fc from 'fast-check';
import { CLAIM_LIFETIME_MS } from '../projections/identity-claims.projection.js';
import { assertNothingLeftBehind, assertOneOwner } from '../testing/ownership.js';
import {
  customerIdOf,
  Death,
  overEveryPrefix,
  Stall,
  World,
  type Fate,
  type Process,
} from '../testing/simulated-world.js';

const MEMBERS = ['m1', 'm2', 'm3'];
// The same key is the same command, so what it asks for is fixed.
const REGISTRATIONS: Readonly<Record<string, string[]>> = { r1: ['m1'], r2: ['m1', 'm2'], r3: ['m2', 'm3'] };

type Action =
  | { do: 'register'; key: string }
  | { do: 'add' | 'remove'; time: number; customer: string; member: string }
  | { do: 'open'; time: number; member: string }
  | { do: 'erase'; customer: string }
  | { do: 'react' };
type Step = Action & Fate;

const registration = fc.constantFrom(...Object.keys(REGISTRATIONS));
const customer = registration.map(customerIdOf);
const action: fc.Arbitrary<Action> = fc.oneof(
  { weight: 5, arbitrary: registration.map((key): Action => ({ do: 'register', key })) },
  {
    weight: 5,
    arbitrary: fc.record({
      do: fc.constantFrom('add' as const, 'remove' as const),
      time: fc.nat(2),
      customer,
      member: fc.constantFrom(...MEMBERS),
    }),
  },
  {
    weight: 3,
    arbitrary: fc.record({ do: fc.constant('open' as const), time: fc.nat(2), member: fc.constantFrom(...MEMBERS) }),
  },
  { weight: 1, arbitrary: customer.map((of): Action => ({ do: 'erase', customer: of })) },
  { weight: 3, arbitrary: fc.constant<Action>({ do: 'react' }) },
);

const NEVER = Infinity;
const step: fc.Arbitrary<Step> = fc
  .tuple(action, fc.oneof({ weight: 3, arbitrary: fc.constant(NEVER) }, { weight: 1, arbitrary: fc.nat(25) }))
  .map(([what, diesAfter]) => ({ ...what, diesAfter }));
const lateStep: fc.Arbitrary<Step> = fc
  .tuple(action, fc.nat(25))
  .map(([what, stallsAfter]) => ({ ...what, stallsAfter }));

/** Some begin and stand still, time passes, others come and go, then the late ones go on. */
const rounds = fc.array(
  fc.record({
    late: fc.array(lateStep, { maxLength: 2 }),
    later: fc.constantFrom(0, CLAIM_LIFETIME_MS),
    meanwhile: fc.array(step, { minLength: 1, maxLength: 4 }),
  }),
  { minLength: 1, maxLength: 4 },
);

function perform(process: Process, what: Action): Promise<unknown> {
  switch (what.do) {
    case 'register':
      return process.register(what.key, REGISTRATIONS[what.key] ?? []);
    case 'add':
    case 'remove':
      return process[what.do](keyOf(what), what.customer, what.member);
    case 'open':
      return process.open(keyOf(what), what.member);
    case 'erase':
      return process.erase(keyOf(what), what.customer);
    case 'react':
      return process.react();
  }
}
const keyOf = (what: Action): string => Object.values(what).join('/');

const REFUSALS = ['IDENTITY_TAKEN', 'IDENTITY_NOT_FOUND', 'CUSTOMER_NOT_FOUND', 'CUSTOMER_ERASED'];

/** Performs actions and keeps what must not have happened. */
class Witness {
  readonly unexpected: string[] = [];
  readonly #acknowledged = new Set<string>();

  async see(process: Promise<Process>, what: Action): Promise<void> {
    const key = keyOf(what);
    const isResent = this.#acknowledged.has(key);
    try {
      await perform(await process, what);
      if (what.do === 'register' || what.do === 'erase') this.#acknowledged.add(key);
    } catch (error) {
      if (error instanceof Death) return;
      if (isResent || !REFUSALS.includes(errorCode(error))) this.unexpected.push(`${key}: ${String(error)}`);
    }
  }
}

describe('an identity has one owner', () => {
  it('in any run of claims, additions, removals, erasures, resends, deaths and late awakenings', async () => {
    await fc.assert(
      fc.asyncProperty(fc.scheduler(), rounds, async (scheduler, plan) => {
        const world = new World(() => scheduler.schedule(Promise.resolve()));
        const witness = new Witness();
        for (const { late, later, meanwhile } of plan) {
          const stalled = late.map(({ stallsAfter = 0, ...what }) => {
            const stall = new Stall();
            return { stall, done: witness.see(world.start({ stallsAfter }, stall), what) };
          });
          await scheduler.waitFor(Promise.all(stalled.map(({ stall, done }) => Promise.race([stall.reached, done]))));
          world.clock.advance(later);
          const others = meanwhile.map(({ diesAfter = NEVER, ...what }) =>
            witness.see(world.start({ diesAfter }), what),
          );
          await scheduler.waitFor(Promise.all(others));
          for (const { stall } of stalled) stall.goOn();
          await scheduler.waitFor(Promise.all(stalled.map(({ done }) => done)));
        }
        expect(witness.unexpected).toEqual([]);
        await overEveryPrefix(world, assertOneOwner);
        await assertAllIsDoneInTheEnd(world.calmed());
      }),
      { numRuns: Number(process.env['RUNS'] ?? 60) },
    );
  });
});

/** What was left half done is done, and what nobody holds can be had. */
async function assertAllIsDoneInTheEnd(world: World): Promise<void> {
  world.clock.advance(2 * CLAIM_LIFETIME_MS);
  const last = await world.start();
  for (let times = 0; (await last.react()) > 0; times += 1) expect(times).toBeLessThan(3);
  const end = await overEveryPrefix(world, assertOneOwner);
  assertNothingLeftBehind(end);
  for (const [id, { status, erasureCarriedOut }] of end.customers) {
    expect([id, erasureCarriedOut, world.keys.destroyed.has(id)]).toEqual([
      id,
      status === 'erased',
      status === 'erased',
    ]);
  }
  const held = new Map(
    [...end.customers].flatMap(([id, { status, identities }]) =>
      status === 'active' ? identities.map(({ value }) => [value, id] as const) : [],
    ),
  );
  const [first = '', ...others] = MEMBERS;
  const opened = await last.open('afterwards', first);
  expect(opened).toBe(held.get(first) ?? opened);
  expect(await last.open('later', first)).toBe(opened);
  for (const member of others) {
    const claimed = last.register(`afterwards/${member}`, [member]).then(
      () => 'had',
      (error: unknown) => errorCode(error),
    );
    expect([member, await claimed]).toEqual([member, held.has(member) ? 'IDENTITY_TAKEN' : 'had']);
  }
}

describe('an anonymous customer', () => {
  const deaths = Array.from({ length: 30 }, (_, steps) => steps);

  it('is opened by the next who tries, at once, wherever the first one died', async () => {
    const isWhole: boolean[] = [];
    for (const diesAfter of deaths) {
      const world = new World();
      const dying = await world.start({ diesAfter });
      isWhole.push(
        await dying.open('first', 'm1').then(
          () => true,
          () => false,
        ),
      );
      const opened = await (await world.start()).open('second', 'm1');
      const end = await overEveryPrefix(world, assertOneOwner);
      expect([...end.customers.keys()]).toEqual([opened]);
      assertNothingLeftBehind(end);
    }
    // Some died, some did not: every step there is was tried.
    expect(new Set(isWhole).size).toBe(2);
  });

  it('is not opened again under an identity that was taken from it, wherever that was cut off', async () => {
    const outcomes = new Set<string>();
    for (const diesAfter of deaths) {
      const world = new World();
      const first = await (await world.start()).open('first', 'm1');
      await (await world.start({ diesAfter })).remove('removal', first, 'm1').catch(() => undefined);
      const opened = await (await world.start()).open('second', 'm1').catch(errorCode);
      const { customers } = await overEveryPrefix(world, assertOneOwner);
      const isHeld = customers.get(first)?.identities.length === 1;
      expect([diesAfter, opened === first]).toEqual([diesAfter, isHeld]);
      outcomes.add(isHeld ? 'held' : opened === 'IDENTITY_TAKEN' ? 'not released yet' : 'another');
    }
    expect([...outcomes].sort()).toEqual(['another', 'held', 'not released yet']);
  });
});
