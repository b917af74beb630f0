/**
 * What every event store promises, as sentences. Each adapter runs it against its own kind of log. The log may be
 * shared and hold anything already: each test starts at the head it finds and looks only at streams of its own.
 */
import { randomUUID } from 'node:crypto';
import type { Position } from '@timeline/kernel';
import { DomainError, errorCode, makePosition } from '@timeline/kernel';
import { EARLY, KEPT } from '../../../kernel/src/testing/texts.js';
import { MAX_APPEND_BYTES } from '../append-validation.js';
import type { EventStore, NewEvent, StoredEvent, SubscribeOptions, SubscriptionMessage } from '../event-store.port.js';
import { WrongExpectedRevisionError } from '../event-store.port.js';
import { newEvent, newEvents, newStream } from './events.js';

export interface ContractLog {
  /** An instance on the log, each as another process would open it. The contract closes them. */
  open(): Promise<EventStore>;
  remove?(): Promise<void>;
}

export interface ContractTraits {
  /** Whether ids that a stream holds are refused at a newer revision too (EventStoreDB writes them again). */
  refusesKnownIdsAtNewerRevision: boolean;
}

const failure = (promise: Promise<unknown>): Promise<unknown> =>
  promise.then(
    () => 'no error',
    (error: unknown) => error,
  );
const ids = (events: readonly { id: string }[]): string[] => events.map(({ id }) => id);
const numbers = (events: readonly StoredEvent[]): unknown[] => events.map(({ data }) => data.n);
const revisions = (events: readonly StoredEvent[]): number[] => events.map(({ revision }) => revision);

export async function collect(batches: AsyncIterable<StoredEvent[]>): Promise<StoredEvent[]> {
  const events: StoredEvent[] = [];
  for await (const batch of batches) events.push(...batch);
  return events;
}

/** Messages of a subscription up to and with the first that ends it. */
export async function messagesUntil(
  store: EventStore,
  options: SubscribeOptions,
  isLast: (message: SubscriptionMessage, all: SubscriptionMessage[]) => boolean,
): Promise<SubscriptionMessage[]> {
  const messages: SubscriptionMessage[] = [];
  for await (const message of store.subscribe(options)) {
    messages.push(message);
    if (isLast(message, messages)) break;
  }
  return messages;
}

export const eventsIn = (messages: readonly SubscriptionMessage[]): StoredEvent[] =>
  messages.flatMap((message) => (message.kind === 'events' ? message.events : []));

export function describeEventStoreContract(
  name: string,
  makeLog: () => Promise<ContractLog>,
  traits: ContractTraits,
): void {
  describe(`the event store contract, kept by ${name}`, () => {
    let log: ContractLog;
    let opened: EventStore[];
    let store: EventStore;
    /** The head when the test began. */
    let start: Position | undefined;

    beforeEach(async () => {
      log = await makeLog();
      opened = [];
      store = await openAnother();
      start = (await store.head())?.position;
    });
    afterEach(async () => {
      for (const each of opened) await each.close();
      await log.remove?.();
    });

    const openAnother = async (): Promise<EventStore> => {
      const another = await log.open();
      opened.push(another);
      return another;
    };

    const since = (position = start): { after?: Position } => (position === undefined ? {} : { after: position });
    const appendNew = (stream: string, events: readonly NewEvent[]): ReturnType<EventStore['append']> =>
      store.append(stream, events, { expectedRevision: 'no-stream' });
    const isCaughtUp = (message: SubscriptionMessage): boolean => message.kind === 'caught-up';

    describe('appending', () => {
      it('answers with the revision and the position of the last event', async () => {
        const stream = newStream();
        const first = await appendNew(stream, newEvents(3));
        expect(first.revision).toBe(2);
        const second = await store.append(stream, [newEvent(3)], { expectedRevision: 2 });
        expect(second.revision).toBe(3);
        const events = await store.readStream(stream);
        expect(events[2]?.position).toBe(first.position);
        expect(events[3]?.position).toBe(second.position);
      });

      it('keeps texts of any script and instants before 1970 code unit by code unit', async () => {
        const stream = newStream();
        const { metadata } = newEvent();
        const events = [
          ...KEPT.map(({ text }, n) => newEvent(n, { data: { n, text, [text]: true } })),
          ...EARLY.map((occurredAt, n) =>
            newEvent(n, { data: { n, occurredAt }, metadata: { ...metadata, occurredAt } }),
          ),
        ];
        await appendNew(stream, events);
        const read = await store.readStream(stream);
        expect(read.map(({ data, metadata: { occurredAt } }) => JSON.stringify({ data, occurredAt }))).toEqual(
          events.map((event) => JSON.stringify({ data: event.data, occurredAt: event.metadata.occurredAt })),
        );
      });

      it('keeps id, type, data, personal and metadata as they were given', async () => {
        const stream = newStream('客户');
        const data = {
          text: '客户 🎉 \u0000 "q" \\ \ud800',
          deep: { list: [1, null, true, { a: [] }], number: -1.5e-7, big: 9007199254740991 },
          absent: undefined,
        };
        const metadata = { ...newEvent().metadata, customerId: 'c-1', customerIds: ['c-1', 'c-2'], keyId: 'k' };
        const full = newEvent(0, { type: '客户已注册', data, personal: 'Q2lwaGVydGV4dA==', metadata });
        const bare = newEvent(1, { data: {} });
        await appendNew(stream, [full, bare]);
        const [one, two] = await store.readStream(stream);
        const { absent: _absent, ...kept } = data;
        expect(one).toEqual({
          ...full,
          data: kept,
          stream,
          revision: 0,
          position: one?.position,
          recordedAt: expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/),
        });
        expect(two).toMatchObject({ ...bare, stream, revision: 1 });
        expect(two).not.toHaveProperty('personal');
      });

      it('refuses a wrong expected revision and says what is', async () => {
        const stream = newStream();
        const missing = await failure(store.append(stream, newEvents(1), { expectedRevision: 4 }));
        expect(missing).toBeInstanceOf(WrongExpectedRevisionError);
        expect(missing).toMatchObject({ stream, expected: 4, actual: 'no-stream', code: 'WRONG_EXPECTED_REVISION' });
        await appendNew(stream, newEvents(2));
        expect(await failure(appendNew(stream, newEvents(1)))).toMatchObject({ expected: 'no-stream', actual: 1 });
        for (const expectedRevision of [0, 2]) {
          const wrong = await failure(store.append(stream, newEvents(1), { expectedRevision }));
          expect(wrong).toMatchObject({ expected: expectedRevision, actual: 1 });
        }
        expect(await store.readStream(stream)).toHaveLength(2);
      });

      it('lets one of a hundred appends at the same revision win', async () => {
        const stream = newStream();
        await appendNew(stream, newEvents(1));
        const racing = Array.from({ length: 100 }, (_, n) =>
          store.append(stream, [newEvent(n)], { expectedRevision: 0 }).then(
            () => 'won',
            (error: unknown) => errorCode(error),
          ),
        );
        const outcomes = await Promise.all(racing);
        expect(outcomes.filter((outcome) => outcome === 'won')).toHaveLength(1);
        expect(outcomes.filter((outcome) => outcome === 'WRONG_EXPECTED_REVISION')).toHaveLength(99);
        expect(await store.readStream(stream)).toHaveLength(2);
      });

      it('writes all events of an append next to each other, or none', async () => {
        const streams = Array.from({ length: 20 }, () => newStream());
        await Promise.all(streams.map((stream) => appendNew(stream, newEvents(10))));
        await Promise.all(streams.map((stream) => failure(appendNew(stream, newEvents(10)))));
        for (const stream of streams) {
          const events = await store.readStream(stream);
          expect(revisions(events)).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
          expect(numbers(events)).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
        }
        const order = (await collect(store.readAll(since()))).map(({ stream }) => stream);
        const changes = order.filter((stream, index) => stream !== order[index - 1]);
        expect(changes).toHaveLength(streams.length);
      });

      it('appends at any revision when asked for it by name', async () => {
        const stream = newStream();
        expect(await store.appendUnsafelyAtAnyRevision(stream, newEvents(2))).toMatchObject({ revision: 1 });
        expect(await store.appendUnsafelyAtAnyRevision(stream, newEvents(1))).toMatchObject({ revision: 2 });
      });
    });

    describe('sending the same events again', () => {
      it('answers as the first time, says so and writes nothing', async () => {
        const stream = newStream();
        const events = newEvents(3);
        const first = await appendNew(stream, events);
        expect(await appendNew(stream, events)).toEqual({ ...first, repeated: true });
        expect(ids(await store.readStream(stream))).toEqual(ids(events));
      });

      it('is recognised when the stream has moved on', async () => {
        const stream = newStream();
        await appendNew(stream, newEvents(2));
        const events = newEvents(2);
        const first = await store.append(stream, events, { expectedRevision: 1 });
        await store.append(stream, newEvents(5), { expectedRevision: 3 });
        expect(await store.append(stream, events, { expectedRevision: 1 })).toEqual({ ...first, repeated: true });
        expect(await store.readStream(stream)).toHaveLength(9);
      });

      it('is recognised for the first of them alone', async () => {
        const stream = newStream();
        const events = newEvents(3);
        await appendNew(stream, events);
        expect(await appendNew(stream, events.slice(0, 2))).toMatchObject({ revision: 1 });
        expect(await store.readStream(stream)).toHaveLength(3);
      });

      it('is refused with a new event behind them', async () => {
        const stream = newStream();
        const events = newEvents(2);
        await appendNew(stream, events);
        const error = await failure(appendNew(stream, [...events, newEvent(2)]));
        expect(error).toBeInstanceOf(WrongExpectedRevisionError);
        expect(await store.readStream(stream)).toHaveLength(2);
      });

      it('is recognised at any revision', async () => {
        const stream = newStream();
        const events = newEvents(2);
        const first = await store.appendUnsafelyAtAnyRevision(stream, events);
        await store.appendUnsafelyAtAnyRevision(stream, newEvents(1));
        expect(await store.appendUnsafelyAtAnyRevision(stream, events)).toEqual({ ...first, repeated: true });
        expect(await store.readStream(stream)).toHaveLength(3);
      });

      it('writes once while the first send is still under way', async () => {
        const stream = newStream();
        const events = newEvents(2);
        const answers = await Promise.all(Array.from({ length: 20 }, () => appendNew(stream, events)));
        expect(new Set(answers.map(({ revision, position }) => `${revision} ${position}`)).size).toBe(1);
        expect(await store.readStream(stream)).toHaveLength(2);
      });

      it('remembers an id only within its stream', async () => {
        const [one, other] = [newStream(), newStream()];
        const event = newEvent();
        await appendNew(one, [event]);
        expect(await appendNew(other, [event])).toMatchObject({ revision: 0 });
        expect(await store.readStream(other)).toHaveLength(1);
      });

      if (traits.refusesKnownIdsAtNewerRevision) {
        it('is refused at the revision that is current now', async () => {
          const stream = newStream();
          const events = newEvents(2);
          await appendNew(stream, events);
          const error = await failure(store.append(stream, events, { expectedRevision: 1 }));
          expect(error).toBeInstanceOf(WrongExpectedRevisionError);
          const inPart = await failure(
            store.append(stream, [newEvent(), events[0] as NewEvent], { expectedRevision: 1 }),
          );
          expect(inPart).toBeInstanceOf(WrongExpectedRevisionError);
          expect(await store.readStream(stream)).toHaveLength(2);
        });
      }
    });

    describe('what cannot be appended', () => {
      const untyped = (value: unknown): never => value as never;
      const circular: Record<string, unknown> = {};
      circular.self = circular;
      const id = randomUUID();
      const cases: [string, string, NewEvent[]][] = [
        ['no events', '/events', []],
        ['an id that is no UUID', '/events/1/id', [newEvent(), newEvent(1, { id: 'x' })]],
        ['an id in upper case', '/events/0/id', [newEvent(0, { id: 'A0EEBC99-9C0B-4EF8-BB6D-6BB9BD380A11' })]],
        ['the same id twice', '/events/1/id', [newEvent(0, { id }), newEvent(1, { id })]],
        ['an empty type', '/events/0/type', [newEvent(0, { type: '' })]],
        ['a type of the server', '/events/0/type', [newEvent(0, { type: '$metadata' })]],
        ['a type with NUL', '/events/0/type', [newEvent(0, { type: 'a\0b' })]],
        ['data that is no object', '/events/0/data', [newEvent(0, { data: untyped([1]) })]],
        ['data that is missing', '/events/0/data', [newEvent(0, { data: untyped(undefined) })]],
        ['a number that is not finite', '/events/0/data/a/1', [newEvent(0, { data: { a: [1, NaN] } })]],
        ['a bigint', '/events/0/data/a', [newEvent(0, { data: untyped({ a: 1n }) })]],
        ['a date', '/events/0/data/a', [newEvent(0, { data: untyped({ a: new Date(0) }) })]],
        ['a map', '/events/0/data/a', [newEvent(0, { data: untyped({ a: new Map() }) })]],
        ['a hole in a list', '/events/0/data/a/0', [newEvent(0, { data: untyped({ a: [undefined] }) })]],
        ['a circle', '/events/0/data/self', [newEvent(0, { data: untyped(circular) })]],
        ['personal that is no text', '/events/0/personal', [newEvent(0, { personal: untyped({}) })]],
        ['metadata that is no object', '/events/0/metadata', [newEvent(0, { metadata: untyped('m') })]],
      ];
      it.each(cases)('%s is refused with a pointer to it, and nothing is written', async (_what, pointer, events) => {
        const stream = newStream();
        const error = await failure(appendNew(stream, events));
        expect(error).toBeInstanceOf(DomainError);
        expect(errorCode(error)).toBe('APPEND_INVALID');
        expect((error as DomainError).details.pointer).toContain(pointer);
        expect(await store.readStream(stream)).toEqual([]);
      });

      it('a stream name that is empty, the server’s own or unprintable is refused', async () => {
        for (const stream of ['', '$all', '$$settings', 'a\0b', 'a\nb', 'a\ud800']) {
          expect(await failure(appendNew(stream, newEvents(1)))).toMatchObject({
            code: 'APPEND_INVALID',
            details: { pointer: '/stream' },
          });
        }
      });

      it('an expected revision that is none is refused', async () => {
        for (const expectedRevision of [-1, 0.5, NaN, untyped('any')]) {
          const error = await failure(store.append(newStream(), newEvents(1), { expectedRevision }));
          expect(errorCode(error)).toBe('APPEND_INVALID');
        }
      });

      it('an append takes up to its limit, and not a byte more', async () => {
        const stream = newStream();
        const [event] = newEvents(1, { data: { text: '' } });
        const empty =
          64 + 2 * 'Happened'.length + JSON.stringify(event?.data).length + JSON.stringify(event?.metadata).length;
        const withText = (length: number): NewEvent => ({ ...(event as NewEvent), data: { text: 'x'.repeat(length) } });
        const tooLarge = await failure(appendNew(stream, [withText(MAX_APPEND_BYTES - empty + 1)]));
        expect(tooLarge).toBeInstanceOf(DomainError);
        expect(errorCode(tooLarge)).toBe('APPEND_TOO_LARGE');
        expect(await store.readStream(stream)).toEqual([]);
        await appendNew(stream, [withText(MAX_APPEND_BYTES - empty)]);
        const [back] = await store.readStream(stream);
        expect(String(back?.data.text)).toHaveLength(MAX_APPEND_BYTES - empty);
      });
    });

    describe('reading a stream', () => {
      it('goes both ways from a revision, that one included, up to a limit', async () => {
        const stream = newStream();
        await appendNew(stream, newEvents(10));
        const read = async (options: Parameters<EventStore['readStream']>[1]): Promise<number[]> =>
          revisions(await store.readStream(stream, options));
        expect(await read({})).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
        expect(await read({ fromRevision: 7 })).toEqual([7, 8, 9]);
        expect(await read({ limit: 2 })).toEqual([0, 1]);
        expect(await read({ fromRevision: 3, limit: 2 })).toEqual([3, 4]);
        expect(await read({ direction: 'backwards', limit: 3 })).toEqual([9, 8, 7]);
        expect(await read({ direction: 'backwards', fromRevision: 2 })).toEqual([2, 1, 0]);
        expect(await read({ fromRevision: 10 })).toEqual([]);
        expect(await read({ limit: 0 })).toEqual([]);
      });

      it('tells the type of the last event', async () => {
        const stream = newStream();
        expect(await store.lastTypeOf(stream)).toBeUndefined();
        await appendNew(stream, [newEvent(0), newEvent(1, { type: 'Ended' })]);
        expect(await store.lastTypeOf(stream)).toBe('Ended');
      });

      it('goes both ways over a stream of one event', async () => {
        const stream = newStream();
        await store.append(stream, [newEvent(0)], { expectedRevision: 'no-stream' });
        const read = async (options: object = {}): Promise<unknown[]> =>
          numbers(await store.readStream(stream, options));
        expect(await read()).toEqual([0]);
        expect(await read({ limit: 3 })).toEqual([0]);
        expect(await read({ fromRevision: 1 })).toEqual([]);
        expect(await read({ direction: 'backwards', limit: 3 })).toEqual([0]);
        expect(await read({ direction: 'backwards', fromRevision: 2 })).toEqual([0]);
        expect(await read({ limit: 0 })).toEqual([]);
        expect(await read({ direction: 'backwards', limit: 0 })).toEqual([]);
      });

      it('answers nothing for a stream that does not exist', async () => {
        expect(await store.readStream(newStream())).toEqual([]);
        expect(await store.readStream(newStream(), { direction: 'backwards' })).toEqual([]);
      });

      it('finds an append at once', async () => {
        const stream = newStream();
        for (let n = 0; n < 20; n++) {
          await store.append(stream, [newEvent(n)], { expectedRevision: n === 0 ? 'no-stream' : n - 1 });
          expect(numbers(await store.readStream(stream, { direction: 'backwards', limit: 1 }))).toEqual([n]);
        }
      });

      it('refuses a limit that is none', async () => {
        for (const limit of [-1, 1.5, NaN]) {
          expect(errorCode(await failure(store.readStream(newStream(), { limit })))).toBe('READ_INVALID');
        }
      });
    });

    describe('reading the log', () => {
      let events: StoredEvent[];
      const [wanted, rare, other] = [`Wanted${randomUUID()}`, `Rare${randomUUID()}`, `Other${randomUUID()}`];
      beforeEach(async () => {
        const typeOf = (n: number): string => (n % 10 === 5 ? rare : n % 2 === 0 ? wanted : other);
        const stream = newStream();
        await appendNew(
          stream,
          Array.from({ length: 40 }, (_, n) => newEvent(n, { type: typeOf(n) })),
        );
        events = await store.readStream(stream);
      });
      const at = (n: number): Position => events[n]?.position as Position;
      const read = async (options: Parameters<EventStore['readAll']>[0]): Promise<unknown[]> =>
        numbers(await collect(store.readAll(options)));
      const range = (from: number, to: number): number[] =>
        Array.from({ length: Math.abs(to - from) + 1 }, (_, i) => from + i * Math.sign(to - from));

      it('goes forwards after a position, up to one, up to a limit', async () => {
        expect(await read(since())).toEqual(range(0, 39));
        expect(await read({ after: at(9) })).toEqual(range(10, 39));
        expect(await read({ after: at(9), until: at(20) })).toEqual(range(10, 20));
        expect(await read({ after: at(9), limit: 3 })).toEqual([10, 11, 12]);
        expect(await read({ after: at(9), until: at(11), limit: 30 })).toEqual([10, 11]);
        expect(await read({ after: at(9), until: at(9) })).toEqual([]);
        expect(await read({ after: at(39) })).toEqual([]);
        expect(await read({ ...since(), limit: 0 })).toEqual([]);
      });

      it('goes backwards before a position, up to a limit', async () => {
        expect(await read({ direction: 'backwards', limit: 3 })).toEqual([39, 38, 37]);
        expect(await read({ direction: 'backwards', after: at(3), limit: 3 })).toEqual([2, 1, 0]);
      });

      it('answers only the types asked for', async () => {
        expect(await read({ ...since(), types: [rare] })).toEqual([5, 15, 25, 35]);
        expect(await read({ ...since(), types: [rare, wanted], limit: 5 })).toEqual([0, 2, 4, 5, 6]);
        expect(await read({ after: at(15), until: at(35), types: [rare] })).toEqual([25, 35]);
        expect(await read({ direction: 'backwards', types: [rare], limit: 3 })).toEqual([35, 25, 15]);
        expect(await read({ direction: 'backwards', after: at(25), types: [rare, wanted], limit: 3 })).toEqual([
          24, 22, 20,
        ]);
        expect(await read({ ...since(), types: [] })).toEqual([]);
        // A type is its whole name.
        expect(await read({ ...since(), types: [rare.slice(0, -1), `${rare}x`] })).toEqual([]);
      });

      it('hands out batches of the size asked for', async () => {
        const sizes: number[] = [];
        for await (const batch of store.readAll({ ...since(), batchSize: 7 })) sizes.push(batch.length);
        expect(sizes.reduce((sum, size) => sum + size, 0)).toBe(40);
        expect(Math.max(...sizes)).toBeLessThanOrEqual(7);
        expect(Math.min(...sizes)).toBeGreaterThan(0);
      });

      it('stops when its signal says so, and when its reader leaves', async () => {
        const controller = new AbortController();
        const sizes: number[] = [];
        for await (const batch of store.readAll({ ...since(), batchSize: 5, signal: controller.signal })) {
          sizes.push(batch.length);
          controller.abort();
        }
        expect(sizes).toHaveLength(1);
        // A store hands on what is there rather than wait for a whole batch.
        expect(sizes[0]).toBeLessThanOrEqual(5);
        for await (const _batch of store.readAll({ ...since(), batchSize: 5 })) break;
        expect(await read(since())).toHaveLength(40);
      });

      it('gives positions whose text order is the order of the log, over streams', async () => {
        const streams = Array.from({ length: 30 }, () => newStream());
        await Promise.all(streams.map((stream) => appendNew(stream, newEvents(3))));
        const all = await collect(store.readAll(since()));
        const positions = all.map(({ position }) => position);
        expect(positions).toEqual([...positions].sort());
        expect(new Set(positions).size).toBe(positions.length);
        expect(positions.every((position) => position.startsWith(`${store.logId}:`))).toBe(true);
        expect(ids(await collect(store.readAll(since())))).toEqual(ids(all));
      });

      it('refuses positions of another log, positions that are none, and senseless options', async () => {
        const offset = at(3).slice(13);
        const foreign = makePosition(store.logId === '0'.repeat(12) ? '1'.repeat(12) : '0'.repeat(12), offset);
        const malformed = makePosition(store.logId, '1');
        const code = async (options: Parameters<EventStore['readAll']>[0]): Promise<string> =>
          errorCode(await failure(collect(store.readAll(options))));
        expect(await code({ after: foreign })).toBe('POSITION_OF_ANOTHER_LOG');
        expect(await code({ until: foreign })).toBe('POSITION_OF_ANOTHER_LOG');
        expect(await code({ after: foreign, direction: 'backwards' })).toBe('POSITION_OF_ANOTHER_LOG');
        expect(await code({ after: malformed })).toBe('POSITION_MALFORMED');
        expect(await code({ until: at(3), direction: 'backwards' })).toBe('READ_INVALID');
        expect(await code({ limit: -1 })).toBe('READ_INVALID');
        expect(await code({ batchSize: 0 })).toBe('READ_INVALID');
        expect(errorCode(await failure(messagesUntil(store, { after: foreign }, () => true)))).toBe(
          'POSITION_OF_ANOTHER_LOG',
        );
      });

      it('finds the event at a position, and nothing where there is none', async () => {
        for (const n of [0, 17, 39]) expect(await store.eventAt(at(n))).toEqual(events[n]);
        const { length } = at(0);
        const beyond = `${at(39).slice(0, 14)}9${at(39).slice(15, length)}` as Position;
        expect(await store.eventAt(beyond)).toBeUndefined();
        const offset = at(3).slice(13);
        expect(await store.eventAt(makePosition('f0f0f0f0f0f0', offset))).toBeUndefined();
      });

      it('goes on from an event only where the log holds it', async () => {
        const [position, id] = [at(17), events[17]?.id ?? ''];
        const first = await messagesUntil(store, { after: position, seen: { position, id } }, () => true);
        expect(ids(eventsIn(first))[0]).toBe(events[18]?.id);
        const code = async (seen: { position: Position; id: string }): Promise<string> =>
          errorCode(await failure(messagesUntil(store, { after: position, seen }, () => true)));
        expect(await code({ position, id: randomUUID() })).toBe('LOG_WENT_BACK');
        const beyond = `${at(39).slice(0, 14)}9${at(39).slice(15)}` as Position;
        expect(await code({ position: beyond, id })).toBe('LOG_WENT_BACK');
      });

      it('tells its head: the last event', async () => {
        const last = events[39] as StoredEvent;
        expect(await store.head()).toEqual({ position: last.position, eventId: last.id, recordedAt: last.recordedAt });
      });
    });

    describe('subscribing', () => {
      it('delivers what is there after its position, says that it has caught up, and goes on live', async () => {
        const stream = newStream();
        await appendNew(stream, newEvents(10));
        const from = (await store.readStream(stream))[3]?.position as Position;
        const seen: unknown[] = [];
        let caughtUpAfter: number | undefined;
        for await (const message of store.subscribe({ after: from })) {
          if (message.kind === 'events') seen.push(...numbers(message.events));
          if (message.kind === 'caught-up' && caughtUpAfter === undefined) {
            caughtUpAfter = seen.length;
            expect(message.position).toBe((await store.head())?.position);
            await store.append(stream, [newEvent(10), newEvent(11)], { expectedRevision: 9 });
          }
          if (seen.length >= 8) break;
        }
        expect(caughtUpAfter).toBe(6);
        expect(seen).toEqual([4, 5, 6, 7, 8, 9, 10, 11]);
      });

      it('delivers many events at a time while catching up', async () => {
        const from = (await store.head())?.position;
        await appendNew(newStream(), newEvents(400));
        const messages = await messagesUntil(store, since(from), isCaughtUp);
        expect(eventsIn(messages)).toHaveLength(400);
        expect(messages.length).toBeLessThan(100);
      });

      it('says that it has caught up where there is nothing to deliver', async () => {
        await appendNew(newStream(), newEvents(1));
        const head = (await store.head())?.position;
        const messages = await messagesUntil(store, since(head), isCaughtUp);
        expect(eventsIn(messages)).toEqual([]);
        expect(messages.at(-1)).toEqual({ kind: 'caught-up', position: head });
      });

      it('delivers only the types asked for, and its position still moves over the others', async () => {
        const type = `Wanted${randomUUID()}`;
        const stream = newStream();
        await appendNew(stream, [...newEvents(100), newEvent(100, { type }), newEvent(101, { type: `${type}Not` })]);
        await store.append(stream, newEvents(300), { expectedRevision: 101 });
        const head = (await store.head())?.position;
        const messages = await messagesUntil(store, { ...since(), types: [type] }, isCaughtUp);
        expect(numbers(eventsIn(messages))).toEqual([100]);
        expect(messages.at(-1)).toEqual({ kind: 'caught-up', position: head });
        expect(messages.some((message) => message.kind === 'checkpoint' && message.position === head)).toBe(true);
        const live = messagesUntil(store, { ...since(head), types: [type] }, (_, all) => eventsIn(all).length === 1);
        await store.append(stream, [newEvent(1), newEvent(2, { type }), newEvent(3)], { expectedRevision: 401 });
        expect(numbers(eventsIn(await live))).toEqual([2]);
      });

      it('never delivers a position twice or backwards, and can go on from any', async () => {
        const type = `Wanted${randomUUID()}`;
        for (let i = 0; i < 10; i++) {
          await appendNew(newStream(), [...newEvents(5), newEvent(i, { type }), ...newEvents(5)]);
        }
        const messages = await messagesUntil(store, { ...since(), types: [type], batchSize: 3 }, isCaughtUp);
        expect(numbers(eventsIn(messages))).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
        const positions = messages.flatMap((message) =>
          message.kind === 'events' ? message.events.map(({ position }) => position) : (message.position ?? []),
        );
        expect(positions).toEqual([...positions].sort());
        for (const position of new Set(positions)) {
          const rest = await messagesUntil(store, { after: position, types: [type] }, isCaughtUp);
          const expected = eventsIn(messages).filter((event) => event.position > position);
          expect(ids(eventsIn(rest))).toEqual(ids(expected));
        }
      });

      it('sees appends of other processes', async () => {
        const another = await openAnother();
        const stream = newStream();
        const seen: unknown[] = [];
        const iterator = store.subscribe(since())[Symbol.asyncIterator]();
        while ((await iterator.next()).value?.kind !== 'caught-up');
        /** Appends while the subscription is already waiting, so that only what it promises can wake it. */
        const whileWaiting = async (append: () => Promise<unknown>, until: number): Promise<void> => {
          let waiting = iterator.next();
          await append();
          for (; seen.length < until; waiting = iterator.next()) {
            const message = (await waiting).value as SubscriptionMessage;
            if (message.kind === 'events') seen.push(...numbers(message.events));
            if (seen.length === until) return;
          }
        };
        await whileWaiting(() => another.append(stream, newEvents(2), { expectedRevision: 'no-stream' }), 2);
        await whileWaiting(() => store.append(stream, [newEvent(2)], { expectedRevision: 1 }), 3);
        await iterator.return?.();
        expect(seen).toEqual([0, 1, 2]);
        expect(another.logId).toBe(store.logId);
        expect(await another.head()).toEqual(await store.head());
        await another.close();
      });

      it('gives every subscriber the same order while many write', async () => {
        const another = await openAnother();
        const isWhole = (_: SubscriptionMessage, all: SubscriptionMessage[]): boolean => eventsIn(all).length >= 200;
        const subscribers = [store, store, another].map((by) => messagesUntil(by, since(), isWhole));
        const write = async (by: EventStore): Promise<void> => {
          const stream = newStream();
          for (let n = 0; n < 20; n++) {
            await by.append(stream, [newEvent(n)], { expectedRevision: n === 0 ? 'no-stream' : n - 1 });
          }
        };
        await Promise.all(Array.from({ length: 10 }, (_, i) => write(i % 2 === 0 ? store : another)));
        const orders = (await Promise.all(subscribers)).map((messages) => ids(eventsIn(messages)).join());
        expect(new Set(orders).size).toBe(1);
        expect(orders[0]).toBe(ids(await collect(store.readAll(since()))).join());
        await another.close();
      });

      it('loses nothing for a reader that is far behind, and takes no more than a batch at a time', async () => {
        const stream = newStream();
        const total = 3_000;
        let revision = -1;
        const seen: unknown[] = [];
        let largest = 0;
        for await (const message of store.subscribe({ ...since(), batchSize: 50 })) {
          if (message.kind === 'caught-up' && revision === -1) {
            // Everything is written while this reader, live, does not pull.
            while (revision < total - 1) {
              const batch = Array.from({ length: 500 }, (_, i) => newEvent(revision + 1 + i));
              const expectedRevision = revision === -1 ? 'no-stream' : revision;
              ({ revision } = await store.append(stream, batch, { expectedRevision }));
            }
          }
          if (message.kind !== 'events') continue;
          largest = Math.max(largest, message.events.length);
          seen.push(...numbers(message.events));
          if (seen.length >= total) break;
        }
        expect(seen).toEqual(Array.from({ length: total }, (_, n) => n));
        expect(largest).toBeLessThanOrEqual(50);
      });

      it('ends when its signal says so, also while it waits', async () => {
        const controller = new AbortController();
        const iterator = store.subscribe({ ...since(), signal: controller.signal })[Symbol.asyncIterator]();
        while ((await iterator.next()).value?.kind !== 'caught-up');
        const waiting = iterator.next();
        controller.abort();
        expect((await waiting).done).toBe(true);
        const ended = messagesUntil(store, { ...since(), signal: AbortSignal.abort() }, () => false);
        expect(await ended).toEqual([]);
      });
    });

    describe('closing', () => {
      it('ends subscriptions, and later use is an error', async () => {
        const stream = newStream();
        await appendNew(stream, newEvents(1));
        const position = (await store.head())?.position as Position;
        const iterator = store.subscribe(since())[Symbol.asyncIterator]();
        while ((await iterator.next()).value?.kind !== 'caught-up');
        const waiting = iterator.next();
        await store.close();
        await store.close();
        expect((await waiting).done).toBe(true);
        const uses = [
          () => store.append(stream, newEvents(1), { expectedRevision: 0 }),
          () => store.appendUnsafelyAtAnyRevision(stream, newEvents(1)),
          () => store.readStream(stream),
          () => collect(store.readAll()),
          () => collect(store.readAll({ direction: 'backwards' })),
          () => messagesUntil(store, {}, () => true),
          () => store.head(),
          () => store.eventAt(position),
        ];
        for (const use of uses) expect(errorCode(await failure(use()))).toBe('EVENT_STORE_CLOSED');
      });

      it('lets appends finish that were handed over before', async () => {
        const another = await openAnother();
        const streams = Array.from({ length: 30 }, () => newStream());
        const appends = streams.map((stream) => appendNew(stream, newEvents(1)));
        await store.close();
        await Promise.all(appends);
        for (const stream of streams) expect(await another.readStream(stream)).toHaveLength(1);
        await another.close();
      });
    });
  });
}
