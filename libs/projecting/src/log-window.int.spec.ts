/** Whatever is put into a window, and wherever it is kept: each owner's events come out once, all of them, in their order. */
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import fc from 'fast-check';
import type { StoredEvent } from '@timeline/event-store';
import { LogWindow } from './log-window.js';
import { customerOwner, type Owner } from './projection.js';
import { SpillFile } from './spill-file.js';
import { recorded } from './testing/accounts.js';

const OWNERS: Owner[] = [
  ...Array.from({ length: 12 }, (_, n) => customerOwner(`customer-${n}`)),
  'bucket:0',
  'bucket:7',
  'bucket:255',
];

const logOf = (length: number): StoredEvent[] =>
  recorded(Array.from({ length }, (_, amount) => ({ type: 'Added' as const, customer: amount % 4, amount }))).map(
    ({ personal: _none, ...event }) => ({ ...event, data: { ...event.data } }),
  );

describe('a window of the log', () => {
  let folder: string;
  beforeAll(async () => (folder = await mkdtemp(path.join(tmpdir(), 'timeline-window-'))));
  afterAll(() => rm(folder, { recursive: true }));

  it('gives each owner what concerns it, in the order of the log, from memory and from its file', async () => {
    let spilled = 0;
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.uniqueArray(fc.constantFrom(...OWNERS), { maxLength: 4 }), { minLength: 1, maxLength: 80 }),
        fc.integer({ min: 1, max: 30 }),
        fc.integer({ min: 1, max: 12 }),
        fc.integer({ min: 1, max: 6_000 }),
        fc.constantFrom(0, 5_000, 1_000_000),
        async (owners, batch, size, inMemoryBytes, maxBytes) => {
          const file = new SpillFile({ folder, maxBytes });
          const append = file.append.bind(file);
          file.append = async (texts) => {
            const segments = await append(texts);
            spilled += segments?.length ?? 0;
            return segments;
          };
          const window = new LogWindow(file, inMemoryBytes);
          const log = logOf(owners.length);
          for (const round of [1, 2]) {
            for (let from = 0; from < log.length; from += batch) {
              const events = log.slice(from, from + batch);
              for (const [index, { position }] of events.entries())
                for (const owner of owners[from + index] ?? []) expect(window.puts(owner, position)).toBe(true);
              await window.add(events);
            }
            const got = new Map<Owner, string[]>();
            for await (const { events, holds } of window.batches(size)) {
              const positions = events.map(({ position }) => position);
              expect(positions).toEqual([...new Set(positions)].sort());
              expect(holds('all')).toBe(false);
              for (const event of events)
                for (const owner of owners[log.findIndex(({ id }) => id === event.id)] ?? [])
                  if (holds(owner)) got.set(owner, [...(got.get(owner) ?? []), event.id]);
            }
            for (const owner of OWNERS) {
              const concerning = log.filter((_, index) => owners[index]?.includes(owner)).map(({ id }) => id);
              expect([round, owner, got.get(owner) ?? []]).toEqual([round, owner, concerning]);
            }
            await window.clear();
          }
          await file.close();
        },
      ),
      { numRuns: 150 },
    );
    expect(spilled).toBeGreaterThan(0);
  });

  it('does not take what follows the whole log, and nothing that nobody wants', async () => {
    const file = new SpillFile({ folder });
    const window = new LogWindow(file);
    const [event] = logOf(1);
    if (!event) throw new Error('no event');
    expect(window.puts('all', event.position)).toBe(false);
    await window.add([event]);
    for await (const batch of window.batches(10)) expect(batch).toBe('none');
    await file.close();
  });

  it('is full at the size asked for, or when there is no room but memory', async () => {
    const codes: string[] = [];
    const filled = async (file: SpillFile): Promise<LogWindow> => {
      const window = new LogWindow(file, 1_000);
      for (const event of logOf(10)) {
        window.puts('bucket:1', event.position);
        await window.add([event]);
      }
      return window;
    };
    const file = new SpillFile({ folder });
    const spilling = await filled(file);
    expect([spilling.isFull(100_000), spilling.isFull(2_000)]).toEqual([false, true]);
    await file.close();
    const report = (code: string): number => codes.push(code);
    const nowhere = new SpillFile({ folder: path.join(folder, 'none'), report });
    expect((await filled(nowhere)).isFull(100_000)).toBe(true);
    // Told once, not at each attempt.
    expect(codes).toEqual(['ENOENT']);
  });

  it('leaves no name in the temporary folder, whatever becomes of the process', async () => {
    const file = new SpillFile({ folder });
    expect(await file.append([Buffer.from('some'), Buffer.from('thing')])).toEqual([
      { offset: 0, length: 4 },
      { offset: 4, length: 5 },
    ]);
    expect(await readdir(folder)).toEqual([]);
    expect(String(await file.read({ offset: 4, length: 5 }))).toBe('thing');
    await expect(file.read({ offset: 4, length: 6 })).rejects.toMatchObject({ code: 'STORE_UNAVAILABLE' });
    await file.close();
  });
});
