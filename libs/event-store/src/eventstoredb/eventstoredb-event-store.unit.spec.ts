import { randomUUID } from 'node:crypto';
import type { Position } from '@timeline/kernel';
import { errorCode, makePosition, UnavailableError } from '@timeline/kernel';
import type { SubscriptionMessage } from '../event-store.port.js';
import { WrongExpectedRevisionError } from '../event-store.port.js';
import { collect, describeEventStoreContract, eventsIn, messagesUntil } from '../testing/event-store.contract.js';
import { newEvent, newEvents, newStream } from '../testing/events.js';
import { clientError, FakeServer, wrongExpectedVersion } from '../testing/fake-event-store-db.js';
import { isRetryable } from './errors.js';
import { EventStoreDbEventStore } from './eventstoredb-event-store.js';

const openOn = (server: FakeServer, giveUpMs?: number): Promise<EventStoreDbEventStore> =>
  EventStoreDbEventStore.open('esdb://unused', {
    connect: () => server.client(),
    ...(giveUpMs === undefined ? {} : { giveUpMs }),
  });

describeEventStoreContract(
  'EventStoreDB (adapter over a stand-in for the client)',
  async () => {
    const server = new FakeServer();
    return { open: () => openOn(server) };
  },
  { refusesKnownIdsAtNewerRevision: false },
);

describe('the EventStoreDB adapter', () => {
  let server: FakeServer;
  let store: EventStoreDbEventStore;
  beforeEach(async () => {
    server = new FakeServer();
    store = await openOn(server);
    server.appends = [];
  });
  afterEach(() => store.close());

  const failure = (promise: Promise<unknown>): Promise<unknown> =>
    promise.then(
      () => 'no error',
      (error: unknown) => error,
    );
  const unknownOutcome = clientError('deadline-exceeded');

  it('hands answers that come together on eight to a turn, so that what they lead to is sent meanwhile', async () => {
    let turn = 0;
    const turns: number[] = [];
    const count = (): void => {
      turn += 1;
      if (turns.length < 30) setImmediate(count);
    };
    const appends = newEvents(30).map(async (event) => {
      await store.append(newStream(), [event], { expectedRevision: 'no-stream' });
      turns.push(turn);
    });
    count();
    await Promise.all(appends);
    const each = [...new Set(turns)].map((at) => turns.filter((other) => other === at).length);
    expect(Math.max(...each)).toBe(8);
    expect(each.length).toBe(4);
  });

  describe('sending an append whose outcome is unknown', () => {
    it.each([
      ['stored', true],
      ['not stored', false],
    ])('sends the same ids at the same revision again: %s', async (_what, stored) => {
      const stream = newStream();
      await store.append(stream, newEvents(1), { expectedRevision: 'no-stream' });
      server.appends = [];
      server.appendFailures.push(
        { stored, error: unknownOutcome },
        { stored: false, error: clientError('unavailable', 14) },
      );
      const events = newEvents(2);
      const result = await store.append(stream, events, { expectedRevision: 0 });
      expect(result.revision).toBe(2);
      expect(server.appends).toHaveLength(3);
      const ids = events.map(({ id }) => id);
      for (const sent of server.appends) expect(sent).toEqual({ stream, ids, expectedRevision: 0n });
      expect((await store.readStream(stream)).map(({ id }) => id).slice(1)).toEqual(ids);
    });

    it('finds its events when the server no longer recognises them', async () => {
      const stream = newStream();
      server.appendFailures.push(
        { stored: true, error: unknownOutcome },
        { stored: false, error: wrongExpectedVersion(1n) },
      );
      const result = await store.append(stream, newEvents(2), { expectedRevision: 'no-stream' });
      expect(result).toEqual({ revision: 1, position: (await store.head())?.position });
    });

    it('tells a conflict when someone else was faster', async () => {
      const stream = newStream();
      server.appendFailures.push({ stored: false, error: unknownOutcome });
      const appended = failure(store.append(stream, newEvents(1), { expectedRevision: 'no-stream' }));
      server.write(stream, { ...newEvent(), data: { data: {} } });
      expect(await appended).toMatchObject({ name: 'WrongExpectedRevisionError', expected: 'no-stream', actual: 0 });
    });

    it('gives up after a bounded number of times, and says that the outcome is unknown', async () => {
      for (let i = 0; i < 20; i++) server.appendFailures.push({ stored: false, error: unknownOutcome });
      const error = await failure(store.append(newStream(), newEvents(1), { expectedRevision: 'no-stream' }));
      expect(error).toBeInstanceOf(UnavailableError);
      expect(String(error)).toContain('same revision');
      expect(server.appends).toHaveLength(6);
    });

    it('does not wait for a server that hangs', async () => {
      const impatient = await openOn(server, 1_000);
      // However often it is sent again: none of them is answered.
      for (let n = 0; n < 50; n += 1) server.appendFailures.push({ stored: false, error: 'no answer' });
      const error = await failure(impatient.append(newStream(), newEvents(1), { expectedRevision: 'no-stream' }));
      expect(error).toBeInstanceOf(UnavailableError);
      await impatient.close();
    });

    it('does not resend what was refused', async () => {
      server.appendFailures.push({ stored: false, error: clientError('access-denied') });
      const denied = await failure(store.append(newStream(), newEvents(1), { expectedRevision: 'no-stream' }));
      expect(errorCode(denied)).toBe('EVENT_STORE_ACCESS_DENIED');
      server.appendFailures.push({ stored: false, error: clientError('maximum-append-size-exceeded') });
      const large = await failure(store.append(newStream(), newEvents(1), { expectedRevision: 'no-stream' }));
      expect(errorCode(large)).toBe('APPEND_TOO_LARGE');
      const stream = newStream();
      expect(await failure(store.append(stream, newEvents(1), { expectedRevision: 3 }))).toBeInstanceOf(
        WrongExpectedRevisionError,
      );
      expect(server.appends).toHaveLength(3);
    });
  });

  it('has no more than 64 appends under way, and lets all through', async () => {
    const streams = Array.from({ length: 100 }, () => newStream());
    await Promise.all(streams.map((stream) => store.append(stream, newEvents(1), { expectedRevision: 'no-stream' })));
    expect(server.mostAppendsUnderWay).toBe(64);
  });

  it('takes a new client when the old one keeps the failure of its first question', async () => {
    expect(server.clients).toBe(1);
    server.appendFailures.push({ stored: false, error: clientError(undefined, 13) });
    await store.append(newStream(), newEvents(1), { expectedRevision: 'no-stream' });
    expect(server.clients).toBe(2);
    server.appendFailures.push({ stored: false, error: clientError(undefined, 14) });
    await store.append(newStream(), newEvents(1), { expectedRevision: 'no-stream' });
    expect(server.clients).toBe(2);
  });

  it('knows which errors are worth another try', () => {
    const retryable = [
      clientError('unavailable', 14),
      clientError('timeout', 10),
      clientError('deadline-exceeded'),
      clientError('cancelled', 1),
      clientError('persistent-subscription-dropped', 1),
      clientError('not-leader', 5),
      clientError('unknown', 13),
      clientError('unknown', 14),
      Object.assign(new Error('Could not recognize Server Is Not Ready'), { type: 'unknown' }),
      new Error('Failed to discover after 10 attempts.'),
      clientError(undefined, 14),
      clientError(undefined, 13),
    ];
    const final = [
      clientError('unknown', 2),
      clientError('unknown'),
      clientError('wrong-expected-version'),
      clientError('stream-deleted', 9),
      clientError('access-denied', 7),
      clientError('invalid-argument'),
      new Error('something else'),
      'text',
      undefined,
    ];
    expect(retryable.filter((error) => !isRetryable(error))).toEqual([]);
    expect(final.filter(isRetryable)).toEqual([]);
  });

  describe('its log id', () => {
    it('is kept in the log', async () => {
      expect(store.logId).toMatch(/^[0-9a-f]{12}$/);
      expect((await openOn(server)).logId).toBe(store.logId);
      expect((await openOn(new FakeServer())).logId).not.toBe(store.logId);
      expect(await store.head()).toBeUndefined();
    });

    it('is the first one’s when several start together', async () => {
      const fresh = new FakeServer();
      const stores = await Promise.all(Array.from({ length: 5 }, () => openOn(fresh)));
      expect(new Set(stores.map(({ logId }) => logId)).size).toBe(1);
      expect(fresh.streamOf('timeline-log')).toHaveLength(1);
    });

    it('is refused when the stream is not ours', async () => {
      const foreign = new FakeServer();
      foreign.write('timeline-log', newEvent());
      expect(errorCode(await failure(openOn(foreign)))).toBe('EVENT_STORE_FOREIGN');
    });

    it('waits out a server that has just started', async () => {
      const starting = new FakeServer();
      starting.readFailures.push(clientError('unavailable', 14), clientError('unavailable', 14));
      starting.appendFailures.push({ stored: true, error: unknownOutcome });
      expect((await openOn(starting)).logId).toMatch(/^[0-9a-f]{12}$/);
    });

    it('cannot be had from a server that is away', async () => {
      const away = new FakeServer();
      for (let i = 0; i < 10; i++) away.readFailures.push(clientError('unavailable', 14));
      expect(await failure(openOn(away))).toBeInstanceOf(UnavailableError);
    });
  });

  describe('the server’s own records', () => {
    const noise = (): void => {
      server.write('$stats-127.0.0.1:2113', { id: randomUUID(), type: '$statsCollected', data: {} });
      // 23.10 gives these a type without $.
      server.write('$persistentsubscription-$all::g-checkpoint', {
        id: randomUUID(),
        type: 'SubscriptionCheckpoint',
        data: 'C:1/P:1',
      });
    };

    it('are never the head, never read and never delivered', async () => {
      const stream = newStream();
      noise();
      const { position } = await store.append(stream, newEvents(2), { expectedRevision: 'no-stream' });
      noise();
      expect((await store.head())?.position).toBe(position);
      expect(await collect(store.readAll())).toHaveLength(2);
      expect(await collect(store.readAll({ direction: 'backwards' }))).toHaveLength(2);
      const isCaughtUp = (message: SubscriptionMessage): boolean => message.kind === 'caught-up';
      expect(eventsIn(await messagesUntil(store, {}, isCaughtUp))).toHaveLength(2);
      const last = server.records.at(-1)?.position.commit ?? 0n;
      const padded = String(last).padStart(20, '0');
      expect(await store.eventAt(makePosition(store.logId, `${padded}.${padded}`))).toBeUndefined();
    });
  });

  it('stops at an event that this program did not write', async () => {
    server.write('order-1', { id: randomUUID(), type: 'OrderPlaced', data: { items: 3 } });
    expect(errorCode(await failure(collect(store.readAll())))).toBe('EVENT_STORE_FOREIGN_EVENT');
    expect(errorCode(await failure(messagesUntil(store, {}, () => false)))).toBe('EVENT_STORE_FOREIGN_EVENT');
  });

  it('keeps both halves of a position, so that it can go on from a checkpoint whose prepare is 0', async () => {
    const type = `Wanted${randomUUID()}`;
    for (let i = 0; i < 5; i++) {
      await store.appendUnsafelyAtAnyRevision('noise', newEvents(2));
      await store.appendUnsafelyAtAnyRevision('wanted', [newEvent(i, { type })]);
    }
    const wanted = await collect(store.readAll({ types: [type] }));
    for (const { commit } of server.streamOf('noise').map(({ position }) => position)) {
      const half = makePosition(store.logId, `${String(commit).padStart(20, '0')}.${'0'.repeat(20)}`);
      const [before, after] = [
        wanted.filter((event) => event.position < half),
        wanted.filter((event) => event.position > half),
      ];
      expect(await collect(store.readAll({ after: half, types: [type] }))).toEqual(after);
      expect(await collect(store.readAll({ after: half, types: [type], direction: 'backwards' }))).toEqual(
        before.reverse(),
      );
      expect(await store.eventAt(half)).toBeUndefined();
    }
  });

  describe('a subscription that the server ends', () => {
    it('goes on where it stood, nothing lost and nothing twice', async () => {
      const stream = newStream();
      const errors = [
        clientError('timeout', 10),
        clientError('unavailable', 14),
        clientError('unknown', 13),
        clientError('cancelled', 1),
      ];
      let revision = -1;
      const seen: unknown[] = [];
      for await (const message of store.subscribe({ batchSize: 4 })) {
        if (message.kind === 'events') seen.push(...message.events.map(({ data }) => data.n));
        if (message.kind !== 'caught-up') continue;
        if (revision === 39) break;
        const batch = Array.from({ length: 10 }, (_, i) => newEvent(revision + 1 + i));
        ({ revision } = await store.appendUnsafelyAtAnyRevision(stream, batch));
        server.drop(errors.shift() as Error);
      }
      expect(seen).toEqual(Array.from({ length: 40 }, (_, n) => n));
    });

    it('throws "unavailable" when the server stays away', async () => {
      for (let i = 0; i < 50; i++) server.subscriptionFailures.push(clientError('unavailable', 14));
      expect(await failure(messagesUntil(store, {}, () => false))).toBeInstanceOf(UnavailableError);
    });

    it('throws at once what no retry can mend', async () => {
      server.subscriptionFailures.push(clientError('unknown', 2));
      expect(errorCode(await failure(messagesUntil(store, {}, () => false)))).toBe('EVENT_STORE_FAULT');
      expect(server.subscriptions.size).toBe(0);
    });

    it('leaves nothing behind when its reader leaves', async () => {
      await messagesUntil(store, {}, () => true);
      const controller = new AbortController();
      const ended = messagesUntil(store, { signal: controller.signal }, ({ kind }) => {
        if (kind === 'caught-up') controller.abort();
        return false;
      });
      await ended;
      expect(server.subscriptions.size).toBe(0);
    });

    it('holds no more than a batch while its reader does not pull', async () => {
      const iterator = store.subscribe({ batchSize: 10 })[Symbol.asyncIterator]();
      while ((await iterator.next()).value?.kind !== 'caught-up');
      for (let i = 0; i < 10; i++) await store.appendUnsafelyAtAnyRevision('a', newEvents(500));
      await store.head();
      for (const subscription of server.subscriptions) expect(subscription.readableLength).toBeLessThanOrEqual(11);
      await iterator.return?.();
    });
  });

  it('tries a read again that was cut off', async () => {
    const stream = newStream();
    const { position } = await store.append(stream, newEvents(3), { expectedRevision: 'no-stream' });
    const cut = (): void => void server.readFailures.push(clientError('unavailable', 14), clientError('not-leader', 5));
    cut();
    expect(await store.readStream(stream)).toHaveLength(3);
    cut();
    expect((await store.head())?.position).toBe(position);
    cut();
    expect((await store.eventAt(position))?.revision).toBe(2);
    cut();
    expect(await collect(store.readAll({ direction: 'backwards' }))).toHaveLength(3);
    cut();
    cut();
    expect(await failure(store.readStream(stream))).toBeInstanceOf(UnavailableError);
  });

  it('says of a position between events that nothing is there', async () => {
    await store.append(newStream(), newEvents(2), { expectedRevision: 'no-stream' });
    const head = (await store.head())?.position as Position;
    const offset = String(BigInt(head.slice(13, 33)) - 1n).padStart(20, '0');
    expect(await store.eventAt(makePosition(store.logId, `${offset}.${offset}`))).toBeUndefined();
  });

  it('does not show the password of a connection string that is wrong', async () => {
    const error = await failure(EventStoreDbEventStore.open('esdb://admin:secret@host:1:2'));
    expect(errorCode(error)).toBe('CONFIG_INVALID');
    expect(String(error)).not.toContain('secret');
  });
});
