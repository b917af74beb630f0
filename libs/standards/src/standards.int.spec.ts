/** Versions of a standard by the clock, on real embedded stores: what is in force, what is to come, and what is answered. */
import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import type { EventStore } from '@timeline/event-store';
import { createHttpApp } from '@timeline/http';
import { Harness, TestClock } from '../../composing/src/testing/harness.js';
import { publishStandard, StandardsInForce, standardsSlice, type Rule } from './index.js';

const clock = new TestClock();
let harness: Harness;
let app: NestFastifyApplication;
let base: string;
beforeAll(async () => {
  harness = await Harness.start({ slices: [standardsSlice], clock });
  app = await createHttpApp(harness.product.module({ providers: [], controllers: [] }));
  await app.listen(0, '127.0.0.1');
  base = await app.getUrl();
});
afterAll(async () => {
  await app?.close();
  await harness?.dispose();
});

const SMALL: Rule[] = [{ kind: 'one-of', values: ['S'] }];
const LARGE: Rule[] = [{ kind: 'one-of', values: ['L'] }];
const MISTAKEN = '2099-01-01T00:00:00.000Z';
const publish = (field: string, rules: Rule[], from?: string): Promise<unknown> =>
  harness.dispatch(publishStandard, { field, rules, ...(from !== undefined && { from }) });
const inForce = async (field: string): Promise<number | undefined> =>
  (await harness.get(StandardsInForce).current()).byField.get(field)?.version;
/** As the list tells them. */
async function listed(field: string): Promise<[version: number, inForce: boolean][]> {
  const answer = await fetch(`${base}/v1/standards`);
  const { items } = (await answer.json()) as { items: { field: string; version: number; inForce: boolean }[] };
  return items.filter((each) => each.field === field).map(({ version, inForce: is }) => [version, is]);
}
const later = (ms: number): string => new Date(clock.now().getTime() + ms).toISOString();

it('a version published for a mistaken time is withdrawn, or corrected, by the next', async () => {
  const field = 'traits.size';
  await publish(field, SMALL);
  await publish(field, LARGE, MISTAKEN);
  expect(await listed(field)).toEqual([
    [1, true],
    [2, false],
  ]);
  // Corrected: the same rules from an earlier time on.
  await publish(field, LARGE, later(60_000));
  expect(await listed(field)).toEqual([
    [1, true],
    [3, false],
  ]);
  // Withdrawn: what holds now is to go on holding.
  await publish(field, SMALL);
  expect(await listed(field)).toEqual([[4, true]]);
  clock.advance(60_000);
  expect(await inForce(field)).toBe(4);
});

it('the rules of a version that is to come are published for now by leaving out from', async () => {
  const field = 'traits.shape';
  await publish(field, LARGE, MISTAKEN);
  expect(await inForce(field)).toBeUndefined();
  await publish(field, LARGE);
  expect(await inForce(field)).toBe(2);
  await publish(field, LARGE);
  expect(await inForce(field)).toBe(2);
});

it('answers a version that is there already as the same while it is, whatever the clock says', async () => {
  const field = 'traits.time';
  await publish(field, SMALL, later(60_000));
  const path = `${base}/v1/standards/${field}`;
  const first = await fetch(path);
  const etag = first.headers.get('etag') ?? '';
  const body: unknown = await first.json();
  clock.advance(60_000);
  expect(await listed(field)).toEqual([[1, true]]);
  expect((await fetch(path, { headers: { 'if-none-match': etag } })).status).toBe(304);
  // What 304 stands for.
  expect(await (await fetch(path)).json()).toEqual(body);
});

it('reads of a standard only the versions that it has not read', async () => {
  const field = 'traits.grown';
  for (const rules of [SMALL, LARGE, SMALL]) await publish(field, rules);
  let held = Infinity;
  let read: number[] = [];
  const log = new Proxy(harness.product.events, {
    get(target, name): unknown {
      if (name !== 'readStream') return Reflect.get(target, name, target);
      return async (...args: Parameters<EventStore['readStream']>) => {
        const found = (await target.readStream(...args)).filter(({ revision }) => revision < held);
        read.push(...found.map(({ revision }) => revision));
        return found;
      };
    },
  });
  const standards = new StandardsInForce(log, clock);
  const versions = async (): Promise<number[]> => {
    read = [];
    return (await standards.versionsOf(field)).map(({ version }) => version);
  };
  expect([await versions(), read]).toEqual([
    [1, 2, 3],
    [0, 1, 2],
  ]);
  expect([await versions(), read]).toEqual([[1, 2, 3], [2]]);
  await publish(field, LARGE);
  expect([await versions(), read]).toEqual([
    [1, 2, 3, 4],
    [2, 3],
  ]);
  // Of a log that was restored from a backup nothing stays that it does not hold.
  held = 2;
  expect(await versions()).toEqual([1, 2]);
  held = Infinity;
  expect(await versions()).toEqual([1, 2, 3, 4]);
});
