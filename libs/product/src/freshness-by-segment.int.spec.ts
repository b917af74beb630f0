/** Reviews by policies for segments, by a clock that tests move: memberships are recorded where a policy asks, and no others. */
import path from 'node:path';
import { eraseCustomer, registerCustomer } from '@timeline/customers';
import { DAY_MS, toInstant, type Position } from '@timeline/kernel';
import { ReactionPump, type AnyReaction } from '@timeline/reacting';
import type { Filter } from '@timeline/read-store';
import Libsql from 'libsql';
import { Harness, TestClock } from '../../composing/src/testing/harness.js';
import { verifyField } from '../../customers/src/commands/verify-field.command.js';
import { freshnessProjection } from '../../customers/src/freshness/freshness.projection.js';
import { FreshnessReaction, whatOwes } from '../../customers/src/freshness/freshness.reaction.js';
import { endFreshnessPolicy, setFreshnessPolicy } from '../../customers/src/freshness/set-freshness-policy.command.js';
import type { FreshnessPolicy } from '../../customers/src/freshness.events.js';
import { mergeCustomers } from '../../merging/src/commands/merge-customers.command.js';
import { unmergeCustomers } from '../../merging/src/commands/unmerge-customers.command.js';
import { recordPurchase } from '../../purchases/src/commands/record-purchase.command.js';
import { returnPurchase } from '../../purchases/src/commands/return-purchase.command.js';
import { owesAt, segmentsProjection } from '../../segments/src/projections/segments.projection.js';
import { SegmentsReaction } from '../../segments/src/segments.reaction.js';
import { productSlices } from './index.js';
import { Looks } from './testing/looks.js';

const START = '2026-01-01T00:00:00.000Z';
const day = (days: number): string => toInstant(Date.parse(START) + days * DAY_MS);

let clock: TestClock;
let harness: Harness;
let looks: Looks;

const watch = (): void => void (looks = new Looks(harness, clock, [SegmentsReaction, FreshnessReaction]));

beforeEach(async () => {
  clock = new TestClock(new Date(START));
  harness = await Harness.start({
    slices: productSlices({ reportingTimeZone: 'UTC', defaultPhoneRegion: 'DE' }),
    clock,
  });
  watch();
});
afterEach(() => harness.dispose());

/** Moves the clock and waits until both reactions, having seen all that is in the log, find nothing more to do. */
async function at(days: number): Promise<void> {
  clock.instant = new Date(day(days));
  await looks.settled();
}

const policy = (
  field: FreshnessPolicy['field'],
  more: Partial<FreshnessPolicy> = {},
): Promise<{ position: Position }> =>
  harness.dispatch(setFreshnessPolicy, { field, taskAfterDays: 3650, escalateAfterDays: 3650, ...more });
const VIP = { everyDays: 180, segments: { vip: 30 } } as const;
let phones = 0;
const person = async (more: object = {}): Promise<string> =>
  (
    await harness.dispatch(registerCustomer, {
      kind: 'person',
      stage: 'lead',
      identities: [{ kind: 'phone', value: `+4915120${String(100000 + phones++)}` }],
      ...more,
    })
  ).id;
const buys = async (customerId: string, unitPrice = '5000'): Promise<string> =>
  (
    await harness.dispatch(recordPurchase, {
      customer: { customerId },
      channel: 'web',
      currency: 'EUR',
      lines: [{ lineId: '1', sku: 'a', name: 'A', quantity: '1', unitPrice }],
    })
  ).id;
const memberships = async (customerId: string): Promise<[string, string, string][]> =>
  (await harness.product.events.readStream(`segments-${customerId}`)).map(({ type, data, metadata }) => [
    `${type.replace('Segment', '')} ${String(data['segment'])}`,
    String(data['at']),
    metadata.occurredAt,
  ]);
const moves = async (customerId: string): Promise<string[]> => (await memberships(customerId)).map(([move]) => move);
const due = async (customerId: string): Promise<unknown[][]> =>
  (await harness.product.events.readStream(`reviews-${customerId}`)).map(({ data }) => [
    data['dueAt'],
    data['segment'],
  ]);

it('reviews members of a segment sooner, others as ever, and nobody by what was over before, across restarts', async () => {
  const [plain, vip, left, late] = [await person(), await person(), await person(), await person()];
  await policy('phone', VIP);
  await buys(vip);
  const given = await buys(left);
  await looks.settled();
  await at(20);
  expect(await memberships(vip)).toEqual([['Entered vip', START, START]]);
  expect(await moves(plain)).toEqual([]);
  await harness.dispatch(returnPurchase, { purchaseId: given });
  await looks.settled();
  await harness.restart();
  watch();
  await at(29.99);
  expect(await memberships(left)).toEqual([
    ['Entered vip', START, START],
    ['Left vip', day(20), day(20)],
  ]);
  expect(await due(vip)).toEqual([]);
  await at(30);
  expect(await due(vip)).toEqual([[day(30), 'vip']]);
  // With a phone as old as day 0.
  await at(100);
  await buys(late);
  await looks.settled();
  expect(await due(late)).toEqual([[day(100), 'vip']]);
  await at(179.99);
  expect([await due(plain), await due(left)]).toEqual([[], []]);
  await at(180);
  expect([await due(plain), await due(left)]).toEqual([[[day(180), undefined]], [[day(180), undefined]]]);
  expect(await due(late)).toHaveLength(1);

  // Verified on the day 340: by the clock it is no vip any more when that is due again.
  await at(340);
  await harness.dispatch(verifyField, { customerId: vip, field: 'phone', method: 'call' });
  await harness.restart(async () => {
    clock.instant = new Date(day(400));
  });
  watch();
  await looks.settled();
  expect(await memberships(vip)).toEqual([
    ['Entered vip', START, START],
    ['Left vip', day(365), day(400)],
  ]);
  expect(await due(vip)).toHaveLength(1);
  await at(520);
  expect(await due(vip)).toEqual([
    [day(30), 'vip'],
    [day(520), undefined],
  ]);
});

it('records no memberships but of segments that a policy names, while it does, and no history', async () => {
  const id = await person();
  await buys(id);
  await policy('phone');
  await at(400);
  const other = await person();
  await buys(other);
  await looks.settled();
  expect([await moves(id), await moves(other)]).toEqual([[], []]);
  expect(looks.all.some(({ of, found }) => of === 'segments' && found.length > 0)).toBe(false);
  await policy('phone', VIP);
  await looks.settled();
  // Who was one once is not told about; of who is one, only what is asked for.
  expect(await moves(id)).toEqual([]);
  expect(await memberships(other)).toEqual([['Entered vip', day(400), day(400)]]);
  await harness.dispatch(endFreshnessPolicy, { field: 'phone' as const });
  await at(800);
  expect(await moves(other)).toEqual(['Entered vip']);
  await policy('phone', { segments: { vip: 30, 'at-risk': 60 } });
  await looks.settled();
  expect(await memberships(other)).toEqual([
    ['Entered vip', day(400), day(400)],
    ['Entered at-risk', day(580), day(800)],
    ['Left vip', day(765), day(800)],
  ]);
  expect(await due(other)).toEqual([[day(800), 'at-risk']]);
});

it('follows merges and their undoing, for each member by itself, and a membership that never was', async () => {
  await policy('birthDate', { segments: { vip: 30 } });
  const a = await person({ birthDate: '1980-01-01' });
  await at(10);
  const b = await person({ birthDate: '1980-01-02' });
  await buys(b, '3000');
  await buys(a, '2000');
  await looks.settled();
  expect([await moves(a), await moves(b)]).toEqual([[], []]);
  const { id: mergeId } = await harness.dispatch(mergeCustomers, { survivor: a, others: [b] });
  await looks.settled();
  expect([await moves(a), await moves(b)]).toEqual([['Entered vip'], ['Entered vip']]);
  // The birth date that is shown is the one of b.
  await at(40);
  expect([await due(a), await due(b)]).toEqual([[], [[day(40), 'vip']]]);
  await at(50);
  await harness.dispatch(unmergeCustomers, { mergeId });
  await looks.settled();
  const parted = [
    ['Entered vip', day(10), day(10)],
    ['Left vip', day(10), day(50)],
  ];
  expect([await memberships(a), await memberships(b)]).toEqual([parted, parted]);
  await at(100);
  expect([await due(a), await due(b)]).toEqual([[], [[day(40), 'vip']]]);
  await harness.dispatch(mergeCustomers, { survivor: b, others: [a] });
  await looks.settled();
  expect((await moves(a)).concat(await moves(b))).toEqual(
    Array(2).fill(['Entered vip', 'Left vip', 'Entered vip']).flat(),
  );
});

it('records once, however many pumps look at once', async () => {
  const { events, models } = harness.product;
  const rivals = [1, 2].map(
    () =>
      new ReactionPump({
        events,
        models,
        reactions: [harness.get(SegmentsReaction), harness.get(FreshnessReaction)] as AnyReaction[],
        clock,
        pollMs: 1,
      }),
  );
  for (const rival of rivals) rival.start();
  try {
    const many: string[] = [];
    for (let n = 0; n < 8; n += 1) many.push(await person());
    await policy('phone', VIP);
    for (const id of many) await buys(id);
    await looks.settled();
    await at(30);
    await at(365);
    for (const id of many) {
      expect(await moves(id)).toEqual(['Entered vip', 'Left vip']);
      expect(await due(id)).toEqual([[day(30), 'vip']]);
    }
  } finally {
    for (const rival of rivals) await rival.stop();
  }
});

it('stops with an erasure', async () => {
  const id = await person();
  await policy('phone', VIP);
  await buys(id);
  await looks.settled();
  const { position } = await harness.dispatch(eraseCustomer, { customerId: id, reason: 'asked' });
  const before = await moves(id);
  expect(before).toEqual(['Entered vip']);
  await at(400);
  expect(await moves(id)).toEqual(before);
  expect(await harness.read(segmentsProjection, position, ({ derived }) => derived.find({ _id: id }))).toEqual([]);
});

it('reads whose membership is to be recorded and who is due by it, and nobody else, by indexes', async () => {
  const many: string[] = [];
  for (let n = 0; n < 20; n += 1) many.push(await person());
  for (const id of many.slice(0, 4)) await buys(id);
  await policy('phone', VIP);
  await looks.settled();
  const found = (of: string): string[] =>
    [...new Set(looks.all.filter((each) => each.of === of).flatMap((each) => each.found))].sort();
  expect(found('segments')).toEqual(many.slice(0, 4).sort());
  expect(found('freshness')).toEqual([]);
  looks.all = [];
  await at(29);
  expect([found('segments'), found('freshness')]).toEqual([[], []]);
  await at(30);
  expect([found('segments'), found('freshness')]).toEqual([[], many.slice(0, 4).sort()]);

  const past = { _id: { $nin: [many[0] ?? ''] } };
  const ofSegments = await planOf(segmentsProjection, { $and: [{ $or: owesAt(['vip', 'at-risk'], day(30)) }, past] });
  expect(ofSegments.match(/SEARCH \S+ USING INDEX/g)).toHaveLength(4);
  const policies = [{ ...OF_POLICY, ...VIP, segments: { vip: 30, 'at-risk': 10 } }];
  const ofFreshness = await planOf(freshnessProjection, { $and: [{ $or: whatOwes(policies, day(300)) }, past] });
  expect(ofFreshness.match(/SEARCH \S+ USING INDEX/g)).toHaveLength(4);
  for (const plan of [ofSegments, ofFreshness]) expect(plan).not.toMatch(/\bSCAN (?!json_each|e\d)/);
});

const OF_POLICY = {
  field: 'phone',
  tiers: {},
  taskAfterDays: 7,
  escalateAfterDays: 14,
  setAt: START,
  revision: 0,
} as const;

async function planOf(
  projection: typeof segmentsProjection | typeof freshnessProjection,
  filter: Filter,
): Promise<string> {
  const asked = { ...filter, _x: { $exists: false } };
  const statement = await harness.read(
    projection as typeof segmentsProjection,
    undefined,
    ({ derived: { collection } }) =>
      Promise.resolve(
        // The embedded store's own collection tells what it asks; the port does not.
        (
          collection as unknown as { statement(filter: Filter, options: object): { sql: string; values: unknown[] } }
        ).statement(asked, { limit: 100 }),
      ),
  );
  const db = new Libsql(path.join(harness.folder, 'reads.db'));
  const rows = db.prepare(`EXPLAIN QUERY PLAN ${statement.sql}`).raw().all(statement.values);
  db.close();
  return rows.map((row) => String(Object(row)[3])).join('\n');
}
