/** What was known at an instant, in a log of several stretches whose clock jumped: equal to a walk through all of it. */
import { newId, stretchOf, toInstant, type Position } from '@timeline/kernel';
import { CustomerDirectory } from '@timeline/deciding';
import type { Slice } from '@timeline/composing';
import type { StoredEvent } from '@timeline/event-store';
import { Harness, TestClock } from '../../composing/src/testing/harness.js';
import { timelineSlice } from './index.js';
import { TimelineHistory } from './timeline-history.js';

class Nobody extends CustomerDirectory {
  override resolve = (): never => {
    throw new Error('nobody is asked for');
  };
}
const customers: Slice = { name: 'customers', commandProviders: [{ provide: CustomerDirectory, useClass: Nobody }] };

const START = Date.parse('2026-01-01T00:00:00.000Z');
const clock = new TestClock(new Date(START));
let harness: Harness;

beforeAll(async () => {
  harness = await Harness.start({ slices: [customers, timelineSlice], clock });
});
afterAll(() => harness?.dispose());

async function append(count: number): Promise<Position> {
  const events = Array.from({ length: count }, () => {
    const id = newId();
    const ids = { commandId: id, bodyHash: 'h', correlationId: id, causationId: id };
    const metadata = { schemaVersion: 1, occurredAt: '2020-01-01T00:00:00.000Z', actor: 'test', ...ids };
    return { id, type: 'PointsEarned', data: {}, metadata };
  });
  const { position } = await harness.product.events.append(newId(), events, { expectedRevision: 'no-stream' });
  return position;
}

it('is everything before the first event that was recorded after it, whatever the clock did', async () => {
  const history = harness.get(TimelineHistory);
  expect(await history.momentOf({ knownAt: toInstant(START) })).toEqual({
    known: `${harness.product.events.logId}:0`,
  });
  // Seconds after the start, and how many events were recorded then: on, far ahead, back, back again, on.
  const told = [
    [0, 400],
    [10, 700],
    [5_000, 3],
    [20, 900],
    [5, 200],
    [30, 1],
    [6_000, 850],
    [6_000.001, 1],
    [40, 1_100],
    [7_000, 20],
  ] as const;
  for (const [second, count] of told) {
    clock.instant = new Date(START + second * 1000);
    await append(count);
  }
  const log: StoredEvent[] = [];
  for await (const batch of harness.product.events.readAll()) log.push(...batch);
  expect(new Set(log.map(({ position }) => stretchOf(position))).size).toBeGreaterThan(4);

  const walked = (instant: string): string => {
    const next = log.findIndex(({ recordedAt }) => recordedAt > instant);
    const last = next < 0 ? log.at(-1) : log[next - 1];
    return last?.position ?? `${harness.product.events.logId}:0`;
  };
  for (const [second] of told) {
    for (const ms of [-1, 0, 1]) {
      const knownAt = toInstant(START + second * 1000 + ms);
      expect([knownAt, await history.momentOf({ knownAt })]).toEqual([knownAt, { known: walked(knownAt) }]);
    }
  }
});

it('takes a position as it is, and refuses one of another log', async () => {
  const history = harness.get(TimelineHistory);
  const position = await append(1);
  expect(await history.momentOf({ asOf: toInstant(START), knownAt: position })).toEqual({
    asOf: toInstant(START),
    known: position,
  });
  await expect(history.momentOf({ knownAt: 'ffffffffffff:0000000000000001' })).rejects.toMatchObject({
    code: 'POSITION_OF_ANOTHER_LOG',
  });
});

it('does not know what is appended while it looks, even where that is recorded with an earlier clock', async () => {
  const history = harness.get(TimelineHistory);
  const head = await append(1);
  const asked = history.momentOf({ knownAt: '2100-01-01T00:00:00.000Z' });
  await append(1);
  expect([(await asked).known ?? '']).toEqual([expect.stringMatching(new RegExp(`^${head}$`))]);
});
