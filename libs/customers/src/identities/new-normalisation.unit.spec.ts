/** A new normal form is brought in beside the old one, step by step, and at no step does an identity have two owners. */
import { errorCode, newId } from '@timeline/kernel';
import fc from 'fast-check';
import { CustomerRows } from '../commands/import-customer.command.js';
import { CLAIM_LIFETIME_MS } from '../projections/identity-claims.projection.js';
import { assertNothingLeftBehind, assertOneOwner } from '../testing/ownership.js';
import {
  contextOf,
  customerIdOf,
  overEveryPrefix,
  World,
  type Fate,
  type Process,
} from '../testing/simulated-world.js';
import { claimsOf } from './held-identities.js';
import { normaliseIdentity, type Normalise } from './normalise.js';

/** The new one holds that the case of a member's number says nothing. */
const caseless: Normalise = (given, options, pointer) => {
  const identity = normaliseIdentity(given, options, pointer);
  return { ...identity, value: identity.value.toLowerCase() };
};
const OLD: Fate = { normalisations: [normaliseIdentity] };
const BOTH: Fate = { normalisations: [normaliseIdentity, caseless] };
const NEW: Fate = { normalisations: [caseless] };

const has = (process: Process, value: string): Promise<string> =>
  process.directory.resolve({ identity: { kind: 'member', value } }).then(({ customerId }) => customerId, errorCode);

async function settle(world: World): Promise<void> {
  world.clock.advance(2 * CLAIM_LIFETIME_MS);
  const process = await world.start(BOTH);
  for (let times = 0; (await process.react()) > 0; times += 1) expect(times).toBeLessThan(3);
  assertNothingLeftBehind(await overEveryPrefix(world, assertOneOwner));
}

describe('an identity under two normal forms', () => {
  it('is claimed under both, found under either, and refused to whoever comes with either', async () => {
    const world = new World();
    const both = await world.start(BOTH);
    await both.register('ann', ['Ab1']);
    expect(world.log.events.filter(({ type }) => type === 'IdentityClaimed')).toHaveLength(2);
    expect(await has(both, 'AB1')).toBe(customerIdOf('ann'));
    await expect(both.register('bob', ['aB1'])).rejects.toMatchObject({ code: 'IDENTITY_TAKEN' });
    // A process that is not up to date yet.
    await expect((await world.start(OLD)).register('cy', ['Ab1'])).rejects.toMatchObject({ code: 'IDENTITY_TAKEN' });
    await settle(world);
    expect(await has(await world.start(NEW), 'ab1')).toBe(customerIdOf('ann'));
  });

  it('is one claim where the forms are the same', async () => {
    const world = new World();
    await (await world.start(BOTH)).register('ann', ['m1']);
    expect(world.log.events.filter(({ type }) => type === 'IdentityClaimed')).toHaveLength(1);
  });

  it.each([
    ['is not up to date yet', OLD],
    ['has given up the old form', NEW],
  ])('goes with its owner in both when it is removed, by a process that %s too', async (_who, knows) => {
    const world = new World();
    await (await world.start(BOTH)).register('ann', ['Ab1']);
    await (await world.start(knows)).remove('removal', customerIdOf('ann'), knows === NEW ? 'AB1' : 'Ab1');
    await settle(world);
    expect(world.log.events.filter(({ type }) => type === 'IdentityReleased')).toHaveLength(2);
    const both = await world.start(BOTH);
    await both.register('bob', ['ab1']);
    expect(await has(both, 'Ab1')).toBe(customerIdOf('bob'));
  });

  it('goes with its owner in both when that one is erased', async () => {
    const world = new World();
    const both = await world.start(BOTH);
    await both.register('ann', ['Ab1']);
    await both.erase('erasure', customerIdOf('ann'));
    await settle(world);
    await both.register('bob', ['aB1']);
    expect(await has(both, 'ab1')).toBe(customerIdOf('bob'));
  });
});

describe('an identity that was there before the new form', () => {
  it('is claimed under it too when it is added again', async () => {
    const world = new World();
    const ann = customerIdOf('ann');
    await (await world.start(OLD)).register('ann', ['Ab1']);
    const both = await world.start(BOTH);
    expect(await has(both, 'ab1')).toBe('CUSTOMER_NOT_FOUND');
    await both.add('again', ann, 'Ab1');
    await both.add('and again', ann, 'Ab1');
    expect(await has(both, 'ab1')).toBe(ann);
    await expect(both.register('bob', ['aB1'])).rejects.toMatchObject({ code: 'IDENTITY_TAKEN' });
    await settle(world);
    const { customers } = await overEveryPrefix(world, () => undefined);
    expect(customers.get(ann)).toMatchObject({ identityCount: 1, identities: [{ value: 'Ab1', primary: true }] });
  });

  it('stays with its owner when another is the same by the new form, who is told', async () => {
    const world = new World();
    const old = await world.start(OLD);
    await old.register('ann', ['Ab1']);
    await old.register('bob', ['ab1']);
    const both = await world.start(BOTH);
    await expect(both.add('again', customerIdOf('ann'), 'Ab1')).rejects.toMatchObject({ code: 'IDENTITY_TAKEN' });
    await settle(world);
    expect([await has(both, 'Ab1'), await has(both, 'ab1')]).toEqual([customerIdOf('ann'), customerIdOf('bob')]);
  });
});

describe('two spellings that are one by the new form', () => {
  const ann = customerIdOf('ann');
  const held = async (world: World) => (await overEveryPrefix(world, () => undefined)).customers.get(ann)?.identities;
  const released = (world: World): number => world.log.events.filter(({ type }) => type === 'IdentityReleased').length;

  it('are one identity of their customer, under all the claims of both', async () => {
    const world = new World();
    const both = await world.start(BOTH);
    await both.register('ann', ['Ab1']);
    await both.add('other', ann, 'aB1');
    await both.add('again', ann, 'aB1');
    expect(await held(world)).toMatchObject([{ value: 'Ab1', also: [{}, {}] }]);
    await expect((await world.start(OLD)).register('bob', ['aB1'])).rejects.toMatchObject({ code: 'IDENTITY_TAKEN' });
    await both.remove('removal', ann, 'aB1');
    await settle(world);
    expect(released(world)).toBe(3);
    await both.register('bob', ['ab1']);
  });

  it('are one to a removal, which releases the claims that it rested on, all of them and no others', async () => {
    const world = new World();
    const both = await world.start(BOTH);
    await both.register('ann', ['Ab1']);
    // The spelling that is given to the removal, under the old form alone, belongs to somebody else.
    await (await world.start(OLD)).register('bob', ['aB1']);
    const claims = (await held(world))?.flatMap(claimsOf);
    await both.remove('removal', ann, 'aB1');
    // What a resend finds released it leaves alone.
    await both.remove('removal', ann, 'aB1');
    const ended = world.log.events.flatMap(({ type, data }) =>
      type === 'IdentityReleased' ? [{ hash: data['hash'], claim: data['claim'] }] : [],
    );
    expect(ended).toEqual(claims);
    expect(claims).toHaveLength(2);
    await settle(world);
    expect(released(world)).toBe(2);
    expect(await has(both, 'aB1')).toBe(customerIdOf('bob'));
  });

  it('are the same one in one registration', async () => {
    const both = await new World().start(BOTH);
    await expect(both.register('ann', ['Ab1', 'aB1'])).rejects.toMatchObject({ code: 'IDENTITY_REPEATED' });
  });

  it('stay two where they were two before, and one of them stays when the other goes', async () => {
    const world = new World();
    await (await world.start(OLD)).register('ann', ['Ab1', 'aB1']);
    const both = await world.start(BOTH);
    await both.add('one', ann, 'Ab1');
    await both.add('other', ann, 'aB1');
    expect(await held(world)).toMatchObject([{ value: 'Ab1', also: [{}] }, { value: 'aB1' }]);
    await both.remove('removal', ann, 'Ab1');
    await settle(world);
    expect(await held(world)).toMatchObject([{ value: 'aB1' }]);
    expect(released(world)).toBe(2);
  });

  it('are one in the rows of an import, which brings neither back', async () => {
    const world = new World();
    const both = await world.start(BOTH);
    const rows = new CustomerRows(both.processor, both.registry, both.hashes, world.clock, both.standards);
    const put = (line: number, ...members: string[]) => {
      const identities = members.map((value) => ({ kind: 'member' as const, value }));
      const data = { importId: newId(), source: 'crm', line, externalId: 'x', identities };
      return rows.put(data, contextOf(`row ${line}`));
    };
    const { id } = await put(1, 'Ab1', 'aB1');
    const values = async () =>
      (await overEveryPrefix(world, () => undefined)).customers.get(id)?.identities.map(({ value }) => value);
    expect(await values()).toEqual(['x', 'Ab1']);
    expect((await put(2, 'aB1')).change).toBe('unchanged');
    await both.remove('removal', id, 'Ab1');
    expect((await put(3, 'aB1')).change).toBe('unchanged');
    expect(await values()).toEqual(['x']);
    await settle(world);
  });
});

it('has one owner while some processes know both forms and others only the old one, whoever dies', async () => {
  const attempt = fc.record({
    knows: fc.constantFrom(OLD, BOTH, BOTH),
    value: fc.constantFrom('Ab1', 'aB1', 'ab1'),
    diesAfter: fc.oneof({ weight: 2, arbitrary: fc.constant(Infinity) }, fc.nat(20)),
  });
  await fc.assert(
    fc.asyncProperty(fc.scheduler(), fc.array(attempt, { minLength: 2, maxLength: 5 }), async (scheduler, attempts) => {
      const world = new World(() => scheduler.schedule(Promise.resolve()));
      const racing = attempts.map(async ({ knows, value, diesAfter }, index) =>
        (await world.start({ ...knows, diesAfter })).register(`r${index}`, [value]).then(
          () => knows,
          () => undefined,
        ),
      );
      const registered = await scheduler.waitFor(Promise.all(racing));
      await settle(world.calmed());
      // By the new form they are all the same.
      expect(registered.filter((knows) => knows === BOTH).length).toBeLessThanOrEqual(1);
    }),
    { numRuns: 60 },
  );
});
