import { setImmediate as nextTurn } from 'node:timers/promises';
import { Turnstile } from './turnstile.js';

describe('a turnstile', () => {
  it('lets so many through in a turn, in the order they came, and is open again after it', async () => {
    const turnstile = new Turnstile(3);
    const through: number[] = [];
    const come = (numbers: number[]): void => {
      for (const number of numbers) void turnstile.enter().then(() => through.push(number));
    };
    const afterEachTurn = async (turns: number): Promise<number[]> => {
      const lengths = [];
      for (let turn = 0; turn < turns; turn += 1) {
        // Whoever waits for the turn first is first in it.
        await nextTurn();
        lengths.push(through.length);
      }
      return lengths;
    };
    come([1, 2, 3, 4, 5, 6, 7, 8]);
    await Promise.resolve();
    expect(through).toEqual([1, 2, 3]);
    expect(await afterEachTurn(1)).toEqual([6]);
    // Who comes now is behind those who wait.
    come([9]);
    expect(await afterEachTurn(3)).toEqual([9, 9, 9]);
    expect(through).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9]);
    come([10, 11, 12, 13]);
    await Promise.resolve();
    expect(through.length).toBe(12);
    expect(await afterEachTurn(1)).toEqual([13]);
  });
});
