import { copyFile, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { type EventStore, logWentBack, SqliteEventStore } from '@timeline/event-store';
import { type Position, UnavailableError } from '@timeline/kernel';
import type { PublicMessage } from '@timeline/messaging';
import { FencedError, InProcessMessageLog } from '@timeline/messaging';
import type { RelayOptions } from './relay.js';
import { Relay } from './relay.js';
import {
  type Happening,
  type Kind,
  LARGEST,
  type Mishap,
  UnreliableMessageLog,
  held,
  mapping,
  numberIn,
  publicOnes,
  record,
  until,
} from './testing/relay-fixtures.js';

const TOPIC = 'tests';
const PARKED = 'tests-parked';
const upTo = (count: number, from = 0): number[] => Array.from({ length: count }, (_, index) => from + index);

describe('the relay', () => {
  let events: SqliteEventStore;
  let messages: InProcessMessageLog;
  let relays: Relay[];

  beforeEach(async () => {
    events = await SqliteEventStore.open(':memory:');
    messages = new InProcessMessageLog({ maxMessageBytes: LARGEST });
    relays = [];
  });
  afterEach(async () => {
    await Promise.all(relays.map((relay) => relay.stop()));
    await events.close();
  });

  const relayOf = (options: Partial<RelayOptions> = {}): Relay => {
    const relay = new Relay({
      events,
      messages,
      mappings: [mapping(TOPIC)],
      publicationName: 'events',
      takeOverAfterMs: 50,
      pollMs: 5,
      ...options,
    });
    relays.push(relay);
    return relay;
  };
  const published = async (): Promise<number[]> => (await held(messages, TOPIC)).map(numberIn);
  const isAtHead = async (relay: Relay, store: EventStore = events): Promise<boolean> =>
    relay.status().position === (await store.head())?.position;

  /** A log that publishes only when it is told to go on. */
  const heldUp = (): { log: UnreliableMessageLog; begun: number; go(): void } => {
    const slow = {
      begun: 0,
      go: (): void => undefined,
      log: new UnreliableMessageLog(messages, async (call) => {
        if (call === 'publish') {
          slow.begun += 1;
          await new Promise<void>((resolve) => (slow.go = resolve));
        }
        return undefined;
      }),
    };
    return slow;
  };

  it('publishes what is in the log and what is appended later, each once and in order', async () => {
    await record(events, publicOnes(1_200));
    const relay = relayOf();
    relay.start();
    await until(() => relay.status().state === 'live');
    expect(await published()).toEqual(upTo(1_200));

    await record(events, publicOnes(10, { from: 1_200 }));
    await until(() => isAtHead(relay));
    expect(await published()).toEqual(upTo(1_210));
    expect(relay.status()).toMatchObject({ state: 'live', published: 1_210, parked: 0, lastError: undefined });
    expect(relay.status().head).toBe((await events.head())?.position);
  });

  it('goes on where it was after a restart, and a start while running changes nothing', async () => {
    await record(events, publicOnes(30));
    const first = relayOf();
    first.start();
    first.start();
    await until(() => isAtHead(first));
    await first.stop();
    expect(first.status().state).toBe('stopped');

    await record(events, publicOnes(30, { from: 30 }));
    const second = relayOf();
    second.start();
    await until(() => isAtHead(second));
    expect(await published()).toEqual(upTo(60));

    await second.stop();
    second.start();
    await record(events, publicOnes(1, { from: 60 }));
    await until(() => isAtHead(second));
    expect(await published()).toEqual(upTo(61));
  });

  it('moves its checkpoint over events that are not public', async () => {
    const relay = relayOf({ limits: { checkpointMs: 5 } });
    relay.start();
    await record(events, [{ customer: 'a', kind: 'private', number: 0 }]);
    await until(() => isAtHead(relay));
    await record(events, [{ customer: 'a', kind: 'private', number: 1 }]);
    await until(() => isAtHead(relay));
    expect(await published()).toEqual([]);
  });

  it('publishes nothing on an empty log and waits for the first event', async () => {
    const relay = relayOf();
    relay.start();
    await until(() => relay.status().state === 'live');
    await record(events, publicOnes(1));
    await until(() => isAtHead(relay));
    expect(await published()).toEqual([0]);
  });

  it('reads no further ahead than a batch and the next events, however slowly it can publish', async () => {
    const slow = heldUp();
    let read = 0;
    const subscribe = events.subscribe.bind(events);
    events.subscribe = async function* (options) {
      for await (const message of subscribe(options)) {
        if (message.kind === 'events') read += message.events.length;
        yield message;
      }
    };
    await record(events, publicOnes(3_000));
    const relay = relayOf({ messages: slow.log, limits: { messages: 100 } });
    relay.start();
    await until(() => slow.begun === 1);
    // What could still be read is read within a few turns of the event loop.
    for (let turn = 0; turn < 50; turn += 1) await new Promise((resolve) => setImmediate(resolve));
    expect(read).toBeLessThanOrEqual(1_000);
    const stopped = relay.stop();
    slow.go();
    await stopped;
  });

  it('makes the next batch while one is being published, and publishes one at a time', async () => {
    const slow = heldUp();
    let mapped = 0;
    const { map, ...rest } = mapping(TOPIC);
    const counting = { ...rest, map: (event: Parameters<typeof map>[0]) => ((mapped += 1), map(event)) };
    await record(events, publicOnes(250));
    const relay = relayOf({ messages: slow.log, mappings: [counting], limits: { messages: 100 } });
    relay.start();
    await until(() => slow.begun === 1 && mapped === 200);
    for (let turn = 0; turn < 50; turn += 1) await new Promise((resolve) => setImmediate(resolve));
    expect(slow.begun).toBe(1);
    slow.go();
    await until(() => slow.begun === 2);
    slow.go();
    await until(() => slow.begun === 3);
    slow.go();
    await until(() => isAtHead(relay));
    expect(await published()).toEqual(upTo(250));
  });

  it('hears that publishing failed although the log has nothing more to say', async () => {
    const subscribe = events.subscribe.bind(events);
    events.subscribe = async function* (options) {
      for await (const message of subscribe(options)) {
        if (message.kind !== 'events')
          await new Promise((resolve) => options?.signal?.addEventListener('abort', resolve));
        yield message;
      }
    };
    const error = new UnavailableError('kafka', 'gone');
    const failing = new UnreliableMessageLog(messages, async (call) => {
      if (call === 'open') return undefined;
      await new Promise((resolve) => setTimeout(resolve, 20));
      return { error, when: 'before' };
    });
    await record(events, publicOnes(100));
    const relay = relayOf({ messages: failing, limits: { messages: 100 } });
    relay.start();
    await until(() => relay.status().state === 'waiting');
    expect(relay.status().lastError).toMatchObject({ code: 'STORE_UNAVAILABLE' });
  });

  describe('parking', () => {
    const happenings: Happening[] = [
      { customer: 'a', kind: 'public', number: 0 },
      { customer: 'a', kind: 'broken', number: 1 },
      { customer: 'b', kind: 'public', number: 2 },
      { customer: 'a', kind: 'public', number: 3 },
    ];
    const codes = async (): Promise<string[]> =>
      (await held(messages, PARKED)).map(({ value }) => (JSON.parse(value ?? '') as { code: string }).code);

    it('keeps a customer’s later events behind the one that cannot be mapped, also after a restart', async () => {
      await record(events, happenings);
      const first = relayOf();
      first.start();
      await until(() => isAtHead(first));
      await first.stop();
      expect(await published()).toEqual([0, 2]);
      expect(await codes()).toEqual(['TypeError', 'BEHIND_PARKED']);
      expect(first.status().parked).toBe(1);

      const second = relayOf();
      second.start();
      await record(events, [{ customer: 'a', kind: 'public', number: 4 }]);
      await until(() => isAtHead(second));
      expect(await codes()).toEqual(['TypeError', 'BEHIND_PARKED', 'BEHIND_PARKED']);
      expect(JSON.stringify(await held(messages, PARKED))).not.toContain('王芳');
      expect(second.status().parked).toBe(1);
    });

    it('releases what is parked once the mapping is mended, in order and before anything later', async () => {
      await record(events, happenings);
      const broken = relayOf();
      broken.start();
      await until(() => isAtHead(broken));
      expect(await broken.releaseParked()).toEqual({ released: 0, stillParked: 1 });
      await broken.stop();
      await expect(broken.releaseParked()).rejects.toMatchObject({ code: 'STORE_UNAVAILABLE' });

      const mended = relayOf({ mappings: [mapping(TOPIC, { mended: true })], limits: { messages: 1 } });
      mended.start();
      await until(() => mended.status().state === 'live');
      expect(await mended.releaseParked()).toEqual({ released: 1, stillParked: 0 });
      expect(await mended.releaseParked()).toEqual({ released: 0, stillParked: 0 });
      await record(events, [{ customer: 'a', kind: 'public', number: 4 }]);
      await until(() => isAtHead(mended));
      expect(await published()).toEqual([0, 2, 1, 3, 4]);
      await mended.stop();

      const later = relayOf({ mappings: [mapping(TOPIC, { mended: true })] });
      later.start();
      await until(() => later.status().state === 'live');
      expect(later.status().parked).toBe(0);
    });

    it('finishes a release that was interrupted, without publishing anything twice', async () => {
      const waiting = upTo(20, 1).map((number): Happening => ({ customer: 'a', kind: 'public', number }));
      await record(events, [{ customer: 'a', kind: 'broken', number: 0 }, ...waiting]);
      const broken = relayOf();
      broken.start();
      await until(() => isAtHead(broken));
      await broken.stop();

      let calls = 0;
      const failing = new UnreliableMessageLog(messages, (call) => {
        if (call === 'publish') calls += 1;
        return call === 'publish' && calls === 3
          ? { error: new UnavailableError('test', 'gone'), when: 'after' }
          : undefined;
      });
      const mappings = [mapping(TOPIC, { mended: true })];
      const mended = relayOf({ messages: failing, mappings, limits: { messages: 4 } });
      mended.start();
      await until(() => mended.status().state === 'live');
      await expect(mended.releaseParked()).rejects.toMatchObject({ code: 'STORE_UNAVAILABLE' });
      expect((await published()).length).toBeGreaterThan(0);
      await until(() => mended.status().state === 'live');
      expect(await mended.releaseParked()).toEqual({ released: 1, stillParked: 0 });
      expect(await published()).toEqual(upTo(21));
    });
  });

  describe('beside another relay', () => {
    it('the older one stands by, and takes over when the newer one is gone and events wait', async () => {
      await record(events, publicOnes(10));
      const first = relayOf();
      first.start();
      await until(() => isAtHead(first));
      const second = relayOf();
      second.start();
      await until(() => second.status().state === 'live');
      await record(events, publicOnes(1, { from: 10 }));
      await until(() => first.status().state === 'standing-by' && second.status().published === 1);
      expect(first.status().lastError?.code).toBe('RELAY_FENCED');

      await second.stop();
      await record(events, publicOnes(5, { from: 11 }));
      await until(() => first.status().state === 'live' && first.status().published === 15);
      expect(await published()).toEqual(upTo(16));
    });

    it('one that stands by stays so while there is nothing to publish, or the other’s checkpoint moves', async () => {
      const takeOverAfterMs = 1_000;
      const first = relayOf({ takeOverAfterMs });
      first.start();
      await until(() => first.status().state === 'live');
      const slow = new UnreliableMessageLog(messages, async (call) => {
        if (call === 'publish') await new Promise((resolve) => setTimeout(resolve, 10));
        return undefined;
      });
      const second = relayOf({ messages: slow, limits: { messages: 1 } });
      second.start();
      await until(() => second.status().state === 'live');
      await record(events, publicOnes(1));
      await until(() => first.status().state === 'standing-by');
      // Both for longer than it waits before it takes over: nothing to publish, then the other a long way behind.
      await new Promise((resolve) => setTimeout(resolve, takeOverAfterMs * 1.2));
      const began = performance.now();
      await record(events, publicOnes(150, { from: 1 }));
      await until(() => isAtHead(second));
      expect(performance.now() - began).toBeGreaterThan(takeOverAfterMs);
      expect(first.status().state).toBe('standing-by');
      expect(second.status()).toMatchObject({ state: 'live', lastError: undefined });
      expect(await published()).toEqual(upTo(151));
    });
  });

  describe('stops, red, and says what to do', () => {
    it('when the output holds messages of another log', async () => {
      await record(events, publicOnes(3));
      const relay = relayOf();
      relay.start();
      await until(() => isAtHead(relay));

      const otherLog = await SqliteEventStore.open(':memory:');
      const stranger = relayOf({ events: otherLog });
      stranger.start();
      await until(() => stranger.status().state === 'stopped');
      expect(stranger.status().lastError).toMatchObject({
        code: 'PUBLICATION_WITHOUT_CHECKPOINT',
        message: expect.stringContaining('new topic names'),
      });
      await otherLog.close();
    });

    it('when the log was restored from a backup older than what was published', async () => {
      const dir = await mkdtemp(join(tmpdir(), 'timeline-relay-'));
      const file = join(dir, 'events.db');
      let log = await SqliteEventStore.open(file);
      await record(log, publicOnes(3));
      await log.close();
      await copyFile(file, join(dir, 'backup.db'));

      log = await SqliteEventStore.open(file);
      await record(log, publicOnes(3, { from: 3 }));
      const before = relayOf({ events: log });
      before.start();
      await until(() => isAtHead(before, log));
      await before.stop();
      await log.close();

      for (const further of [0, 6]) {
        const restored = await SqliteEventStore.open(join(dir, 'backup.db'));
        await record(restored, publicOnes(further, { from: 100 }));
        const relay = relayOf({ events: restored });
        relay.start();
        await until(() => relay.status().state === 'stopped');
        expect(relay.status().lastError?.code).toBe('PUBLICATION_CHECKPOINT_NOT_IN_LOG');
        await restored.close();
      }
      expect(await published()).toEqual(upTo(6));
      await rm(dir, { recursive: true, force: true });
    });

    it('when the log went back while the relay was publishing', async () => {
      let goesBack = (): void => undefined;
      const gone = new Promise<void>((resolve) => (goesBack = resolve));
      const subscribe = events.subscribe.bind(events);
      events.subscribe = async function* (options) {
        for await (const message of subscribe(options)) {
          yield message;
          if (message.kind !== 'caught-up') continue;
          await gone;
          throw logWentBack(message.position ?? ('' as Position));
        }
      };
      await record(events, publicOnes(3));
      const relay = relayOf();
      relay.start();
      await until(() => isAtHead(relay));
      goesBack();
      await until(() => relay.status().state === 'stopped');
      expect(relay.status().lastError).toMatchObject({
        code: 'PUBLICATION_CHECKPOINT_NOT_IN_LOG',
        message: expect.stringContaining('restored from a backup'),
      });
    });

    it('when two mappings want one topic with different partitions', () => {
      const mappings = [mapping(TOPIC, { partitions: 1 }), mapping(TOPIC, { partitions: 2 })];
      expect(() => relayOf({ mappings })).toThrow(expect.objectContaining({ code: 'RELAY_MISCONFIGURED' }));
    });
  });

  it('waits while the message log is away, says so, and goes on by itself', async () => {
    let isAway = true;
    const error = new UnavailableError('kafka', 'connecting to Kafka failed');
    const log = new UnreliableMessageLog(messages, () => (isAway ? { error, when: 'before' } : undefined));
    await record(events, publicOnes(5));
    const relay = relayOf({ messages: log });
    relay.start();
    await until(() => relay.status().state === 'waiting');
    expect(relay.status().lastError).toMatchObject({
      code: 'STORE_UNAVAILABLE',
      message: 'connecting to Kafka failed',
    });
    isAway = false;
    await until(() => isAtHead(relay));
    expect(await published()).toEqual(upTo(5));

    isAway = true;
    await record(events, publicOnes(5, { from: 5 }));
    await until(() => relay.status().state === 'waiting');
    isAway = false;
    await until(() => isAtHead(relay));
    expect(await published()).toEqual(upTo(10));
  });

  it('can be stopped while it waits for a message log that does not answer', async () => {
    let closed = 0;
    let answer = (): void => undefined;
    const log = new UnreliableMessageLog(messages, async (call) => {
      if (call === 'open') await new Promise<void>((resolve) => (answer = resolve));
      return undefined;
    });
    const open = log.open.bind(log);
    log.open = async (settings) => {
      const opened = await open(settings);
      return { ...opened, publication: { ...opened.publication, close: async () => void (closed += 1) } };
    };
    const relay = relayOf({ messages: log });
    relay.start();
    await new Promise((resolve) => setImmediate(resolve));
    await relay.stop();
    expect(relay.status().state).toBe('stopped');
    answer();
    await until(() => closed === 1);
  });

  it('publishes each event once and in order through failures, fencings and restarts at any point', async () => {
    const kinds: Kind[] = ['public', 'public', 'public', 'public', 'private', 'broken', 'huge'];
    const happening = fc.record({
      customer: fc.constantFrom('a', 'b', 'c', 'd', 'e'),
      kind: fc.constantFrom(...kinds),
    });
    const mishap = fc.oneof(
      { weight: 4, arbitrary: fc.constant(undefined) },
      {
        weight: 2,
        arbitrary: fc.record({
          error: fc.constantFrom(new UnavailableError('test', 'gone'), new FencedError('fenced')),
          when: fc.constantFrom('before' as const, 'after' as const),
        }),
      },
      { weight: 1, arbitrary: fc.constant('restart' as const) },
    );
    const limits = fc.record({ messages: fc.integer({ min: 1, max: 9 }), lingerMs: fc.constantFrom(0, 3) });

    await fc.assert(
      fc.asyncProperty(
        fc.array(happening, { maxLength: 60 }),
        fc.array(mishap, { maxLength: 8 }),
        limits,
        fc.nat({ max: 60 }),
        async (drawn, mishaps, drawnLimits, appendedBefore) => {
          const log = await SqliteEventStore.open(':memory:');
          const broker = new InProcessMessageLog({ maxMessageBytes: LARGEST });
          const all = drawn.map((one, number): Happening => ({ ...one, number }));
          const plan = [...mishaps];
          let restart = false;
          const next = (): Mishap => {
            const drawnMishap = plan.shift();
            if (drawnMishap !== 'restart') return drawnMishap;
            restart = true;
            return { error: new UnavailableError('test', 'killed'), when: 'after' };
          };
          const unreliable = new UnreliableMessageLog(broker, next);
          const makeRelay = (): Relay =>
            new Relay({
              events: log,
              messages: unreliable,
              mappings: [mapping(TOPIC)],
              publicationName: 'events',
              takeOverAfterMs: 1,
              pollMs: 1,
              limits: { ...drawnLimits, checkpointMs: 1 },
            });

          await record(log, all.slice(0, appendedBefore));
          let relay = makeRelay();
          relay.start();
          await record(log, all.slice(appendedBefore));
          const head = (await log.head())?.position;
          await until(async () => {
            if (restart) {
              restart = false;
              await relay.stop();
              relay = makeRelay();
              relay.start();
            }
            // Who stands by with nothing to publish is at the head too.
            return relay.status().position === head && (head !== undefined || relay.status().state !== 'starting');
          });
          await relay.stop();

          const of = (sent: PublicMessage[], customer: string): PublicMessage[] =>
            sent.filter(({ key }) => key === customer);
          const sent = await held(broker, TOPIC);
          const parked = await held(broker, PARKED);
          for (const customer of ['a', 'b', 'c', 'd', 'e']) {
            const own = all.filter((one) => one.customer === customer && one.kind !== 'private');
            const firstBad = own.findIndex(({ kind }) => kind !== 'public');
            const good = firstBad === -1 ? own : own.slice(0, firstBad);
            expect(of(sent, customer).map(numberIn)).toEqual(good.map(({ number }) => number));
            expect(of(parked, customer)).toHaveLength(own.length - good.length);
          }
          await log.close();
        },
      ),
      { numRuns: 150 },
    );
  });
});
