/** The trend of the quality of all records, by a clock that tests move: a measurement for every day that is over. */
import { profileProjection, registerCustomer } from '@timeline/customers';
import { DAY_MS, newId, toInstant } from '@timeline/kernel';
import { ReadModels } from '@timeline/projecting';
import { Harness, TestClock } from '../../composing/src/testing/harness.js';
import { measureQuality } from '../../customers/src/quality/measure-quality.command.js';
import { QualityMetrics } from '../../customers/src/quality/quality.metrics.js';
import { QualityWatch } from '../../customers/src/quality/quality-watch.js';
import { suspicionsProjection } from '../../customers/src/quality/suspicions.projection.js';
import { productSlices } from './index.js';

let clock: TestClock;
let harness: Harness;

beforeEach(async () => {
  clock = new TestClock(new Date('2026-03-01T10:00:00.000Z'));
  harness = await Harness.start({
    // Ten hours ahead of UTC: the first of March ends at 14:00.
    slices: productSlices({ reportingTimeZone: 'Australia/Brisbane', defaultPhoneRegion: 'DE' }),
    clock,
    // The watch looks when it is told to.
    roles: ['commands', 'queries', 'projections'],
  });
});
afterEach(() => harness.dispose());

const look = (): Promise<boolean> => harness.get(QualityWatch).look();
const facts = async (day: string): Promise<[string, unknown][]> =>
  (await harness.product.events.readStream(`data-quality-${day}`)).map(({ data }) => [
    String(data['measuredAt']),
    (data['all'] as { records: number }).records,
  ]);
const person = async (occurredAt: string, more: object = {}): Promise<string> => {
  const identities = [{ kind: 'email' as const, value: `e${Math.abs(Date.parse(occurredAt))}@example.org` }];
  const { id, position } = await harness.dispatch(registerCustomer, {
    kind: 'person',
    stage: 'lead',
    identities,
    occurredAt,
    ...more,
  });
  await harness.read(profileProjection, position, () => Promise.resolve());
  return id;
};
/** As the watch for duplicates finds it. */
async function suspect(...customers: [string, string]): Promise<void> {
  const id = newId();
  const pairId = [...customers].sort().join('.');
  const occurredAt = toInstant(clock.now());
  const by = { actor: 'test', commandId: id, bodyHash: '', correlationId: id, causationId: id };
  const metadata = { schemaVersion: 1, occurredAt, customerIds: customers, ...by };
  const data = { pairId, customers, probability: 0.9, namesakes: 0, model: 'test', asOf: [] };
  const { position } = await harness.product.events.append(
    `duplicate-${pairId}`,
    [{ id, type: 'DuplicateSuspected', data, metadata }],
    { expectedRevision: 'no-stream' },
  );
  await harness.read(suspicionsProjection, position, () => Promise.resolve());
}

it('is measured once for each day that is over, whoever looks and however often', async () => {
  expect(await look()).toBe(false);
  await person('2026-03-01T09:00:00.000Z');
  clock.instant = new Date('2026-03-01T13:59:59.999Z');
  expect(await look()).toBe(false);
  clock.instant = new Date('2026-03-01T14:00:00.000Z');
  expect(await Promise.all([look(), look()])).toContain(true);
  expect(await look()).toBe(false);
  expect(await facts('2026-03-01')).toEqual([['2026-03-01T14:00:00.000Z', 1]]);
  await harness.restart();
  expect(await look()).toBe(false);
  // Nobody looked on the second; the third is measured, the second is not made up.
  clock.instant = new Date('2026-03-04T02:00:00.000Z');
  expect(await look()).toBe(true);
  expect([await facts('2026-03-02'), await facts('2026-03-03')]).toEqual([[], [['2026-03-04T02:00:00.000Z', 1]]]);
});

it('is not measured before the read models have come as far as the log', async () => {
  await person('2026-03-01T09:00:00.000Z');
  clock.instant = new Date('2026-03-02T02:00:00.000Z');
  const { roles } = harness.options;
  // Nobody fills the read models.
  harness.options.roles = ['commands', 'queries'];
  await harness.restart();
  await harness.dispatch(registerCustomer, { kind: 'person', stage: 'lead', occurredAt: '2026-03-01T10:00:00.000Z' });
  await expect(look()).rejects.toMatchObject({ code: 'POSITION_NOT_REACHED' });
  expect(await facts('2026-03-01')).toEqual([]);
  if (roles) harness.options.roles = roles;
  await harness.restart();
  expect(await look()).toBe(true);
  expect(await facts('2026-03-01')).toEqual([['2026-03-02T02:00:00.000Z', 2]]);
});

it('asks the stores as often for many records as for few, and not again when it is sent again', async () => {
  const [a, b] = [await person('2026-03-01T01:00:00.000Z'), await person('2026-03-01T02:00:00.000Z')];
  for (let n = 0; n < 10; n += 1) await person(`2026-03-01T03:00:0${n}.000Z`);
  await suspect(a, b);
  const models = harness.get(ReadModels);
  const read = models.read.bind(models);
  let reads: string[] = [];
  models.read = (projection, position, look) => {
    reads.push(projection.name);
    return read(projection, position, look);
  };
  const measured = await harness.dispatch(measureQuality, {}, { idempotencyKey: 'k' });
  // What is the same for all, all records, whom any is suspected of being, and who those are by now.
  expect(reads).toEqual(['freshness-policies', 'profile', 'suspicions', 'profile']);
  const [fact] = await harness.product.events.readStream(`data-quality-${measured.id}`);
  expect(fact?.data).toMatchObject({ all: { records: 12, parts: { uniqueness: { sum: 11, records: 12 } } } });
  reads = [];
  const again = await harness.dispatch(measureQuality, {}, { idempotencyKey: 'k' });
  expect([again, reads]).toEqual([{ ...measured, resent: true }, []]);
});

it('is told by source, whatever the sources are called', async () => {
  const source = '$crm.v2';
  const { position } = await harness.dispatch(
    registerCustomer,
    { kind: 'person', stage: 'lead', language: 'de' },
    { source },
  );
  await harness.read(profileProjection, position, () => Promise.resolve());
  const { id: day, position: measured } = await harness.dispatch(measureQuality, {});
  const byKind = { metric: 'data-quality', from: day, to: day, interval: 'total' as const, by: 'source' };
  const points = await harness.get(QualityMetrics).series({ ...byKind, position: measured });
  expect(points.map(({ group, n }) => [group, n])).toEqual([[source, 1]]);
});

it('is a trend: each interval has what was measured last in it', async () => {
  await person('2025-03-10T00:00:00.000Z');
  for (let day = 0; day < 12; day += 1) {
    clock.advance(DAY_MS);
    if (day === 5) await person(toInstant(clock.now()), { birthDate: '1990-01-01', language: 'de' });
    await look();
  }
  const head = await harness.product.events.head();
  const series = (metric: string, interval: 'day' | 'total', more: object = {}) =>
    harness.get(QualityMetrics).series({
      metric,
      from: '2026-03-01',
      to: '2026-03-12',
      interval,
      ...(head && { position: head.position }),
      ...more,
    });
  const fresh = await series('contact-freshness', 'day');
  // Said a year before the tenth, ten o'clock in Brisbane: stale in the measurement of the ninth. The other is of the seventh.
  expect(fresh.map(({ n, numerator }) => [n, numerator])).toEqual([
    ...Array.from({ length: 5 }, () => [1, 1]),
    ...Array.from({ length: 3 }, () => [2, 2]),
    ...Array.from({ length: 4 }, () => [2, 1]),
  ]);
  const quality = await series('data-quality', 'day');
  expect(quality[0]?.value).toBeCloseTo(35 / 7 + 25 + 25 + 15, 8);
  expect(quality[7]?.value).toBeGreaterThan(quality[11]?.value ?? 100);
  expect(await series('data-quality', 'total')).toEqual([{ ...quality[11], from: '2026-03-01', to: '2026-03-12' }]);
  // As of the sixth, what was measured after it is not there.
  const [past] = await series('data-quality', 'total', { asOf: '2026-03-06T23:00:00.000Z' });
  expect(past?.value).toBe(quality[4]?.value);
});
