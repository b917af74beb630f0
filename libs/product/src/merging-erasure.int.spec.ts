/** The erasure of merged customers on real stores, also where merges and their undoing race it. */
import { CommandProcessor, CustomerDirectory } from '@timeline/deciding';
import { errorCode, newId, type JsonObject, type Position } from '@timeline/kernel';
import { eraseCustomer, registerCustomer } from '@timeline/customers';
import { Harness, TestClock } from '../../composing/src/testing/harness.js';
import { KEYS_GONE_AFTER_MS } from '../../customers/src/projections/erasure.projection.js';
import { mergeCustomers } from '../../merging/src/commands/merge-customers.command.js';
import { unmergeCustomers } from '../../merging/src/commands/unmerge-customers.command.js';
import { mergeDecider, mergeStream, type MergeCommand } from '../../merging/src/merge.decider.js';
import { productSlices } from './index.js';

let clock: TestClock;
let harness: Harness;

beforeEach(async () => {
  clock = new TestClock();
  harness = await Harness.start({
    slices: productSlices({ reportingTimeZone: 'UTC', defaultPhoneRegion: 'DE' }),
    clock,
    // Until `react`: what happens between an erasure and the reaction to it is what is looked at.
    roles: ['commands', 'queries', 'projections'],
  });
});
afterEach(() => harness.dispose());

async function react(): Promise<void> {
  delete harness.options.roles;
  await harness.restart();
}
async function until(holds: () => Promise<boolean>): Promise<void> {
  for (const end = Date.now() + 60_000; !(await holds()); await new Promise((resolve) => setTimeout(resolve, 10)))
    if (Date.now() > end) throw new Error('this did not come about');
}

const registered = async (identity?: string): Promise<string> => {
  const identities = identity === undefined ? [] : [{ kind: 'member' as const, value: identity }];
  return (await harness.dispatch(registerCustomer, { kind: 'person', stage: 'lead', identities })).id;
};
const merged = async (survivor: string, ...others: string[]): Promise<string> =>
  (await harness.dispatch(mergeCustomers, { survivor, others })).id;
const erased = (customerId: string): Promise<{ position: Position }> =>
  harness.dispatch(eraseCustomer, { customerId, reason: 'requested' });
const typesOf = async (id: string): Promise<string[]> =>
  (await harness.product.events.readStream(`customer-${id}`)).map(({ type }) => type);
const isCarriedOut = async (...ids: string[]): Promise<boolean> =>
  (await Promise.all(ids.map((id) => typesOf(id)))).every((types) => types.includes('CustomerErasureCarriedOut'));
const isThere = (customerId: string): Promise<boolean> =>
  // Abstract, so not a class that Nest could make: it is only asked for by it.
  harness.context
    .get<CustomerDirectory>(CustomerDirectory, { strict: false })
    .resolve({ customerId })
    .then(
      () => true,
      (error: unknown) => errorCode(error) !== 'CUSTOMER_ERASED',
    );

/** A command that was let through before anybody was erased and is appended only now. */
async function late(mergeId: string, command: MergeCommand): Promise<void> {
  const commandId = newId();
  const context = { commandId, bodyHash: '', actor: 'late', correlationId: commandId, causationId: commandId };
  await harness
    .get(CommandProcessor)
    .execute({ decider: mergeDecider, stream: mergeStream(mergeId), id: mergeId, command, context });
}
const lateMerge = async (survivor: string, ...others: string[]): Promise<void> => {
  const mergeId = newId();
  await late(mergeId, { type: 'merge', mergeId, survivor, others });
};

/** Documents of every build that name the customer as theirs. */
async function documentsOf(customerId: string): Promise<string[]> {
  const { reads } = harness.product;
  const found: string[] = [];
  for (const { _id } of await harness.product.engine.builds.list()) {
    const documents = await reads
      .collection<{ _id: string; _x?: true }>(_id)
      .find({ _o: `customer:${customerId}`, _x: { $exists: false } });
    found.push(...documents.map((document) => `${_id} ${document._id}`));
  }
  return found;
}

describe('the erasure of a merged customer', () => {
  it('takes all who are merged, frees their identities, and certifies the whole of it', async () => {
    const [a, b, c] = [await registered('m-a'), await registered('m-b'), await registered()];
    const first = await merged(b, a);
    await merged(c, b);
    await erased(a);
    await react();
    await until(() => isCarriedOut(a, b, c));
    for (const id of [a, b, c]) {
      expect(await isThere(id)).toBe(false);
      await until(async () => (await documentsOf(id)).length === 0);
    }
    const [, erasure] = (await harness.product.events.readStream(`customer-${b}`)).slice(-2);
    expect(erasure).toMatchObject({ type: 'CustomerErasureCarriedOut', data: { claimsReleased: 1 } });
    await registered('m-a');
    await registered('m-b');
    await expect(harness.dispatch(unmergeCustomers, { mergeId: first })).rejects.toMatchObject({
      code: 'CUSTOMER_ERASED',
    });
    await expect(merged(a, await registered())).rejects.toMatchObject({ code: 'CUSTOMER_ERASED' });

    clock.advance(KEYS_GONE_AFTER_MS);
    await until(async () => (await typesOf(a)).includes('CustomerErasureCertified'));
    const dataOf = async (id: string): Promise<JsonObject | undefined> =>
      (await harness.product.events.readStream(`customer-${id}`)).at(-1)?.data;
    expect((await dataOf(a))?.['members']).toEqual([b, c].sort());
    for (const id of [b, c]) {
      expect((await typesOf(id)).at(-1)).toBe('CustomerErasureCertified');
      expect(await dataOf(id)).not.toHaveProperty('members');
    }
  });

  it('takes who was parted too late, and nobody who was merged too late', async () => {
    const [a, b, d, e] = [await registered(), await registered(), await registered(), await registered()];
    const mergeId = await merged(a, b);
    await erased(a);
    // Races that the commands lost: they had seen everybody alive.
    await late(mergeId, { type: 'unmerge' });
    await lateMerge(d, a);
    await lateMerge(e, b);
    await react();
    await until(() => isCarriedOut(a, b));
    expect([await isThere(d), await isThere(e)]).toEqual([true, true]);
    // Nor do they go with the erasure of one of these, which takes nobody else.
    await erased(d);
    await until(() => isCarriedOut(d));
    expect(await isThere(e)).toBe(true);
    expect(await typesOf(e)).toEqual(['CustomerRegistered']);
  });

  it('takes nobody who had parted before', async () => {
    const [a, b] = [await registered(), await registered()];
    await harness.dispatch(unmergeCustomers, { mergeId: await merged(a, b) });
    await erased(a);
    await react();
    await until(() => isCarriedOut(a));
    expect(await isThere(b)).toBe(true);
  });

  it('of two at once takes all once', async () => {
    const [a, b, c] = [await registered(), await registered(), await registered()];
    await merged(a, b, c);
    await Promise.all([erased(b), erased(c)]);
    await react();
    await until(() => isCarriedOut(a, b, c));
    clock.advance(KEYS_GONE_AFTER_MS);
    await until(async () =>
      (await Promise.all([a, b, c].map((id) => typesOf(id)))).every((types) =>
        types.includes('CustomerErasureCertified'),
      ),
    );
    for (const id of [a, b, c])
      expect(await typesOf(id)).toEqual([
        'CustomerRegistered',
        'CustomerErased',
        'CustomerErasureCarriedOut',
        'CustomerErasureCertified',
      ]);
  });
});
