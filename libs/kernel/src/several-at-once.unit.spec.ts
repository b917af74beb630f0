import { setImmediate as nextTurn } from 'node:timers/promises';
import { allOf, severalAtOnce } from './several-at-once.js';

it('begins in order, so many at a time', async () => {
  const begun: number[] = [];
  let underWay = 0;
  let most = 0;
  await severalAtOnce([1, 2, 3, 4, 5], 2, async (item) => {
    begun.push(item);
    underWay += 1;
    most = Math.max(most, underWay);
    await nextTurn();
    underWay -= 1;
  });
  expect(begun).toEqual([1, 2, 3, 4, 5]);
  expect(most).toBe(2);
});

it('throws once nothing is under way any more, and begins nothing after a failure', async () => {
  const done: number[] = [];
  const work = severalAtOnce([1, 2, 3, 4], 2, async (item) => {
    if (item === 1) throw new Error('first');
    await nextTurn();
    done.push(item);
  });
  await expect(work).rejects.toThrow('first');
  expect(done).toEqual([2]);
});

it('answers with what all came to, or with the first error once the others have ended, too', async () => {
  await expect(allOf([Promise.resolve(1), 'two'])).resolves.toEqual([1, 'two']);
  let hasEnded = false;
  const slow = nextTurn().then(() => (hasEnded = true));
  await expect(allOf([slow, Promise.reject(new Error('away'))])).rejects.toThrow('away');
  expect(hasEnded).toBe(true);
});
