/** How long a look at a customer is enough, while others erase, withdraw, and restore the log. */
import { setImmediate as nextTurn } from 'node:timers/promises';
import { jest } from '@jest/globals';
import { LATELY_MS } from '@timeline/deciding';
import { deriveId } from '@timeline/kernel';
import fc from 'fast-check';
import { customerStream } from './customer.decider.js';
import { KnownCustomers } from './known-customers.js';
import { SimulatedEventStore, SimulatedLog, type Gate } from './testing/simulated-stores.js';
import { SimulatedClock } from './testing/simulated-world.js';

const METADATA = {
  schemaVersion: 1,
  occurredAt: '2026-01-01T00:00:00.000Z',
  actor: 'test',
  commandId: 'command',
  bodyHash: 'hash',
  correlationId: 'correlation',
  causationId: 'cause',
};

describe('a customer who was looked at', () => {
  let now = 0;

  beforeEach(() => {
    now = 1_000_000;
    jest.spyOn(performance, 'now').mockImplementation(() => now);
  });
  afterEach(() => {
    jest.restoreAllMocks();
  });

  class Side {
    readonly log = new SimulatedLog(new SimulatedClock());
    readonly events: SimulatedEventStore;
    readonly known: KnownCustomers;
    appended = 0;

    constructor(gate: Gate = () => Promise.resolve()) {
      this.events = new SimulatedEventStore(this.log, gate);
      this.known = new KnownCustomers(this.events);
    }

    /** As another process does it, at once. */
    async append(customerId: string, type: string): Promise<void> {
      const stream = customerStream(customerId);
      this.appended += 1;
      const [id, metadata] = [deriveId('test', String(this.appended)), { ...METADATA, customerId }];
      const event = { id, type, data: {}, metadata };
      const expectedRevision = this.log.stream(stream).at(-1)?.revision ?? 'no-stream';
      await new SimulatedEventStore(this.log, () => Promise.resolve()).append(stream, [event], { expectedRevision });
    }

    isThere(customerId: string): boolean {
      return this.log.stream(customerStream(customerId)).at(-1)?.type === 'CustomerRegistered';
    }

    /** As the directory asks: looks where it is not known. Answers whether the customer was found. */
    async ask(customerId: string): Promise<'known' | 'found' | 'gone'> {
      if (this.known.has(customerId)) return 'known';
      const look = async (): Promise<void> => {
        const last = await this.events.lastTypeOf(customerStream(customerId));
        if (last !== 'CustomerRegistered') throw new Error('gone');
      };
      return this.known.lookAt(customerId, look).then(
        () => 'found' as const,
        () => 'gone' as const,
      );
    }
  }

  /** Asks every second for `seconds`. */
  async function asks(side: Side, customerId: string, seconds: number): Promise<string[]> {
    const answers = [];
    for (let n = 0; n < seconds; n += 1) {
      now += 1_000;
      answers.push(await side.ask(customerId));
      await nextTurn();
    }
    return answers;
  }

  it('is not looked at again while searches of the log find nothing of theirs', async () => {
    const side = new Side();
    for (const id of ['a', 'b']) await side.append(id, 'CustomerRegistered');
    const head = jest.spyOn(side.events, 'head');
    await side.ask('b');
    await nextTurn();
    await expect(asks(side, 'a', 100)).resolves.toEqual(['found', ...Array.from({ length: 99 }, () => 'known')]);
    expect(head.mock.calls.length).toBeLessThanOrEqual((100 * 1_000) / (LATELY_MS / 2) + 1);
    await side.append('b', 'CustomerErased');
    await expect(asks(side, 'a', 10)).resolves.not.toContain('found');
  });

  it.each(['CustomerErased', 'CustomerRegistrationWithdrawn'])(
    'is known no more soon after another process appended %s',
    async (ending) => {
      const side = new Side();
      for (const id of ['a', 'b']) await side.append(id, 'CustomerRegistered');
      await asks(side, 'b', 3);
      await asks(side, 'a', 20);
      await side.append('a', ending);
      const answers = await asks(side, 'a', 20);
      expect(answers.slice(0, LATELY_MS / 1_000)).toContain('gone');
      expect(answers.slice(answers.indexOf('gone'))).not.toContain('known');
    },
  );

  it('is looked at again where searches fail, as often as without them', async () => {
    const side = new Side();
    await side.append('a', 'CustomerRegistered');
    await asks(side, 'a', 20);
    jest.spyOn(side.events, 'head').mockRejectedValue(new Error('away'));
    const answers = await asks(side, 'a', 20);
    expect(answers.filter((answer) => answer === 'found').length).toBeGreaterThanOrEqual(3);
  });

  it('is looked at anew after nobody asked for long: the log is not searched over that', async () => {
    const side = new Side();
    await side.append('a', 'CustomerRegistered');
    await asks(side, 'a', 20);
    const read = jest.spyOn(side.events, 'readAll');
    now += 61_000;
    await expect(asks(side, 'a', 2)).resolves.toEqual(['found', 'known']);
    expect(read).not.toHaveBeenCalled();
  });

  it('is never taken as there longer after the end than is said', async () => {
    const step = fc.oneof(
      {
        weight: 4,
        arbitrary: fc.record({ kind: fc.constant('wait' as const), ms: fc.integer({ min: 1, max: 3_000 }) }),
      },
      { weight: 6, arbitrary: fc.record({ kind: fc.constant('ask' as const), id: fc.constantFrom('a', 'b', 'c') }) },
      { weight: 8, arbitrary: fc.record({ kind: fc.constant('pass' as const), which: fc.nat(5) }) },
      {
        weight: 1,
        arbitrary: fc.record({
          kind: fc.constant('append' as const),
          id: fc.constantFrom('a', 'b', 'c'),
          type: fc.constantFrom('CustomerErased', 'CustomerRegistrationWithdrawn'),
        }),
      },
      {
        weight: 1,
        arbitrary: fc.record({ kind: fc.constant('register' as const), id: fc.constantFrom('a', 'b', 'c') }),
      },
    );
    let [met, outdated] = [0, 0];
    await fc.assert(
      fc.asyncProperty(fc.array(step, { minLength: 50, maxLength: 400 }), async (steps) => {
        const waiting: (() => void)[] = [];
        const side = new Side(() => new Promise((resolve) => waiting.push(resolve)));
        const gone = new Map<string, number>();
        for (const id of ['a', 'b', 'c']) await side.append(id, 'CustomerRegistered');
        for (const each of steps) {
          if (each.kind === 'wait') now += each.ms;
          if (each.kind === 'pass') waiting.splice(each.which % Math.max(1, waiting.length), 1)[0]?.();
          if (each.kind === 'append' && side.isThere(each.id)) {
            await side.append(each.id, each.type);
            gone.set(each.id, now);
          }
          if (each.kind === 'register' && !side.isThere(each.id)) {
            await side.append(each.id, 'CustomerRegistered');
            gone.delete(each.id);
          }
          if (each.kind === 'ask') {
            const since = gone.get(each.id);
            const isKnown = side.known.has(each.id);
            if (isKnown) met += 1;
            if (isKnown && since !== undefined) outdated += 1;
            if (isKnown && since !== undefined && since + LATELY_MS <= now)
              throw new Error(`${each.id} was taken as there ${now - since} ms after the end`);
            if (!isKnown) void side.ask(each.id);
          }
          for (let turns = 0; turns < 5; turns += 1) await Promise.resolve();
        }
        for (const pass of waiting) pass();
      }),
      { numRuns: 300 },
    );
    // It met what it asks about: customers known, also a moment after their end.
    expect(met).toBeGreaterThan(1_000);
    expect(outdated).toBeGreaterThan(50);
  });

  it('is known no more after so many others that memory would grow', async () => {
    const { known } = new Side();
    for (let n = 0; n <= 50_000; n += 1) await known.lookAt(String(n), () => Promise.resolve());
    expect(['0', '1', '50000'].map((id) => known.has(id))).toEqual([false, true, true]);
  });

  it('is known no more where the log was restored without them', async () => {
    const side = new Side();
    await side.append('a', 'CustomerRegistered');
    await asks(side, 'a', 1);
    await side.append('b', 'CustomerRegistered');
    await asks(side, 'b', 20);
    side.log.events.splice(1);
    await side.append('c', 'CustomerRegistered');
    const answers = await asks(side, 'b', 10);
    expect(answers.slice(LATELY_MS / 1_000 + 1)).not.toContain('known');
  });
});
