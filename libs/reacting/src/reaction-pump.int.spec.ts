/** The pump on real embedded stores: what is owed is recorded once, by however many pumps, and what is due not before. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { openEventStore, WrongExpectedRevisionError, type EventStore } from '@timeline/event-store';
import { Clock, deriveId, newId, UnavailableError, type Fact, type Position, type Recorded } from '@timeline/kernel';
import { ProjectionEngine, ReadModels, type FeedNotice, type Projection } from '@timeline/projecting';
import { openReadStore, type ReadStore } from '@timeline/read-store';
import { REACTION_INDEXES, type Reaction, type ReactionDocument } from './reaction.js';
import { ReactionPump } from './reaction-pump.js';

class TestClock extends Clock {
  constructor(public instant = '2026-01-01T00:00:00.000Z') {
    super();
  }
  override now(): Date {
    return new Date(this.instant);
  }
}

/** Every order is thanked for: at once, or from `thankFrom` on. */
type OrderFact = Fact<'Ordered', { order: string; thankFrom?: string }> | Fact<'Thanked', { order: string }>;

const thanks: Projection<ReactionDocument, OrderFact, never> = {
  name: 'thanks',
  version: 1,
  handles: ['Ordered', 'Thanked'],
  indexes: REACTION_INDEXES,
  keys: ({ data }) => [{ key: data.order, owner: 'all' }],
  evolve: (document, { type, data }) =>
    type === 'Ordered'
      ? {
          subject: data.order,
          owed: data.thankFrom === undefined,
          ...(data.thankFrom && { dueAt: data.thankFrom }),
          recorded: 0,
        }
      : { subject: data.order, owed: false, recorded: (document?.recorded ?? 0) + 1 },
};

describe('the reaction pump', () => {
  let folder: string;
  let events: EventStore;
  let reads: ReadStore;
  let engine: ProjectionEngine;
  let models: ReadModels;
  let clock: TestClock;
  let acts: string[];
  let pumps: ReactionPump[];
  let notices: FeedNotice[];

  beforeEach(async () => {
    folder = await mkdtemp(path.join(tmpdir(), 'timeline-reacting-'));
    events = await openEventStore(`sqlite:${path.join(folder, 'events.db')}`);
    reads = await openReadStore(`sqlite:${path.join(folder, 'reads.db')}`);
    // These tests hold no personal data, so what is stored is what is read.
    const vault = { open: (stored: readonly unknown[]) => Promise.resolve(stored as Recorded[]) };
    engine = new ProjectionEngine({ events, reads, vault, projections: [thanks] });
    models = new ReadModels({ events, reads, engine });
    clock = new TestClock();
    acts = [];
    pumps = [];
    notices = [];
    await engine.start();
  });
  afterEach(async () => {
    for (const pump of pumps) await pump.stop();
    await engine.stop();
    await reads.close();
    await events.close();
    await rm(folder, { recursive: true });
  });

  const record = async (
    type: OrderFact['type'],
    data: OrderFact['data'],
    id: string,
    revision: 'no-stream' | number,
  ): Promise<Position> => {
    const metadata = {
      schemaVersion: 1,
      occurredAt: clock.instant,
      actor: 'test',
      commandId: id,
      bodyHash: 'h',
      correlationId: id,
      causationId: id,
    };
    const result = await events.append(`order-${data.order}`, [{ id, type, data, metadata }], {
      expectedRevision: revision,
    });
    return result.position;
  };
  const reaction = (fail?: (order: string) => Error | 'later' | undefined): Reaction => ({
    projection: thanks,
    act: async ({ subject, recorded }) => {
      const error = fail?.(subject);
      acts.push(subject);
      if (error === 'later') return error;
      if (error) throw error;
      try {
        await record('Thanked', { order: subject }, deriveId('thanks', subject, recorded), 0);
      } catch (refusal) {
        // Another pump was quicker: it is recorded.
        if (!(refusal instanceof WrongExpectedRevisionError)) throw refusal;
      }
      return undefined;
    },
  });
  const startPump = (of: Reaction): void => {
    const pump = new ReactionPump({
      events,
      models,
      reactions: [of],
      clock,
      pollMs: 5,
      report: (notice) => notices.push(notice),
    });
    pump.start();
    pumps.push(pump);
  };
  const thanked = async (): Promise<string[]> => {
    const orders: string[] = [];
    for await (const batch of events.readAll({ types: ['Thanked'] }))
      orders.push(...batch.map(({ data }) => String(data['order'])));
    return orders.sort();
  };
  const until = async (condition: () => Promise<boolean> | boolean): Promise<void> => {
    while (!(await condition())) await new Promise((resolve) => setTimeout(resolve, 5));
  };

  it('records what is owed once, with two pumps at work', async () => {
    startPump(reaction());
    startPump(reaction());
    const orders = Array.from({ length: 30 }, (_, n) => `o${String(n).padStart(2, '0')}`);
    for (const order of orders) await record('Ordered', { order }, newId(), 'no-stream');
    await until(async () => (await thanked()).length >= orders.length);
    expect(await thanked()).toEqual(orders);
  });

  it('records what is due from its instant on, not before, also when it starts late', async () => {
    startPump(reaction());
    const position = await record(
      'Ordered',
      { order: 'later', thankFrom: '2026-01-02T00:00:00.000Z' },
      newId(),
      'no-stream',
    );
    await record('Ordered', { order: 'now' }, newId(), 'no-stream');
    await until(async () => (await thanked()).includes('now'));
    expect(await thanked()).toEqual(['now']);
    await pumps[0]?.stop();
    clock.instant = '2026-01-03T00:00:00.000Z';
    startPump(reaction());
    await until(async () => (await thanked()).includes('later'));
    expect(position < ((await events.head())?.position ?? '')).toBe(true);
    expect(acts.filter((order) => order === 'later')).toHaveLength(1);
  });

  it('does not act on what was answered before it looked', async () => {
    await record('Ordered', { order: 'done' }, newId(), 'no-stream');
    await record('Thanked', { order: 'done' }, newId(), 0);
    startPump(reaction());
    await record('Ordered', { order: 'next' }, newId(), 'no-stream');
    await until(async () => (await thanked()).includes('next'));
    expect(acts).toEqual(['next']);
  });

  it('goes on with others when one fails, and tries that one again later', async () => {
    let failures = 0;
    startPump(reaction((order) => (order === 'bad' && failures++ < 2 ? new Error('no') : undefined)));
    await record('Ordered', { order: 'bad' }, newId(), 'no-stream');
    await record('Ordered', { order: 'good' }, newId(), 'no-stream');
    await until(async () => (await thanked()).length === 2);
    expect(notices).toHaveLength(1);
  });

  it('asks again, in a while and telling nobody, what says that it is not to be recorded yet', async () => {
    let isTime = false;
    const tried = (): number => acts.filter((order) => order === 'patient').length;
    startPump(reaction((order) => (order === 'patient' && !isTime ? 'later' : undefined)));
    await record('Ordered', { order: 'patient' }, newId(), 'no-stream');
    await until(() => tried() >= 3);
    // Each time it waits longer: many rounds for others, few for this one.
    const before = tried();
    for (let n = 0; n < 20; n += 1) {
      await record('Ordered', { order: `other-${n}` }, newId(), 'no-stream');
      await until(async () => (await thanked()).includes(`other-${n}`));
    }
    expect(tried() - before).toBeLessThan(10);
    expect(await thanked()).not.toContain('patient');
    isTime = true;
    await until(async () => (await thanked()).includes('patient'));
    expect(notices).toEqual([]);
  });

  it('tells of a failure that comes after it was asked to wait', async () => {
    const answers: (Error | 'later' | undefined)[] = ['later', 'later', new Error('no'), new Error('no'), undefined];
    startPump(reaction(() => answers.shift()));
    await record('Ordered', { order: 'bad' }, newId(), 'no-stream');
    await until(async () => (await thanked()).length === 1);
    expect(notices).toHaveLength(1);
  });

  it('comes to what is owed behind many that fail', async () => {
    for (let n = 0; n < 120; n += 1) await record('Ordered', { order: `bad-${n}` }, newId(), 'no-stream');
    await record('Ordered', { order: 'good' }, newId(), 'no-stream');
    startPump(reaction((order) => (order === 'good' ? undefined : new Error('no'))));
    await until(async () => (await thanked()).includes('good'));
  });

  it('waits while a store is away and goes on by itself', async () => {
    let isAway = true;
    startPump(reaction(() => (isAway ? new UnavailableError('event store', 'away') : undefined)));
    await record('Ordered', { order: 'patient' }, newId(), 'no-stream');
    await until(() => notices.length > 0);
    isAway = false;
    await until(async () => (await thanked()).includes('patient'));
  });
});
