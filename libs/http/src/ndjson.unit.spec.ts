import { setImmediate as turn } from 'node:timers/promises';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import fc from 'fast-check';
import { decodeUtf8 } from './json-strict.js';
import { inOrder, readLines, type Line } from './ndjson.js';

setFlagsFromString('--expose-gc');
// What the flag has just put into new contexts.
const collectGarbage = runInNewContext('gc') as () => void;

const asLine = (line: Line): string =>
  line.kind === 'oversized' ? `${line.lineNumber}!` : `${line.lineNumber}:${decodeUtf8(line.bytes)}`;

async function* from<T>(items: Iterable<T>): AsyncGenerator<T> {
  for (const item of items) {
    await turn();
    yield item;
  }
}

async function all<T>(items: AsyncIterable<T>): Promise<T[]> {
  const collected: T[] = [];
  for await (const item of items) collected.push(item);
  return collected;
}

/** A promise with its handles. */
function deferred(): { promise: Promise<void>; resolve: () => void; reject: (error: Error) => void } {
  let resolve = (): void => undefined;
  let reject = (_: Error): void => undefined;
  const promise = new Promise<void>((yes, no) => {
    resolve = yes;
    reject = no;
  });
  return { promise, resolve, reject };
}

describe('reading lines', () => {
  it('finds the same lines however the bytes are cut', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.stringMatching(/^[a-zé😀 ]{0,12}$/u), { maxLength: 8 }),
        fc.constantFrom('\n', '\r\n'),
        fc.boolean(),
        fc.array(fc.nat({ max: 40 }), { maxLength: 20 }),
        async (lines, newline, endsWithBreak, cuts) => {
          const bytes = Buffer.from(lines.join(newline) + (endsWithBreak ? newline : ''));
          const chunks: Buffer[] = [];
          let at = 0;
          for (const cut of cuts) chunks.push(bytes.subarray(at, (at += cut)));
          chunks.push(bytes.subarray(at));
          const expected = lines.flatMap((line, index) => (line === '' ? [] : [`${index + 1}:${line}`]));
          expect((await all(readLines(from(chunks)))).map(asLine)).toEqual(expected);
        },
      ),
      { numRuns: 200 },
    );
  });

  it('marks a line that is too long and goes on after it', async () => {
    const lines = await all(readLines(from(['ab\nabcd', 'efgh', 'ijkl\ncd\n', 'abcdef']), { maxLineBytes: 5 }));
    expect(lines.map(asLine)).toEqual(['1:ab', '2!', '3:cd', '4!']);
  });

  it('keeps no more of an endless line than its limit', async () => {
    const held = (): number => {
      // What the first leaves to be freed beside the program, the second waits for.
      collectGarbage();
      collectGarbage();
      return process.memoryUsage().arrayBuffers;
    };
    const before = held();
    let most = 0;
    async function* endless(): AsyncGenerator<Buffer> {
      for (let index = 1; index <= 1000; index++) {
        await turn();
        yield Buffer.alloc(65_536, 0x61);
        if (index % 250 === 0) most = Math.max(most, held() - before);
      }
    }
    expect((await all(readLines(endless(), { maxLineBytes: 1000 }))).map(asLine)).toEqual(['1!']);
    expect(most).toBeLessThan(10_000_000);
  });
});

describe('running lines in a window', () => {
  interface Job {
    keys: string[];
    turns: number;
  }

  it('answers in the order of the lines, and runs lines that share a key one after the other, for any lines', async () => {
    const job = fc.record({
      keys: fc.uniqueArray(fc.constantFrom('a', 'b', 'c'), { maxLength: 2 }),
      turns: fc.nat({ max: 6 }),
    });
    await fc.assert(
      fc.asyncProperty(
        fc.array(job, { maxLength: 30 }),
        fc.integer({ min: 1, max: 8 }),
        async (jobs: Job[], window) => {
          const busy = new Set<string>();
          const started: number[] = [];
          let running = 0;
          let most = 0;
          const outcomes = await all(
            inOrder(from(jobs.entries()), {
              window,
              keysOf: ([, { keys }]) => keys,
              run: async ([index, { keys, turns }]) => {
                most = Math.max(most, (running += 1));
                for (const key of keys) {
                  expect(busy.has(key)).toBe(false);
                  expect(started.every((before) => !jobs[before]?.keys.includes(key) || before < index)).toBe(true);
                  busy.add(key);
                }
                started.push(index);
                for (let each = 0; each < turns; each++) await turn();
                for (const key of keys) busy.delete(key);
                running -= 1;
                return index;
              },
            }),
          );
          expect(outcomes).toEqual(jobs.map((_, index) => index));
          expect(most).toBeLessThanOrEqual(window);
        },
      ),
      { numRuns: 100 },
    );
  });

  it('begins lines that share once those before have passed, and nobody beside one that is alone, for any lines', async () => {
    const job = fc.record({
      keys: fc.uniqueArray(fc.constantFrom('a', 'b', 'c'), { maxLength: 2 }),
      shared: fc.uniqueArray(fc.constantFrom('a', 'b', 'c'), { maxLength: 2 }),
      turns: fc.nat({ max: 4 }),
      passes: fc.boolean(),
    });
    await fc.assert(
      fc.asyncProperty(fc.array(job, { maxLength: 30 }), async (jobs) => {
        const lines = jobs.map((each, index) => ({
          ...each,
          index,
          // A key that a line must have to itself it does not share.
          shared: each.shared.filter((key) => !each.keys.includes(key)),
          isRunning: false,
          hasPassed: false,
          hasEnded: false,
        }));
        type Line = (typeof lines)[number];
        const meet = (some: readonly string[], others: readonly string[]): boolean =>
          some.some((key) => others.includes(key));
        const outcomes = await all(
          inOrder(from(lines), {
            keysOf: ({ keys }) => keys,
            sharedKeysOf: ({ index }) => jobs[index]?.shared ?? [],
            run: async (line, pass) => {
              const before = lines.slice(0, line.index);
              const isApart = ({ keys, shared }: Line): boolean =>
                meet(line.keys, [...keys, ...shared]) || meet(keys, line.shared);
              expect(lines.some((other) => other.isRunning && isApart(other))).toBe(false);
              expect(before.every((other) => other.hasEnded || !isApart(other))).toBe(true);
              expect(before.every((other) => other.hasPassed || !meet(other.shared, line.shared))).toBe(true);
              line.isRunning = true;
              for (let each = 0; each < line.turns; each++) await turn();
              if (line.passes) {
                line.hasPassed = true;
                pass();
                for (let each = 0; each < line.turns; each++) await turn();
              }
              line.isRunning = false;
              line.hasPassed = true;
              line.hasEnded = true;
              return line.index;
            },
          }),
        );
        expect(outcomes).toEqual([...jobs.keys()]);
      }),
      { numRuns: 200 },
    );
  });

  it('runs lines that share one key only side by side once they have passed', async () => {
    const both = deferred();
    let running = 0;
    const outcomes = await all(
      inOrder(from(['a', 'b']), {
        keysOf: () => [],
        sharedKeysOf: () => ['customer'],
        // Neither ends before both have begun.
        run: async (line, pass) => {
          pass();
          if ((running += 1) === 2) both.resolve();
          await both.promise;
          return line;
        },
      }),
    );
    expect(outcomes).toEqual(['a', 'b']);
  });

  it('holds nothing of the lines before, however long one key is in use', async () => {
    const heapAfter = new Map<number, number>();
    // Quicker than they are answered, so that the key is never free.
    async function* many(): AsyncGenerator<number> {
      for (let line = 0; line < 100_000; line += 1) yield await Promise.resolve(line);
    }
    const outcomes = inOrder(many(), {
      keysOf: () => [],
      sharedKeysOf: () => ['customer'],
      run: async (line, pass) => {
        pass();
        await turn();
        return line;
      },
    });
    for await (const line of outcomes) {
      if (line !== 10_000 && line !== 99_000) continue;
      collectGarbage();
      heapAfter.set(line, process.memoryUsage().heapUsed);
    }
    expect((heapAfter.get(99_000) ?? NaN) - (heapAfter.get(10_000) ?? NaN)).toBeLessThan(2_000_000);
  });

  it('runs lines without a common key side by side', async () => {
    const both = deferred();
    let running = 0;
    const outcomes = await all(
      inOrder(from(['a', 'b']), {
        keysOf: (line) => [line],
        // Neither ends before both have begun.
        run: async (line) => {
          if ((running += 1) === 2) both.resolve();
          await both.promise;
          return line;
        },
      }),
    );
    expect(outcomes).toEqual(['a', 'b']);
  });

  it('hands an outcome out without waiting for the next line', async () => {
    const answered = deferred();
    async function* asking(): AsyncGenerator<string> {
      yield 'first';
      await answered.promise;
      yield 'second';
    }
    const outcomes: string[] = [];
    for await (const outcome of inOrder(asking(), { keysOf: () => [], run: (line) => Promise.resolve(line) })) {
      outcomes.push(outcome);
      answered.resolve();
    }
    expect(outcomes).toEqual(['first', 'second']);
  });

  it('reads no more lines than the window while nobody takes outcomes', async () => {
    let read = 0;
    async function* many(): AsyncGenerator<number> {
      for (;;) {
        await turn();
        yield (read += 1);
      }
    }
    const outcomes = inOrder(many(), { window: 8, keysOf: () => [], run: (line) => Promise.resolve(line) });
    await outcomes.next();
    for (let each = 0; each < 100; each++) await turn();
    expect(read).toBeLessThanOrEqual(9);
    await outcomes.return();
  });

  it('answers the lines before an error of the reading, then fails', async () => {
    async function* broken(): AsyncGenerator<number> {
      yield 1;
      await turn();
      yield 2;
      throw new Error('the client left');
    }
    const seen: number[] = [];
    const run = async (): Promise<void> => {
      for await (const outcome of inOrder(broken(), {
        keysOf: () => ['one'],
        run: async (line) => (await turn(), line),
      }))
        seen.push(outcome);
    };
    await expect(run()).rejects.toThrow('the client left');
    expect(seen).toEqual([1, 2]);
  });

  it('lets what has begun finish when nobody wants the outcomes any more, and closes the reading', async () => {
    const finish = deferred();
    let isClosed = false;
    const finished: number[] = [];
    async function* numbers(): AsyncGenerator<number> {
      try {
        for (let index = 0; ; index++) {
          await turn();
          yield index;
        }
      } finally {
        isClosed = true;
      }
    }
    const outcomes = inOrder(numbers(), {
      window: 4,
      keysOf: () => [],
      run: async (line) => {
        if (line > 0) await finish.promise;
        finished.push(line);
        return line;
      },
    });
    await outcomes.next();
    const returned = outcomes.return();
    finish.resolve();
    await returned;
    for (let each = 0; each < 20 && !isClosed; each++) await turn();
    expect(isClosed).toBe(true);
    expect(finished.length).toBeGreaterThanOrEqual(1);
  });

  it('begins no line that comes when nobody wants the outcomes any more', async () => {
    const late = deferred();
    async function* lines(): AsyncGenerator<string> {
      yield 'first';
      await late.promise;
      yield 'late';
    }
    const begun: string[] = [];
    const outcomes = inOrder(lines(), { keysOf: () => [], run: (line) => Promise.resolve(begun.push(line)) });
    await outcomes.next();
    await outcomes.return();
    late.resolve();
    for (let each = 0; each < 20; each++) await turn();
    expect(begun).toEqual(['first']);
  });

  it('fails with the error of a line at the place of that line', async () => {
    const seen: number[] = [];
    const run = async (): Promise<void> => {
      const outcomes = inOrder(from([1, 2, 3]), {
        keysOf: () => [],
        run: (line) => (line === 2 ? Promise.reject(new Error('line 2')) : Promise.resolve(line)),
      });
      for await (const outcome of outcomes) seen.push(outcome);
    };
    await expect(run()).rejects.toThrow('line 2');
    expect(seen).toEqual([1]);
  });
});
