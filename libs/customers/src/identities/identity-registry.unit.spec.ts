/** Claims around the owner's event, story by story; `one-owner.unit.spec.ts` tells them all at random. */
import { CLAIM_LIFETIME_MS } from '../projections/identity-claims.projection.js';
import { customerIdOf, Death, overEveryPrefix, Stall, World, type Fate } from '../testing/simulated-world.js';

const types = (world: World, prefix: string): string[] =>
  world.log.events.filter(({ stream }) => stream.startsWith(prefix)).map(({ type }) => type);

/** Registers in a process that ends just before the owner's event is written. */
async function claimAndDie(world: World, key: string, members: string[], occurredAt?: string): Promise<void> {
  // One step is the owner's stream; each claim takes the steps up to the last event seen here.
  for (let diesAfter = 1; !world.log.events.some(({ type }) => type === 'IdentityClaimed'); diesAfter += 1) {
    await expect((await world.start({ diesAfter })).register(key, members, occurredAt)).rejects.toBeInstanceOf(Death);
  }
  expect(types(world, 'customer-')).toEqual([]);
}

async function letLapse(world: World): Promise<void> {
  world.clock.advance(CLAIM_LIFETIME_MS);
  const process = await world.start();
  while ((await process.react()) > 0);
}

describe('a claim that its owner never confirmed', () => {
  it('stands for a minute, then lapses in the owner’s stream first, and others can have the identity', async () => {
    const world = new World();
    await claimAndDie(world, 'first', ['m1']);
    const other = await world.start();
    await expect(other.register('second', ['m1'])).rejects.toMatchObject({ code: 'IDENTITY_TAKEN' });
    expect(await other.react()).toBe(0);

    await letLapse(world);
    expect(world.log.events.slice(-2).map(({ type }) => type)).toEqual(['IdentityClaimLapsed', 'IdentityReleased']);
    await other.register('second', ['m1']);
    await expect(other.register('first', ['m1'])).rejects.toMatchObject({ code: 'IDENTITY_TAKEN' });
    await expect(other.directory.resolve({ identity: { kind: 'member', value: 'm1' } })).resolves.toEqual({
      customerId: customerIdOf('second'),
    });
  });

  it('is claimed anew by the owner’s retry when nobody else came', async () => {
    const world = new World();
    await claimAndDie(world, 'first', ['m1']);
    await letLapse(world);
    const outcome = await (await world.start()).register('first', ['m1']);
    expect(outcome).toMatchObject({ id: customerIdOf('first'), revision: 1, resent: false });
    expect(types(world, 'identity-')).toEqual(['IdentityClaimed', 'IdentityReleased', 'IdentityClaimed']);
  });

  it('is used by the owner’s retry while it stands', async () => {
    const world = new World();
    await claimAndDie(world, 'first', ['m1']);
    await (await world.start()).register('first', ['m1']);
    expect(types(world, 'identity-')).toEqual(['IdentityClaimed']);
  });

  it('does not keep a registration of long ago from being sent again after it lapsed', async () => {
    const world = new World();
    await claimAndDie(world, 'first', ['m1'], '2014-01-03T00:00:00.000Z');
    await letLapse(world);
    await (await world.start()).register('first', ['m1'], '2014-01-03T00:00:00.000Z');
    expect(types(world, 'customer-')).toEqual(['IdentityClaimLapsed', 'CustomerRegistered']);
  });

  it('is of no use to an owner who wakes up late, wherever it had stood still', async () => {
    for (let stallsAfter = 1; stallsAfter < 40; stallsAfter += 1) {
      const world = new World();
      const stall = new Stall();
      const late = (await world.start({ stallsAfter }, stall)).register('late', ['m1']);
      await Promise.race([stall.reached, late]);
      const wasDone = types(world, 'customer-').includes('CustomerRegistered');
      await letLapse(world);
      const quick = (await world.start()).register('quick', ['m1']);
      const other = await quick.then(
        () => 'had',
        (error: { code: string }) => error.code,
      );
      stall.goOn();
      const end = await late.then(
        () => 'had',
        (error: { code: string }) => error.code,
      );
      expect([other, end]).toEqual(wasDone ? ['IDENTITY_TAKEN', 'had'] : ['had', 'IDENTITY_TAKEN']);
      if (wasDone) return;
    }
    throw new Error('the registration takes more steps than this test knows');
  });
});

describe('a command that is refused', () => {
  it('gives up at once what it had claimed', async () => {
    const world = new World();
    const process = await world.start();
    await process.register('first', ['m2']);
    await expect(process.register('second', ['m1', 'm2', 'm3'])).rejects.toMatchObject({
      code: 'IDENTITY_TAKEN',
      details: { pointer: '/identities/1/value' },
    });
    await process.register('third', ['m1', 'm3']);
    const { customers } = await overEveryPrefix(world, () => undefined);
    expect(customers.get(customerIdOf('second'))?.status ?? 'unknown').toBe('unknown');
  });

  it('claims nothing for a customer who is not there', async () => {
    const world = new World();
    const process = await world.start();
    await expect(process.add('a', customerIdOf('nobody'), 'm1')).rejects.toMatchObject({ code: 'CUSTOMER_NOT_FOUND' });
    expect(world.log.events).toEqual([]);
  });
});

describe('an identity that was removed', () => {
  it('is free at once, and is claimed anew when it is added again', async () => {
    const world = new World();
    const process = await world.start();
    const { id } = await process.register('first', ['m1']);
    await process.remove('remove', id, 'm1');
    await process.add('add', id, 'm1');
    expect(types(world, 'identity-')).toEqual(['IdentityClaimed', 'IdentityReleased', 'IdentityClaimed']);
    const attempts = world.log.events.flatMap(({ type, data, metadata }) =>
      type === 'IdentityClaimed' ? [[data['attempt'], metadata.keyId]] : [],
    );
    expect(attempts.map(([attempt]) => attempt)).toEqual([1, 2]);
    expect(new Set(attempts.map(([, keyId]) => keyId)).size).toBe(2);
  });

  it('is released by a reaction when the command died before it could', async () => {
    const world = new World();
    const { id } = await (await world.start()).register('first', ['m1']);
    const isRemoved = (): boolean => types(world, 'customer-').includes('CustomerIdentityRemoved');
    for (let diesAfter = 1; !isRemoved(); diesAfter += 1) {
      const fate: Fate = { diesAfter };
      await expect((await world.start(fate)).remove('remove', id, 'm1')).rejects.toBeInstanceOf(Death);
    }
    const process = await world.start();
    await expect(process.directory.resolve({ identity: { kind: 'member', value: 'm1' } })).rejects.toMatchObject({
      code: 'CUSTOMER_NOT_FOUND',
    });
    expect(await process.react()).toBe(1);
    expect(types(world, 'identity-')).toEqual(['IdentityClaimed', 'IdentityReleased']);
    expect(await process.react()).toBe(0);
  });

  it('can be added again by its owner before it was released', async () => {
    const world = new World();
    const { id } = await (await world.start()).register('first', ['m1']);
    for (let diesAfter = 1; !types(world, 'customer-').includes('CustomerIdentityRemoved'); diesAfter += 1) {
      await expect((await world.start({ diesAfter })).remove('remove', id, 'm1')).rejects.toBeInstanceOf(Death);
    }
    const process = await world.start();
    await process.add('add', id, 'm1');
    expect(await process.react()).toBe(0);
    await expect(process.directory.resolve({ identity: { kind: 'member', value: 'm1' } })).resolves.toEqual({
      customerId: id,
    });
  });
});

describe('the events of an identity', () => {
  it('do not tell whom they concern, in no field and by no id that they share with the owner’s events', async () => {
    const world = new World();
    const process = await world.start();
    const { id } = await process.register('first', ['m1', 'm2']);
    await process.remove('remove', id, 'm1');
    const parts = (event: (typeof world.log.events)[number]): string[] => {
      const { id: eventId, stream, metadata } = event;
      const { commandId, correlationId, causationId, bodyHash, keyId = '', customerId = '', actor } = metadata;
      return [eventId, stream, commandId, correlationId, causationId, bodyHash, keyId, customerId, actor];
    };
    const isIdentity = ({ stream }: { stream: string }): boolean => stream.startsWith('identity-');
    const ofOwner = new Set(
      world.log.events
        .filter((event) => !isIdentity(event))
        .flatMap(parts)
        .filter((part) => part !== ''),
    );
    ofOwner.add(id);
    for (const event of world.log.events.filter(isIdentity)) {
      expect(parts(event).filter((part) => ofOwner.has(part))).toEqual([]);
      const clear = JSON.stringify({ ...event, personal: undefined });
      for (const part of ofOwner) expect(clear).not.toContain(part);
      expect(clear).not.toContain('m1');
    }
    const keys = world.log.events
      .filter(({ type }) => type === 'IdentityClaimed')
      .map(({ metadata }) => metadata.keyId);
    expect(new Set(keys).size).toBe(2);
  });
});
