import { Batcher } from './batcher.js';

describe('a batcher', () => {
  it('runs what comes together in groups up to its limit, and answers each caller with its own', async () => {
    const batches: number[][] = [];
    const batcher = new Batcher(async (items: number[]) => {
      batches.push(items);
      return items.map((item) => item * 10);
    }, 4);
    const answers = await Promise.all([1, 2, 3, 4, 5, 6].map((item) => batcher.add(item)));
    expect(answers).toEqual([10, 20, 30, 40, 50, 60]);
    expect(batches).toEqual([
      [1, 2, 3, 4],
      [5, 6],
    ]);
  });

  it('never runs two groups at once, and gathers what comes meanwhile', async () => {
    const batches: number[][] = [];
    let finish = (): void => undefined;
    const batcher = new Batcher(async (items: number[]) => {
      batches.push(items);
      if (batches.length === 1) await new Promise<void>((resolve) => (finish = resolve));
      return items;
    }, 100);
    const first = batcher.add(1);
    while (batches.length === 0) await new Promise((resolve) => setImmediate(resolve));
    const others = [2, 3, 4].map((item) => batcher.add(item));
    await new Promise((resolve) => setImmediate(resolve));
    expect(batches).toEqual([[1]]);
    finish();
    expect(await Promise.all([first, ...others])).toEqual([1, 2, 3, 4]);
    expect(batches).toEqual([[1], [2, 3, 4]]);
  });

  it('tells every caller of a group that failed, and goes on', async () => {
    const batcher = new Batcher(async (items: string[]) => {
      if (items.includes('bad')) throw new Error('disk full');
      return items;
    }, 2);
    const outcomes = await Promise.allSettled(['good', 'bad', 'better'].map((item) => batcher.add(item)));
    expect(outcomes.map(({ status }) => status)).toEqual(['rejected', 'rejected', 'fulfilled']);
    expect(await batcher.add('again')).toBe('again');
  });

  it('is idle once everything added is answered', async () => {
    const answered: number[] = [];
    const batcher = new Batcher(async (items: number[]) => items, 1);
    await batcher.idle();
    for (const item of [1, 2, 3]) void batcher.add(item).then((answer) => answered.push(answer));
    await batcher.idle();
    expect(answered).toEqual([1, 2, 3]);
  });
});
