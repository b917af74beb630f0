/** An identity has one owner, whoever runs at the same time, whatever is sent again, whoever dies when. */
import { errorCode } from '@timeline/kernel';
import fc from 'fast-check';
import { CLAIM_LIFETIME_MS } from '../projections/identity-claims.projection.js';
import {
  assertNothingLeftBehind,
  assertOneOwner,
  customerIdOf,
  Death,
  overEveryPrefix,
  World,
  type Process,
} from '../testing/simulated-world.js';

const MEMBERS = ['m1', 'm2', 'm3'];
const REGISTRATIONS = ['r1', 'r2', 'r3', 'r4'];

type Action =
  | { do: 'register'; key: string; members: string[] }
  | { do: 'add' | 'remove'; key: string; customer: string; member: string }
  | { do: 'erase'; key: string; customer: string }
  | { do: 'react' };
type Step = Action & { diesAfter: number };

const member = fc.constantFrom(...MEMBERS);
const customer = fc.constantFrom(...REGISTRATIONS).map(customerIdOf);
// Of three resends of one key the body must be the same, so the key says what is asked for.
const action: fc.Arbitrary<Action> = fc.oneof(
  {
    weight: 4,
    arbitrary: fc
      .constantFrom(...REGISTRATIONS)
      .map((key): Action => ({ do: 'register', key, members: membersOf(key) })),
  },
  {
    weight: 3,
    arbitrary: fc
      .tuple(fc.constantFrom('add' as const, 'remove' as const), customer, member, fc.nat(2))
      .map(([what, of, value, time]): Action => ({
        do: what,
        key: `${what}/${value}/${time}`,
        customer: of,
        member: value,
      })),
  },
  { weight: 1, arbitrary: customer.map((of): Action => ({ do: 'erase', key: 'erase', customer: of })) },
  { weight: 2, arbitrary: fc.constant<Action>({ do: 'react' }) },
);
const membersOf = (key: string): string[] =>
  ({ r1: ['m1'], r2: ['m1', 'm2'], r3: ['m2', 'm3'], r4: ['m3', 'm1'] })[key] ?? [];
/** Most live; those that die do so within the steps that a command takes. */
const step: fc.Arbitrary<Step> = fc
  .tuple(action, fc.oneof({ weight: 2, arbitrary: fc.constant(Infinity) }, { weight: 1, arbitrary: fc.nat(40) }))
  .map(([what, diesAfter]) => ({ ...what, diesAfter }));
/** Those of one round run at the same time; then the clock moves. */
const rounds = fc.array(
  fc.record({
    steps: fc.array(step, { minLength: 1, maxLength: 4 }),
    later: fc.constantFrom(0, CLAIM_LIFETIME_MS / 2, CLAIM_LIFETIME_MS),
  }),
  { minLength: 1, maxLength: 5 },
);

function perform(process: Process, what: Action): Promise<unknown> {
  switch (what.do) {
    case 'register':
      return process.register(what.key, what.members);
    case 'add':
      return process.add(`${what.key}/${what.customer}`, what.customer, what.member);
    case 'remove':
      return process.remove(`${what.key}/${what.customer}`, what.customer, what.member);
    case 'erase':
      return process.erase(`${what.key}/${what.customer}`, what.customer);
    case 'react':
      return process.react();
  }
}

const REFUSALS = ['IDENTITY_TAKEN', 'IDENTITY_NOT_FOUND', 'CUSTOMER_NOT_FOUND', 'CUSTOMER_ERASED'];

describe('an identity has one owner', () => {
  it('in any run of claims, additions, removals, erasures, resends and deaths', async () => {
    await fc.assert(
      fc.asyncProperty(fc.scheduler(), rounds, async (scheduler, plan) => {
        const world = new World(() => scheduler.schedule(Promise.resolve()));
        const unexpected: string[] = [];
        for (const { steps, later } of plan) {
          const running = steps.map(async ({ diesAfter, ...what }) => {
            try {
              await perform(await world.start(diesAfter), what);
            } catch (error) {
              if (!(error instanceof Death) && !REFUSALS.includes(errorCode(error)))
                unexpected.push(`${what.do}: ${String(error)}`);
            }
          });
          await scheduler.waitFor(Promise.all(running));
          world.clock.advance(later);
        }
        expect(unexpected).toEqual([]);
        await overEveryPrefix(world, assertOneOwner);

        // What was left half done is done in the end.
        const quiet = world.calmed();
        quiet.clock.advance(2 * CLAIM_LIFETIME_MS);
        const last = await quiet.start();
        for (let times = 0; (await last.react()) > 0; times += 1) expect(times).toBeLessThan(3);
        const end = await overEveryPrefix(quiet, assertOneOwner);
        assertNothingLeftBehind(end);
        for (const { status, erasureCarriedOut } of end.customers.values())
          expect(erasureCarriedOut).toBe(status === 'erased');
        for (const [id, { status }] of end.customers) expect(world.keys.destroyed.has(id)).toBe(status === 'erased');
      }),
      { numRuns: Number(process.env['RUNS'] ?? 80) },
    );
  });
});
