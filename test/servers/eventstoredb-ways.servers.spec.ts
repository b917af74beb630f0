/**
 * The delays, disconnections and errors that EventStoreDB 23.10.6 and 24.6.0 were measured to show and that the conformance
 * cases leave out: that the stand-in shows them to the bare client, and that the event store's adapter gets over them.
 */
import { execFile } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import eventStoreDb from '@eventstore/db-client';
import type { AllStreamSubscription, EventData, EventStoreDBClient, Position } from '@eventstore/db-client';
import type { EventStore } from '@timeline/event-store';
import { openEventStore } from '@timeline/event-store';
import type { Position as LogPosition } from '@timeline/kernel';
import { UnavailableError } from '@timeline/kernel';
import { newEvent } from '../../libs/event-store/src/testing/events.js';
import type { EventStoreDbServer } from '../support/servers/eventstoredb.mjs';
import { startEventStoreDb } from '../support/servers/eventstoredb.mjs';

const { ANY, jsonEvent, NO_STREAM, START, streamNameFilter } = eventStoreDb;
const ROOT = fileURLToPath(new URL('../..', import.meta.url));

/** As the store writes it. */
const event = (n: number, type = 'Happened', filler = ''): EventData => {
  const { id, data, metadata } = newEvent(n, { data: { n, filler } });
  return jsonEvent({ id, type, data: { data }, metadata });
};
const until = async (condition: () => boolean): Promise<void> => {
  while (!condition()) await new Promise((resolve) => setTimeout(resolve, 5));
};

/** What a subscription tells, in order. */
interface Told {
  events: number;
  caughtUp: number;
  checkpoints: Position[];
  error?: { type?: string; code?: number; message: string };
}

function listen(subscription: AllStreamSubscription): Told {
  const told: Told = { events: 0, caughtUp: 0, checkpoints: [] };
  subscription.on('data', () => (told.events += 1));
  subscription.on('caughtUp', () => (told.caughtUp += 1));
  subscription.on('error', (error) => (told.error = error));
  return told;
}

describe.each(['23.10', '24.6'] as const)('EventStoreDB in the ways of %s', (version) => {
  const isOld = version === '23.10';
  let dir: string;
  let server: EventStoreDbServer;
  let client: EventStoreDBClient;
  let store: EventStore;

  beforeEach(async () => {
    dir = await mkdtemp(join(tmpdir(), 'timeline-eventstoredb-'));
    server = await startEventStoreDb({ dir, version });
    client = eventStoreDb.EventStoreDBClient.connectionString(server.url);
    store = await openEventStore(server.url);
  });
  afterEach(async () => {
    await store.close();
    await client.dispose();
    await server.kill();
    await rm(dir, { recursive: true, force: true });
  });

  const startAgain = async (): Promise<void> => {
    server = await startEventStoreDb({ dir, version, port: Number(new URL(server.url).port) });
  };

  it('keeps what the store appends as JSON, as a bare client would write it', async () => {
    const { id, type, data, metadata } = newEvent(1, {
      data: { name: '王小明 "\\" 😀', none: undefined, list: [1.5, null] },
    });
    const personal = 'c2VhbGVk+/=';
    await store.append('case-1', [{ id, type, data, metadata, personal }], { expectedRevision: 'no-stream' });
    const bare = jsonEvent({ id: randomUUID(), type, data: { data, personal }, metadata });
    await client.appendToStream('case-1', bare, { expectedRevision: 0n });
    const stored = [];
    for await (const { event: read } of client.readStream('case-1')) stored.push(read);
    const [ours, theirs] = stored.map((read) => ({ json: read?.isJson, data: read?.data, metadata: read?.metadata }));
    expect(ours).toMatchObject({ json: true, metadata: { commandId: id } });
    expect(ours).toEqual(theirs);
  });

  /** 20 MB at once, while a live subscriber does not read. */
  const BURST = 20_000;
  const appendBurst = async (): Promise<void> => {
    for (let n = 0; n < BURST; n += 500) {
      const batch = Array.from({ length: 500 }, (_, index) => event(n + index, 'Happened', 'x'.repeat(1_000)));
      await client.appendToStream(`burst-${randomUUID()}`, batch, { expectedRevision: NO_STREAM });
    }
  };

  it(`${isOld ? 'drops' : 'reads the log again for'} a live subscriber that does not keep up`, async () => {
    const subscription = client.subscribeToAll({
      fromPosition: START,
      filter: streamNameFilter({ prefixes: ['burst-'] }),
    });
    const told = listen(subscription);
    await until(() => told.caughtUp === 1);
    subscription.pause();
    await appendBurst();
    subscription.resume();
    if (isOld) {
      await until(() => told.error !== undefined);
      expect(told.error).toMatchObject({ type: 'timeout', code: 10 });
      expect(told.error?.message).toContain('Consumer too slow to handle event while live');
      expect(told.events).toBeLessThan(BURST);
    } else {
      await until(() => told.caughtUp === 2);
      expect(told).toMatchObject({ events: BURST, caughtUp: 2 });
      expect(told.error).toBeUndefined();
      await subscription.unsubscribe();
    }
  });

  it('does not lose an event to a subscriber of the store that does not keep up', async () => {
    const numbers: number[] = [];
    for await (const message of store.subscribe({ types: ['Happened'], batchSize: 50 })) {
      if (message.kind === 'caught-up' && numbers.length === 0) await appendBurst();
      if (message.kind === 'events') numbers.push(...message.events.map(({ data }) => Number(data.n)));
      if (numbers.length >= BURST) break;
    }
    expect(numbers).toEqual(Array.from({ length: BURST }, (_, n) => n));
  });

  it('answers some of the same appends at once late and wrong, and has written one', async () => {
    const one = event(0);
    const append = (): Promise<unknown> => client.appendToStream('case-1', one, { expectedRevision: NO_STREAM });
    const answers = await Promise.allSettled(Array.from({ length: 20 }, append));
    const refused = answers.filter((answer) => answer.status === 'rejected');
    expect(refused.length).toBeGreaterThan(0);
    expect(refused.length).toBeLessThan(20);
    for (const { reason } of refused) expect(reason).toMatchObject({ type: 'deadline-exceeded' });
    const read = [];
    for await (const { event: stored } of client.readStream('case-1')) read.push(stored?.id);
    expect(read).toEqual([one.id]);
  });

  it('gives the store’s callers one answer to the same append at once', async () => {
    const one = newEvent(0);
    const append = (): Promise<unknown> => store.append('case-1', [one], { expectedRevision: 'no-stream' });
    const answers = await Promise.all(Array.from({ length: 12 }, append));
    expect(new Set(answers.map((answer) => JSON.stringify(answer))).size).toBe(1);
    expect((await store.readStream('case-1')).map(({ id }) => id)).toEqual([one.id]);
  });

  it('takes its time to stop while somebody is subscribed, and then cuts them off', async () => {
    const told = listen(client.subscribeToAll({ fromPosition: START }));
    await until(() => told.caughtUp === 1);
    const before = performance.now();
    const stopped = server.stop();
    const append = (n: number): Promise<unknown> =>
      client.appendToStream('case-1', event(n), { expectedRevision: ANY });
    let refused: unknown;
    for (let n = 0; refused === undefined && told.error === undefined; n += 1) {
      await append(n).catch((error: unknown) => (refused = error));
    }
    await until(() => told.error !== undefined);
    expect(performance.now() - before).toBeGreaterThan(4_900);
    expect(told.error).toMatchObject({ type: 'unknown', code: 13 });
    expect(told.error?.message).toContain('Received RST_STREAM with code 0');
    if (!isOld) expect(String(refused)).toContain('Could not recognize Server Is Not Ready');
    await stopped;
    await expect(append(0)).rejects.toMatchObject({ code: 14 });
    await startAgain();
    await expect(append(0)).resolves.toMatchObject({ success: true });
  });

  it('stops and starts under the store, which writes each event once and whose subscription goes on', async () => {
    const seen: number[] = [];
    const watching = (async () => {
      for await (const message of store.subscribe()) {
        if (message.kind === 'events') seen.push(...message.events.map(({ revision }) => revision));
        if (seen.length >= 200) return;
      }
    })();
    const restart = (async () => {
      await until(() => seen.length >= 50);
      await server.stop();
      await startAgain();
    })();
    for (let last = -1; last < 199;) {
      const one = newEvent(last + 1);
      const expectedRevision = last === -1 ? 'no-stream' : last;
      for (let stored = false; !stored;) {
        try {
          last = (await store.append('case-1', [one], { expectedRevision })).revision;
          stored = true;
        } catch (error) {
          if (!(error instanceof UnavailableError)) throw error;
        }
      }
      // Some of it has to come while it stops.
      if (last > 60 && last < 120) await new Promise((resolve) => setTimeout(resolve, 100));
    }
    await restart;
    await watching;
    expect(seen).toEqual(Array.from({ length: 200 }, (_, n) => n));
  });

  it('is found out when it hangs, and what was not stored is stored when it is sent again', async () => {
    const told = listen(client.subscribeToAll({ fromPosition: START }));
    await until(() => told.caughtUp === 1);
    process.kill(server.pid, 'SIGSTOP');
    const one = newEvent(0);
    const append = (): Promise<unknown> => store.append('case-1', [one], { expectedRevision: 'no-stream' });
    try {
      await expect(append()).rejects.toBeInstanceOf(UnavailableError);
      await until(() => told.error !== undefined);
      expect(told.error).toMatchObject({ type: 'unavailable' });
    } finally {
      process.kill(server.pid, 'SIGCONT');
    }
    await expect(append()).resolves.toMatchObject({ revision: 0 });
    expect((await store.readStream('case-1')).map(({ id }) => id)).toEqual([one.id]);
  }, 60_000);

  it('answers an append with an id that is none twice, which ends a client’s process', async () => {
    const script = `
      const { EventStoreDBClient, jsonEvent } = require('@eventstore/db-client');
      const client = EventStoreDBClient.connectionString(${JSON.stringify(server.url)});
      client.appendToStream('case-1', jsonEvent({ id: 'none', type: 'Happened', data: {} })).catch(({ message }) => console.log(message));
      setInterval(() => undefined, 1_000);`;
    const { NODE_OPTIONS: _ofJest, ...env } = process.env;
    const [code, out, err] = await new Promise<[unknown, string, string]>((resolve) => {
      execFile(process.execPath, ['-e', script], { cwd: ROOT, env, timeout: 30_000 }, (error, stdout, stderr) =>
        resolve([error?.code, stdout, stderr]),
      );
    });
    expect(code).toBe(1);
    expect(out).toContain('Could not recognize BadRequest');
    expect(err).toContain('is not iterable');
    await expect(
      store.append('case-1', [{ ...newEvent(0), id: 'none' }], { expectedRevision: 'no-stream' }),
    ).rejects.toMatchObject({ code: expect.stringMatching(/./) });
  });

  it('tells checkpoints of a filter, whose prepare may be 0, and the store goes on from each', async () => {
    for (let n = 0; n < 22; n += 1) {
      await client.appendToStream(
        'noise-1',
        Array.from({ length: 99 }, () => event(n, 'Noise')),
      );
      await client.appendToStream('want-1', event(n));
    }
    const checkpoints: Position[] = [];
    const filter = streamNameFilter({
      prefixes: ['want-'],
      maxSearchWindow: 1,
      checkpointInterval: 7,
      checkpointReached: (_subscription, position) => void checkpoints.push(position),
    });
    const told = listen(client.subscribeToAll({ fromPosition: START, filter }));
    await until(() => told.caughtUp === 1);
    expect(checkpoints[0]).toEqual({ commit: 0n, prepare: 0n });
    expect(checkpoints.some(({ commit, prepare }) => commit > 0n && prepare === 0n)).toBe(true);
    const from = checkpoints.at(-3);
    checkpoints.length = 0;
    const again = listen(client.subscribeToAll({ fromPosition: from ?? START, filter }));
    await until(() => again.caughtUp === 1);
    // Only 24.6 sends the position that it was given, and one when it has caught up.
    if (isOld) expect(checkpoints[0]).not.toEqual(from);
    else expect(checkpoints[0]).toEqual(from);

    const positions: { at: LogPosition; seen: number }[] = [];
    let seen = 0;
    for await (const message of store.subscribe({ types: ['Happened'], batchSize: 1 })) {
      if (message.kind === 'events') seen += message.events.length;
      if (message.kind === 'checkpoint') positions.push({ at: message.position, seen });
      if (message.kind === 'caught-up') break;
    }
    expect(seen).toBe(22);
    expect(positions.some(({ at }) => at.endsWith('.00000000000000000000'))).toBe(true);
    for (const { at, seen: before } of positions) {
      let rest = 0;
      for await (const events of store.readAll({ after: at, types: ['Happened'] })) rest += events.length;
      expect(before + rest).toBe(22);
    }
  });

  it('refuses positions at which nothing starts, and waits at those ahead in its own way', async () => {
    const first = (await client.appendToStream('case-1', event(0))).position;
    const off = { commit: (first?.commit ?? 0n) + 1n, prepare: (first?.commit ?? 0n) + 1n };
    await client.appendToStream('case-1', event(1));
    const reading = async (): Promise<void> => {
      for await (const _ of client.readAll({ fromPosition: off }));
    };
    await expect(reading()).rejects.toMatchObject({
      type: 'unknown',
      code: 2,
      message: expect.stringContaining(`Unexpected ReadAllResult: ${isOld ? 'Error' : 'InvalidPosition'}`),
    });
    const told = listen(client.subscribeToAll({ fromPosition: off }));
    await until(() => told.error !== undefined);
    expect(told.error).toMatchObject({ type: 'unknown', code: isOld ? 2 : 3 });

    const ahead = { commit: 1_000_000_000n, prepare: 1_000_000_000n };
    const waiting = listen(client.subscribeToAll({ fromPosition: ahead }));
    const live = listen(client.subscribeToAll({ fromPosition: START }));
    await until(() => waiting.caughtUp === 1 && live.caughtUp === 1);
    const before = live.events;
    await client.appendToStream('case-1', event(2));
    await until(() => live.events > before);
    if (isOld) await until(() => waiting.events === 1);
    else expect(waiting.events).toBe(0);
  });

  it('never answers a read of nothing, which the store does not ask for', async () => {
    await client.appendToStream('case-1', event(0));
    let ended = false;
    const reading = client.readAll({ maxCount: 0 });
    reading
      .on('data', () => (ended = true))
      .on('end', () => (ended = true))
      .on('error', () => (ended = true));
    // Whatever is asked after it is answered.
    for (let n = 0; n < 20; n += 1) await store.readStream('case-1');
    expect(ended).toBe(false);
    await reading.cancel();
    for await (const _ of store.readAll({ limit: 0 })) throw new Error('there is something in nothing');
    expect(await store.readStream('case-1', { limit: 0 })).toEqual([]);
  });
});
