import { setImmediate as nextTurn } from 'node:timers/promises';
import { InTurn } from './in-turn.js';

describe('work in turn', () => {
  const log: string[] = [];
  const work =
    (name: string, turns = 1) =>
    async (): Promise<string> => {
      log.push(`${name} begins`);
      for (let each = 0; each < turns; each += 1) await nextTurn();
      log.push(`${name} ends`);
      return name;
    };
  beforeEach(() => log.splice(0));

  it('is done one after the other where it shares a key, and answers each its own', async () => {
    const inTurn = new InTurn();
    const answers = [inTurn.run('k', work('a', 3)), inTurn.run('k', work('b', 2))];
    // One that comes when the first has left and the second is under way.
    await answers[0];
    answers.push(inTurn.run('k', work('c')));
    expect(await Promise.all(answers)).toEqual(['a', 'b', 'c']);
    expect(log).toEqual(['a begins', 'a ends', 'b begins', 'b ends', 'c begins', 'c ends']);
  });

  it('goes on after work that fails', async () => {
    const inTurn = new InTurn();
    const failing = inTurn.run('k', async () => {
      await nextTurn();
      throw new Error('failed');
    });
    const next = inTurn.run('k', work('b'));
    await expect(failing).rejects.toThrow('failed');
    expect(await next).toBe('b');
  });

  it('is done side by side under other keys, and begins at once where nothing is before it', async () => {
    const inTurn = new InTurn();
    const both = [inTurn.run('k', work('a')), inTurn.run('l', work('b'))];
    expect(log).toEqual(['a begins', 'b begins']);
    await Promise.all(both);
    await nextTurn();
    const again = inTurn.run('k', work('c'));
    expect(log.at(-1)).toBe('c begins');
    await again;
  });
});
