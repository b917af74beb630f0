/** Finding customers from the streams. */
import { jest } from '@jest/globals';
import { LATELY_MS } from '@timeline/deciding';
import { customerIdOf, World } from './testing/simulated-world.js';

const member = (value: string) => ({ identity: { kind: 'member', value } });

describe('a customer', () => {
  it('is found by id and by identity, however that is written', async () => {
    const process = await new World().start();
    const { id } = await process.register('first', ['m1']);
    await expect(process.directory.resolve({ customerId: id })).resolves.toEqual({ customerId: id });
    await expect(process.directory.resolve(member('  m1 '))).resolves.toEqual({ customerId: id });
  });

  it('is found at once after another process registered them', async () => {
    const world = new World();
    const { id } = await (await world.start()).register('first', ['m1']);
    await expect((await world.start()).directory.resolve(member('m1'))).resolves.toEqual({ customerId: id });
  });

  it('is not found by an id or an identity that nobody has', async () => {
    const { directory } = await new World().start();
    await expect(directory.resolve({ customerId: customerIdOf('x') }, '/customer')).rejects.toMatchObject({
      code: 'CUSTOMER_NOT_FOUND',
      details: { pointer: '/customer/customerId' },
    });
    await expect(directory.resolve(member('m1'), '/customer')).rejects.toMatchObject({
      code: 'CUSTOMER_NOT_FOUND',
      details: { pointer: '/customer/identity' },
    });
  });

  it('is not found while there is no more than a claim that lapsed', async () => {
    const process = await new World().start();
    await process.register('first', ['m2']);
    await expect(process.register('second', ['m1', 'm2', 'm3'])).rejects.toMatchObject({ code: 'IDENTITY_TAKEN' });
    await expect(process.directory.resolve({ customerId: customerIdOf('second') })).rejects.toMatchObject({
      code: 'CUSTOMER_NOT_FOUND',
    });
    await expect(process.directory.resolve(member('m1'))).rejects.toMatchObject({ code: 'CUSTOMER_NOT_FOUND' });
  });

  it('is erased by id, before and after that is carried out, and nobody by identity in the end', async () => {
    const process = await new World().start();
    const { id } = await process.register('first', ['m1']);
    await process.erase('erase', id);
    await expect(process.directory.resolve({ customerId: id })).rejects.toMatchObject({ code: 'CUSTOMER_ERASED' });
    await expect(process.directory.resolve(member('m1'))).rejects.toMatchObject({ code: 'CUSTOMER_ERASED' });
    await process.react();
    await expect(process.directory.resolve({ customerId: id })).rejects.toMatchObject({ code: 'CUSTOMER_ERASED' });
    await expect(process.directory.resolve(member('m1'))).rejects.toMatchObject({ code: 'CUSTOMER_NOT_FOUND' });
  });

  it('is not read again for each fact about it, until it is erased here', async () => {
    const world = new World();
    const [process, other] = [await world.start(), await world.start()];
    const { id } = await process.register('first', ['m1']);
    const read = jest.spyOn(process.events, 'readStream');
    const lately = (): Promise<unknown> => process.directory.resolveLately({ customerId: id });
    expect([await lately(), await lately()]).toEqual([{ customerId: id }, { customerId: id }]);
    expect(read).toHaveBeenCalledTimes(1);
    await expect(process.directory.resolveLately(member('m1'))).resolves.toEqual({ customerId: id });
    await process.erase('erase', id);
    await expect(lately()).rejects.toMatchObject({ code: 'CUSTOMER_ERASED' });
    await expect(other.directory.resolveLately({ customerId: id })).rejects.toMatchObject({ code: 'CUSTOMER_ERASED' });
    await expect(other.directory.resolveLately({ customerId: customerIdOf('x') })).rejects.toMatchObject({
      code: 'CUSTOMER_NOT_FOUND',
    });
  });

  it('is looked at again a while later, so that what another process erased is seen', async () => {
    const world = new World();
    const [process, other] = [await world.start(), await world.start()];
    const { id } = await process.register('first', ['m1']);
    const now = jest.spyOn(performance, 'now').mockReturnValue(0);
    try {
      await process.directory.resolveLately({ customerId: id });
      await other.erase('erase', id);
      now.mockReturnValue(LATELY_MS - 1);
      await expect(process.directory.resolveLately({ customerId: id })).resolves.toEqual({ customerId: id });
      now.mockReturnValue(LATELY_MS);
      await expect(process.directory.resolveLately({ customerId: id })).rejects.toMatchObject({
        code: 'CUSTOMER_ERASED',
      });
    } finally {
      now.mockRestore();
    }
  });

  it('is not kept as there by a look that began before it was erased', async () => {
    const { known } = await new World().start();
    let erased = (): void => undefined;
    const look = known.lookAt('a', () => new Promise((resolve) => (erased = resolve)));
    await known.ending('a', () => Promise.resolve());
    erased();
    await look;
    expect(known.has('a')).toBe(false);
    await known.lookAt('a', () => Promise.resolve());
    expect(known.has('a')).toBe(true);
    await expect(known.ending('a', () => Promise.reject(new Error('unknown')))).rejects.toThrow('unknown');
    expect(known.has('a')).toBe(false);
  });

  it('is named in one way, of a kind there is, by what is somebody’s', async () => {
    const { directory } = await new World().start();
    const code = (of: string): object => ({ code: of });
    await expect(directory.resolve({})).rejects.toMatchObject(code('VALIDATION_FAILED'));
    await expect(directory.resolve({ customerId: 'x', ...member('m1') })).rejects.toMatchObject(
      code('VALIDATION_FAILED'),
    );
    await expect(directory.resolve({ identity: { kind: 'fax', value: '1' } }, '/customer')).rejects.toMatchObject({
      code: 'VALIDATION_FAILED',
      details: { pointer: '/customer/identity/kind' },
    });
    await expect(directory.resolve(member('guest'), '/customer')).rejects.toMatchObject({
      code: 'IDENTITY_REFUSED',
      details: { pointer: '/customer/identity/value' },
    });
  });
});
