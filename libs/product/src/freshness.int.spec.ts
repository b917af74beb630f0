/** Reviews of values by a clock that tests move: each step once, at its instant, and nobody looked at who is not due. */
import path from 'node:path';
import { eraseCustomer, registerCustomer } from '@timeline/customers';
import { DAY_MS, toInstant, type Position } from '@timeline/kernel';
import type { Filter } from '@timeline/read-store';
import Libsql from 'libsql';
import { Harness, TestClock } from '../../composing/src/testing/harness.js';
import { addIdentity } from '../../customers/src/commands/add-identity.command.js';
import { updateCustomer } from '../../customers/src/commands/update-customer.command.js';
import { verifyField } from '../../customers/src/commands/verify-field.command.js';
import { freshnessProjection } from '../../customers/src/freshness/freshness.projection.js';
import { ListReviews, ReviewsParams, type CustomerReviews } from '../../customers/src/freshness/freshness.query.js';
import { FreshnessReaction, whatOwes } from '../../customers/src/freshness/freshness.reaction.js';
import { endFreshnessPolicy, setFreshnessPolicy } from '../../customers/src/freshness/set-freshness-policy.command.js';
import type { FreshnessPolicy } from '../../customers/src/freshness.events.js';
import { Reverts } from '../../customers/src/provenance/reverts.js';
import { mergeCustomers } from '../../merging/src/commands/merge-customers.command.js';
import { unmergeCustomers } from '../../merging/src/commands/unmerge-customers.command.js';
import { productSlices } from './index.js';
import { Looks } from './testing/looks.js';

const START = '2026-01-01T00:00:00.000Z';
const day = (days: number): string => toInstant(Date.parse(START) + days * DAY_MS);

let clock: TestClock;
let harness: Harness;
let looks: Looks;

const watch = (): void => void (looks = new Looks(harness, clock, [FreshnessReaction]));

beforeEach(async () => {
  clock = new TestClock(new Date(START));
  harness = await Harness.start({
    slices: productSlices({ reportingTimeZone: 'UTC', defaultPhoneRegion: 'DE' }),
    clock,
  });
  watch();
});
afterEach(() => harness.dispose());

/** Moves the clock and waits until the reaction, having seen all that is in the log, finds nothing more to do. */
async function at(days: number): Promise<void> {
  clock.instant = new Date(day(days));
  await looks.settled();
}

const policy = (
  field: FreshnessPolicy['field'],
  more: Partial<FreshnessPolicy> = {},
): Promise<{ position: Position }> =>
  harness.dispatch(setFreshnessPolicy, {
    field,
    ...(more.tiers === undefined && { everyDays: 180 }),
    taskAfterDays: 7,
    escalateAfterDays: 14,
    ...more,
  });
let phones = 0;
const newPhone = (): { kind: 'phone'; value: string } => ({
  kind: 'phone',
  value: `+4915120${String(100000 + phones++)}`,
});
const person = async (more: object = {}, source?: string): Promise<string> =>
  (
    await harness.dispatch(
      registerCustomer,
      { kind: 'person', stage: 'lead', identities: [newPhone()], ...more },
      { ...(source !== undefined && { source }) },
    )
  ).id;
const verify = (customerId: string, field = 'phone'): Promise<unknown> =>
  harness.dispatch(verifyField, { customerId, field, method: 'call' });
const facts = async (customerId: string): Promise<[string, unknown, unknown][]> =>
  (await harness.product.events.readStream(`reviews-${customerId}`)).map(({ type, data, metadata }) => [
    type.replace('FieldReview', ''),
    data['dueAt'],
    metadata.occurredAt,
  ]);
const kinds = async (customerId: string): Promise<string[]> => (await facts(customerId)).map(([type]) => type);
const reviews = async (): Promise<CustomerReviews[]> => {
  const head = (await harness.product.events.head())?.position;
  return (await harness.query<{ items: CustomerReviews[] }>(new ListReviews(new ReviewsParams(), head))).items;
};

it('reminds, opens a task and escalates once each, at their instants, across restarts', async () => {
  const id = await person();
  await policy('phone');
  await at(179.99);
  expect(await facts(id)).toEqual([]);
  await at(180);
  const reminder = ['Due', day(180), day(180)];
  expect(await facts(id)).toEqual([reminder]);
  expect(await reviews()).toMatchObject([
    { customerId: id, state: 'reminder', reviews: [{ field: 'phone', since: START }] },
  ]);
  await harness.restart();
  watch();
  await at(186.99);
  expect(await facts(id)).toEqual([reminder]);
  // The process is away at the instant of the task; it is told of it all the same, and when it was noticed.
  await harness.restart(async () => {
    clock.instant = new Date(day(188));
  });
  watch();
  await at(188);
  const task = ['TaskOpened', day(187), day(188)];
  expect(await facts(id)).toEqual([reminder, task]);
  await at(200.99);
  expect(await facts(id)).toEqual([reminder, task]);
  await at(201);
  expect(await facts(id)).toEqual([reminder, task, ['Escalated', day(201), day(201)]]);
  await harness.restart();
  watch();
  await at(1000);
  expect(await kinds(id)).toEqual(['Due', 'TaskOpened', 'Escalated']);

  // Answered: the review is over, and the next falls due by the verification.
  await verify(id);
  await looks.settled();
  expect(await reviews()).toEqual([]);
  await at(1179.99);
  expect(await kinds(id)).toHaveLength(3);
  await at(1180);
  expect((await facts(id)).slice(3)).toEqual([['Due', day(1180), day(1180)]]);
  await verify(id);
  await at(1187);
  expect(await kinds(id)).toHaveLength(4);
});

it('reminds a tier sooner, follows the trait, and asks for nothing before a policy asked for it', async () => {
  const [plain, vip] = [await person(), await person({ traits: { tier: 'vip' } })];
  await at(100);
  await policy('phone', { everyDays: 180, tiers: { vip: 30 } });
  await looks.settled();
  expect(await facts(vip)).toEqual([['Due', day(100), day(100)]]);
  expect(await facts(plain)).toEqual([]);
  await harness.dispatch(updateCustomer, { customerId: plain, traits: { tier: 'vip' } });
  await at(101);
  expect(await facts(plain)).toEqual([['Due', day(100), day(101)]]);
  // A policy for the tiers alone says nothing of others.
  const other = await person({ birthDate: '1980-01-01' });
  await policy('birthDate', { tiers: { vip: 1 } });
  await at(400);
  expect(await kinds(other)).toEqual(['Due']);
  expect((await reviews()).find(({ customerId }) => customerId === other)?.reviews).toMatchObject([{ field: 'phone' }]);
});

it('follows changes, retractions, the end of a policy and an erasure', async () => {
  await policy('phone');
  await policy('address', { everyDays: 10 });
  const id = await person({ address: { city: 'Leipzig' } });
  await at(10);
  expect(await kinds(id)).toEqual(['Due']);
  // Changed: another value, which is as fresh as can be.
  await harness.dispatch(updateCustomer, { customerId: id, address: { city: 'Halle' } }, { source: 'crm' });
  await looks.settled();
  expect(await reviews()).toEqual([]);
  await at(20);
  expect(await kinds(id)).toEqual(['Due', 'Due']);
  // Taken back: the first one holds again, as old as it was, and asked about before.
  for await (const _news of harness.get(Reverts).run({ source: 'crm' }, undefined, 'test'));
  await looks.settled();
  expect((await facts(id)).map(([type, dueAt]) => [type, dueAt])).toEqual([
    ['Due', day(10)],
    ['Due', day(20)],
    ['Due', day(10)],
  ]);
  await harness.dispatch(endFreshnessPolicy, { field: 'phone' as const });
  await at(300);
  expect((await reviews())[0]?.reviews.map(({ field }) => field)).toEqual(['address']);
  const { position } = await harness.dispatch(eraseCustomer, { customerId: id, reason: 'asked' });
  const before = await facts(id);
  await at(2000);
  expect(await facts(id)).toEqual(before);
  expect(await harness.read(freshnessProjection, position, ({ derived }) => derived.find({ _id: id }))).toEqual([]);
});

it('reviews the value that the merged profile shows, and all again when they are parted', async () => {
  await policy('birthDate');
  const a = await person({ birthDate: '1980-01-01' });
  await at(100);
  const b = await person({ birthDate: '1980-01-02' });
  const { id: mergeId } = await harness.dispatch(mergeCustomers, { survivor: a, others: [b] });
  // What is shown is the later one, of b.
  await at(279);
  expect([await kinds(a), await kinds(b)]).toEqual([[], []]);
  await at(280);
  expect([await kinds(a), await kinds(b)]).toEqual([[], ['Due']]);
  expect(await reviews()).toMatchObject([{ customerId: b, survivor: a }]);
  await harness.dispatch(unmergeCustomers, { mergeId });
  await looks.settled();
  expect([await facts(a), await kinds(b)]).toEqual([[['Due', day(180), day(280)]], ['Due']]);
  await harness.dispatch(mergeCustomers, { survivor: a, others: [b] });
  await looks.settled();
  expect(await reviews()).toMatchObject([{ customerId: b, survivor: a }]);
  await verify(b, 'birthDate');
  await at(301);
  expect(await reviews()).toEqual([]);
  expect([await kinds(a), await kinds(b)]).toEqual([['Due'], ['Due']]);
});

it('reads whom it reminds and nobody else, by indexes', async () => {
  clock.instant = new Date(day(59.5));
  const many: string[] = [];
  for (let n = 0; n < 60; n += 1)
    many.push(await person({ traits: { tier: n % 20 === 0 ? 'vip' : 'none' }, occurredAt: day(n) }));
  looks.all = [];
  await policy('address', { everyDays: 90 });
  await policy('phone', { everyDays: 180, tiers: { vip: 30, gold: 60 } });
  await looks.settled();
  // Vips of day 0 and 20 (29.5 days before it), of three.
  expect(looks.all.length).toBeGreaterThan(2);
  const acted = looks.all.flatMap(({ found }) => found);
  expect(new Set(acted)).toEqual(new Set([many[0], many[20]]));
  looks.all = [];
  await at(59.9);
  expect(looks.all.flatMap(({ found }) => found)).toEqual([]);
  await harness.dispatch(addIdentity, { customerId: many[1] ?? '', ...newPhone(), primary: true });
  await at(181);
  expect(await kinds(many[1] ?? '')).toEqual([]);
  expect(await kinds(many[2] ?? '')).toEqual([]);
  expect((await kinds(many[0] ?? '')).slice(0, 1)).toEqual(['Due']);

  const { filter, collection } = await harness.read(
    freshnessProjection,
    undefined,
    ({ derived: { collection: read } }) =>
      Promise.resolve({
        filter: {
          $and: [
            {
              $or: whatOwes(
                [
                  { ...OF_POLICY, field: 'phone', everyDays: 180, tiers: { vip: 30, gold: 60 } },
                  { ...OF_POLICY, field: 'address', everyDays: 90, tiers: {} },
                ],
                day(300),
              ),
            },
            { _id: { $nin: [many[0] ?? ''] } },
          ],
          _x: { $exists: false },
        } satisfies Filter,
        collection: read,
      }),
  );
  const plan = planOf(collection, filter);
  expect(plan).toContain('MULTI-INDEX OR');
  // Each of the five conditions is a search of an index, none a scan.
  expect(plan.match(/SEARCH \S+ USING INDEX/g)).toHaveLength(5);
  expect(plan).not.toMatch(/\bSCAN (?!json_each)/);
});

const OF_POLICY = { taskAfterDays: 7, escalateAfterDays: 14, setAt: START, revision: 0 };

function planOf(collection: object, filter: Filter): string {
  // The embedded store's own collection tells what it asks; the port does not.
  const { sql, values } = (
    collection as { statement(filter: Filter, options: object): { sql: string; values: unknown[] } }
  ).statement(filter, { limit: 100 });
  const db = new Libsql(path.join(harness.folder, 'reads.db'));
  const rows = db.prepare(`EXPLAIN QUERY PLAN ${sql}`).raw().all(values);
  db.close();
  return rows.map((row) => String(Object(row)[3])).join('\n');
}
