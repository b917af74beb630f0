/** Commands under standards, on real embedded stores: what is refused, what is written, and what a race means. */
import { DomainError, type JsonObject } from '@timeline/kernel';
import { publishStandard, standardsSlice, StandardsInForce, type Rule } from '@timeline/standards';
import { Harness, TestClock } from '../../composing/src/testing/harness.js';
import { addIdentity } from './commands/add-identity.command.js';
import { changeLifecycleStage } from './commands/change-lifecycle-stage.command.js';
import { registerCustomer, type RegisterCustomerData } from './commands/register-customer.command.js';
import { removeIdentity } from './commands/remove-identity.command.js';
import { updateCustomer } from './commands/update-customer.command.js';
import { customerStream } from './customer.decider.js';
import { customersSlice } from './index.js';

const clock = new TestClock();
let harness: Harness;
beforeAll(async () => {
  harness = await Harness.start({ slices: [standardsSlice, customersSlice({ defaultPhoneRegion: 'CN' })], clock });
});
afterAll(() => harness.dispose());
// Each test its own standards: those of the one before go out of force.
afterEach(async () => {
  clock.advance(1);
  for (const field of [
    'external.cn-resident-id',
    'traits.size',
    'birthDate',
    'phone',
    'address.postalCode',
    'name.family',
  ])
    await publish(field, []);
});

const publish = (field: string, rules: Rule[], more: { from?: string } = {}): Promise<unknown> =>
  harness.dispatch(publishStandard, { field, rules, ...more });
const person = (more: Partial<RegisterCustomerData> = {}): RegisterCustomerData => ({
  kind: 'person',
  stage: 'lead',
  ...more,
});
const register = (more: Partial<RegisterCustomerData> = {}, key?: string): Promise<{ id: string; resent: boolean }> =>
  harness.dispatch(registerCustomer, person(more), { ...(key !== undefined && { idempotencyKey: key }) });

/** Pointers and codes of what was refused. */
async function refusals(attempt: Promise<unknown>): Promise<[string, string][]> {
  const error = await attempt.then(
    () => undefined,
    (thrown: unknown) => thrown,
  );
  if (!(error instanceof DomainError)) throw new Error(`not refused: ${String(error)}`);
  expect(error.code).toBe('STANDARD_REFUSED');
  return (error.details.errors ?? []).map(({ pointer, code }) => [pointer, code]);
}

const eventsOf = async (id: string): Promise<{ type: string; data: JsonObject }[]> =>
  (await harness.product.events.readStream(customerStream(id))).map(({ type, data }) => ({ type, data }));
const head = async (): Promise<string | undefined> => (await harness.product.events.head())?.position;
const versionsIn = async (id: string): Promise<unknown[]> => (await eventsOf(id)).map(({ data }) => data['standards']);

const RESIDENT = 'external.cn-resident-id';
const resident = (value: string): { kind: 'external'; system: string; value: string } => ({
  kind: 'external',
  system: 'cn-resident-id',
  value,
});

it('writes nothing for what is refused, not even a claim', async () => {
  await publish(RESIDENT, [{ kind: 'cn-resident-id' }]);
  const { id } = await register();
  const before = await head();
  const wrong = resident('110105194912310020');
  expect(await refusals(register({ identities: [{ kind: 'member', value: 'm-1' }, wrong] }))).toEqual([
    ['/identities/1/value', 'CN_RESIDENT_ID'],
  ]);
  expect(await refusals(harness.dispatch(addIdentity, { customerId: id, ...wrong }))).toEqual([
    ['/value', 'CN_RESIDENT_ID'],
  ]);
  expect(await head()).toBe(before);
  await harness.dispatch(addIdentity, { customerId: id, ...resident('11010519491231002X') });
  expect((await versionsIn(id)).at(-1)).toEqual([{ field: RESIDENT, version: 1 }]);
});

it('answers a command that is sent again as the first time, under whatever standard', async () => {
  const first = await register({ traits: { size: 'XL' }, identities: [{ kind: 'member', value: 'again' }] }, 'again');
  await publish('traits.size', [{ kind: 'one-of', values: ['S'] }]);
  const again = await register({ traits: { size: 'XL' }, identities: [{ kind: 'member', value: 'again' }] }, 'again');
  expect(again).toMatchObject({ id: first.id, resent: true });
  expect(await refusals(register({ traits: { size: 'XL' } }))).toEqual([['/traits/size', 'ONE_OF']]);
});

it('does not look again at what does not change', async () => {
  const { id } = await register({ traits: { size: 'XL', other: 1 } });
  await publish('traits.size', [{ kind: 'one-of', values: ['S'] }]);
  await harness.dispatch(updateCustomer, { customerId: id, traits: { size: 'XL', other: 2 } });
  expect((await eventsOf(id)).at(-1)).toMatchObject({ data: { changed: ['traits.other'] } });
  expect((await versionsIn(id)).at(-1)).toBeUndefined();
  expect(await refusals(harness.dispatch(updateCustomer, { customerId: id, traits: { size: 'L' } }))).toEqual([
    ['/traits/size', 'ONE_OF'],
  ]);
});

it('requires of who is registered, and of what is removed', async () => {
  await publish('birthDate', [{ kind: 'required', when: { field: 'kind', in: ['person'] } }]);
  await publish('phone', [{ kind: 'required', when: { field: 'address.country', in: ['CN'] } }]);
  await publish('name.family', [{ kind: 'required', when: { field: 'name.full' } }]);
  expect(await refusals(register({ address: { country: 'CN' }, name: { full: 'Ann' } }))).toEqual([
    ['/birthDate', 'REQUIRED'],
    ['/name/family', 'REQUIRED'],
    ['/identities', 'REQUIRED'],
  ]);
  await register({ kind: 'company', address: { country: 'DE' } });
  const { id } = await register({ birthDate: '1980-01-01' });
  // Of the standards that asked, also those about what is not there.
  expect((await versionsIn(id))[0]).toEqual(
    ['birthDate', 'name.family', 'phone'].map((field) => ({ field, version: expect.any(Number) })),
  );
  expect(await refusals(harness.dispatch(updateCustomer, { customerId: id, birthDate: null }))).toEqual([
    ['/birthDate', 'REQUIRED'],
  ]);
  // What changes is the country; what it asks for is the phone.
  expect(await refusals(harness.dispatch(updateCustomer, { customerId: id, address: { country: 'CN' } }))).toEqual([
    ['/address/country', 'REQUIRED'],
  ]);
  await harness.dispatch(addIdentity, { customerId: id, kind: 'phone', value: '13800138000' });
  await harness.dispatch(updateCustomer, { customerId: id, address: { country: 'CN' } });
});

it('does not let the last of an identity go that is required', async () => {
  await publish('phone', [{ kind: 'required', when: { field: 'address.country', in: ['CN'] } }]);
  const one = { kind: 'phone' as const, value: '13800138001' };
  const two = { ...one, value: '13800138002' };
  const { id } = await register({ address: { country: 'CN' }, identities: [one, two] });
  const remove = (phone = one): Promise<unknown> => harness.dispatch(removeIdentity, { customerId: id, ...phone });
  await remove();
  expect((await versionsIn(id)).at(-1)).toBeUndefined();
  expect(await refusals(remove(two))).toEqual([['/value', 'REQUIRED']]);
  // Nobody else may have it, then.
  await expect(register({ identities: [two] })).rejects.toMatchObject({ code: 'IDENTITY_TAKEN' });
  await harness.dispatch(updateCustomer, { customerId: id, address: { country: 'DE' } });
  await remove(two);
  expect((await versionsIn(id)).at(-1)).toEqual([{ field: 'phone', version: expect.any(Number) }]);
});

it('asks at a change of stage for what the new stage needs', async () => {
  await publish('birthDate', [{ kind: 'required', when: { field: 'stage', in: ['customer'] } }]);
  const { id } = await register({ name: { full: 'Ann' } });
  const change = (): Promise<unknown> => harness.dispatch(changeLifecycleStage, { customerId: id, to: 'customer' });
  expect(await refusals(change())).toEqual([['/to', 'REQUIRED']]);
  await harness.dispatch(updateCustomer, { customerId: id, birthDate: '1980-01-01' });
  await change();
  expect((await versionsIn(id)).at(-1)).toEqual([{ field: 'birthDate', version: expect.any(Number) }]);
});

it('holds fields to each other as the command leaves them', async () => {
  await publish(RESIDENT, [{ kind: 'cn-resident-id', birthDate: true }]);
  expect(await refusals(register({ birthDate: '1949-12-30', identities: [resident('11010519491231002X')] }))).toEqual([
    ['/identities/0/value', 'CN_RESIDENT_ID'],
  ]);
  const { id } = await register({ birthDate: '1880-01-01', identities: [resident('440524188001010014')] });
  // The id stays and does not agree any more: that is the birth date's doing.
  expect(await refusals(harness.dispatch(updateCustomer, { customerId: id, birthDate: '1880-01-02' }))).toEqual([
    ['/birthDate', 'CN_RESIDENT_ID'],
  ]);
  const rules: Rule[] = [{ kind: 'cn-postal-code', when: { field: 'address.country', in: ['CN'] } }];
  await publish('address.postalCode', rules);
  await harness.dispatch(updateCustomer, { customerId: id, address: { country: 'GB', postalCode: 'SW1A 1AA' } });
  expect(
    await refusals(
      harness.dispatch(updateCustomer, { customerId: id, address: { country: 'CN', postalCode: 'SW1A 1AA' } }),
    ),
  ).toEqual([['/address/postalCode', 'CN_POSTAL_CODE']]);
});

it('a version that is to come holds from its moment on', async () => {
  const from = new Date(clock.now().getTime() + 60_000).toISOString();
  await publish('traits.size', [{ kind: 'one-of', values: ['S'] }]);
  await publish('traits.size', [{ kind: 'one-of', values: ['M'] }], { from });
  await register({ traits: { size: 'S' } });
  expect(await refusals(register({ traits: { size: 'M' } }))).toEqual([['/traits/size', 'ONE_OF']]);
  clock.advance(60_000);
  const { id } = await register({ traits: { size: 'M' } });
  const versions = (await versionsIn(id))[0] as { version: number }[];
  expect(await refusals(register({ traits: { size: 'S' } }))).toEqual([['/traits/size', 'ONE_OF']]);
  await expect(publish('traits.size', [], { from: '2020-01-01T00:00:00.000Z' })).rejects.toMatchObject({
    code: 'STANDARD_FROM_IN_PAST',
    details: { pointer: '/from' },
  });
  expect(versions).toHaveLength(1);
});

it('another process sees a new version a second later at most, and until then its events name the one before', async () => {
  const events = harness.product.events;
  await publish('traits.size', [{ kind: 'one-of', values: ['S'] }]);
  const other = new StandardsInForce(events, clock);
  const versionThere = async (): Promise<number | undefined> =>
    (await other.current()).byField.get('traits.size')?.version;
  const before = (await versionThere()) ?? 0;
  await publish('traits.size', [{ kind: 'one-of', values: ['M'] }]);
  const here = (await harness.get(StandardsInForce).current()).byField.get('traits.size')?.version;
  expect(here).toBe(before + 1);
  clock.advance(999);
  expect(await versionThere()).toBe(before);
  clock.advance(1);
  expect(await versionThere()).toBe(before + 1);
  // A clock that was put back does not keep it for ever.
  await publish('traits.size', [{ kind: 'one-of', values: ['L'] }], {
    from: new Date(clock.now().getTime()).toISOString(),
  });
  clock.advance(-10);
  expect((await other.current()).byField.has('traits.size')).toBe(true);
  clock.advance(10);
  expect(await versionThere()).toBe(before + 2);
});
