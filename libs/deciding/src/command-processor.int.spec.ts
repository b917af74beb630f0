/** What the one command handler promises: nothing twice, nothing lost, nothing decided on an old state. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { jest } from '@jest/globals';
import fc from 'fast-check';
import {
  openEventStore,
  WrongExpectedRevisionError,
  type AppendResult,
  type EventStore,
  type LogHead,
} from '@timeline/event-store';
import { KeyRing, loadMasterKey, openKeyStore, PersonalVault, type KeyStore } from '@timeline/key-store';
import {
  Clock,
  deriveId,
  DomainError,
  newId,
  systemClock,
  UnavailableError,
  Upcasters,
  type Decider,
  type DecisionContext,
  type Fact,
} from '@timeline/kernel';
import { CommandProcessor } from './command-processor.js';
import type { CommandContext, CommandOutcome } from './command.js';

/** A counter that may not go over ten, with a secret that only its customer's key opens. */
type Counted = Fact<'Counted', { by: number }, { secret: string }>;
interface Count {
  by: number;
  secret: string;
}
const LIMIT = 10;
const counter: Decider<{ sum: number }, Count, Counted> = {
  initialState: { sum: 0 },
  evolve: (state, event) => ({ sum: state.sum + event.data.by }),
  decide: (command, state) => {
    if (state.sum + command.by > LIMIT) throw new DomainError('LIMIT_REACHED', 'no more');
    return [{ type: 'Counted', data: { by: command.by }, personal: { secret: command.secret } }];
  },
  customerOf: () => 'customer-1',
};

const contextOf = (key: string, bodyHash: string): CommandContext => ({
  commandId: deriveId('test', key),
  bodyHash,
  actor: 'test',
  correlationId: deriveId('test', key),
  causationId: deriveId('test', key),
});

describe('the command processor', () => {
  let folder: string;
  let events: EventStore;
  let keys: KeyStore;
  let vault: PersonalVault;
  let processor: CommandProcessor;

  beforeAll(async () => {
    folder = await mkdtemp(path.join(tmpdir(), 'timeline-deciding-'));
    events = await openEventStore(`sqlite:${path.join(folder, 'events.db')}`);
    keys = await openKeyStore(`sqlite:${path.join(folder, 'keys.db')}`);
    const masterKey = loadMasterKey(path.join(folder, 'master.key'), { mayCreate: true });
    vault = new PersonalVault(await KeyRing.open({ store: keys, masterKey, logId: events.logId }), new Upcasters());
    processor = new CommandProcessor(events, vault, systemClock);
  });
  afterAll(async () => {
    await events.close();
    await keys.close();
    await rm(folder, { recursive: true });
  });

  const count = (stream: string, key: string, command: Count, more: Partial<CommandContext> & { at?: string } = {}) => {
    const { at, ...context } = more;
    return processor.execute({
      decider: counter,
      stream,
      id: stream,
      command,
      ...(at !== undefined && { occurredAt: at }),
      context: { ...contextOf(key, String(command.by)), ...context },
    });
  };
  const sums = async (stream: string): Promise<number[]> =>
    (await events.readStream(stream)).map((event) => Number(event.data['by']));

  it('answers a command that was sent before as the first time, and writes nothing', async () => {
    const stream = newId();
    const first = await count(stream, `${stream}-a`, { by: 1, secret: 's' });
    await count(stream, `${stream}-b`, { by: 2, secret: 's' });
    const again = await count(stream, `${stream}-a`, { by: 1, secret: 's' });
    expect(again).toEqual({ ...first, resent: true });
    expect(await sums(stream)).toEqual([1, 2]);
  });

  it('begins a stream that is expected to be new without reading it, and answers as if it had read', async () => {
    const stream = newId();
    const read = jest.spyOn(events, 'readStream');
    const begin = (key: string, by: number, more: Partial<CommandContext> = {}): Promise<CommandOutcome> =>
      processor.execute({
        decider: counter,
        stream,
        id: stream,
        command: { by, secret: 's' },
        context: { ...contextOf(`${stream}-${key}`, String(by)), ...more },
        expectNew: true,
      });
    const first = await begin('a', 1);
    expect(await begin('a', 1)).toEqual({ ...first, resent: true });
    expect(read).not.toHaveBeenCalled();
    read.mockRestore();
    await expect(begin('a', 2)).rejects.toMatchObject({ code: 'IDEMPOTENCY_KEY_REUSED' });
    await expect(begin('b', 11)).rejects.toMatchObject({ code: 'LIMIT_REACHED' });
    expect(await begin('b', 2)).toMatchObject({ revision: 1, resent: false });
    await expect(begin('c', 3, { ifMatch: 0 })).rejects.toMatchObject({ code: 'PRECONDITION_FAILED' });
    expect(await begin('a', 1)).toEqual({ ...first, resent: true });
    expect(await sums(stream)).toEqual([1, 2]);
  });

  it('says what was done before, and refuses the same key with another body, without deciding anything', async () => {
    const stream = newId();
    const context = contextOf(`${stream}-a`, '1');
    expect(await processor.doneBefore(stream, context)).toBeUndefined();
    const { id: _id, ...first } = await count(stream, `${stream}-a`, { by: 1, secret: 's' });
    const { id: _other, ...second } = await count(stream, `${stream}-b`, { by: 2, secret: 's' });
    expect(await processor.doneBefore(stream, context)).toEqual({ ...first, resent: true });
    expect(first).toMatchObject({ created: true });
    expect(await processor.doneBefore(stream, contextOf(`${stream}-b`, '2'))).toEqual({ ...second, resent: true });
    await expect(processor.doneBefore(stream, contextOf(`${stream}-a`, '2'))).rejects.toMatchObject({
      code: 'IDEMPOTENCY_KEY_REUSED',
    });
  });

  it('refuses an Idempotency-Key that comes with another body', async () => {
    const stream = newId();
    await count(stream, stream, { by: 1, secret: 's' });
    await expect(count(stream, stream, { by: 2, secret: 's' })).rejects.toMatchObject({
      code: 'IDEMPOTENCY_KEY_REUSED',
    });
    expect(await sums(stream)).toEqual([1]);
  });

  it('does not remember a refused command: it is decided anew', async () => {
    const stream = newId();
    await expect(count(stream, stream, { by: 11, secret: 's' })).rejects.toMatchObject({ code: 'LIMIT_REACHED' });
    await expect(count(stream, stream, { by: 11, secret: 's' })).rejects.toMatchObject({ code: 'LIMIT_REACHED' });
    await expect(count(stream, stream, { by: 10, secret: 's' })).resolves.toMatchObject({ revision: 0 });
  });

  it('keeps the limit when fifty commands race from two processes', async () => {
    const stream = newId();
    const other = await openEventStore(`sqlite:${path.join(folder, 'events.db')}`);
    const processors = [processor, new CommandProcessor(other, vault, systemClock)];
    const outcomes = await Promise.allSettled(
      Array.from({ length: 50 }, (_, n) =>
        (processors[n % 2] ?? processor).execute({
          decider: counter,
          stream,
          id: stream,
          command: { by: 1, secret: 's' },
          context: contextOf(`${stream}-${n}`, 'h'),
        }),
      ),
    );
    await other.close();
    expect(outcomes.filter(({ status }) => status === 'fulfilled')).toHaveLength(LIMIT);
    expect(await sums(stream)).toHaveLength(LIMIT);
  });

  it('answers a failed precondition at once instead of deciding again', async () => {
    const stream = newId();
    await count(stream, `${stream}-1`, { by: 1, secret: 's' });
    await expect(count(stream, `${stream}-2`, { by: 1, secret: 's' }, { ifMatch: 5 })).rejects.toMatchObject({
      code: 'PRECONDITION_FAILED',
      details: { actual: 0 },
    });
    await expect(count(stream, `${stream}-2`, { by: 1, secret: 's' }, { ifMatch: 0 })).resolves.toMatchObject({
      revision: 1,
    });
    // Sent again it is the same command, whatever the revision is by now.
    await expect(count(stream, `${stream}-2`, { by: 1, secret: 's' }, { ifMatch: 0 })).resolves.toMatchObject({
      resent: true,
    });
  });

  it('tells the decider one time, "now", where the stream began ahead of this clock and the command says no time', async () => {
    const stream = newId();
    const start = new Date(Date.now() + 4 * 60_000).toISOString();
    const contexts: DecisionContext[] = [];
    const watched: typeof counter = {
      ...counter,
      decide: (command, state, context) => {
        contexts.push(context);
        return counter.decide(command, state, context);
      },
    };
    await count(stream, `${stream}-1`, { by: 1, secret: 's' }, { at: start });
    const context = contextOf(`${stream}-2`, 'body');
    await processor.execute({ decider: watched, stream, id: stream, command: { by: 1, secret: 's' }, context });
    expect(contexts).toMatchObject([{ now: start, occurredAt: start }]);
  });

  it('refuses what happened more than five minutes from now, or before its stream began', async () => {
    const stream = newId();
    const at = (ms: number): string => new Date(Date.now() + ms).toISOString();
    await expect(count(stream, `${stream}-1`, { by: 1, secret: 's' }, { at: at(6 * 60_000) })).rejects.toMatchObject({
      code: 'OCCURRED_IN_FUTURE',
      details: { pointer: '/occurredAt' },
    });
    await count(stream, `${stream}-2`, { by: 1, secret: 's' }, { at: at(4 * 60_000) });
    await expect(count(stream, `${stream}-3`, { by: 1, secret: 's' }, { at: at(0) })).rejects.toMatchObject({
      code: 'OCCURRED_BEFORE_START',
    });
    expect(await sums(stream)).toEqual([1]);
  });

  it('writes personal data only sealed', async () => {
    const stream = newId();
    await count(stream, stream, { by: 1, secret: 'Ann Example' });
    const [stored] = await events.readStream(stream);
    expect(JSON.stringify(stored)).not.toContain('Ann Example');
    const [opened] = await vault.open(stored ? [stored] : []);
    expect(opened?.personal).toEqual({ secret: 'Ann Example' });
  });

  it('appends every command once, however often it is resent, raced and cut off after the append', async () => {
    const command = fc.record({
      id: fc.integer({ min: 0, max: 7 }),
      by: fc.integer({ min: 1, max: 3 }),
      cutOff: fc.boolean(),
      expectNew: fc.boolean(),
    });
    await fc.assert(
      fc.asyncProperty(fc.array(command, { minLength: 1, maxLength: 20 }), fc.boolean(), async (commands, side) => {
        const stream = newId();
        const accepted = new Map<number, { by: number; revision: number }>();
        const run = async ({ id, by, cutOff, expectNew }: (typeof commands)[number]): Promise<void> => {
          const store = cutOff ? cutOffAfterAppend(events) : events;
          const own = new CommandProcessor(store, vault, new FixedClock());
          try {
            const { revision } = await own.execute({
              decider: counter,
              stream,
              id: stream,
              command: { by, secret: 's' },
              context: contextOf(`${stream}/${id}`, String(by)),
              expectNew,
            });
            const before = accepted.get(id);
            if (before) expect({ by, revision }).toEqual(before);
            accepted.set(id, { by, revision });
          } catch (error) {
            const isExpected =
              error instanceof UnavailableError ||
              error instanceof WrongExpectedRevisionError ||
              (error instanceof DomainError && ['LIMIT_REACHED', 'IDEMPOTENCY_KEY_REUSED'].includes(error.code));
            if (!isExpected) throw error;
          }
        };
        if (side) await Promise.all(commands.map(run));
        else for (const each of commands) await run(each);

        const stored = await events.readStream(stream);
        const ids = stored.map((event) => event.metadata.commandId);
        expect(new Set(ids).size).toBe(ids.length);
        for (const [id, { by, revision }] of accepted) {
          expect(stored[revision]).toMatchObject({
            data: { by },
            metadata: { commandId: deriveId('test', `${stream}/${id}`) },
          });
        }
        expect(stored.reduce((sum, event) => sum + Number(event.data['by']), 0)).toBeLessThanOrEqual(LIMIT);
      }),
      { numRuns: 150 },
    );
  });

  describe('of commands that have a turn', () => {
    /** Commands whose turns come one after the other, as `inOrder` gives them. */
    const inTurns = (
      store: EventStore,
      commands: { stream: string; by: number }[],
    ): Promise<PromiseSettledResult<unknown>[]> => {
      const own = new CommandProcessor(store, vault, systemClock);
      let before: Promise<unknown> | undefined;
      return Promise.allSettled(
        commands.map(async ({ stream, by }) => {
          const comes = before;
          let pass = (): void => undefined;
          const passed = new Promise<void>((resolve) => (pass = resolve));
          before = Promise.all([comes, passed]);
          await comes;
          const context = { ...contextOf(`${stream}/turn`, String(by)), settled: pass };
          const command = { by, secret: 's' };
          return own.execute({ decider: counter, stream, id: stream, command, context }).finally(pass);
        }),
      );
    };
    const commandsOf = (): { stream: string; by: number }[] =>
      // One in five is refused: who comes after must not wait for it for ever, nor overtake who came before.
      Array.from({ length: 50 }, (_, n) => ({ stream: `turn-${newId()}`, by: n % 5 === 3 ? LIMIT + 1 : 1 }));
    const accepted = (commands: { stream: string; by: number }[]): string[] =>
      commands.filter(({ by }) => by <= LIMIT).map(({ stream }) => stream);
    const appendedSince = async (head: LogHead | undefined): Promise<string[]> => {
      const streams: string[] = [];
      for await (const batch of events.readAll(head ? { after: head.position } : {}))
        streams.push(...batch.map(({ stream }) => stream));
      return streams;
    };

    it('the log holds them in the order of the turns, however long each takes to decide', async () => {
      const head = await events.head();
      const commands = commandsOf();
      await inTurns(slowToRead(events), commands);
      expect(await appendedSince(head)).toEqual(accepted(commands));
    });

    it('they share transactions', async () => {
      let most = 0;
      let underWay = 0;
      const watched = watchingAppends(events, async (append) => {
        most = Math.max(most, (underWay += 1));
        return append().finally(() => (underWay -= 1));
      });
      await inTurns(watched, commandsOf());
      expect(most).toBeGreaterThan(10);
    });

    it('a store that does not keep the order of appends is given one at a time', async () => {
      const head = await events.head();
      const commands = commandsOf();
      let underWay = 0;
      await inTurns(
        watchingAppends(
          events,
          async (append) => {
            expect((underWay += 1)).toBe(1);
            // Left to itself this store would turn them round.
            for (let each = 0; each < 3; each += 1) await nextTurn();
            return append().finally(() => (underWay -= 1));
          },
          false,
        ),
        commands,
      );
      expect(await appendedSince(head)).toEqual(accepted(commands));
    });
  });
});

class FixedClock extends Clock {
  override now(): Date {
    return new Date('2026-01-01T00:00:00.000Z');
  }
}

/** A store that answers some readers later than others. */
function slowToRead(events: EventStore): EventStore {
  let reads = 0;
  return new Proxy(events, {
    get(target, name) {
      if (name === 'readStream')
        return async (...args: Parameters<EventStore['readStream']>) => {
          for (let each = (reads += 3) % 5; each > 0; each -= 1) await nextTurn();
          return target.readStream(...args);
        };
      const member: unknown = Reflect.get(target, name, target);
      return typeof member === 'function' ? member.bind(target) : member;
    },
  });
}

/** A store whose appends go through `around`. */
function watchingAppends(
  events: EventStore,
  around: (append: () => Promise<AppendResult>) => Promise<AppendResult>,
  keepsOrder = events.keepsOrder,
): EventStore {
  return new Proxy(events, {
    get(target, name) {
      if (name === 'keepsOrder') return keepsOrder;
      if (name === 'append') return (...args: Parameters<EventStore['append']>) => around(() => target.append(...args));
      const member: unknown = Reflect.get(target, name, target);
      return typeof member === 'function' ? member.bind(target) : member;
    },
  });
}

/** The append reaches the log; its answer does not reach the caller. */
function cutOffAfterAppend(events: EventStore): EventStore {
  return new Proxy(events, {
    get(target, name) {
      if (name === 'append') {
        return async (...args: Parameters<EventStore['append']>) => {
          await target.append(...args);
          throw new UnavailableError('event store', 'cut off');
        };
      }
      const member: unknown = Reflect.get(target, name, target);
      return typeof member === 'function' ? member.bind(target) : member;
    },
  });
}
