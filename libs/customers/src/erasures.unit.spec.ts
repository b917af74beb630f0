/** Carrying erasures out, cut off anywhere, and again after a key store was restored. */
import { CustomerGroups } from '@timeline/deciding';
import { makePosition } from '@timeline/kernel';
import { carryOutErasures } from './erasures.js';
import { KEYS_GONE_AFTER_MS } from './projections/erasure.projection.js';
import { LOG_ID } from './testing/simulated-stores.js';
import { customerIdOf, Death, overEveryPrefix, World, type Process } from './testing/simulated-world.js';

async function register(process: Process, key: string, members: string[]): Promise<string> {
  return (await process.register(key, members)).id;
}

const carriedOut = (world: World, customerId: string): boolean =>
  world.log.events.some(
    ({ type, metadata }) => type === 'CustomerErasureCarriedOut' && metadata.customerId === customerId,
  );

describe('an erasure', () => {
  it('releases every identity, destroys the keys, and then says so', async () => {
    const world = new World();
    const process = await world.start();
    const id = await register(process, 'first', ['m1', 'm2']);
    const { position } = await process.erase('erase', id);
    await process.react();
    expect(world.keys.destroyed).toEqual(new Set([id]));
    expect(world.keys.erasedUpTo).toBe(position);
    const events = await process.vault.open(world.log.events);
    expect(
      events.filter(({ metadata }) => metadata.customerId === id).every(({ personal }) => personal === undefined),
    ).toBe(true);
    expect(events.at(-1)).toMatchObject({ type: 'CustomerErasureCarriedOut', data: { claimsReleased: 2 } });
    await process.register('second', ['m1', 'm2']);
  });

  it('is known at once to commands about those it takes beside the customer', async () => {
    const world = new World();
    world.groups = new (class extends CustomerGroups {
      override erasedWith(customerId: string): Promise<string[]> {
        return Promise.resolve(customerId === customerIdOf('first') ? [customerIdOf('second')] : []);
      }
    })();
    const process = await world.start();
    const [first, second] = [await register(process, 'first', ['m1']), await register(process, 'second', ['m2'])];
    await process.directory.resolveLately({ customerId: second });
    await process.erase('erase', first);
    await process.erasures.carryOut(first);
    await expect(process.directory.resolveLately({ customerId: second })).rejects.toMatchObject({
      code: 'CUSTOMER_ERASED',
    });
  });

  it('takes everybody who was merged with the customer, wherever it was cut off, and certifies the customer last', async () => {
    for (let diesAfter = 1; ; diesAfter += 1) {
      const world = new World();
      const before = await world.start();
      const [first, second, third] = [
        await register(before, 'first', ['m1']),
        await register(before, 'second', ['m2']),
        await register(before, 'third', []),
      ];
      world.groups = new (class extends CustomerGroups {
        override erasedWith(customerId: string): Promise<string[]> {
          return Promise.resolve(customerId === first ? [second, third] : []);
        }
      })();
      // Erased by their own request meanwhile: nothing to take any more.
      if (diesAfter % 2 === 0) await before.erase('third too', third);
      await before.erase('erase', first);
      const died = await (await world.start({ diesAfter })).react().then(
        () => false,
        (error: unknown) => error instanceof Death,
      );
      const after = await world.start();
      while ((await after.react()) > 0);
      expect(world.keys.destroyed).toEqual(new Set([first, second, third]));
      world.clock.advance(KEYS_GONE_AFTER_MS);
      await Promise.all([after.react(), (await world.start()).react()]);
      while ((await after.react()) > 0);
      const of = (type: string) => world.log.events.filter((event) => event.type === type);
      expect(of('CustomerErased').map(({ metadata, data }) => [metadata.customerId, data['erasedWith']])).toEqual(
        expect.arrayContaining([
          [first, undefined],
          [second, first],
          [third, diesAfter % 2 === 0 ? undefined : first],
        ]),
      );
      for (const type of ['CustomerErased', 'CustomerErasureCarriedOut', 'CustomerErasureCertified'])
        expect([type, of(type).length]).toEqual([type, 3]);
      const certified = of('CustomerErasureCertified').map(({ metadata, data }) => [
        metadata.customerId,
        data['members'],
      ]);
      expect(certified.at(-1)).toEqual([first, [second, third]]);
      expect(certified.slice(0, 2).map(([, members]) => members)).toEqual([undefined, undefined]);
      // The others are erased before the keys that show whom the first one was are destroyed.
      const { events } = world.log;
      const done = events.findIndex(
        ({ type, metadata }) => type === 'CustomerErasureCarriedOut' && metadata.customerId === first,
      );
      expect(events.slice(0, done).filter(({ type }) => type === 'CustomerErased')).toHaveLength(3);
      if (!died) break;
    }
  });

  it('comes to the same end wherever it was cut off', async () => {
    for (let diesAfter = 1; ; diesAfter += 1) {
      const world = new World();
      const before = await world.start();
      const id = await register(before, 'first', ['m1', 'm2']);
      await before.remove('remove', id, 'm2');
      await before.erase('erase', id);
      const reaction = (await world.start({ diesAfter })).react();
      const died = await reaction.then(
        () => false,
        (error: unknown) => error instanceof Death,
      );
      const after = await world.start();
      while ((await after.react()) > 0);
      expect(world.keys.destroyed).toEqual(new Set([id]));
      // The certificate: cut off as well, then asked for by two at once.
      world.clock.advance(KEYS_GONE_AFTER_MS);
      await (await world.start({ diesAfter: diesAfter % 10 })).react().catch((error: unknown) => {
        if (!(error instanceof Death)) throw error;
      });
      await Promise.all([after.react(), (await world.start()).react()]);
      expect(await after.react()).toBe(0);
      expect(world.log.events.filter(({ type }) => type === 'CustomerErasureCertified')).toHaveLength(1);
      await expect(after.directory.resolve({ customerId: id })).rejects.toMatchObject({ code: 'CUSTOMER_ERASED' });
      const { identities, customers } = await overEveryPrefix(world, () => undefined);
      expect([...identities.values()].map(({ current }) => current)).toEqual([undefined, undefined]);
      expect(customers.get(id)?.erasureCarriedOut).toBe(true);
      expect(
        world.log.events.filter(({ type }) => type === 'CustomerErasureCarriedOut').map(({ data }) => data),
      ).toEqual([{ claimsReleased: 1 }]);
      if (!died) return;
    }
  });

  it('leaves nothing in the way of others that its customer had claimed and not confirmed', async () => {
    const world = new World();
    const process = await world.start();
    const id = await register(process, 'first', []);
    const isClaimed = (): boolean => world.log.events.some(({ type }) => type === 'IdentityClaimed');
    for (let diesAfter = 1; !isClaimed(); diesAfter += 1) {
      await expect((await world.start({ diesAfter })).add('add', id, 'm1')).rejects.toBeInstanceOf(Death);
    }
    await process.erase('erase', id);
    await process.react();
    const later = await world.start();
    await expect(later.directory.resolve({ identity: { kind: 'member', value: 'm1' } })).rejects.toMatchObject({
      code: 'CUSTOMER_NOT_FOUND',
    });
    await later.register('second', ['m1']);
    expect(world.log.events.slice(-3).map(({ type, data }) => [type, data['reason']])).toEqual([
      ['IdentityReleased', 'erased'],
      ['IdentityClaimed', undefined],
      ['CustomerRegistered', undefined],
    ]);
  });
});

describe('a key store restored from a backup', () => {
  async function threeErased(): Promise<{ world: World; ids: string[] }> {
    const world = new World();
    const process = await world.start();
    const ids: string[] = [];
    for (const key of ['r1', 'r2', 'r3']) ids.push(await register(process, key, [key]));
    for (const id of ids) await process.erase('erase' + id, id);
    return { world, ids };
  }

  it('destroys again what had been carried out since, before it serves', async () => {
    const { world, ids } = await threeErased();
    while ((await (await world.start()).react()) > 0);
    // As it was before any of it.
    world.keys.destroyed.clear();
    world.keys.erasedUpTo = undefined;
    const process = await world.start();
    expect(await carryOutErasures(process.events, process.ring)).toBe(3);
    expect(world.keys.destroyed).toEqual(new Set(ids));
    expect(await carryOutErasures(process.events, process.ring)).toBe(0);
  });

  it('destroys again what had been certified since', async () => {
    const { world, ids } = await threeErased();
    const before = await world.start();
    while ((await before.react()) > 0);
    world.clock.advance(KEYS_GONE_AFTER_MS);
    while ((await before.react()) > 0);
    expect(world.log.events.at(-1)?.type).toBe('CustomerErasureCertified');
    world.keys.destroyed.clear();
    world.keys.erasedUpTo = undefined;
    const process = await world.start();
    expect(await carryOutErasures(process.events, process.ring)).toBe(3);
    expect(world.keys.destroyed).toEqual(new Set(ids));
  });

  it('destroys again what was carried out since also on a log that was restored to before the mark', async () => {
    const { world, ids } = await threeErased();
    while ((await (await world.start()).react()) > 0);
    world.keys.destroyed.clear();
    // Of an erasure that the log has lost: where something else stands now, and beyond its end.
    const last = world.log.events.at(-1)?.position ?? makePosition(LOG_ID, '');
    const beyond = makePosition(LOG_ID, '99999999');
    for (const mark of [last, beyond]) {
      world.keys.destroyed.clear();
      world.keys.erasedUpTo = mark;
      const process = await world.start();
      expect(await carryOutErasures(process.events, process.ring)).toBe(3);
      expect(world.keys.destroyed).toEqual(new Set(ids));
    }
  });

  it('leaves to the reaction what is not carried out, so that its identities are still found', async () => {
    const { world, ids } = await threeErased();
    const [first, second, third] = ids as [string, string, string];
    const process = await world.start();
    await process.erasures.carryOut(first);
    await process.erasures.carryOut(third);
    const marked = world.keys.erasedUpTo;
    expect(carriedOut(world, second)).toBe(false);
    expect(await carryOutErasures(process.events, process.ring)).toBe(1);
    expect(world.keys.destroyed.has(second)).toBe(false);
    // The mark must not pass the one that is still owed.
    expect(world.keys.erasedUpTo).toBe(marked);
    await process.react();
    expect(world.keys.destroyed).toEqual(new Set(ids));
    expect(world.keys.erasedUpTo).toBe(
      world.log.events.filter(({ type }) => type === 'CustomerErased').at(-1)?.position,
    );
    await process.register('second', ['r2']);
    expect(customerIdOf('r2')).toBe(second);
  });
});
