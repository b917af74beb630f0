/** Many readers of the log's end, quick and slow: each sees every event once and in order. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { logWentBack, openEventStore, type EventStore } from '@timeline/event-store';
import { newId, UnavailableError, type Position } from '@timeline/kernel';
import { LiveTail } from './live-tail.js';

describe('the live tail', () => {
  let folder: string;
  let events: EventStore;
  let tail: LiveTail;
  const leaving = new AbortController();

  beforeEach(async () => {
    folder = await mkdtemp(path.join(tmpdir(), 'timeline-tail-'));
    events = await openEventStore(`sqlite:${path.join(folder, 'events.db')}`);
    tail = new LiveTail(events);
  });
  afterEach(async () => {
    tail.onModuleDestroy();
    await events.close();
    await rm(folder, { recursive: true });
  });

  const append = (n: number): Promise<{ position: Position }> => {
    const id = newId();
    const metadata = {
      schemaVersion: 1,
      occurredAt: '2026-01-01T00:00:00.000Z',
      actor: 'test',
      commandId: id,
      bodyHash: 'h',
      correlationId: id,
      causationId: id,
    };
    return events.append(`s-${id}`, [{ id, type: 'Happened', data: { n }, metadata }], {
      expectedRevision: 'no-stream',
    });
  };
  const appendAll = (from: number, to: number): Promise<unknown> =>
    Promise.all(Array.from({ length: to - from }, (_, index) => append(from + index)));
  /** Takes `count` events; `pause` is called between batches. */
  const take = async (count: number, after?: Position, pause?: () => Promise<unknown>): Promise<number[]> => {
    const seen: number[] = [];
    for await (const batch of tail.follow(after, leaving.signal)) {
      seen.push(...batch.map(({ data }) => Number(data['n'])));
      if (seen.length >= count) return seen;
      await pause?.();
    }
    return seen;
  };
  const sorted = (numbers: readonly number[]): number[] => [...numbers].sort((a, b) => a - b);
  const range = (from: number, to: number): number[] => Array.from({ length: to - from }, (_, index) => from + index);

  it('starts after a position of the past and goes over to what is new', async () => {
    const first = await append(-1);
    await appendAll(0, 300);
    const fromPast = take(350, first.position);
    const fromHead = take(50, (await events.head())?.position);
    await appendAll(300, 350);
    expect(sorted(await fromPast)).toEqual(range(0, 350));
    expect(sorted(await fromHead)).toEqual(range(300, 350));
  });

  it('brings a slow reader every event, also when more came than are kept in memory', async () => {
    const first = await append(-1);
    const quick = take(4_500, first.position);
    let bursts = 0;
    const slow = take(4_500, first.position, async () => {
      // While it is busy with a batch, more events come than the ring holds.
      if (bursts < 2) await appendAll((bursts += 1) * 2_200 - 2_200 + 100, bursts * 2_200 + 100);
    });
    await appendAll(0, 100);
    expect(sorted(await slow)).toEqual(range(0, 4_500));
    expect(sorted(await quick)).toEqual(range(0, 4_500));
  });

  it('serves the next reader after the store was away for the first', async () => {
    await append(1);
    const head = events.head.bind(events);
    events.head = () => Promise.reject(new UnavailableError('event store', 'away'));
    await expect(take(1)).rejects.toMatchObject({ code: 'STORE_UNAVAILABLE' });
    events.head = head;
    const reading = take(1, (await events.head())?.position);
    await append(2);
    expect(await reading).toEqual([2]);
  });

  it('cuts off who reads what the log has lost, and serves who comes then, when it goes back to an earlier state', async () => {
    const first = await append(1);
    const subscribe = events.subscribe.bind(events);
    const seen: unknown[] = [];
    events.subscribe = async function* (options) {
      if (seen.push(options?.seen) === 2) throw logWentBack(first.position);
      for await (const message of subscribe(options)) {
        yield message;
        if (message.kind === 'events') throw new UnavailableError('event store', 'away');
      }
    };
    const reading = tail.follow(first.position, leaving.signal);
    const next = reading.next();
    const lost = await append(2);
    expect((await next).value).toMatchObject([{ position: lost.position }]);
    await expect(reading.next()).rejects.toMatchObject({ code: 'LOG_WENT_BACK' });
    expect(seen.slice(0, 2)).toMatchObject([{ position: first.position }, { position: lost.position }]);
    const another = take(1, (await events.head())?.position);
    await append(3);
    expect(await another).toEqual([3]);
  });

  it('ends when the reader leaves and when the process stops', async () => {
    const left = new AbortController();
    const reading = (async () => {
      for await (const _ of tail.follow(undefined, left.signal)) return 'an event';
      return 'ended';
    })();
    left.abort();
    expect(await reading).toBe('ended');
    const another = (async () => {
      for await (const _ of tail.follow(undefined, new AbortController().signal)) return 'an event';
      return 'ended';
    })();
    tail.onModuleDestroy();
    expect(await another).toBe('ended');
  });
});
